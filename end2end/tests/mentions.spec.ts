// Names behind an @, emoji by name, and all emoji to choose from.

import type { Locator } from "@playwright/test";

import { call, chatIdOf, storedMessages } from "../support/api.ts";
import { expectAccessible } from "../support/axe.ts";
import { type People, expect, test } from "../support/fixtures.ts";
import type { Person } from "../support/people.ts";

/** Asha and others in a group of theirs, which each of them looks at. */
async function group(people: People, others: string[], options = {}): Promise<Person[]> {
  const members = [];
  for (const name of others) members.push(await people.newcomer(name, options));
  const asha = await people.newcomer("Asha Rao", options);
  await asha.createGroup("Gardeners", others);
  const path = new URL(asha.page.url()).pathname;
  for (const member of members) await member.goTo(path);
  return [asha, ...members];
}

/** The names that are marked in the message with this text. */
function marked(person: Person, text: string): Locator {
  return person.message(text).locator(".mention");
}

/** What is offered above the box. */
function choices(person: Person): Locator {
  return person.page.getByRole("listbox");
}

async function is(locator: Locator, texts: string[]): Promise<void> {
  await expect(locator).toHaveText(texts);
}

test("a name is completed by keyboard, marked for both, and says so to whom it means", async ({ people }) => {
  const [asha, bela, ravi] = (await group(people, ["Bela Nagy", "Ravindra"])) as [Person, Person, Person];
  await asha.composer.pressSequentially("hello @be");
  await expect(choices(asha).getByRole("option")).toHaveText([/Bela Nagy/]);
  await expect(asha.composer).toBeFocused();
  const option = choices(asha).getByRole("option", { name: "Bela Nagy" });
  await expect(option).toHaveAttribute("aria-selected", "true");
  await expect(asha.composer).toHaveAttribute("aria-activedescendant", (await option.getAttribute("id")) ?? "none");
  await asha.page.keyboard.press("Enter");
  await expect(asha.composer).toHaveValue("hello @Bela Nagy ");
  await expect(choices(asha)).toHaveCount(0);
  await asha.page.keyboard.type("and @");
  await expect(choices(asha).getByRole("option")).toHaveText([/Bela Nagy/, /Ravindra/, /all/]);
  await asha.page.keyboard.press("ArrowDown");
  await asha.page.keyboard.press("Tab");
  await expect(asha.composer).toHaveValue("hello @Bela Nagy and @Ravindra ");
  await expect(asha.composer).toBeFocused();
  await asha.page.keyboard.press("Enter");
  for (const person of [asha, bela, ravi]) await is(marked(person, "hello"), ["@Bela Nagy", "@Ravindra"]);
  await expect(marked(bela, "hello").first()).toHaveAttribute("data-reader", "true");
  await expect(marked(ravi, "hello").first()).not.toHaveAttribute("data-reader", "true");
  await expect(bela.message("hello")).toHaveAccessibleName(/mentions you/);
  await expect(asha.message("hello")).not.toHaveAccessibleName(/mentions you/);
  await asha.page.keyboard.type("@al");
  await expect(choices(asha).getByRole("option")).toHaveText([/all/]);
  await asha.page.keyboard.press("Enter");
  await expect(asha.composer).toHaveValue("@all ");
  await asha.page.keyboard.type("come and see");
  await asha.page.keyboard.press("Enter");
  for (const person of [bela, ravi]) {
    await is(marked(person, "come and see"), ["@all"]);
    await expect(marked(person, "come and see")).toHaveAttribute("data-reader", "true");
  }
  // The same from the server.
  const whole = await marked(bela, "hello").first().evaluate((mark) => mark.outerHTML);
  await bela.page.reload();
  await bela.live();
  expect(await marked(bela, "hello").first().evaluate((mark) => mark.outerHTML)).toBe(whole);
});

test("Escape closes what is offered and stays in the box, and code offers nothing", async ({ people }) => {
  const [asha] = (await group(people, ["Bela"])) as [Person];
  await asha.composer.pressSequentially("@b");
  await expect(choices(asha)).toBeVisible();
  await asha.page.keyboard.press("Escape");
  await expect(choices(asha)).toHaveCount(0);
  await expect(asha.composer).toBeFocused();
  await asha.page.keyboard.type("e");
  await expect(choices(asha)).toHaveCount(0);
  await expect(asha.composer).toHaveValue("@be");
  await asha.composer.fill("");
  await asha.composer.pressSequentially("`@b");
  await expect(asha.composer).toHaveValue("`@b");
  await expect(choices(asha)).toHaveCount(0);
  // By pointer, too, and the focus stays.
  await asha.composer.fill("");
  await asha.composer.pressSequentially("@");
  await choices(asha).getByRole("option", { name: "Bela" }).click();
  await expect(asha.composer).toHaveValue("@Bela ");
  await expect(asha.composer).toBeFocused();
});

