// How the pages are delivered: what the browser loads, how much of it, and what it is told to allow.

import type { Page } from "@playwright/test";

import { expect, test } from "../support/fixtures.ts";

/**
 * Bytes of compressed JavaScript and WebAssembly that a page may cost. All pages share one module so far; the
 * budget keeps it from growing until it is cut by page. Fifteen KiB of it are what keeps unsent messages in the browser's
 * database, for all tabs, and drafts beside them; seventy-five are Markdown, most of them its parser.
 */
const CODE_BUDGET = 800 * 1024;

/** Opens a page with an empty cache and adds up what its code weighs on the wire. */
async function codeWeight(page: Page, path: string): Promise<number> {
  const sizes: Promise<number>[] = [];
  page.on("response", (response) => {
    if (/\.(js|wasm)$/.test(new URL(response.url()).pathname)) {
      sizes.push(response.request().sizes().then((size) => size.responseBodySize));
    }
  });
  await page.goto(path, { waitUntil: "networkidle" });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

test("the code of a page is compressed and within its budget", async ({ people }) => {
  const stranger = await people.stranger();
  const weight = await codeWeight(stranger, "/login");
  test.info().annotations.push({ type: "code of the sign-in page", description: `${weight} bytes` });
  expect(weight).toBeGreaterThan(0);
  expect(weight).toBeLessThanOrEqual(CODE_BUDGET);
});

test("the site's files may be kept for ever, and pages not at all", async ({ people }) => {
  const page = await people.stranger();
  const assets: { url: string; cache: string; encoding: string }[] = [];
  page.on("response", (response) => {
    if (new URL(response.url()).pathname.startsWith("/pkg/")) {
      const headers = response.headers();
      assets.push({
        url: response.url(),
        cache: headers["cache-control"] ?? "",
        encoding: headers["content-encoding"] ?? "",
      });
    }
  });
  await page.goto("/login", { waitUntil: "networkidle" });
  expect(assets.length).toBeGreaterThanOrEqual(3);
  for (const asset of assets) {
    // The hash in the name changes with the content.
    expect(asset.url).toMatch(/\/pkg\/[a-z]+\.[\w-]{22}\.(js|css|wasm)$/);
    expect(asset.cache, asset.url).toContain("immutable");
    expect(asset.encoding, asset.url).toMatch(/^(br|gzip)$/);
  }
  const asha = await people.newcomer("Asha");
  const document = await asha.page.request.get("/");
  expect(document.headers()["cache-control"]).toContain("no-store");
});

test("the policy for content is strict", async ({ people }) => {
  const page = await people.stranger();
  const response = await page.goto("/login");
  const policy = response?.headers()["content-security-policy"] ?? "";
  for (const part of [
    "default-src 'self'",
    "'nonce-",
    "'strict-dynamic'",
    "'wasm-unsafe-eval'",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "form-action 'self'",
  ]) {
    expect(policy).toContain(part);
  }
  expect(policy).not.toContain("'unsafe-inline'");
  expect(policy).not.toMatch(/'unsafe-eval'/);
});
