// The pictures that stand for people and groups: chosen by one, seen by everybody, and gone again.

import type { Locator } from "@playwright/test";

import { chatIdOf } from "../support/api.ts";
import { expectAccessible } from "../support/axe.ts";
import { picture, text } from "../support/files.ts";
import { expect, test } from "../support/fixtures.ts";
import type { Person } from "../support/people.ts";

const PLAIN = { javaScriptEnabled: false };
const BLUE = picture("blue.png", 320, 200);
const RED = picture("red.png", 200, 320, [0xc8, 0x1e, 0x1e]);

/** The card in which a picture is chosen. */
const card = (person: Person) => person.page.getByRole("region", { name: "Picture", exact: true });
const field = (person: Person) => card(person).getByLabel("Choose a picture");
/** The picture that stands for somebody somewhere. */
const shown = (where: Locator) => where.locator(".avatar__picture");
const head = (person: Person) => person.page.locator(".chat__header");

/** The address of a picture, once the browser has all of it: a square. */
async function drawn(image: Locator): Promise<string> {
  await expect(image).toHaveAttribute("src", /^\/avatars\/[0-9a-f]{24}$/);
  const width = () => image.evaluate((element: HTMLImageElement) => (element.complete ? element.naturalWidth : 0));
  await expect.poll(width).toBe(256);
  return (await image.getAttribute("src")) ?? "";
}

async function choose(person: Person, file: typeof BLUE, button: string): Promise<void> {
  await field(person).setInputFiles(file);
  // It is seen before it is sent.
  await expect(shown(card(person))).toHaveAttribute("src", /^blob:/);
  await card(person).getByRole("button", { name: button }).click();
}

test("a person's picture is seen by whoever shares a chat with them, on every device, until it is gone", async ({
  people,
}) => {
  const asha = await people.newcomer("Asha");
  const mirela = await people.newcomer("Mirela");
  await asha.createGroup("Gardeners", ["Mirela"]);
  const group = chatIdOf(asha);
  await asha.says("Welcome");
  await asha.openDirectChat("Mirela");
  await asha.says("Hello");
  await mirela.openChat("Gardeners");
  await mirela.sees("Welcome");
  const stays = await mirela.markPage();
  const other = await people.again(asha);
  await other.goTo("/settings");
  await expect(shown(card(other))).toHaveCount(0);

  await asha.goTo("/settings");
  await choose(asha, BLUE, "Save picture");
  const first = await drawn(shown(card(asha)));
  await expect(field(asha)).toHaveValue("");
  const author = shown(mirela.message("Welcome"));
  for (const image of [shown(mirela.chat("Asha")), author, shown(card(other))]) {
    expect(await drawn(image)).toBe(first);
  }

  await choose(asha, RED, "Replace picture");
  await expect(shown(card(asha))).not.toHaveAttribute("src", first);
  await expect.poll(async () => drawn(shown(card(asha)))).not.toBe(first);
  const second = await drawn(shown(card(asha)));
  await expect(author).toHaveAttribute("src", second);
  await mirela.openChat("Asha");
  expect(await drawn(shown(head(mirela)))).toBe(second);
  // The server renders the same.
  await other.goTo(`/c/${group}/details`);
  expect(await drawn(shown(other.member("Asha")))).toBe(second);

  await card(asha).getByRole("button", { name: "Remove picture" }).click();
  await expect(shown(card(asha))).toHaveCount(0);
  await expect(card(asha).locator(".avatar")).toHaveText("A");
  await expect(shown(head(mirela))).toHaveCount(0);
  await expect(shown(mirela.chat("Asha"))).toHaveCount(0);
  await expect(shown(other.member("Asha"))).toHaveCount(0);
  await expect(card(asha).getByRole("button", { name: "Remove picture" })).toHaveCount(0);
  await stays();
});

