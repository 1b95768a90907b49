// The server dies, the page is reloaded, an answer is lost: nothing may be lost or doubled, and the
// pages recover without anybody's help.

import { expect, test } from "../support/fixtures.ts";
import { storesExactly } from "../support/api.ts";

test("the server is killed and started again in the middle of a conversation", async ({
  people,
  server,
  watch,
}) => {
  watch.allowNetworkErrors();
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await asha.says("before");
  await bela.openChat("Asha");
  await bela.sees("before");
  const ashaStays = await asha.markPage();
  const belaStays = await bela.markPage();

  await server.kill();
  await expect(asha.offlineBanner).toBeVisible();
  await expect(bela.offlineBanner).toBeVisible();
  // One goes on writing: it is shown at once, as not yet sent.
  await asha.composer.fill("while it was down");
  await asha.composer.press("Enter");
  await asha.sees("while it was down");
  await expect(asha.message("while it was down")).toContainText(/Sending…|Not sent/);
  await bela.composer.fill("half a sent");

  await server.start();
  await expect(asha.offlineBanner).toBeHidden({ timeout: 30_000 });
  await expect(bela.offlineBanner).toBeHidden({ timeout: 30_000 });
  await bela.sees("while it was down");
  await expect(asha.message("while it was down")).not.toContainText(/Sending…|Not sent/);
  // What was half written is still there, and the conversation goes on.
  await expect(bela.composer).toHaveValue("half a sent");
  await bela.says("and after");
  await asha.sees("and after");

  const all = ["before", "while it was down", "and after"];
  await asha.seesExactly(all);
  await bela.seesExactly(all);
  await storesExactly(asha, all);
  await ashaStays();
  await belaStays();
});

test("every message that was acknowledged survives kill -9 while messages are being sent", async ({
  people,
  server,
  watch,
}) => {
  watch.allowNetworkErrors();
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await bela.goTo(new URL(asha.page.url()).pathname);
  const texts = Array.from({ length: 12 }, (_, index) => `message ${String(index + 1).padStart(2, "0")}`);
  // Typed without waiting for answers; the server dies among them.
  for (const [index, text] of texts.entries()) {
    await asha.composer.fill(text);
    await asha.composer.press("Enter");
    if (index === 5) {
      await asha.sees("message 03");
      await server.kill();
    }
  }
  await server.start();
  for (const text of texts) {
    await expect(bela.message(text)).toHaveCount(1, { timeout: 40_000 });
    await expect(asha.message(text)).not.toContainText(/Sending…|Not sent/);
  }
  await asha.seesExactly(texts);
  await bela.seesExactly(texts);
  await storesExactly(asha, texts);
});

test("what was said while one's network was gone is there on coming back, without loading the page", async ({
  people,
  watch,
  line,
}) => {
  watch.allowNetworkErrors();
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela", line.options);
  await asha.openDirectChat("Bela");
  await asha.says("one");
  await bela.openChat("Asha");
  await bela.sees("one");
  const stays = await bela.markPage();
  line.cut();
  await expect(bela.offlineBanner).toBeVisible();
  await asha.says("two");
  await asha.says("three");
  line.restore();
  await expect(bela.message("three")).toBeVisible({ timeout: 40_000 });
  await bela.seesExactly(["one", "two", "three"]);
  await expect(bela.offlineBanner).toBeHidden();
  await bela.says("four");
  await asha.seesExactly(["one", "two", "three", "four"]);
  await stays();
});

test("a connection that hangs without breaking is noticed", async ({ people, watch, line }) => {
  test.slow();
  watch.allowNetworkErrors();
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela", line.options);
  await asha.openDirectChat("Bela");
  await asha.says("one");
  await bela.openChat("Asha");
  await bela.sees("one");
  line.freeze();
  await asha.says("two");
  // No heartbeat comes any more.
  await expect(bela.offlineBanner).toBeVisible({ timeout: 60_000 });
  line.restore();
  await expect(bela.message("two")).toBeVisible({ timeout: 40_000 });
  await bela.seesExactly(["one", "two"]);
  await expect(bela.offlineBanner).toBeHidden();
});

test("a reload in the middle of sending neither loses nor doubles the message", async ({ people, watch }) => {
  watch.allowNetworkErrors();
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await bela.goTo(new URL(asha.page.url()).pathname);
  // The request never leaves: the reload cancels it.
  let asked = () => {};
  const sending = new Promise<void>((resolve) => (asked = resolve));
  await asha.page.route("**/api/send_message*", () => asked());
  await asha.composer.fill("on the way");
  await asha.composer.press("Enter");
  await sending;
  await expect(asha.message("on the way")).toContainText("Sending…");
  await asha.page.unroute("**/api/send_message*");
  await asha.page.reload();
  await asha.live();
  await asha.sees("on the way");
  await bela.sees("on the way");
  await expect(asha.message("on the way")).not.toContainText(/Sending…|Not sent/);
  await storesExactly(asha, ["on the way"]);
});

test("an answer that is lost after the message was stored does not double it", async ({ people, watch }) => {
  watch.allowNetworkErrors();
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await bela.goTo(new URL(asha.page.url()).pathname);
  let lost = 0;
  await asha.page.route("**/api/send_message*", async (route) => {
    if (lost > 0) return route.continue();
    lost += 1;
    // The server gets it and answers; the answer does not arrive.
    await route.fetch();
    return route.abort("connectionreset");
  });
  await asha.composer.fill("only once");
  await asha.composer.press("Enter");
  await bela.sees("only once");
  // Whether by itself, by the socket or by a second try: it ends as sent, once.
  await expect(asha.message("only once")).toHaveCount(1);
  await expect(asha.message("only once")).not.toContainText(/Sending…|Not sent/, { timeout: 30_000 });
  expect(lost).toBe(1);
  await storesExactly(asha, ["only once"]);
  await bela.seesExactly(["only once"]);
});

test("a message that was refused says so and can be tried again", async ({ people, watch }) => {
  watch.allowRefusals();
  watch.allowNetworkErrors();
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await bela.goTo(new URL(asha.page.url()).pathname);
  await asha.page.route("**/api/send_message*", (route) =>
    route.fulfill({
      status: 403,
      contentType: "application/json",
      json: { error: { code: "forbidden", message: "You may not do that here.", request_id: "test" } },
    }),
  );
  await asha.composer.fill("second time lucky");
  await asha.composer.press("Enter");
  await expect(asha.message("second time lucky")).toContainText("Not sent");
  await asha.page.unroute("**/api/send_message*");
  await asha.message("second time lucky").getByRole("button", { name: "Try again" }).click();
  await bela.sees("second time lucky");
  await expect(asha.message("second time lucky")).not.toContainText(/Sending…|Not sent/);
  await storesExactly(asha, ["second time lucky"]);
});

test("a reload keeps what was half written", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await asha.composer.fill("half a thou");
  await asha.page.reload();
  await asha.live();
  await expect(asha.composer).toHaveValue("half a thou");
});
