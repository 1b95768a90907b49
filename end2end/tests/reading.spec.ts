// What is unread, how far others have read, who is writing, and what one does not want to hear of.

import { call, chatIdOf, sendMessages } from "../support/api.ts";
import { expectAccessible } from "../support/axe.ts";
import { expect, test } from "../support/fixtures.ts";
import type { Person } from "../support/people.ts";
import { badge, looks, twoWhoTalk } from "../support/reading.ts";
import { scrollFeed } from "../support/scrolling.ts";

const line = (person: Person) => person.feed.locator(".left-off");
const receipt = (person: Person, text: string) => person.message(text).locator(".message__receipt");
const typing = (person: Person) => person.page.locator(".typing");
const icon = (person: Person) => person.page.locator("link[rel=icon]");

async function choose(person: Person, text: string, deed: string): Promise<void> {
  await person.message(text).hover();
  await person.message(text).getByRole("button", { name: "More actions" }).click();
  await person.page.getByRole("dialog", { name: "Message", exact: true }).getByRole("button", { name: deed }).click();
}

test("what is unread is counted, and the chat begins where one left off", async ({ people }) => {
  const { asha, bela, chat } = await twoWhoTalk(people);
  await expect(asha.page).toHaveTitle("Chats · Samvad");
  await bela.says("one");
  await bela.says("two");
  await expect(badge(asha, "Bela")).toHaveText("2 unread messages");
  await expect(asha.page).toHaveTitle("(2) Chats · Samvad");
  await expect(icon(asha)).toHaveAttribute("href", /^data:image\/svg/);
  await bela.says("three");
  // The server renders the same.
  await asha.goTo("/");
  await expect(badge(asha, "Bela")).toHaveText("3 unread messages");
  await expect(asha.page).toHaveTitle("(3) Chats · Samvad");

  await asha.openChat("Bela");
  await expect(line(asha)).toHaveCount(1);
  await expect(asha.feed.locator(".left-off + article")).toContainText("one");
  await expect(badge(asha, "Bela")).toHaveCount(0);
  await expect(asha.page).toHaveTitle("Bela · Samvad");
  await expect(icon(asha)).toHaveAttribute("href", "/favicon.svg");
  // It does not wander, and what comes while one looks is read at once.
  await bela.says("four");
  await asha.sees("four");
  await expect(asha.feed.locator(".left-off + article")).toContainText("one");
  await expect(badge(asha, "Bela")).toHaveCount(0);
  await expect.poll(async () => (await mine(asha, chat)).read).toBe(5);
  await asha.page.goBack();
  await asha.openChat("Bela");
  await expect(line(asha)).toHaveCount(0);
});

test("far back, a chat begins where one left off, and shows how many messages are below", async ({ people }) => {
  const { asha, bela, chat } = await twoWhoTalk(people);
  await sendMessages(bela, chat, Array.from({ length: 120 }, (_, index) => `Row ${index + 1}.`));
  await expect(badge(asha, "Bela")).toHaveText("120 unread messages");
  // Nobody looks yet, whatever page comes.
  await asha.page.addInitScript(() => Object.assign(document, { hasFocus: () => false }));
  // Once rendered by the server, and once by the page itself.
  for (const open of [() => asha.goTo(`/c/${chat}`), () => asha.openChat("Bela")]) {
    await asha.goTo("/");
    await open();
    await expect(line(asha)).toBeInViewport();
    await expect(asha.message("Row 1.")).toBeInViewport();
  }
  await looks(asha, true);
  await expect.poll(async () => (await mine(asha, chat)).read).toBeGreaterThan(1);
  const jump = asha.page.getByRole("button", { name: /^Jump to latest/ });
  await expect(jump).toContainText(/unread messages/);
  expect((await mine(asha, chat)).read).toBeLessThan(60);
  await jump.click();
  await expect(asha.message("Row 120.")).toBeInViewport();
  await expect(badge(asha, "Bela")).toHaveCount(0);
  await expect.poll(async () => (await mine(asha, chat)).read).toBe(121);
});

