// What is done with a message: edited, answered, reacted to, pinned and linked to, and seen by everybody at once.

import type { Locator } from "@playwright/test";

import { chatIdOf, sendMessages, storedMessages } from "../support/api.ts";
import { expectAccessible } from "../support/axe.ts";
import { picture } from "../support/files.ts";
import { type People, expect, test } from "../support/fixtures.ts";
import type { Person } from "../support/people.ts";

/** Two people in their chat, who see what the first one has said. */
async function two(people: People, options = {}): Promise<[Person, Person]> {
  const bela = await people.newcomer("Bela", options);
  const asha = await people.newcomer("Asha", options);
  await asha.openDirectChat("Bela");
  await asha.says("Shall we meet at ten?");
  await bela.goTo(new URL(asha.page.url()).pathname);
  await bela.sees("Shall we meet at ten?");
  return [asha, bela];
}

/** The message whose own text this is; not one that answers it. */
function own(person: Person, text: string): Locator {
  return person.messages.filter({ has: person.page.locator(".message__text", { hasText: text }) });
}

/** Opens the menu of a message and presses what is called so. */
async function act(person: Person, text: string, name: string): Promise<void> {
  await own(person, text).hover();
  await own(person, text).getByRole("button", { name: "More actions" }).click();
  await person.page.getByRole("dialog", { name: "Message", exact: true }).getByRole("button", { name, exact: true }).click();
  await expect(person.page.getByRole("dialog", { name: "Message", exact: true })).toBeHidden();
}

function reaction(person: Person, text: string, emoji: string): Locator {
  return own(person, text).getByRole("button", { name: new RegExp(`^${emoji} \\d`) });
}

test("an edit is seen by both, with the earlier text for its author alone", async ({ people }) => {
  const [asha, bela] = await two(people);
  await asha.composer.fill("half a thought");
  await act(asha, "at ten", "Edit");
  await expect(asha.composer).toHaveValue("Shall we meet at ten?");
  await expect(asha.composer).toBeFocused();
  await asha.composer.fill("Shall we meet at eleven?");
  await asha.composer.press("Enter");
  for (const person of [asha, bela]) {
    await person.sees("Shall we meet at eleven?");
    await expect(person.messages).toHaveCount(1);
    await expect(person.message("at eleven")).toContainText("edited");
    await expect(person.message("at eleven")).toHaveAccessibleName(/, edited, /);
  }
  // What had been typed comes back.
  await expect(asha.composer).toHaveValue("half a thought");
  await asha.message("at eleven").getByRole("button", { name: "edited" }).click();
  const said = asha.page.getByRole("dialog", { name: "What it said" });
  await expect(said.getByRole("listitem")).toContainText(["at ten", "at eleven"]);
  await asha.page.keyboard.press("Escape");
  await expect(said).toBeHidden();
  await expect(bela.message("at eleven").getByRole("button", { name: "edited" })).toHaveCount(0);
  await bela.page.reload();
  await bela.live();
  await expect(bela.message("at eleven")).toContainText("edited");
});

test("an edit that is refused keeps its text", async ({ people, watch }) => {
  watch.allowRefusals();
  const [asha] = await two(people);
  await asha.page.route("**/api/edit_message*", (route) =>
    route.fulfill({
      status: 409,
      contentType: "application/json",
      body: JSON.stringify({ error: { code: "too_many_edits", message: "" } }),
    }),
  );
  await act(asha, "at ten", "Edit");
  await asha.composer.fill("once more");
  await asha.composer.press("Enter");
  await expect(asha.page.getByRole("alert")).toContainText("as often as a message can be");
  await expect(asha.composer).toHaveValue("once more");
  await asha.composer.press("Escape");
  await expect(asha.composer).toHaveValue("");
  await asha.sees("Shall we meet at ten?");
});

test("an answer quotes what it answers, as that is now, and leads there", async ({ people }) => {
  const [asha, bela] = await two(people);
  await act(bela, "at ten", "Reply");
  await expect(bela.page.getByText("Answering Asha:")).toBeVisible();
  // What is being answered survives a reload with the text.
  await bela.composer.fill("I come later");
  await bela.page.reload();
  await bela.live();
  await expect(bela.page.getByText("Answering Asha:")).toBeVisible();
  await expect(bela.composer).toHaveValue("I come later");
  await bela.composer.press("Enter");
  for (const person of [asha, bela]) {
    const quote = own(person, "I come later").getByRole("link", { name: /Asha.*at ten/ });
    await expect(quote).toBeVisible();
    await quote.click();
    await expect(own(person, "at ten")).toBeFocused();
  }
  await act(asha, "at ten", "Edit");
  await asha.composer.fill("at twelve");
  await asha.composer.press("Enter");
  for (const person of [asha, bela]) {
    await expect(own(person, "I come later").getByRole("link", { name: /Asha.*at twelve/ })).toBeVisible();
  }
  await act(asha, "at twelve", "Delete message");
  await asha.page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  for (const person of [asha, bela]) {
    await expect(own(person, "I come later").getByRole("link", { name: /Message deleted/ })).toBeVisible();
  }
});

