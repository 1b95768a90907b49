// Groups and the people in them: what a group says of itself, finding members, and joining by a link.

import { chatIdOf, sendMessages } from "../support/api.ts";
import { expect, test } from "../support/fixtures.ts";

const PLAIN = { javaScriptEnabled: false };

test("a group says what it is about, and everybody sees it at once", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.createGroup("Gardeners", ["Bela"]);
  await bela.openChat("Gardeners");
  await asha.openDetails();
  await asha.page.getByLabel("What this group is about").fill("For all who dig\nand <b>weed</b>");
  await asha.page.getByRole("button", { name: "Save description" }).click();
  await expect(bela.page.getByText("2 members · For all who dig")).toBeVisible();
  await bela.openDetails();
  await expect(bela.page.getByText("and <b>weed</b>")).toBeVisible();
  await expect(bela.page.getByLabel("What this group is about")).toHaveCount(0);
});

test("a member is found as one types", async ({ people }) => {
  const asha = await people.newcomer("Asha Rao");
  await people.newcomer("Bela Nagy");
  await people.newcomer("Chen Wei");
  await asha.createGroup("Gardeners", ["Bela Nagy", "Chen Wei"]);
  await asha.openDetails();
  const rows = asha.page.getByRole("region", { name: "Members" }).getByRole("listitem");
  await expect(rows).toHaveCount(3);
  const box = asha.page.getByRole("searchbox", { name: "Find a member" });
  await box.fill("nag");
  await expect(rows).toHaveCount(1);
  await expect(asha.member("Bela Nagy")).toBeVisible();
  await asha.member("Bela Nagy").getByRole("button", { name: /^Make admin/ }).click();
  await expect(asha.member("Bela Nagy")).toContainText("Admin");
  await box.fill("nobody");
  await expect(asha.page.getByText("No member found.")).toBeVisible();
  await box.fill("");
  await expect(rows).toHaveCount(3);
});

test("somebody joins by a link, which is taken back then", async ({ people, watch }) => {
  watch.allowRefusals();
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.createGroup("Gardeners", []);
  await asha.says("Welcome");
  await asha.openDetails();
  await asha.page.getByRole("button", { name: "Make a link" }).click();
  const link = await asha.page.getByLabel("Your new link").inputValue();

  await bela.page.goto(link);
  await expect(bela.page.getByRole("heading", { name: "Gardeners" })).toBeVisible();
  await expect(bela.page.getByText("1 member", { exact: true })).toBeVisible();
  await expect(bela.chat("Gardeners")).toHaveCount(0);
  await bela.page.getByRole("button", { name: "Join the group" }).click();
  await expect(bela.title).toHaveText("Gardeners");
  await bela.sees("Welcome");
  await bela.says("Here I am");
  await expect(asha.member("Bela")).toBeVisible();

  await bela.page.goto(link);
  await bela.page.getByRole("link", { name: "Open the chat" }).click();
  await bela.sees("Here I am");

  await asha.page.getByRole("button", { name: "Take back" }).click();
  await expect(asha.page.getByRole("button", { name: "Take back" })).toHaveCount(0);
  const chen = await people.newcomer("Chen");
  await chen.page.goto(link);
  await expect(chen.page.getByText("This invitation is not good any more, or never was.")).toBeVisible();
});

test("a link for one person lets one in and no more, and says until when it is good", async ({ people, watch }) => {
  watch.allowRefusals();
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  const chen = await people.newcomer("Chen");
  await asha.createGroup("Gardeners", []);
  await asha.says("Welcome");
  await asha.openDetails();
  await asha.page.getByLabel("Good for", { exact: true }).selectOption({ label: "1 day" });
  await asha.page.getByLabel("For", { exact: true }).selectOption({ label: "1 person" });
  const tomorrow = new Date(Date.now() + 24 * 60 * 60 * 1000);
  await asha.page.getByRole("button", { name: "Make a link" }).click();
  const link = await asha.page.getByLabel("Your new link").inputValue();
  const row = asha.page.getByRole("region", { name: "Invitation links" }).getByRole("listitem");
  await expect(row).toContainText("0 of 1 joined by it");
  const day = tomorrow.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
  await expect(row).toContainText(`until ${day},`);

  await asha.page.getByRole("link", { name: "Back to the chat" }).click();
  await asha.sees("Welcome");
  await bela.page.goto(link);
  await bela.page.getByRole("button", { name: "Join the group" }).click();
  await expect(bela.title).toHaveText("Gardeners");
  await bela.sees("Welcome");
  await expect(asha.feed.locator(".happened")).toHaveText([/^.?Bela.? joined$/]);

  await chen.page.goto(link);
  await expect(chen.page.getByText("This invitation is not good any more, or never was.")).toBeVisible();
  await expect(chen.page.getByRole("button", { name: "Join the group" })).toHaveCount(0);
});

