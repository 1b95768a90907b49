// Profiles: who somebody is, when they were last there, and blocking them.

import type { Locator } from "@playwright/test";

import { expect, test } from "../support/fixtures.ts";
import { call } from "../support/api.ts";
import { expectAccessible } from "../support/axe.ts";
import type { Person } from "../support/people.ts";

const PLAIN = { javaScriptEnabled: false };
/** Beyond the moment in which a reload shows nothing. */
const GONE = { timeout: 20_000 };

/** The button of this name, of the page rather than of a dialog over it. */
function button(person: Person, name: string): Locator {
  return person.page.getByRole("main").getByRole("button", { name, exact: true });
}

/** Opens the profile of the other person of the direct chat that is open. */
async function openProfile(person: Person, of: string): Promise<void> {
  await person.page.getByRole("main").getByRole("link", { name: of, exact: true }).first().click();
  await expect(person.page.getByRole("heading", { name: "Profile", level: 1 })).toBeVisible();
  await expect(person.page.getByRole("heading", { name: of, level: 2 })).toBeVisible();
}

/** Blocks the person whose profile is open, after the question. */
async function block(person: Person, whom: string): Promise<void> {
  await button(person, `Block ${whom}`).click();
  const dialog = person.page.getByRole("dialog", { name: `Block ${whom}?` });
  await expect(dialog).toContainText("They are not told.");
  await dialog.getByRole("button", { name: "Block", exact: true }).click();
  await expect(dialog).toBeHidden();
  await expect(button(person, `Unblock ${whom}`)).toBeVisible();
}

test("a profile is come to from a chat, and leads to what is shared", async ({ people }) => {
  const asha = await people.newcomer("Ayla");
  const bela = await people.newcomer("Bela");
  await call(bela.page, "update_profile", { display_name: "Bela", about: "Digs and <b>weeds</b>" });
  await asha.createGroup("Gardeners", ["Bela"]);
  await bela.openChat("Gardeners");
  await bela.says("Hello from the garden");
  await asha.sees("Hello from the garden");
  await openProfile(asha, "Bela");
  await expect(asha.page.getByText("Digs and <b>weeds</b>")).toBeVisible();
  await expect(asha.page.getByRole("main").getByText("Online", { exact: true })).toBeVisible();
  await expectAccessible(asha.page);
  await button(asha, "Message").click();
  await expect(asha.title).toHaveText("Bela");
  await openProfile(asha, "Bela");
  await asha.page.getByRole("region", { name: "Groups you share" }).getByRole("link", { name: "Gardeners" }).click();
  await expect(asha.title).toHaveText("Gardeners");
  await asha.openDetails();
  await asha.member("Bela").getByRole("link", { name: "Bela", exact: true }).click();
  await expect(asha.page.getByRole("heading", { name: "Bela", level: 2 })).toBeVisible();
  // After a reload it is the same, and one's own leads to the settings.
  await asha.page.reload();
  await asha.live();
  await expect(asha.page.getByRole("heading", { name: "Bela", level: 2 })).toBeVisible();
  await asha.page.goBack();
  await asha.member("Ayla").getByRole("link", { name: "Ayla", exact: true }).click();
  await asha.page.getByRole("link", { name: "Edit in the settings" }).click();
  await expect(asha.page.getByRole("heading", { name: "Settings", level: 1 })).toBeVisible();
});

test("who is called otherwise is so at once for others, and after a break", async ({ people, line, watch }) => {
  watch.allowNetworkErrors();
  const asha = await people.newcomer("Ayla", line.options);
  const bela = await people.newcomer("Bela");
  await asha.createGroup("Gardeners", ["Bela"]);
  await bela.openChat("Gardeners");
  await bela.says("Hello from the garden");
  await asha.openDirectChat("Bela");
  const stays = await asha.markPage();
  const author = asha.message("Hello from the garden").locator(".message__author");
  await bela.goTo("/settings");
  const isCalled = async (name: string) => {
    await bela.page.getByLabel("Name", { exact: true }).fill(name);
    const saved = bela.page.waitForResponse("**/api/update_profile*");
    await bela.page.getByRole("button", { name: "Save profile" }).click();
    expect((await saved).ok()).toBe(true);
  };

  await isCalled("Belinda");
  await expect(asha.chat("Belinda")).toBeVisible();
  await expect(asha.title).toHaveText("Belinda");
  await asha.openChat("Gardeners");
  await expect(author).toHaveText("Belinda");
  await isCalled("Bettina");
  await expect(author).toHaveText("Bettina");
  await expect(asha.chat("Bettina")).toBeVisible();

  line.cut();
  await expect(asha.offlineBanner).toBeVisible();
  await isCalled("Berta");
  await expect(author).toHaveText("Bettina");
  await line.restoreAndTell(asha.page);
  await expect(author).toHaveText("Berta");
  await expect(asha.chat("Berta")).toBeVisible();
  await asha.openChat("Berta");
  await stays();
});