test("what came while the line was cut is counted after it, and the chat begins there", async ({
  people,
  line: wire,
  watch,
}) => {
  watch.allowNetworkErrors();
  const { asha, bela } = await twoWhoTalk(people, wire.options);
  const stays = await asha.markPage();
  wire.cut();
  await expect(asha.offlineBanner).toBeVisible();
  for (const text of ["one", "two", "three"]) await bela.says(text);
  await expect(badge(asha, "Bela")).toHaveCount(0);
  await wire.restoreAndTell(asha.page);
  await expect(badge(asha, "Bela")).toHaveText("3 unread messages");
  await expect(asha.page).toHaveTitle("(3) Chats · Samvad");
  const drawn = async () => decodeURIComponent((await icon(asha).getAttribute("href")) ?? "");
  await expect.poll(drawn, { message: "the number in the browser's tab" }).toContain(">3<");
  await asha.openChat("Bela");
  await expect(line(asha)).toHaveCount(1);
  await expect(asha.feed.locator(".left-off + article")).toContainText("one");
  await stays();
});

test("what is read on one device is read on the others", async ({ people, line: wire, watch }) => {
  watch.allowNetworkErrors();
  const { asha, bela, chat } = await twoWhoTalk(people);
  const phone = await people.again(asha);
  const away = await people.again(asha, wire.options);
  for (const device of [asha, phone, away]) await expect(device.chat("Bela")).toBeVisible();
  await bela.says("for all devices");
  for (const device of [asha, phone, away]) await expect(badge(device, "Bela")).toHaveText("1 unread message");
  wire.cut();
  await expect(away.offlineBanner).toBeVisible();
  await phone.openChat("Bela");
  await expect(badge(phone, "Bela")).toHaveCount(0);
  await expect(badge(asha, "Bela")).toHaveCount(0);
  // One that was away hears of it when it is back.
  await expect(badge(away, "Bela")).toHaveCount(1);
  wire.restore();
  await expect(badge(away, "Bela")).toHaveCount(0);
  // One that cannot be told is told later, and knows at once.
  await away.openChat("Bela");
  wire.cut();
  await expect(away.offlineBanner).toBeVisible();
  wire.restore();
  await expect(away.offlineBanner).toBeHidden();
  await bela.says("after the break");
  await away.sees("after the break");
  await expect.poll(async () => (await mine(asha, chat)).read).toBe(3);
});

test("nothing counts as read while nobody looks, and the line shows where to go on", async ({ people }) => {
  const { asha, bela } = await twoWhoTalk(people);
  await asha.openChat("Bela");
  await expect(line(asha)).toHaveCount(0);
  await looks(asha, false);
  await bela.says("while you were away");
  await asha.sees("while you were away");
  await expect(badge(asha, "Bela")).toHaveText("1 unread message");
  await expect(receipt(bela, "while you were away")).toHaveText("Sent");
  await looks(asha, true);
  await expect(badge(asha, "Bela")).toHaveCount(0);
  await expect(asha.feed.locator(".left-off + article")).toContainText("while you were away");
  await expect(receipt(bela, "while you were away")).toHaveText("Read");
});

test("a chat that is marked as unread stays so until one looks again", async ({ people }) => {
  const { asha, bela } = await twoWhoTalk(people);
  const phone = await people.again(asha);
  await asha.openChat("Bela");
  await bela.says("one");
  await bela.says("two");
  await asha.sees("two");
  await expect(badge(asha, "Bela")).toHaveCount(0);
  await choose(asha, "one", "Mark unread from here");
  await expect(badge(asha, "Bela")).toHaveText("2 unread messages");
  await expect(badge(phone, "Bela")).toHaveText("2 unread messages");
  await expect(asha.feed.locator(".left-off + article")).toContainText("one");
  // Also where something comes that is on the screen at once.
  await bela.says("three");
  await asha.sees("three");
  await expect(badge(asha, "Bela")).toHaveText("3 unread messages");
  await asha.page.getByRole("link", { name: "Settings" }).click();
  await expect(badge(asha, "Bela")).toHaveText("3 unread messages");
  await asha.openChat("Bela");
  await expect(badge(asha, "Bela")).toHaveCount(0);
  await expect(badge(phone, "Bela")).toHaveCount(0);
});