test("what an input method is making is not taken from it", async ({ people }) => {
  const [asha] = (await group(people, ["Bela"])) as [Person];
  await asha.composer.pressSequentially("@b");
  await expect(choices(asha)).toBeVisible();
  const taken = await asha.composer.evaluate((box) => {
    const press = (key: string) =>
      !box.dispatchEvent(new KeyboardEvent("keydown", { key, isComposing: true, bubbles: true, cancelable: true }));
    return ["Enter", "Tab", "ArrowDown", "Escape"].map(press);
  });
  expect(taken).toEqual([false, false, false, false]);
  await expect(asha.composer).toHaveValue("@b");
});

test("an unread mention has its badge in the list, which goes once it is read", async ({ people }) => {
  const [asha, bela, ravi] = (await group(people, ["Bela", "Ravindra"])) as [Person, Person, Person];
  const id = chatIdOf(asha);
  await bela.goTo("/");
  await ravi.goTo("/");
  const badge = (person: Person) => person.chat("Gardeners").locator(".mention-badge");
  await asha.says("nobody is meant");
  await expect(bela.chat("Gardeners")).toContainText("nobody is meant");
  await expect(badge(bela)).toHaveCount(0);
  await asha.says("@Bela come and see");
  await expect(badge(bela)).toContainText("1 unread mention");
  await expect(badge(ravi)).toHaveCount(0);
  await asha.says("@all look");
  await expect(badge(bela)).toContainText("2 unread mentions");
  await expect(badge(ravi)).toContainText("1 unread mention");
  await expect(badge(asha)).toHaveCount(0);
  // From the server as from the socket.
  await bela.page.reload();
  await bela.live();
  await expect(badge(bela)).toContainText("2 unread mentions");
  await expectAccessible(bela.page);
  await call(bela.page, "mark_read", { chat_id: id, ordinal: "3" });
  await bela.page.reload();
  await bela.live();
  await expect(bela.chat("Gardeners")).toBeVisible();
  await expect(badge(bela)).toHaveCount(0);
});

test("who was away finds their badge when they are back, and one who read elsewhere finds none", async ({
  people,
  line: wire,
  watch,
}) => {
  watch.allowNetworkErrors();
  const [asha, bela] = (await group(people, ["Bela"])) as [Person, Person];
  const away = await people.again(bela, wire.options);
  await bela.goTo("/");
  const badge = (person: Person) => person.chat("Gardeners").locator(".mention-badge");
  wire.cut();
  await expect(away.offlineBanner).toBeVisible();
  await asha.says("@Bela where are you?");
  await expect(badge(bela)).toContainText("1 unread mention");
  wire.restore();
  await expect(badge(away)).toContainText("1 unread mention");
  wire.cut();
  await expect(away.offlineBanner).toBeVisible();
  await bela.openChat("Gardeners");
  await expect(badge(bela)).toHaveCount(0);
  wire.restore();
  await expect(away.offlineBanner).toBeHidden();
  await expect(badge(away)).toHaveCount(0);
});

test("an edit mentions somebody and takes it back, and so does a deletion", async ({ people }) => {
  const [asha, bela] = (await group(people, ["Bela"])) as [Person, Person];
  const id = chatIdOf(asha);
  // Not read yet: an edit makes nothing unread.
  await bela.goTo("/");
  await asha.says("come and see");
  const badge = bela.chat("Gardeners").locator(".mention-badge");
  const message_id = (await storedMessages(asha, id))[0]?.id ?? "";
  const edit = (body: string) => call(asha.page, "edit_message", { chat_id: id, message_id, body });
  await edit("@Bela, come and see");
  await expect(badge).toContainText("1 unread mention");
  await is(marked(asha, "come and see"), ["@Bela"]);
  await edit("do not come and see");
  await expect(badge).toHaveCount(0);
  await expect(marked(asha, "come and see")).toHaveCount(0);
  await edit("@all come and see");
  await expect(badge).toContainText("1 unread mention");
  await call(asha.page, "delete_message", { chat_id: id, message_id });
  await expect(badge).toHaveCount(0);
});

test("names of other scripts and with signs are found, completed and marked", async ({ people }) => {
  const [asha] = (await group(people, ["आशा राव", "Ali *Star*", "田中"])) as [Person];
  await asha.composer.pressSequentially("@आ");
  await asha.page.keyboard.press("Enter");
  await asha.page.keyboard.type("@star");
  await asha.page.keyboard.press("Enter");
  await asha.page.keyboard.type("@田中さん and `@田中`");
  await asha.page.keyboard.press("Enter");
  await is(marked(asha, "and"), ["@आशा राव", "@Ali *Star*", "@田中"]);
});

