// Looking for messages, chats and people.

import type { Locator } from "@playwright/test";

import { call, chatIdOf, sendMessages, storedMessages } from "../support/api.ts";
import { expectAccessible } from "../support/axe.ts";
import { text } from "../support/files.ts";
import { expect, test } from "../support/fixtures.ts";
import type { Person } from "../support/people.ts";

function field(person: Person): Locator {
  return person.page.getByRole("searchbox", { name: /^Search messages/ });
}

function results(person: Person): Locator {
  return person.page.getByRole("list", { name: "Messages found" }).getByRole("link");
}

async function look(person: Person, query: string): Promise<void> {
  await person.goTo("/search");
  await field(person).pressSequentially(query);
}

test("what is said is found by who is in the chat, as they type, and by nobody else", async ({ people }) => {
  const asha = await people.newcomer("Asha Rao");
  const bela = await people.newcomer("Bela Nagy");
  const eve = await people.newcomer("Eve");
  await asha.createGroup("Gardeners", ["Bela Nagy"]);
  const chat = chatIdOf(asha);
  await sendMessages(asha, chat, ["The wheelbarrow is in the shed", "中文字很有意思", "<mark>not a mark</mark>"]);

  for (const person of [asha, bela]) {
    await look(person, "eelbarr");
    await expect(results(person)).toHaveCount(1);
    await expect(results(person).locator("mark")).toHaveText("eelbarr");
    await expect(results(person)).toContainText("Gardeners");
    await expect(person.page.getByRole("status").filter({ hasText: "1 message found." })).toBeVisible();
    await field(person).fill("文字");
    await expect(results(person).locator("mark")).toHaveText("文字");
    await field(person).fill("<mark>not");
    await expect(results(person).locator("mark")).toHaveText("<mark>not");
  }
  await look(eve, "eelbarr");
  await expect(eve.page.getByText("No messages found.")).toBeVisible();
  await expect(results(eve)).toHaveCount(0);

  // What it says now counts.
  const message = (await storedMessages(asha, chat)).find(({ body }) => body.includes("wheelbarrow"))?.id ?? "";
  await call(asha.page, "edit_message", { chat_id: chat, message_id: message, body: "The ladder is in the shed" });
  await look(bela, "wheelbarrow");
  await expect(bela.page.getByText("No messages found.")).toBeVisible();
  await look(bela, "ladder");
  await expect(results(bela)).toHaveCount(1);
  await call(asha.page, "delete_message", { chat_id: chat, message_id: message });
  await look(bela, "ladder");
  await expect(bela.page.getByText("No messages found.")).toBeVisible();
});

test("a search is narrowed by who said it, where, with what and when", async ({ people }) => {
  const asha = await people.newcomer("Asha Rao");
  const bela = await people.newcomer("Bela Nagy");
  await asha.createGroup("Gardeners", ["Bela Nagy"]);
  await asha.page.getByLabel("Attach files").setInputFiles([text("beds.txt", "two of tomatoes\n")]);
  await expect(asha.page.getByRole("list", { name: "Files to send" }).getByRole("listitem")).toHaveCount(1);
  await asha.says("a plan of the beds");
  await sendMessages(bela, chatIdOf(asha), ["a plan of the hedge"]);
  await asha.openDirectChat("Bela Nagy");
  await sendMessages(bela, chatIdOf(asha), ["a plan for Saturday"]);
  const finds = async (query: string, found: RegExp[]) => {
    await field(asha).fill(query);
    await expect(results(asha)).toHaveText(found);
  };

  // No two questions in a row have the same answer.
  await asha.goTo("/search");
  const today = new Date().toISOString().slice(0, 10);
  await finds("plan", [/for Saturday/, /of the hedge/, /of the beds/]);
  await finds("plan from:Bela", [/for Saturday/, /of the hedge/]);
  await finds('plan from:"Asha Rao"', [/of the beds/]);
  await finds("plan in:Gardeners", [/of the hedge/, /of the beds/]);
  await finds("plan has:file", [/of the beds/]);
  await finds(`plan on:${today}`, [/for Saturday/, /of the hedge/, /of the beds/]);
  await field(asha).fill(`plan before:${today}`);
  await expect(asha.page.getByText("No messages found.")).toBeVisible();
  await expect(results(asha)).toHaveCount(0);
  await finds("plan in:Bela from:Bela", [/for Saturday/]);

  await asha.openChat("Gardeners");
  await asha.page.getByRole("link", { name: "Search in this chat" }).click();
  await expect(asha.page.getByRole("searchbox", { name: "Search messages in Gardeners" })).toBeVisible();
  await finds("plan", [/of the hedge/, /of the beds/]);
  await asha.page.getByRole("link", { name: "Search in all chats" }).click();
  await expect(results(asha)).toHaveText([/for Saturday/, /of the hedge/, /of the beds/]);
});

test("a search goes on when the line does, and follows its address", async ({ people, line: wire, watch }) => {
  watch.allowNetworkErrors();
  const asha = await people.newcomer("Asha Rao");
  const bela = await people.newcomer("Bela Nagy", wire.options);
  await asha.createGroup("Gardeners", ["Bela Nagy"]);
  await sendMessages(asha, chatIdOf(asha), ["The wheelbarrow is in the shed", "The ladder is not"]);
  await look(bela, "wheelbarr");
  await expect(results(bela)).toHaveCount(1);
  wire.cut();
  await expect(bela.offlineBanner).toBeVisible();
  await field(bela).fill("ladder");
  const status = bela.page.locator("#search-field-status");
  await expect(status).toHaveAttribute("data-failed", "true");
  await expect(field(bela), "what was typed stays").toHaveValue("ladder");
  wire.restore();
  await expect(bela.offlineBanner).toBeHidden();
  await field(bela).press("Enter");
  await expect(results(bela)).toContainText(["The ladder is not"]);
  // Somebody comes by another address while the page is open.
  await bela.page.evaluate(() => {
    const link = document.createElement("a");
    link.href = "/search?q=wheelbarrow";
    document.body.append(link);
    link.click();
    link.remove();
  });
  await expect(field(bela)).toHaveValue("wheelbarrow");
  await expect(results(bela)).toContainText(["The wheelbarrow is in the shed"]);
  await expect(bela.page).toHaveURL(/\/search\?q=wheelbarrow$/);
});