test("one sees what others have read, unless they do not say", async ({ people }) => {
  const { asha, bela } = await twoWhoTalk(people);
  await asha.openChat("Bela");
  await expect(receipt(asha, "Hello")).toHaveText("Read");
  await bela.goTo("/");
  await asha.says("Are you there?");
  await expect(receipt(asha, "Are you there?")).toHaveText("Sent");
  await expect(receipt(asha, "Hello")).toHaveCount(0);
  await bela.openChat("Asha");
  await expect(receipt(asha, "Are you there?")).toHaveText("Read");

  await bela.goTo("/settings");
  const receipts = bela.page.getByRole("switch", { name: "Let others see what I have read" });
  await expect(receipts).toHaveAttribute("aria-checked", "true");
  await receipts.press("Space");
  await expect(receipts).toHaveAttribute("aria-checked", "false");
  await asha.says("And now?");
  await bela.openChat("Asha");
  await bela.sees("And now?");
  await expect(badge(bela, "Asha")).toHaveCount(0);
  await asha.page.reload();
  await asha.live();
  await expect(receipt(asha, "And now?")).toHaveText("Sent");
});

test("that it was read while the line was cut is seen after it, in a chat that is open and in one that is not", async ({
  people,
  line: wire,
  watch,
}) => {
  watch.allowNetworkErrors();
  const { asha, bela, chat } = await twoWhoTalk(people, wire.options);
  const stays = await asha.markPage();
  // Bela reads up to this message, which Asha cannot hear of.
  const readsInTheBreak = async (ordinal: number) => {
    wire.cut();
    await expect(asha.offlineBanner).toBeVisible();
    await bela.openChat("Asha");
    await expect.poll(async () => (await mine(bela, chat)).read).toBe(ordinal);
    await wire.restoreAndTell(asha.page);
    await expect(asha.offlineBanner).toBeHidden();
  };

  await bela.goTo("/");
  await asha.openChat("Bela");
  await asha.says("Are you there?");
  await expect(receipt(asha, "Are you there?")).toHaveText("Sent");
  await readsInTheBreak(2);
  await expect(receipt(asha, "Are you there?")).toHaveText("Read");

  await bela.goTo("/");
  await asha.says("And now?");
  await expect(receipt(asha, "And now?")).toHaveText("Sent");
  await asha.page.getByRole("link", { name: "Samvad" }).click();
  await expect(asha.page).toHaveURL(/\/$/);
  await readsInTheBreak(3);
  await asha.openChat("Bela");
  await expect(receipt(asha, "And now?")).toHaveText("Read");
  await stays();
});

test("in a group one sees who has read", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  const [bela, chen] = [await people.newcomer("Bela"), await people.newcomer("Chen")];
  await asha.createGroup("Gardeners", ["Bela", "Chen"]);
  await asha.says("Who waters?");
  await expect(receipt(asha, "Who waters?")).toHaveText("Sent");
  await bela.openChat("Gardeners");
  await expect(receipt(asha, "Who waters?")).toHaveText("Read by 1");
  await choose(asha, "Who waters?", "Read by…");
  const dialog = asha.page.getByRole("dialog", { name: "Read by" });
  await expect(dialog.getByRole("listitem")).toHaveText(["Bela"]);
  await chen.openChat("Gardeners");
  await expect(dialog.getByRole("listitem")).toHaveText(["Bela", "Chen"]);
  await expectAccessible(asha.page);
  await asha.page.keyboard.press("Escape");
  await expect(receipt(asha, "Who waters?")).toHaveText("Read by everybody");
});

