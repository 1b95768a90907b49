// What people write is text, whatever it looks like.

import type { Page } from "@playwright/test";

import { expect, test } from "../support/fixtures.ts";
import { chatIdOf, sendMessages } from "../support/api.ts";

const HOSTILE = [
  `<script>window.samvadHit=1</script>`,
  `<img src=x onerror="window.samvadHit=1">`,
  `"><svg/onload=window.samvadHit=1>`,
  `</textarea></script><script>window.samvadHit=1</script>`,
  `javascript:window.samvadHit=1`,
  `{{constructor.constructor('window.samvadHit=1')()}}`,
  `<!--<b>--><iframe srcdoc="<script>parent.samvadHit=1</script>"></iframe>`,
  `&lt;script&gt;window.samvadHit=1&lt;/script&gt;`,
  `\u2028<a href="data:text/html,x" onclick=window.samvadHit=1>x</a>`,
];

async function nothingRan(page: Page): Promise<void> {
  expect(await page.evaluate(() => "samvadHit" in window)).toBe(false);
  // Nothing that was written became an element either.
  await expect(page.locator("[onerror], [onload], [onclick], iframe, img[src=x]")).toHaveCount(0);
}

test("markup in messages stays text, rendered by the server and by the page", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await bela.openChat("Asha");
  await sendMessages(asha, chatIdOf(asha), HOSTILE);
  // Live, put together by the page's code.
  await expect(bela.messages).toHaveCount(HOSTILE.length);
  for (const [index, text] of HOSTILE.entries()) {
    await expect(bela.messages.nth(index)).toContainText(text.trim());
  }
  await nothingRan(bela.page);
  // And by the server, with everything that the page carries for hydration.
  await bela.page.reload();
  await bela.live();
  await expect(bela.messages).toHaveCount(HOSTILE.length);
  for (const [index, text] of HOSTILE.entries()) {
    await expect(bela.messages.nth(index)).toContainText(text.trim());
  }
  await nothingRan(bela.page);
});

test("markup in names stays text everywhere", async ({ people }) => {
  const name = `<img src=x onerror="window.samvadHit=1">`;
  const group = `</title><script>window.samvadHit=1</script>`;
  const mallory = await people.newcomer(name);
  const bela = await people.newcomer("Bela");
  await mallory.createGroup(group, ["Bela"]);
  await mallory.says("hello");
  await bela.openChat(group);
  await bela.sees("hello");
  await expect(bela.message("hello")).toContainText(name);
  await nothingRan(bela.page);
  await bela.page.reload();
  await bela.live();
  await expect(bela.title).toHaveText(group);
  await bela.openDetails();
  await expect(bela.member(name).first()).toBeVisible();
  await nothingRan(bela.page);
  await bela.openDirectChat(name);
  await nothingRan(bela.page);
});

test("a link to another site after signing in is not followed", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  await asha.signOut();
  for (const next of ["//evil.example", "/\\evil.example", "https://evil.example", "%2F%2Fevil.example"]) {
    await asha.page.goto(`/login?next=${next}`);
    await asha.fillSignIn(asha.account.password);
    await expect(asha.chats).toBeVisible();
    expect(new URL(asha.page.url()).hostname).toBe("127.0.0.1");
    await asha.signOut();
  }
});