test("a result leads to its place in the conversation, and back to the results", async ({ people }) => {
  const asha = await people.newcomer("Asha Rao");
  await people.newcomer("Bela Nagy");
  await asha.openDirectChat("Bela Nagy");
  const chat = chatIdOf(asha);
  const lines = Array.from({ length: 120 }, (_, index) => `row ${index + 1} is planted`);
  await sendMessages(asha, chat, ["where it all began", ...lines]);
  const stays = await asha.markPage();

  await asha.page.getByRole("link", { name: "Search in this chat" }).click();
  await expect(field(asha)).toBeFocused();
  await field(asha).pressSequentially("all began");
  await expect(results(asha)).toHaveCount(1);
  await asha.page.keyboard.press("ArrowDown");
  await expect(results(asha)).toBeFocused();
  await asha.page.keyboard.press("ArrowUp");
  await expect(field(asha)).toBeFocused();
  await asha.page.keyboard.press("ArrowDown");
  await asha.page.keyboard.press("Enter");
  await expect(asha.page).toHaveURL(new RegExp(`/c/${chat}/1#m1$`));
  await expect(asha.message("where it all began")).toBeInViewport();
  await asha.page.goBack();
  await expect(field(asha)).toHaveValue("all began");
  await expect(results(asha)).toHaveCount(1);

  // As many as there are, page by page.
  await field(asha).fill("is planted");
  await expect(results(asha)).toHaveCount(30);
  await asha.page.getByRole("link", { name: "Show older" }).click();
  await expect(results(asha)).toHaveCount(60);
  await stays();
});

test("a search needs no script", async ({ people }) => {
  await people.newcomer("Bela Nagy");
  const asha = await people.newcomer("Asha Rao", { javaScriptEnabled: false });
  await asha.openDirectChat("Bela Nagy");
  await sendMessages(asha, chatIdOf(asha), Array.from({ length: 40 }, (_, index) => `seed ${index + 1} sown`));
  await asha.page.goto("/");
  await asha.page.getByRole("link", { name: "Search messages" }).click();
  await field(asha).fill("seed");
  await asha.page.getByRole("button", { name: "Search", exact: true }).click();
  await expect(results(asha)).toHaveCount(30);
  await expect(results(asha).first().locator("mark")).toHaveText("seed");
  await asha.page.getByRole("link", { name: "Show older" }).click();
  await expect(results(asha)).toHaveCount(10);
  await results(asha).first().click();
  await asha.sees("seed 10 sown");
});

test("the switcher leads to a chat and to a person by the keyboard alone", async ({ people }) => {
  const asha = await people.newcomer("Asha Rao");
  await people.newcomer("Bela Nagy");
  const chen = await people.newcomer("Chen Wei");
  await asha.createGroup("Gardeners", ["Bela Nagy"]);
  await asha.createGroup("Saturday market", ["Bela Nagy"]);

  const dialog = asha.page.getByRole("dialog", { name: "Go to a chat or person" });
  const box = dialog.getByRole("combobox");
  await asha.composer.focus();
  await asha.page.keyboard.press("Control+k");
  await expect(box).toBeFocused();
  await expect(dialog.getByRole("option")).toHaveText([/Saturday market/, /Gardeners/]);
  await asha.page.keyboard.type("gard");
  await expect(dialog.getByRole("option", { selected: true })).toHaveText(/Gardeners/);
  await asha.page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  await expect(asha.title).toHaveText("Gardeners");

  await asha.page.keyboard.press("Meta+k");
  await asha.page.keyboard.press("ArrowDown");
  await expect(dialog.getByRole("option", { selected: true })).toHaveText(/Gardeners|Saturday market/);
  await asha.page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();

  await asha.page.getByRole("link", { name: "Samvad" }).click();
  await asha.page.getByRole("button", { name: "Go to…" }).click();
  await asha.page.keyboard.type(chen.account.name);
  await expect(dialog.getByRole("option", { selected: true })).toHaveText(/Chen Wei.*New chat/);
  await asha.page.keyboard.press("Enter");
  await expect(asha.title).toHaveText("Chen Wei");
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`the search and the switcher pass axe in the ${colorScheme} theme`, async ({ people }) => {
    await people.newcomer("Bela Nagy");
    const asha = await people.newcomer("Asha Rao", { colorScheme, viewport: { width: 360, height: 740 } });
    await asha.openDirectChat("Bela Nagy");
    await asha.says("Good morning");
    await look(asha, "morning");
    await expect(results(asha)).toHaveCount(1);
    await expectAccessible(asha.page);
    const width = await asha.page.evaluate(() => document.documentElement.scrollWidth);
    expect(width, "nothing has to be scrolled sideways").toBeLessThanOrEqual(360);
    await asha.page.keyboard.press("Control+k");
    await expect(asha.page.getByRole("option")).toHaveCount(1);
    await expectAccessible(asha.page);
  });
}