test("one sees who is writing, and never for too long", async ({ people, line: wire, watch }) => {
  watch.allowNetworkErrors();
  const asha = await people.newcomer("Asha", wire.options);
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await bela.goTo(new URL(asha.page.url()).pathname);

  await bela.composer.pressSequentially("half a th");
  await expect(typing(asha)).toHaveText("Bela is typing…");
  // It goes with the message, and by itself.
  await bela.says("half a thought");
  await asha.sees("half a thought");
  await expect(typing(asha)).toHaveText("");
  // It is said every three seconds at most.
  await bela.page.waitForTimeout(3_200);
  await bela.composer.pressSequentially("and");
  await expect(typing(asha)).toHaveText("Bela is typing…");
  await expect(typing(asha)).toHaveText("", { timeout: 8_000 });
  // Nobody is told of what was kept and comes back.
  const said: string[] = [];
  bela.page.on("websocket", (socket) => {
    socket.on("framesent", ({ payload }) => void (String(payload).includes('"typing"') && said.push(String(payload))));
  });
  await bela.page.reload();
  await bela.live();
  await expect(bela.composer).toHaveValue("and");
  expect(said).toEqual([]);

  await bela.page.waitForTimeout(3_200);
  await bela.composer.pressSequentially(" more");
  await expect(typing(asha)).toHaveText("Bela is typing…");
  wire.cut();
  await expect(asha.offlineBanner).toBeVisible();
  await expect(typing(asha)).toHaveText("");
  wire.restore();
  await expect(asha.offlineBanner).toBeHidden();
});

test("a muted chat is quiet, until it is muted no longer", async ({ people }) => {
  const { asha, bela, chat } = await twoWhoTalk(people);
  await asha.goTo(`/c/${chat}/details`);
  await asha.page.getByRole("button", { name: "Mute: For 1 hour" }).click();
  await expect(asha.page.getByText(/^Muted until /)).toBeVisible();
  await expect(asha.page.getByRole("heading", { name: "Notifications" })).toBeFocused();
  await expect(asha.chat("Bela")).toContainText("Muted");
  await bela.says("psst");
  await expect(badge(asha, "Bela")).toHaveText("1 unread message");
  await expect(asha.page).toHaveTitle(/^Chat details/);
  await asha.page.getByRole("button", { name: "Unmute" }).click();
  await expect(asha.page).toHaveTitle(/^\(1\) /);
  await expect(asha.chat("Bela")).not.toContainText("Muted");
  // For a moment only: that it is over is seen without a reload, on another device, too.
  const phone = await people.again(asha);
  await call(asha.page, "mute_chat", {
    chat_id: chat,
    on: "true",
    until: new Date(Date.now() + 8_000).toISOString(),
  });
  await expect(phone.chat("Bela")).toContainText("Muted");
  await expect(phone.page).toHaveTitle(/^Chats/);
  await expect(phone.chat("Bela")).not.toContainText("Muted", { timeout: 15_000 });
  await expect(phone.page).toHaveTitle(/^\(1\) /);
});

test("a chat is muted and put away on all of one's devices, at once and after a break", async ({
  people,
  line: wire,
  watch,
}) => {
  watch.allowNetworkErrors();
  const { asha, chat } = await twoWhoTalk(people);
  const phone = await people.again(asha, wire.options);
  const archive = phone.chats.getByText("Archived");
  const stays = await phone.markPage();
  await asha.goTo(`/c/${chat}/details`);
  await asha.page.getByRole("button", { name: "Mute: Until I change it" }).click();
  await expect(phone.chat("Bela")).toContainText("Muted");
  await asha.page.getByRole("button", { name: "Archive", exact: true }).click();
  await expect(phone.chat("Bela")).toBeHidden();
  await archive.click();
  await expect(phone.chat("Bela")).toBeVisible();

  wire.cut();
  await expect(phone.offlineBanner).toBeVisible();
  await asha.page.getByRole("button", { name: "Unmute" }).click();
  await expect(asha.page.getByText("You are notified of what is said here.")).toBeVisible();
  await asha.page.getByRole("button", { name: "Unarchive" }).click();
  await expect(asha.page.getByRole("button", { name: "Archive", exact: true })).toBeVisible();
  await expect(phone.chat("Bela")).toContainText("Muted");
  await wire.restoreAndTell(phone.page);
  await expect(archive).toHaveCount(0);
  await expect(phone.chat("Bela")).toBeVisible();
  await expect(phone.chat("Bela")).not.toContainText("Muted");
  await stays();
});

