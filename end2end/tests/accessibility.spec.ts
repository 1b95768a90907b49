// What a tool can check on every page, in both themes, and journeys by keyboard and on a small screen.

import type { Page } from "@playwright/test";

import type { Person } from "../support/people.ts";
import { expectAccessible } from "../support/axe.ts";
import { expect, test } from "../support/fixtures.ts";

/** The pages that somebody who is signed in and has a group comes to, and how they are opened. */
const PAGES: Record<string, (asha: Person, group: string) => Promise<void>> = {
  "list of chats": (asha) => asha.goTo("/"),
  chat: (asha, group) => asha.goTo(group),
  "group details": (asha, group) => asha.goTo(`${group}/details`),
  "new chat": async (asha) => {
    await asha.goTo("/new");
    await asha.findPeople("Bela");
    await expect(asha.page.getByRole("button", { name: "Chat with Bela" })).toBeVisible();
  },
  "new group": async (asha) => {
    await asha.goTo("/new-group");
    await asha.findPeople("Bela");
    await expect(asha.page.getByRole("checkbox", { name: "Bela", exact: true })).toBeVisible();
  },
  profile: async (asha, group) => {
    await asha.goTo(`${group}/details`);
    await asha.member("Bela").getByRole("link", { name: "Bela", exact: true }).click();
    await expect(asha.page.getByRole("heading", { name: "Bela", level: 2 })).toBeVisible();
  },
  settings: (asha) => asha.goTo("/settings"),
};

for (const colorScheme of ["light", "dark"] as const) {
  test(`every page passes axe in the ${colorScheme} theme`, async ({ people, watch }) => {
    test.slow();
    watch.allowRefusals();
    const stranger = await people.stranger({ colorScheme });
    for (const path of ["/login", "/register"]) {
      await stranger.goto(path);
      await expectAccessible(stranger);
    }
    await stranger.goto("/login");
    await stranger.getByLabel("E-mail", { exact: true }).fill("nobody@example.org");
    await stranger.getByLabel("Password", { exact: true }).fill("not-the-password");
    await stranger.getByRole("button", { name: "Sign in" }).click();
    await expect(stranger.getByRole("alert")).toBeVisible();
    await expectAccessible(stranger);

    await people.newcomer("Bela");
    const asha = await people.newcomer("Asha", { colorScheme });
    await expectAccessible(asha.page);
    await asha.createGroup("Gardeners", ["Bela"]);
    await asha.says("Good morning");
    const group = new URL(asha.page.url()).pathname;
    for (const [name, open] of Object.entries(PAGES)) {
      await test.step(name, async () => {
        await open(asha, group);
        await expectAccessible(asha.page);
      });
    }
    await asha.page.goto("/no-such-page");
    await expectAccessible(asha.page);
  });
}

test("nothing has to be scrolled sideways on the smallest screen", async ({ people }) => {
  const narrow = { viewport: { width: 320, height: 640 } };
  await people.newcomer("Bela");
  const asha = await people.newcomer("Asha", narrow);
  await asha.createGroup("Gardeners", ["Bela"]);
  await asha.says(`a-very-long-word-${"x".repeat(300)}`);
  const group = new URL(asha.page.url()).pathname;
  for (const [name, open] of Object.entries(PAGES)) {
    await test.step(name, async () => {
      await open(asha, group);
      await expect.poll(() => sidewaysOverflow(asha.page)).toBe(0);
    });
  }
});

async function sidewaysOverflow(page: Page): Promise<number> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return Math.max(0, scrollWidth - clientWidth);
  });
}

/** Presses Tab until the element has the focus. */
async function tabTo(person: Person, role: "button" | "link" | "searchbox" | "textbox", name: string | RegExp) {
  const target = person.page.getByRole(role, typeof name === "string" ? { name, exact: true } : { name }).first();
  await expect(target).toBeVisible();
  for (let presses = 0; presses < 60; presses += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await person.page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not lead to the ${role} ${String(name)}`);
}

test("somebody with a keyboard alone finds a person, talks and signs out", async ({ people }) => {
  const bela = await people.newcomer("Bela");
  const asha = await people.newcomer("Asha");
  const keyboard = asha.page.keyboard;

  await tabTo(asha, "link", "New chat");
  await keyboard.press("Enter");
  await tabTo(asha, "searchbox", "Find people");
  await keyboard.type("Bela");
  await keyboard.press("Enter");
  await tabTo(asha, "button", "Chat with Bela");
  await keyboard.press("Enter");
  await expect(asha.title).toHaveText("Bela");
  await tabTo(asha, "textbox", "Message");
  await keyboard.type("By keyboard");
  await keyboard.press("Enter");
  await bela.openChat("Asha");
  await bela.sees("By keyboard");
  await bela.says("I can tell");
  await asha.sees("I can tell");
  // News never take the focus away.
  await expect(asha.composer).toBeFocused();

  await tabTo(asha, "link", "Settings");
  await keyboard.press("Enter");
  await tabTo(asha, "button", "Sign out");
  await keyboard.press("Enter");
  await expect(asha.page.getByRole("heading", { name: "Sign in" })).toBeVisible();
});

test("the skip link leads past the list of chats, and the list is reached by keys again", async ({ people }) => {
  const bela = await people.newcomer("Bela");
  const asha = await people.newcomer("Asha");
  const keyboard = asha.page.keyboard;
  await asha.createGroup("Gardeners", ["Bela"]);
  await asha.openDirectChat("Bela");
  await asha.page.reload();
  await asha.live();

  await keyboard.press("Tab");
  await expect(asha.page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await keyboard.press("Enter");
  await expect(asha.page.getByRole("main")).toBeFocused();
  // Not by way of the chats.
  for (let presses = 0; presses < 8; presses += 1) {
    if (await asha.composer.evaluate((composer) => composer === document.activeElement)) break;
    await keyboard.press("Tab");
    await expect(asha.chats.locator(":focus")).toHaveCount(0);
  }
  await expect(asha.composer).toBeFocused();
  await keyboard.type("Straight to the point");
  await keyboard.press("Enter");
  await bela.openChat("Asha");
  await bela.sees("Straight to the point");

  await tabTo(asha, "link", /^Gardeners/);
  await keyboard.press("Enter");
  await expect(asha.title).toHaveText("Gardeners");
});

test("the arrow keys walk through the messages, and Escape leads back to the composer", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  for (const text of ["one", "two", "three"]) await asha.says(text);
  await asha.composer.press("Shift+Tab");
  for (let presses = 0; presses < 20; presses += 1) {
    if (await asha.feed.evaluate((feed) => feed.contains(document.activeElement))) break;
    await asha.page.keyboard.press("Shift+Tab");
  }
  await asha.page.keyboard.press("End");
  await expect(asha.message("three")).toBeFocused();
  await asha.page.keyboard.press("ArrowUp");
  await expect(asha.message("two")).toBeFocused();
  await asha.page.keyboard.press("ArrowDown");
  await expect(asha.message("three")).toBeFocused();
  await asha.page.keyboard.press("Escape");
  await expect(asha.composer).toBeFocused();
});