test("an admin chooses a group's picture, and who was away catches up with it", async ({ people, line, watch }) => {
  watch.allowNetworkErrors();
  const asha = await people.newcomer("Asha");
  const mirela = await people.newcomer("Mirela");
  const rolf = await people.newcomer("Rolf", line.options);
  await asha.createGroup("Gardeners", ["Mirela", "Rolf"]);
  for (const member of [mirela, rolf]) await member.openChat("Gardeners");
  const stays = await rolf.markPage();
  line.cut();
  await expect(rolf.offlineBanner).toBeVisible();

  await asha.openDetails();
  await choose(asha, BLUE, "Save picture");
  const first = await drawn(shown(card(asha)));
  for (const where of [head(mirela), mirela.chat("Gardeners"), asha.chat("Gardeners")]) {
    expect(await drawn(shown(where))).toBe(first);
  }
  await expect(mirela.page.getByText(/Asha.? changed the group.s picture/)).toBeVisible();
  await expect(shown(head(rolf))).toHaveCount(0);

  line.restore();
  await expect(rolf.offlineBanner).toHaveCount(0);
  expect(await drawn(shown(head(rolf)))).toBe(first);
  await expect(rolf.page.getByText(/Asha.? changed the group.s picture/)).toBeVisible();
  await stays();

  await card(asha).getByRole("button", { name: "Remove picture" }).click();
  await expect(shown(head(rolf))).toHaveCount(0);
  await expect(rolf.page.getByText(/Asha.? took the group.s picture away/)).toBeVisible();
  // Who is no admin is not offered it.
  await mirela.openDetails();
  await expect(card(mirela)).toHaveCount(0);
});

test("that no picture was chosen is said beside the field, and one can be chosen then", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  await asha.goTo("/settings");
  await card(asha).getByRole("button", { name: "Save picture" }).click();
  await expect(card(asha).getByText("This must not be empty.")).toBeVisible();
  await expect(field(asha)).toHaveAttribute("aria-invalid", "true");
  await expect(field(asha)).toHaveAccessibleDescription(/This must not be empty.*PNG, JPEG/);
  await expectAccessible(asha.page);
  await choose(asha, BLUE, "Save picture");
  await expect(card(asha).getByText("This must not be empty.")).toHaveCount(0);
  await drawn(shown(card(asha)));
});

test("pictures are chosen and taken away without scripts", async ({ people, watch }) => {
  watch.allowRefusals();
  const asha = await people.newcomer("Asha", PLAIN);
  await asha.page.goto("/settings");
  await field(asha).setInputFiles(text("notes.txt", "only words"));
  await card(asha).getByRole("button", { name: "Save picture" }).click();
  await expect(card(asha).getByText("This is no picture that can be shown.")).toBeVisible();
  await field(asha).setInputFiles(BLUE);
  await card(asha).getByRole("button", { name: "Save picture" }).click();
  await expect(asha.page).toHaveURL(/\/settings$/);
  await expect(shown(card(asha))).toHaveCount(1);
  await card(asha).getByRole("button", { name: "Remove picture" }).click();
  await expect(shown(card(asha))).toHaveCount(0);

  await asha.createGroup("Plain people", []);
  await asha.openDetails();
  await field(asha).setInputFiles(RED);
  await card(asha).getByRole("button", { name: "Save picture" }).click();
  await expect(asha.page).toHaveURL(/\/details$/);
  await expect(shown(card(asha))).toHaveCount(1);
});

test("the card is accessible in light and dark, and fits a narrow screen", async ({ people }) => {
  const asha = await people.newcomer("Asha", { viewport: { width: 360, height: 740 } });
  await asha.createGroup("Gardeners", []);
  const details = `/c/${chatIdOf(asha)}/details`;
  for (const path of ["/settings", details]) {
    await asha.goTo(path);
    await choose(asha, BLUE, "Save picture");
    await drawn(shown(card(asha)));
    for (const colorScheme of ["light", "dark"] as const) {
      await asha.page.emulateMedia({ colorScheme });
      await expectAccessible(asha.page);
    }
    const wide = await asha.page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide, `${path} is not wider than the screen`).toBeLessThanOrEqual(360);
  }
  // By keyboard alone.
  await card(asha).getByRole("button", { name: "Remove picture" }).focus();
  await asha.page.keyboard.press("Enter");
  await expect(shown(card(asha))).toHaveCount(0);
  await expect(field(asha)).toBeFocused();
});