test("reactions are counted once on both sides, and taken back", async ({ people }) => {
  const [asha, bela] = await two(people);
  await act(bela, "at ten", "👍");
  await expect(reaction(bela, "at ten", "👍")).toHaveAccessibleName("👍 1: you");
  await expect(reaction(asha, "at ten", "👍")).toHaveAccessibleName("👍 1: Bela");
  await expect(reaction(asha, "at ten", "👍")).toHaveAttribute("aria-pressed", "false");
  await reaction(asha, "at ten", "👍").click();
  await expect(reaction(asha, "at ten", "👍")).toHaveAttribute("aria-pressed", "true");
  await expect(reaction(asha, "at ten", "👍")).toHaveAccessibleName("👍 2: Bela and you");
  await expect(reaction(bela, "at ten", "👍")).toHaveAccessibleName("👍 2: Asha and you");
  await reaction(bela, "at ten", "👍").click();
  await expect(reaction(asha, "at ten", "👍")).toHaveAccessibleName("👍 1: you");
  // Another one, from all that are offered.
  await own(asha, "at ten").hover();
  await own(asha, "at ten").getByRole("button", { name: "React" }).click();
  const all = asha.page.getByRole("dialog", { name: "React" });
  await all.getByRole("searchbox", { name: "Find an emoji by its name" }).fill("rocket");
  await all.getByRole("button", { name: "🚀" }).click();
  await expect(reaction(bela, "at ten", "🚀")).toHaveAccessibleName("🚀 1: Asha");
});

test("a reaction that is refused is taken back with a notice", async ({ people, watch }) => {
  watch.allowRefusals();
  const [, bela] = await two(people);
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await bela.page.route("**/api/react*", async (route) => {
    await held;
    await route.fulfill({
      status: 409,
      contentType: "application/json",
      body: JSON.stringify({ error: { code: "too_many_reactions", message: "" } }),
    });
  });
  await act(bela, "at ten", "🎉");
  await expect(reaction(bela, "at ten", "🎉")).toBeVisible();
  release();
  await expect(reaction(bela, "at ten", "🎉")).toHaveCount(0);
  await expect(bela.page.getByText("as many different reactions as a message can have")).toBeVisible();
});

test("what was done while the network was away is there after it, once", async ({ people, line, watch }) => {
  watch.allowNetworkErrors();
  const bela = await people.newcomer("Bela");
  const asha = await people.newcomer("Asha", line.options);
  await asha.openDirectChat("Bela");
  await asha.says("Shall we meet at ten?");
  await asha.says("Or not");
  await bela.goTo(new URL(asha.page.url()).pathname);
  await act(bela, "at ten", "👍");
  await expect(reaction(asha, "at ten", "👍")).toHaveAccessibleName("👍 1: Bela");
  line.cut();
  await expect(asha.offlineBanner).toBeVisible({ timeout: 30_000 });
  await act(bela, "at ten", "🎉");
  await act(bela, "Or not", "Reply");
  await bela.says("Why not?");
  await act(bela, "Why not?", "Pin");
  await act(bela, "Why not?", "Edit");
  await bela.composer.fill("Why ever not?");
  await bela.composer.press("Enter");
  await bela.sees("Why ever not?");
  line.restore();
  await asha.sees("Why ever not?");
  await expect(own(asha, "Why ever not?").getByRole("link", { name: /Or not/ })).toBeVisible();
  await expect(reaction(asha, "at ten", "👍")).toHaveAccessibleName("👍 1: Bela");
  await expect(reaction(asha, "at ten", "🎉")).toHaveAccessibleName("🎉 1: Bela");
  await expect(asha.page.getByRole("link", { name: "1 pinned message" })).toBeVisible();
  await reaction(asha, "at ten", "👍").click();
  await expect(reaction(bela, "at ten", "👍")).toHaveAccessibleName("👍 2: Asha and you");
});

