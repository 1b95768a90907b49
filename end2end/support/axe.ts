// Checks a page against the rules for accessibility that a tool can check.

import fs from "node:fs";
import { createRequire } from "node:module";

import type axe from "axe-core";
import { type Page, expect } from "@playwright/test";

const SOURCE = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"];

/** Fails with the rules that the page breaks, and where. */
export async function expectAccessible(page: Page): Promise<void> {
  // Given to the page by the debugger: a script element would be refused by the page's own policy.
  await page.evaluate(SOURCE);
  const violations = await page.evaluate(async (rules) => {
    const { axe: checker } = window as unknown as { axe: typeof axe };
    const result = await checker.run(document, { runOnly: { type: "tag", values: rules } });
    return result.violations.map(({ id, nodes }) => ({
      rule: id,
      nodes: nodes.map((node) => `${node.html.slice(0, 160)}: ${node.failureSummary ?? ""}`),
    }));
  }, RULES);
  expect(violations, `rules that ${page.url()} breaks`).toEqual([]);
}
