// Where the keyboard is: it stays where it was put, whatever comes in, moves or goes away.

import type { Locator } from "@playwright/test";

import type { Person } from "../support/people.ts";
import { chatIdOf, sendMessages } from "../support/api.ts";
import { expect, test } from "../support/fixtures.ts";

/** Leads back from the composer, by Tab alone, into the list of messages. */
async function enterFeed(person: Person): Promise<void> {
  await person.composer.focus();
  const inFeed = () => person.feed.evaluate((feed) => feed.contains(document.activeElement));
  for (let presses = 0; presses < 20 && !(await inFeed()); presses += 1) {
    await person.page.keyboard.press("Shift+Tab");
  }
  await expect.poll(inFeed, { message: "Shift+Tab leads into the messages" }).toBe(true);
}

/** Marks the element; the function it gives says whether it is still that one and none made anew. */
async function markElement(locator: Locator): Promise<() => Promise<void>> {
  await locator.evaluate((element) => Object.assign(element, { samvadMark: true }));
  return async () => {
    expect(await locator.evaluate((element) => "samvadMark" in element), "the same element").toBe(true);
  };
}

function says(person: Person, text: string): Locator {
  return person.page.getByRole("status").filter({ hasText: text });
}

test("older messages that come in leave the focus on the message that has it", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  const lines = Array.from({ length: 70 }, (_, index) => `line ${String(index + 1).padStart(3, "0")}`);
  await sendMessages(asha, chatIdOf(asha), lines);
  await asha.page.reload();
  await asha.live();
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await asha.page.route("**/api/list_messages*", async (route) => {
    await held;
    await route.continue();
  });
  const asked = asha.page.waitForRequest("**/api/list_messages*");
  await enterFeed(asha);
  await asha.page.keyboard.press("Home");
  const first = asha.message("line 021");
  await expect(first).toBeFocused();
  const stays = await markElement(first);
  await asked;
  release();
  await expect(asha.messages).toHaveCount(lines.length);
  await expect(first).toBeFocused();
  await stays();
  await asha.page.keyboard.press("ArrowUp");
  await expect(asha.message("line 020")).toBeFocused();
});

test("the messages are one stop of the Tab key, wherever the arrow keys have led", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  for (const text of ["one", "two", "three"]) await asha.says(text);
  const stops = () =>
    asha.feed.evaluate((feed) => [feed, ...feed.querySelectorAll<HTMLElement>("*")].filter((e) => e.tabIndex >= 0).length);
  await expect.poll(stops).toBe(1);
  await enterFeed(asha);
  await expect(asha.message("three")).toBeFocused();
  await asha.page.keyboard.press("ArrowUp");
  await asha.page.keyboard.press("ArrowUp");
  await expect(asha.message("one")).toBeFocused();
  await expect.poll(stops).toBe(1);
  await asha.page.keyboard.press("Tab");
  await expect(asha.feed.locator(":focus")).toHaveCount(0);
  await asha.page.keyboard.press("Shift+Tab");
  await expect(asha.message("one")).toBeFocused();
  // News neither take the focus nor make another stop.
  await bela.openChat("Asha");
  await bela.says("four");
  await asha.sees("four");
  await expect(asha.message("one")).toBeFocused();
  await expect.poll(stops).toBe(1);
});

test("a message that is tried again by itself keeps its button, and its failure is said once", async ({
  people,
  watch,
}) => {
  watch.allowNetworkErrors();
  const asha = await people.newcomer("Asha");
  await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await asha.page.evaluate(() => {
    const said: string[] = [];
    Object.assign(window, { samvadSaid: said });
    for (const region of document.querySelectorAll("main [aria-live=polite]")) {
      const note = () => said.push(region.textContent ?? "");
      new MutationObserver(note).observe(region, { childList: true, characterData: true, subtree: true });
    }
  });
  let tries = 0;
  await asha.page.route("**/api/send_message*", (route) => {
    tries += 1;
    return route.abort("connectionrefused");
  });
  await asha.composer.fill("late");
  await asha.composer.press("Enter");
  const message = asha.message("late");
  await expect(message).toContainText("Not sent yet.");
  const stays = await markElement(message);
  const button = message.getByRole("button", { name: "Try again" });
  const buttonStays = await markElement(button);
  await button.focus();
  await expect.poll(() => tries, { timeout: 20_000 }).toBeGreaterThan(2);
  await expect(button).toBeFocused();
  await buttonStays();
  const failures = () =>
    asha.page.evaluate(() => {
      const { samvadSaid } = window as unknown as { samvadSaid: string[] };
      return samvadSaid.filter((text) => text.startsWith("Message not sent")).length;
    });
  await expect.poll(failures).toBe(1);
  // It goes out, and its button goes away: the focus is on the message, which is the one it was.
  await asha.page.unroute("**/api/send_message*");
  await expect(message).not.toContainText(/Sending…|Not sent/, { timeout: 40_000 });
  await expect(message).toBeFocused();
  await stays();
  expect(await failures(), "failures that were announced").toBe(1);
});