test("what was changed and taken away while the network was away is so after it, without a reload", async ({
  people,
  line,
  watch,
}) => {
  watch.allowNetworkErrors();
  const bela = await people.newcomer("Bela");
  const asha = await people.newcomer("Asha", line.options);
  await asha.openDirectChat("Bela");
  await asha.says("Shall we meet at ten?");
  await bela.goTo(new URL(asha.page.url()).pathname);
  const file = (person: Person) => person.feed.getByRole("link", { name: "Download map.png" });
  const pins = (person: Person) => person.page.getByRole("link", { name: "1 pinned message" });

  await test.step("Asha has it all on her screen", async () => {
    await bela.says("I bring bread");
    await bela.page.getByLabel("Attach files").setInputFiles([picture("map.png")]);
    await expect(bela.page.getByRole("list", { name: "Files to send" }).getByRole("listitem")).toHaveCount(1);
    await bela.says("The way there");
    await act(bela, "at ten", "👍");
    await act(bela, "at ten", "Pin");
    await asha.sees("The way there");
    await act(asha, "The way there", "Reply");
    await asha.says("I will find it");
    await expect(file(asha)).toHaveCount(1);
    await expect(own(asha, "I will find it").getByRole("link", { name: /Bela.*The way there/ })).toBeVisible();
    await expect(reaction(asha, "at ten", "👍")).toHaveAccessibleName("👍 1: Bela");
    await expect(pins(asha)).toBeVisible();
  });

  const stays = await asha.markPage();
  line.cut();
  await expect(asha.offlineBanner).toBeVisible({ timeout: 30_000 });
  await test.step("Bela thinks better of everything", async () => {
    await act(bela, "I bring bread", "Edit");
    await bela.composer.fill("I bring cake");
    await bela.composer.press("Enter");
    await bela.sees("I bring cake");
    await act(bela, "The way there", "Delete message");
    await bela.page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
    await expect(own(bela, "The way there")).toHaveCount(0);
    await reaction(bela, "at ten", "👍").click();
    await expect(reaction(bela, "at ten", "👍")).toHaveCount(0);
    await act(bela, "at ten", "Unpin");
    await expect(pins(bela)).toHaveCount(0);
  });

  await line.restoreAndTell(asha.page);
  await asha.seesExactly(["Shall we meet at ten?", "I bring cake", "Message deleted", "I will find it"]);
  await expect(own(asha, "I bring cake")).toContainText("edited");
  await expect(own(asha, "Message deleted")).toHaveCount(1);
  await expect(file(asha)).toHaveCount(0);
  await expect(own(asha, "I will find it").getByRole("link", { name: /Message deleted/ })).toBeVisible();
  await expect(reaction(asha, "at ten", "👍")).toHaveCount(0);
  await expect(pins(asha)).toHaveCount(0);
  await stays();
});

test("pinned messages are listed for everybody and lead to their places", async ({ people }) => {
  const [asha, bela] = await two(people);
  await act(bela, "at ten", "Pin");
  const pins = asha.page.getByRole("link", { name: "1 pinned message" });
  await pins.click();
  const list = asha.page.getByRole("dialog", { name: "Pinned messages" });
  await list.getByRole("link", { name: /at ten/ }).click();
  await expect(list).toBeHidden();
  await expect(own(asha, "at ten")).toBeFocused();
  await asha.page.getByRole("link", { name: "Details" }).click();
  await expect(asha.page.getByRole("region", { name: "Pinned messages" })).toContainText("at ten");
  await act(bela, "at ten", "Unpin");
  await expect(asha.page.getByRole("region", { name: "Pinned messages" })).toContainText("Nothing is pinned.");
  await expect(bela.page.getByRole("link", { name: /pinned message/ })).toHaveCount(0);
});

test("a message's address opens the history around it, and the way back is one press", async ({ people }) => {
  test.slow();
  const asha = await people.newcomer("Asha");
  await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  const lines = Array.from({ length: 150 }, (_, index) => `line ${String(index + 1).padStart(3, "0")}`);
  const chat = chatIdOf(asha);
  await sendMessages(asha, chat, lines);
  const wanted = (await storedMessages(asha, chat)).find((message) => message.body === "line 060");
  expect(wanted).toBeDefined();
  const path = `/c/${chat}/${wanted?.seq}`;
  await asha.goTo(path);
  await expect(asha.message("line 060")).toBeFocused();
  await expect(asha.message("line 060")).toBeInViewport();
  await expect(asha.message("line 150")).toHaveCount(0);
  // Scrolled down, newer ones come in.
  await expect(async () => {
    await asha.page.keyboard.press("End");
    await asha.page.keyboard.press("ArrowDown");
    await expect(asha.message("line 120")).toHaveCount(1, { timeout: 200 });
  }).toPass({ intervals: [100] });
  await asha.goTo(path);
  await asha.page.getByRole("button", { name: "Jump to latest" }).click();
  await expect(asha.message("line 150")).toBeInViewport();
  await expect(asha.page).toHaveURL(new RegExp(`/c/${chat}$`));
  await expect(asha.page.getByRole("button", { name: "Jump to latest" })).toHaveCount(0);

  const plain = await people.again(asha, { javaScriptEnabled: false });
  await plain.page.goto(`${path}#m${wanted?.seq}`);
  await expect(plain.message("line 060")).toBeInViewport();
  await expect(plain.message("line 060")).toHaveAttribute("data-marked", "true");

  // A quote leads there as well, from where it is not loaded.
  await sendMessages(asha, chat, ["As I said"], wanted?.id);
  await asha.goTo(`/c/${chat}`);
  await expect(own(asha, "As I said")).toBeInViewport();
  await expect(own(asha, "line 060")).toHaveCount(0);
  await own(asha, "As I said").getByRole("link", { name: /line 060/ }).click();
  await expect(own(asha, "line 060")).toBeFocused();
  await expect(own(asha, "line 060")).toBeInViewport();
});

