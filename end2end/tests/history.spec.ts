// A history that is longer than a page.

import { expect, test } from "../support/fixtures.ts";
import { chatIdOf, sendMessages } from "../support/api.ts";
import { firstVisible, painted, scrollFeed, topOf } from "../support/scrolling.ts";

const LINES = Array.from({ length: 130 }, (_, index) => {
  const text = `line ${String(index + 1).padStart(3, "0")}`;
  // Of different heights, as real messages are.
  return index % 7 === 0 ? `${text}\n${"more ".repeat(40)}` : text;
});

test("scrolling up brings older messages without the view jumping", async ({ people }) => {
  test.slow();
  const asha = await people.newcomer("Asha");
  await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await sendMessages(asha, chatIdOf(asha), LINES);
  await asha.page.reload();
  await asha.live();
  // The newest message is what one sees first.
  await expect(asha.message("line 130")).toBeInViewport();
  await expect(asha.message("line 001")).toHaveCount(0);

  let count = await asha.messages.count();
  while (count < LINES.length) {
    // The answer is held back, so that what stands still can be measured on both sides of its arrival.
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    await asha.page.route("**/api/list_messages*", async (route) => {
      await held;
      await route.continue();
    });
    const asked = asha.page.waitForRequest("**/api/list_messages*");
    await scrollFeed(asha, "top");
    await asked;
    await painted(asha);
    const anchor = await firstVisible(asha);
    expect(anchor).toMatch(/^line \d{3}$/);
    const before = await topOf(asha, anchor);
    release();
    await expect.poll(() => asha.messages.count()).toBeGreaterThan(count);
    await painted(asha);
    const after = await topOf(asha, anchor);
    expect(Math.abs(after - before), `${anchor} moved from ${before} to ${after}`).toBeLessThanOrEqual(1);
    count = await asha.messages.count();
    await asha.page.unroute("**/api/list_messages*");
  }
  // Everything is there, once, in order.
  await asha.seesExactly(LINES.map((line) => line.slice(0, "line 000".length)));
  await expect(asha.page.getByRole("link", { name: "Load older messages" })).toHaveCount(0);
});

test("a new message does not move somebody who reads further up, and says that it is there", async ({
  people,
}) => {
  test.slow();
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await sendMessages(asha, chatIdOf(asha), LINES.slice(0, 45));
  await asha.page.reload();
  await asha.live();
  await expect(asha.message("line 045")).toBeInViewport();
  await scrollFeed(asha, "top");
  await painted(asha);
  const anchor = await firstVisible(asha);
  const before = await topOf(asha, anchor);

  await bela.openChat("Asha");
  await bela.says("news from below");
  const news = asha.page.getByRole("button", { name: /^New messages/ });
  await expect(news).toBeVisible();
  await painted(asha);
  expect(Math.abs((await topOf(asha, anchor)) - before)).toBeLessThanOrEqual(1);
  await news.click();
  await expect(asha.message("news from below")).toBeInViewport();
  await expect(news).toBeHidden();
  // At the end one stays at the end.
  await bela.says("and more");
  await expect(asha.message("and more")).toBeInViewport();
});

test("one's own message is shown even to somebody who had scrolled up", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await sendMessages(asha, chatIdOf(asha), LINES.slice(0, 45));
  await asha.page.reload();
  await asha.live();
  await scrollFeed(asha, "top");
  await asha.says("my own word");
  await expect(asha.message("my own word")).toBeInViewport();
});