test("when somebody was last there is shown, kept over reloads and breaks, and hidden", async ({
  people,
  line,
  watch,
}) => {
  watch.allowNetworkErrors();
  const asha = await people.newcomer("Ayla", line.options);
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  const header = asha.page.getByRole("main").locator(".chat__heading");
  await expect(header).toContainText("Online");
  await bela.page.close();
  await expect(header).toContainText("Last seen", GONE);
  await asha.page.reload();
  await asha.live();
  await expect(header).toContainText("Last seen");
  // Somebody who came and went while one was away is asked for.
  line.cut();
  await expect(asha.offlineBanner).toBeVisible();
  line.restore();
  await expect(asha.offlineBanner).toBeHidden();
  await expect(header).toContainText("Last seen");
  await openProfile(asha, "Bela");
  await expect(asha.page.getByRole("main")).toContainText("Last seen");

  // Who hides theirs sees nobody's.
  await asha.goTo("/settings");
  const control = asha.page.getByRole("switch", { name: "Let others see when I was last here" });
  await expect(control).toBeChecked();
  await control.click();
  await expect(control).not.toBeChecked();
  await expect(asha.page.getByRole("switch", { name: "Let others see what I have read" })).toBeChecked();
  await asha.openChat("Bela");
  await expect(header).toContainText("Offline");
  await expect(header).not.toContainText("Last seen");
  await asha.page.reload();
  await asha.live();
  await expect(header).toContainText("Offline");
  // And of them nobody is told.
  const back = await people.again(bela);
  await back.openChat("Ayla");
  await asha.page.close();
  const theirs = back.page.getByRole("main").locator(".chat__heading");
  await expect(theirs).toContainText("Offline", GONE);
  await back.page.reload();
  await back.live();
  await expect(theirs).not.toContainText("Last seen");
});

test("a block is felt on both sides and on all devices, and is taken back", async ({ people, line, watch }) => {
  watch.allowNetworkErrors();
  watch.allowRefusals();
  const asha = await people.newcomer("Ayla");
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await asha.says("Before the block");
  await bela.openChat("Ayla");
  await bela.sees("Before the block");
  const phone = await people.again(asha, line.options);
  await phone.openChat("Bela");
  await expect(phone.composer).toBeVisible();
  const shown = bela.page.getByRole("main").locator(".chat__heading");
  await expect(shown).toContainText("Online");

  await openProfile(asha, "Bela");
  await block(asha, "Bela");
  await expectAccessible(asha.page);
  // The other device follows at once, and the history is there.
  await expect(phone.composer).toHaveCount(0);
  await expect(phone.page.getByText("Neither of you can write here.")).toBeVisible();
  await phone.sees("Before the block");
  await expectAccessible(phone.page);
  // Bela is told nothing, sees nobody there, and what she writes is refused and not lost.
  await expect(shown).toContainText("Offline");
  await bela.composer.fill("Are you there?");
  await bela.composer.press("Enter");
  await expect(bela.page.getByText("You cannot write to this person.").first()).toBeVisible();
  await bela.sees("Are you there?");
  await expect(asha.page.getByText("Are you there?")).toHaveCount(0);

  // A device that was away when it was taken back hears of it when it is there again.
  line.cut();
  await expect(phone.offlineBanner).toBeVisible();
  await asha.goTo("/settings");
  await button(asha, "Unblock Bela").click();
  await expect(asha.page.getByText("You have blocked nobody.")).toBeVisible();
  line.restore();
  await expect(phone.composer).toBeVisible({ timeout: 30_000 });
  await phone.says("Here I am again");
  await bela.sees("Here I am again");
  await expect(shown).toContainText("Online");
});

test("who is blocked begins no chat and no group, and mentions nobody", async ({ people, watch }) => {
  watch.allowRefusals();
  const asha = await people.newcomer("Ayla");
  const bela = await people.newcomer("Bela");
  await bela.createGroup("Gardeners", ["Ayla"]);
  await asha.openChat("Gardeners");
  await bela.says("Good morning");
  await asha.sees("Good morning");
  await openProfile(asha, "Bela");
  await block(asha, "Bela");
  await asha.goTo("/");
  await bela.says("@Ayla are you there?");
  await expect(asha.chat("Gardeners")).toContainText("1 unread message");
  await expect(asha.chat("Gardeners")).not.toContainText("mention");
  await asha.page.reload();
  await asha.live();
  await expect(asha.chat("Gardeners")).not.toContainText("mention");

  await bela.goTo("/new");
  await bela.findPeople("Ayla");
  await bela.page.getByRole("button", { name: "Chat with Ayla", exact: true }).click();
  await expect(bela.page.getByRole("alert")).toContainText("You cannot write to this person.");
  await bela.goTo("/new-group");
  await bela.findPeople("Ayla");
  await bela.page.getByRole("checkbox", { name: "Ayla", exact: true }).check();
  await bela.page.getByLabel("Group name").fill("Another one");
  await bela.page.getByRole("button", { name: "Create group" }).click();
  await expect(bela.page.getByRole("alert").first()).toContainText("You cannot write to this person.");
  await expect(asha.chat("Another one")).toHaveCount(0);
  // She is told how it is, and by which way to change it.
  await asha.goTo("/new");
  await asha.findPeople("Bela");
  await asha.page.getByRole("button", { name: "Chat with Bela", exact: true }).click();
  await expect(asha.page.getByRole("alert")).toContainText("You have blocked this person.");
});

test("without scripts a profile is read, blocked and unblocked", async ({ people }) => {
  const asha = await people.newcomer("Ayla", PLAIN);
  const bela = await people.newcomer("Bela");
  await bela.openDirectChat("Ayla");
  await bela.says("Hello");
  await asha.page.reload();
  await asha.openChat("Bela");
  await openProfile(asha, "Bela");
  await expect(asha.page.getByText("They are not told.")).toBeVisible();
  await button(asha, "Block Bela").click();
  await expect(asha.page.getByText("You have blocked this person.")).toBeVisible();
  await asha.page.getByRole("link", { name: "Message", exact: true }).click();
  await expect(asha.page.getByText("Neither of you can write here.")).toBeVisible();
  await asha.sees("Hello");
  await button(asha, "Unblock Bela").click();
  await expect(asha.composer).toBeVisible();
});
