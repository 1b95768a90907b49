// Registering, signing in and out, the profile and one's sessions.

import { expect, test } from "../support/fixtures.ts";
import { Person, newAccount } from "../support/people.ts";

test("an address that leads nowhere spoils no page that is opened from there", async ({ people, watch }) => {
  watch.allowRefusals();
  const asha = await people.newcomer("Asha");
  await asha.goTo("/c/nonsense/details");
  await expect(asha.page.getByRole("alert")).toContainText("Nothing here");
  const stays = await asha.markPage();
  await asha.page.getByRole("link", { name: "Settings" }).click();
  await expect(asha.page.getByText("This session", { exact: true })).toBeVisible();
  await stays();
});

test("a newcomer registers, signs out and signs in again", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  await asha.signOut();
  await asha.page.goto("/");
  await expect(asha.page).toHaveURL(/\/login/);
  await asha.signIn();
});

test("the sign-in page leads to registration", async ({ people }) => {
  const page = await people.stranger();
  await page.goto("/login");
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await page.getByRole("link", { name: "Create an account" }).click();
  await expect(page.getByRole("button", { name: "Create account" })).toBeVisible();
});

test("a wrong password is refused in words and keeps the e-mail", async ({ people, watch }) => {
  watch.allowRefusals();
  const asha = await people.newcomer("Asha");
  await asha.signOut();
  await asha.page.goto("/login");
  await asha.fillSignIn("not-the-password");
  await expect(asha.page.getByRole("alert")).toContainText("The e-mail or the password is wrong.");
  await expect(asha.page.getByLabel("E-mail", { exact: true })).toHaveValue(asha.account.email);
  await asha.fillSignIn(asha.account.password);
  await asha.arrived();
});

test("a password that is easy to guess is refused beside its field", async ({ people, watch }) => {
  watch.allowRefusals();
  const page = await people.stranger();
  const account = newAccount("Bela");
  await page.goto("/register");
  await page.getByLabel("Name", { exact: true }).fill(account.name);
  await page.getByLabel("E-mail", { exact: true }).fill(account.email);
  await page.getByLabel("Password", { exact: true }).fill("password1");
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByRole("alert").first()).toBeVisible();
  await expect(page.getByText("This password is too easy to guess.")).toBeVisible();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Bela");
});

test("the demo accounts find each other in their group", async ({ people }) => {
  const member = await people.demo(0);
  const admin = await people.demo(4);
  await member.openChat("Test Group");
  await admin.openChat("Test Group");
  await member.says("Hello from the first account");
  await admin.sees("Hello from the first account");
});

test("a profile is changed and stays changed", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  await asha.goTo("/settings");
  await asha.page.getByLabel("Name", { exact: true }).fill("Asha Rao");
  await asha.page.getByLabel("About").fill("Gardens, mostly.");
  await asha.page.getByRole("button", { name: "Save profile" }).click();
  await expect(asha.page.getByRole("status").filter({ hasText: /saved/i })).toBeVisible();
  await asha.page.reload();
  await expect(asha.page.getByLabel("Name", { exact: true })).toHaveValue("Asha Rao");
  await expect(asha.page.getByLabel("About")).toHaveValue("Gardens, mostly.");
});

test("a password is changed: the old one ends, the new one works", async ({ people, watch }) => {
  watch.allowRefusals();
  const asha = await people.newcomer("Asha");
  await asha.goTo("/settings");
  const change = async (current: string, next: string) => {
    await asha.page.getByLabel("Current password").fill(current);
    await asha.page.getByLabel("New password").fill(next);
    await asha.page.getByRole("button", { name: "Change password" }).click();
  };
  await change("not-the-password", "another-fine-staple");
  await expect(asha.page.getByText("This is not your current password.")).toBeVisible();
  await change(asha.account.password, "another-fine-staple");
  await expect(asha.page.getByRole("status").filter({ hasText: /changed/i })).toBeVisible();

  await asha.signOut();
  await asha.page.goto("/login");
  await asha.fillSignIn(asha.account.password);
  await expect(asha.page.getByRole("alert")).toBeVisible();
  await asha.fillSignIn("another-fine-staple");
  await asha.arrived();
});

test("a session that is ended from another device goes to the sign-in page by itself", async ({
  people,
  watch,
}) => {
  watch.allowRefusals();
  watch.allowNetworkErrors();
  const here = await people.newcomer("Asha");
  const there: Person = await people.again(here);
  await here.goTo("/settings");
  const sessions = here.page.getByRole("listitem").filter({
    has: here.page.getByRole("button", { name: "End session" }),
  });
  const other = sessions.filter({ hasNotText: /this (device|session|browser)|current/i });
  await expect(other).toHaveCount(1);
  await other.getByRole("button", { name: "End session" }).click();
  await expect(there.page).toHaveURL(/\/login/);
  await expect(there.page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await expect(other).toHaveCount(0);
  // The one that ended it goes on.
  await here.page.goto("/");
  await here.arrived();
});