test("without scripts a link is made, shown once and followed", async ({ people }) => {
  const asha = await people.newcomer("Asha", PLAIN);
  const bela = await people.newcomer("Bela", PLAIN);
  await asha.createGroup("Gardeners", []);
  await asha.openDetails();
  await asha.page.getByRole("button", { name: "Make a link" }).click();
  const link = await asha.page.getByLabel("Your new link").inputValue();
  // It names the server as it was told it is reached, which need not be as this test reaches it.
  await bela.page.goto(new URL(link).pathname);
  await bela.page.getByRole("button", { name: "Join the group" }).click();
  await expect(bela.title).toHaveText("Gardeners");
  await asha.page.goto(`${bela.page.url()}/details`);
  await expect(asha.member("Bela")).toBeVisible();
});

test("what happens to a group stands between its messages, at once and after a reload", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await people.newcomer("Chen");
  await asha.createGroup("Gardeners", ["Bela"]);
  await asha.says("Welcome");
  await bela.openChat("Gardeners");
  await asha.openDetails();
  await asha.page.getByLabel("Group name").fill("Diggers");
  await asha.page.getByRole("button", { name: "Rename" }).click();
  await asha.findPeople("Chen");
  await asha.page.getByRole("button", { name: "Add Chen" }).click();
  const lines = bela.feed.locator(".happened");
  const expected = [/^.?Asha.? renamed the group to “.?Diggers.?”$/, /^.?Asha.? added .?Chen.?$/];
  await expect(lines).toHaveText(expected);
  await bela.says("I saw it");
  await bela.page.reload();
  await expect(lines).toHaveText(expected);
  await bela.seesExactly(["Welcome", "I saw it"]);
  await asha.pressForGood("Remove Chen", async () => (await asha.member("Chen").count()) === 0);
  await expect(lines).toHaveText([...expected, /^.?Asha.? removed .?Chen.?$/]);
  await bela.page.reload();
  await expect(lines, "who is gone is still named").toHaveText([...expected, /^.?Asha.? removed .?Chen.?$/]);
});

test("what happened while one was away is there when one is back", async ({ people, line: wire, watch }) => {
  watch.allowNetworkErrors();
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela", wire.options);
  await asha.createGroup("Gardeners", ["Bela"]);
  await asha.says("Welcome");
  await bela.openChat("Gardeners");
  await bela.sees("Welcome");
  wire.cut();
  await expect(bela.offlineBanner).toBeVisible();
  await asha.openDetails();
  await asha.page.getByLabel("What this group is about").fill("For all who dig");
  await asha.page.getByRole("button", { name: "Save description" }).click();
  await expect(asha.page.getByText("The description is saved.")).toBeVisible();
  await asha.page.getByLabel("Group name").fill("Diggers");
  await asha.page.getByRole("button", { name: "Rename" }).click();
  await expect(asha.chat("Diggers")).toBeVisible();
  wire.restore();
  await expect(bela.title).toHaveText("Diggers");
  await expect(bela.page.getByText("2 members · For all who dig")).toBeVisible();
  await expect(bela.feed.locator(".happened")).toHaveText([
    /changed the description$/,
    /renamed the group to “.?Diggers.?”$/,
  ]);
  await bela.seesExactly(["Welcome"]);
});

test("a day is gone to that is far back, with scripts and without", async ({ people }) => {
  test.slow();
  const asha = await people.newcomer("Asha");
  await asha.createGroup("Gardeners", []);
  const lines = Array.from({ length: 149 }, (_, index) => `line ${String(index + 2).padStart(3, "0")}`);
  await sendMessages(asha, chatIdOf(asha), ["The first message", ...lines]);
  const plain = await people.again(asha, PLAIN);
  const address = asha.page.url();
  for (const person of [asha, plain]) {
    await person.page.goto(address);
    await person.live();
    await expect(person.message("line 150")).toBeVisible();
    await expect(person.message("The first message")).toHaveCount(0);
    await person.page.getByTitle("Go to a day").click();
    const today = new Date().toISOString().slice(0, 10);
    await person.page.getByLabel("Go to a day", { exact: true }).last().fill(today);
    await person.page.getByRole("button", { name: "Go", exact: true }).click();
    await person.sees("The first message");
    await expect(person.message("The first message")).toBeInViewport();
  }
  await expect(asha.message("The first message")).toBeFocused();
  await expect(plain.page).toHaveURL(/\/c\/[0-9a-f]{24}\/\d+#m\d+$/);
  await expect(plain.message("The first message")).toHaveAttribute("data-marked", "true");
});