test("text and address of a message are copied, and the address leads others there", async ({ people }) => {
  const [asha, bela] = await two(people);
  await asha.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const copied = () => asha.page.evaluate(() => navigator.clipboard.readText());
  await act(asha, "at ten", "Copy text");
  await expect.poll(copied).toBe("Shall we meet at ten?");
  await act(asha, "at ten", "Copy link");
  await expect.poll(copied).toMatch(new RegExp(`^http.*/c/${chatIdOf(asha)}/1#m1$`));
  await bela.goTo(await copied());
  await expect(own(bela, "at ten")).toBeFocused();
});

test("all of it is done with the keyboard alone", async ({ people }) => {
  const [asha, bela] = await two(people);
  const keyboard = asha.page.keyboard;
  // The last own message is edited from an empty box.
  await asha.composer.focus();
  await keyboard.press("ArrowUp");
  await expect(asha.composer).toHaveValue("Shall we meet at ten?");
  await keyboard.press("End");
  await keyboard.type(" Or later?");
  await keyboard.press("Enter");
  await bela.sees("Or later?");
  // From the message to what is in it, and into its menu.
  await asha.composer.press("Shift+Tab");
  for (let presses = 0; presses < 20; presses += 1) {
    if (await asha.feed.evaluate((feed) => feed.contains(document.activeElement))) break;
    await keyboard.press("Shift+Tab");
  }
  await expect(asha.message("at ten")).toBeFocused();
  const more = asha.message("at ten").getByRole("button", { name: "More actions" });
  for (let presses = 0; presses < 8 && !(await more.evaluate((e) => e === document.activeElement)); presses += 1) {
    await keyboard.press("ArrowRight");
  }
  await expect(more).toBeFocused();
  await keyboard.press("Enter");
  const menu = asha.page.getByRole("dialog", { name: "Message", exact: true });
  await expect(menu).toBeVisible();
  await keyboard.press("Escape");
  await expect(menu).toBeHidden();
  await expect(more).toBeFocused();
  await keyboard.press("Enter");
  await keyboard.press("ArrowDown");
  await expect(menu.getByRole("button", { name: "Reply" })).toBeFocused();
  await keyboard.press("Enter");
  await expect(asha.composer).toBeFocused();
  await keyboard.type("To myself");
  await keyboard.press("Enter");
  await expect(own(bela, "To myself").getByRole("link", { name: /at ten/ })).toBeVisible();
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`all of it passes axe on a small screen in the ${colorScheme} theme`, async ({ people }) => {
    test.slow();
    const [asha, bela] = await two(people, { colorScheme, viewport: { width: 360, height: 720 } });
    await act(bela, "at ten", "👍");
    await act(bela, "at ten", "Pin");
    await act(bela, "at ten", "Reply");
    await expectAccessible(bela.page);
    await bela.says("An answer");
    await act(bela, "An answer", "Edit");
    await expectAccessible(bela.page);
    await bela.composer.fill("A better answer");
    await bela.composer.press("Enter");
    await asha.sees("A better answer");
    await own(asha, "A better answer").getByRole("button", { name: "More actions" }).click();
    await expectAccessible(asha.page);
    const within = () =>
      asha.page.getByRole("dialog").evaluate((panel) => {
        const area = panel.getBoundingClientRect();
        return area.left >= 0 && area.top >= 0 && area.right <= innerWidth && area.bottom <= innerHeight;
      });
    await expect.poll(within).toBe(true);
    await asha.page.getByRole("button", { name: "More emoji" }).click();
    await expect.poll(within).toBe(true);
    await expectAccessible(asha.page);
    await asha.page.keyboard.press("Escape");
    await asha.page.getByRole("link", { name: "1 pinned message" }).click();
    await expectAccessible(asha.page);
    await asha.page.keyboard.press("Escape");
    expect(await asha.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
  });
}