test("adding, promoting and removing somebody leaves the focus nearby and says what happened", async ({
  people,
}) => {
  const asha = await people.newcomer("Asha");
  await people.newcomer("Bela");
  await people.newcomer("Chen");
  const keyboard = asha.page.keyboard;
  await asha.createGroup("Gardeners", ["Bela"]);
  await asha.openDetails();
  await asha.findPeople("Chen");
  await asha.page.getByRole("button", { name: "Add Chen" }).focus();
  await keyboard.press("Enter");
  await expect(says(asha, "Chen is in the group now.")).toBeVisible();
  await expect(asha.member("Chen")).toBeVisible();
  // Nobody else was found.
  await expect(asha.page.getByRole("heading", { name: "Add people" })).toBeFocused();

  const role = asha.member("Bela").getByRole("button", { name: /^Make/ });
  await role.focus();
  await keyboard.press("Enter");
  await expect(says(asha, "Bela is an admin now.")).toBeVisible();
  await expect(role).toHaveText("Make member");
  await expect(role).toBeFocused();

  await asha.page.getByRole("button", { name: "Remove Chen" }).focus();
  await keyboard.press("Enter");
  await expect(asha.member("Chen")).toHaveCount(0);
  await expect(says(asha, "Chen is no longer in the group.")).toBeVisible();
  // Not another button that removes somebody.
  await expect(asha.member("Bela").getByRole("link", { name: "Bela" })).toBeFocused();
});

test("ending a session leaves the focus in the list of sessions", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  const phone = await people.again(asha);
  await phone.page.close();
  await asha.goTo("/settings");
  const sessions = asha.page.getByRole("region", { name: "Where you are signed in" });
  const other = sessions.getByRole("listitem").filter({ hasNotText: "This session" });
  await other.getByRole("button", { name: "End session" }).focus();
  await asha.page.keyboard.press("Enter");
  await expect(says(asha, "The session has ended.")).toBeVisible();
  await expect(other).toHaveCount(0);
  await expect(sessions.getByRole("button", { name: "End session" })).toBeFocused();
});

test("taking away those chosen for a new group leads from one to the next and back to finding people", async ({
  people,
}) => {
  const asha = await people.newcomer("Asha");
  await people.newcomer("Bela");
  await people.newcomer("Chen");
  await asha.goTo("/new-group");
  for (const name of ["Bela", "Chen"]) {
    await asha.findPeople(name);
    await asha.page.getByRole("checkbox", { name, exact: true }).check();
  }
  const chosen = asha.page.getByRole("list", { name: "Chosen people" });
  await chosen.getByRole("button", { name: "Remove Bela" }).focus();
  await asha.page.keyboard.press("Enter");
  await expect(chosen.getByRole("button")).toHaveCount(1);
  await expect(chosen.getByRole("button", { name: "Remove Chen" })).toBeFocused();
  await asha.page.keyboard.press("Enter");
  await expect(chosen).toHaveCount(0);
  await expect(asha.page.getByRole("searchbox", { name: "Find people" })).toBeFocused();
});

test("Enter after the name of a new group creates it", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  await people.newcomer("Bela");
  await asha.goTo("/new-group");
  await asha.findPeople("Bela");
  await asha.page.getByRole("checkbox", { name: "Bela", exact: true }).check();
  await asha.page.getByLabel("Group name").fill("Gardeners");
  await asha.page.getByLabel("Group name").press("Enter");
  await expect(asha.title).toHaveText("Gardeners");
});