test("an emoji is written by its name, and becomes it as the name is closed", async ({ people }) => {
  const [asha, bela] = (await group(people, ["Bela"])) as [Person, Person];
  await asha.composer.pressSequentially("done :tad");
  await expect(choices(asha).getByRole("option", { name: ":tada:" })).toBeVisible();
  await asha.page.keyboard.press("Enter");
  await expect(asha.composer).toHaveValue("done 🎉 ");
  await asha.page.keyboard.type(":rocket:");
  await expect(asha.composer).toHaveValue("done 🎉 🚀");
  await asha.page.keyboard.type(" `:rocket:` at 10:30: :no_such_name:");
  await expect(asha.composer).toHaveValue("done 🎉 🚀 `:rocket:` at 10:30: :no_such_name:");
  await asha.page.keyboard.press("Enter");
  await bela.sees("done 🎉 🚀");
});

test("all emoji are there to choose from, by group, name and tone, and the last ones again", async ({ people }) => {
  const [asha] = (await group(people, ["Bela"])) as [Person];
  const picker = asha.page.getByRole("dialog", { name: "Emoji" });
  const open = async () => {
    await asha.page.getByRole("button", { name: "Emoji", exact: true }).click();
    await expect(picker).toBeVisible();
  };
  await asha.composer.pressSequentially("a  b");
  await asha.composer.press("ArrowLeft");
  await asha.composer.press("ArrowLeft");
  await open();
  await picker.getByRole("button", { name: "Medium dark" }).click();
  await picker.getByRole("searchbox", { name: "Find an emoji by its name" }).fill("waving hand");
  await picker.locator(".emoji-picker__grid").getByRole("button").first().click();
  await expect(picker).toBeHidden();
  await expect(asha.composer).toHaveValue("a 👋🏾 b");
  await expect(asha.composer).toBeFocused();
  await open();
  await picker.getByRole("button", { name: "Flags" }).click();
  await picker.getByRole("button", { name: "🇮🇳" }).click();
  await expect(asha.composer).toHaveValue("a 👋🏾🇮🇳 b");
  await asha.page.reload();
  await asha.live();
  await open();
  await expect(picker.locator(".panel__emoji--first").getByRole("button").first()).toHaveText("🇮🇳");
  await expect(picker.getByRole("button", { name: "Medium dark" })).toHaveAttribute("aria-pressed", "true");
  // By keyboard: down from the field into the grid, and Escape to the box.
  await picker.getByRole("searchbox").fill("cat");
  await asha.page.keyboard.press("ArrowDown");
  await expect(picker.getByRole("searchbox")).not.toBeFocused();
  await asha.page.keyboard.press("Escape");
  await expect(picker).toBeHidden();
  await expect(asha.composer).toBeFocused();
});

test("without the list the emoji of the page remain, and it is said", async ({ people, watch }) => {
  watch.allowNetworkErrors();
  const [asha] = (await group(people, ["Bela"])) as [Person];
  await asha.page.route("**/emoji/*.json", (route) => route.abort());
  await asha.page.getByRole("button", { name: "Emoji", exact: true }).click();
  const picker = asha.page.getByRole("dialog", { name: "Emoji" });
  await expect(picker).toContainText("could not be loaded");
  await picker.locator(".emoji-picker__grid").getByRole("button", { name: "😀" }).click();
  await expect(asha.composer).toHaveValue("😀");
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`what is offered and marked passes axe and fits a small screen, ${colorScheme}`, async ({ people }) => {
    const [asha, bela] = (await group(people, ["Bela"], {
      colorScheme,
      viewport: { width: 360, height: 640 },
    })) as [Person, Person];
    await asha.says("hello @Bela and @all");
    await bela.sees("hello @Bela");
    await expectAccessible(bela.page);
    await asha.composer.pressSequentially("@b");
    await expect(choices(asha)).toBeVisible();
    await expectAccessible(asha.page);
    const fits = (locator: Locator) =>
      locator.evaluate((element) => {
        const area = element.getBoundingClientRect();
        return area.left >= 0 && area.top >= 0 && area.right <= innerWidth && area.bottom <= innerHeight;
      });
    expect(await fits(choices(asha))).toBe(true);
    const size = await choices(asha).getByRole("option").first().boundingBox();
    expect(size?.height).toBeGreaterThanOrEqual(24);
    await asha.page.keyboard.press("Escape");
    await asha.page.getByRole("button", { name: "Emoji", exact: true }).click();
    const picker = asha.page.getByRole("dialog", { name: "Emoji" });
    await expect(picker.getByRole("searchbox")).toBeVisible();
    await expect.poll(() => fits(picker)).toBe(true);
    await expectAccessible(asha.page);
    expect(await asha.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
  });
}