test("an archived chat comes back with a message, unless it is muted", async ({ people }) => {
  const { asha, bela, chat } = await twoWhoTalk(people);
  await asha.goTo(`/c/${chat}/details`);
  await asha.page.getByRole("button", { name: "Archive", exact: true }).click();
  await expect(asha.chat("Bela")).toBeHidden();
  const archive = asha.chats.getByText("Archived");
  await archive.click();
  await expect(asha.chat("Bela")).toBeVisible();
  await bela.says("hello?");
  await expect(archive).toHaveCount(0);
  await asha.openChat("Bela");
  await expect(badge(asha, "Bela")).toHaveCount(0);
  // It stays, now that it was read.
  await expect.poll(async () => (await mine(asha, chat)).archived ?? false).toBe(false);
  await expect(asha.chat("Bela")).toBeVisible();

  await asha.goTo(`/c/${chat}/details`);
  await asha.page.getByRole("button", { name: "Mute: Until I change it" }).click();
  await asha.page.getByRole("button", { name: "Archive", exact: true }).click();
  await expect(asha.chat("Bela")).toBeHidden();
  await bela.says("still there?");
  await archive.click();
  await expect(badge(asha, "Bela")).toHaveText("1 unread message");
  await asha.page.getByRole("button", { name: "Unarchive" }).click();
  await expect(archive).toHaveCount(0);
});

test("without scripts a page shows what is unread and marks it as read", async ({ people }) => {
  const bela = await people.newcomer("Bela");
  const asha = await people.newcomer("Anju", { javaScriptEnabled: false });
  await bela.openDirectChat("Anju");
  await bela.says("one");
  await bela.says("two");
  await asha.page.reload();
  await expect(badge(asha, "Bela")).toHaveText("2 unread messages");
  await expect(asha.page).toHaveTitle("(2) Chats · Samvad");
  await asha.openChat("Bela");
  await expect(line(asha)).toContainText("2 unread messages");
  await asha.page.getByRole("button", { name: "Mark as read" }).click();
  await expect(asha.title).toHaveText("Bela");
  await expect(line(asha)).toHaveCount(0);
  await expect(badge(asha, "Bela")).toHaveCount(0);

  await asha.page.getByRole("link", { name: "Details" }).click();
  await asha.page.getByRole("button", { name: "Mute: For 8 hours" }).click();
  await expect(asha.page.getByText(/^Muted until /)).toBeVisible();
  await asha.page.getByRole("button", { name: "Archive", exact: true }).click();
  await expect(asha.page.getByRole("button", { name: "Unarchive" })).toBeVisible();
  await asha.page.goto("/settings");
  const receipts = asha.page.getByRole("switch", { name: "Let others see what I have read" });
  await receipts.click();
  await expect(receipts).toHaveAttribute("aria-checked", "false");
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`what tells of reading passes axe in the ${colorScheme} theme`, async ({ people }) => {
    const bela = await people.newcomer("Bela");
    const asha = await people.newcomer("Anju", { colorScheme, viewport: { width: 360, height: 740 } });
    await bela.createGroup("Gardeners", ["Anju"]);
    const group = chatIdOf(bela);
    await sendMessages(bela, group, Array.from({ length: 30 }, (_, index) => `Row ${index + 1}.`));
    await bela.openDirectChat("Anju");
    await bela.says("psst");
    await call(asha.page, "mute_chat", { chat_id: chatIdOf(bela), on: "true" });
    await expect(badge(asha, "Gardeners")).toHaveText("30 unread messages");
    await expectAccessible(asha.page);
    await asha.openChat("Gardeners");
    await expect(line(asha)).toBeVisible();
    await expect(asha.page.getByRole("button", { name: /^New messages/ })).toBeVisible();
    await expectAccessible(asha.page);
    await scrollFeed(asha, "end");
    await asha.says("Thank you");
    await expect(receipt(asha, "Thank you")).toBeVisible();
    await expectAccessible(asha.page);
    await call(asha.page, "archive_chat", { chat_id: group, on: "true" });
    await asha.goTo(`/c/${group}/details`);
    await expectAccessible(asha.page);
    await asha.goTo("/");
    await asha.chats.getByText("Archived").click();
    await expectAccessible(asha.page);
  });
}

interface Mine {
  read: number;
  archived?: boolean;
}

/** What a chat is to somebody, as it is stored. */
async function mine(person: Person, chat: string): Promise<Mine> {
  return (await call<{ mine: Mine }>(person.page, "get_chat", { chat_id: chat })).mine;
}
