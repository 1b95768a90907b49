// The whole journey in a browser that runs no scripts.

import { expect, test } from "../support/fixtures.ts";
import { chatIdOf, sendMessages } from "../support/api.ts";
import { newAccount } from "../support/people.ts";

const PLAIN = { javaScriptEnabled: false };

test("a newcomer registers, finds somebody, talks, makes a group and signs out", async ({ people }) => {
  const bela = await people.newcomer("Bela Nagy");
  const asha = await people.newcomer("Asha Rao", PLAIN);

  await asha.openDirectChat("Bela Nagy");
  await asha.composer.fill("Sent by a plain form");
  await asha.send.click();
  await asha.sees("Sent by a plain form");
  // The other end has scripts, and gets it at once.
  await bela.openChat("Asha Rao");
  await bela.says("I see it");
  await asha.page.reload();
  await asha.seesExactly(["Sent by a plain form", "I see it"]);

  await asha.createGroup("Plain people", ["Bela Nagy"]);
  await asha.composer.fill("A group without scripts");
  await asha.send.click();
  await asha.sees("A group without scripts");
  await bela.openChat("Plain people");
  await bela.sees("A group without scripts");

  await asha.signOut();
  await asha.page.goto("/");
  await expect(asha.page).toHaveURL(/\/login/);
});

test("a wrong password says so and keeps the e-mail", async ({ people, watch }) => {
  watch.allowRefusals();
  const asha = await people.newcomer("Asha", PLAIN);
  await asha.signOut();
  await asha.page.goto("/login");
  await asha.fillSignIn("not-the-password");
  await expect(asha.page.getByRole("alert")).toContainText("The e-mail or the password is wrong.");
  await expect(asha.page.getByLabel("E-mail", { exact: true })).toHaveValue(asha.account.email);
  // Neither address nor page carries the password.
  expect(asha.page.url()).not.toContain("not-the-password");
  await expect(asha.page.getByLabel("Password", { exact: true })).toHaveValue("");
  await asha.fillSignIn(asha.account.password);
  await asha.arrived();
});

test("a bad registration says what is wrong and keeps what was entered", async ({ people, watch }) => {
  watch.allowRefusals();
  const page = await people.stranger(PLAIN);
  const account = newAccount("Bela");
  await page.goto("/register");
  await page.getByLabel("Name", { exact: true }).fill(account.name);
  await page.getByLabel("E-mail", { exact: true }).fill(account.email);
  await page.getByLabel("Password", { exact: true }).fill("password1");
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByText("This password is too easy to guess.")).toBeVisible();
  await expect(page.getByLabel("E-mail", { exact: true })).toHaveValue(account.email);
});

test("a long history is read page by page", async ({ people }) => {
  test.slow();
  await people.newcomer("Bela");
  const asha = await people.newcomer("Asha", PLAIN);
  await asha.openDirectChat("Bela");
  const lines = Array.from({ length: 120 }, (_, index) => `line ${String(index + 1).padStart(3, "0")}`);
  await sendMessages(asha, chatIdOf(asha), lines);
  await asha.page.reload();
  await asha.sees("line 120");
  const seen = new Set<string>();
  const older = asha.page.getByRole("link", { name: "Load older messages" });
  const collect = async () => {
    for (const text of await asha.messages.allTextContents()) {
      const line = /line \d{3}/.exec(text)?.[0];
      if (line !== undefined) seen.add(line);
    }
  };
  await collect();
  while (await older.isVisible()) {
    const before = asha.page.url();
    await older.click();
    await expect(asha.page).not.toHaveURL(before);
    await expect(asha.messages.first()).toBeVisible();
    await collect();
  }
  expect([...seen].sort()).toEqual(lines);
});

test("Enter after the name of a new group loses neither the name nor who was chosen", async ({ people }) => {
  await people.newcomer("Bela");
  const asha = await people.newcomer("Asha", PLAIN);
  await asha.goTo("/new-group");
  await asha.findPeople("Bela");
  await asha.page.getByRole("checkbox", { name: "Bela", exact: true }).check();
  await asha.page.getByLabel("Group name").fill("Gardeners");
  await asha.page.getByLabel("Group name").press("Enter");
  await asha.page.waitForURL(/name=Gardeners/);
  await expect(asha.page.getByLabel("Group name")).toHaveValue("Gardeners");
  await expect(asha.page.getByRole("checkbox", { name: "Bela", exact: true })).toBeChecked();
  await asha.page.getByRole("button", { name: "Create group" }).click();
  await expect(asha.title).toHaveText("Gardeners");
});

test("the members of a big group are read page by page", async ({ people }) => {
  await people.newcomer("Bela");
  const asha = await people.newcomer("Asha", PLAIN);
  await asha.createGroup("Gardeners", ["Bela"]);
  await asha.openDetails();
  // A hundred come on a page; a page may begin at anybody's place.
  await asha.page.goto(`${asha.page.url()}?from=2`);
  await expect(asha.member("Bela")).toHaveCount(1);
  await expect(asha.member("Asha")).toHaveCount(0);
  await asha.page.getByRole("link", { name: "Show the first members" }).click();
  await expect(asha.member("Asha")).toHaveCount(1);
});

test("group details work: rename, add, promote, leave", async ({ people }) => {
  const bela = await people.newcomer("Bela");
  await people.newcomer("Chen");
  const asha = await people.newcomer("Asha", PLAIN);
  await asha.createGroup("Plain people", ["Bela"]);
  await asha.openDetails();
  await asha.page.getByLabel("Group name").fill("Plainer people");
  await asha.page.getByRole("button", { name: "Rename" }).click();
  await expect(bela.chat("Plainer people")).toBeVisible();
  await expect(asha.page.getByLabel("Group name")).toHaveValue("Plainer people");

  await asha.findPeople("Chen");
  await asha.page.getByRole("button", { name: /^Add\b/ }).first().click();
  await expect(asha.member("Chen")).toBeVisible();
  await asha.member("Bela").getByRole("button", { name: /^Make admin/ }).click();
  await expect(asha.member("Bela")).toContainText("Admin");
  await asha.page.getByRole("button", { name: "Leave group" }).click();
  await expect(asha.chat("Plainer people")).toHaveCount(0);
});
