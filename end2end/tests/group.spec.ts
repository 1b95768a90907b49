// A group and its admin: everything that is changed shows at both ends at once.

import { expect, test } from "../support/fixtures.ts";
import { call, chatIdOf } from "../support/api.ts";
import { newAccount } from "../support/people.ts";

/** More than come with a list of chats. */
const MANY = 24;

test("an admin creates, renames, fills and empties a group, and everybody sees it live", async ({ people }) => {
  const asha = await people.newcomer("Asha Rao");
  const bela = await people.newcomer("Bela Nagy");
  const chen = await people.newcomer("Chen Wei");

  await test.step("create", async () => {
    await asha.createGroup("Gardeners", ["Bela Nagy"]);
    await asha.says("Welcome");
    await bela.openChat("Gardeners");
    await bela.sees("Welcome");
    await expect(chen.chat("Gardeners")).toHaveCount(0);
  });

  await asha.openDetails();
  const belaStays = await bela.markPage();

  await test.step("rename", async () => {
    await asha.page.getByLabel("Group name").fill("Night gardeners");
    await asha.page.getByRole("button", { name: "Rename" }).click();
    await expect(bela.title).toHaveText("Night gardeners");
    await expect(bela.chat("Night gardeners")).toBeVisible();
    await expect(asha.chat("Night gardeners")).toBeVisible();
  });

  await test.step("add", async () => {
    await asha.findPeople("Chen");
    await asha.page.getByRole("button", { name: /^Add\b/ }).first().click();
    await expect(asha.member("Chen Wei")).toBeVisible();
    await chen.openChat("Night gardeners");
    await chen.sees("Welcome");
    await chen.says("Good evening");
    await bela.sees("Good evening");
  });

  await test.step("promote and demote", async () => {
    await expect(asha.member("Asha Rao")).toContainText("Admin");
    await asha.member("Bela Nagy").getByRole("button", { name: /^Make admin/ }).click();
    await expect(asha.member("Bela Nagy")).toContainText("Admin");
    await asha.member("Bela Nagy").getByRole("button", { name: /^Make member/ }).click();
    await expect(asha.member("Bela Nagy").getByRole("button", { name: /^Make admin/ })).toBeVisible();
  });

  await test.step("remove", async () => {
    await asha.pressForGood("Remove Chen Wei", async () => (await asha.member("Chen Wei").count()) === 0);
    await expect(chen.chat("Night gardeners")).toHaveCount(0);
    // Who was removed no longer hears what is said.
    await expect(chen.composer).toHaveCount(0);
    await bela.says("Only the two of us");
    await expect(chen.page.getByText("Only the two of us")).toHaveCount(0);
  });

  await test.step("add again", async () => {
    const chenStays = await chen.markPage();
    await asha.findPeople("Chen");
    await asha.page.getByRole("button", { name: "Add Chen Wei" }).click();
    await expect(asha.member("Chen Wei")).toBeVisible();
    // The chat comes back by itself, with what was said meanwhile, and goes on.
    await chen.openChat("Night gardeners");
    await chen.sees("Only the two of us");
    await bela.says("Chen is back");
    await chen.sees("Chen is back");
    await chen.says("So I am");
    await bela.sees("So I am");
    await chenStays();
  });

  await belaStays();
});

test("when the only admin leaves, somebody else becomes one and the group goes on", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.createGroup("Gardeners", ["Bela"]);
  await bela.openChat("Gardeners");
  await bela.openDetails();
  await expect(bela.page.getByRole("button", { name: "Delete group" })).toHaveCount(0);

  await asha.openDetails();
  await asha.pressForGood("Leave group", async () => !asha.page.url().includes("/details"));
  await expect(asha.chat("Gardeners")).toHaveCount(0);

  // Bela is told at once, and may now do what Asha could.
  await expect(bela.member("Asha")).toHaveCount(0);
  await expect(bela.member("Bela")).toContainText("Admin");
  await expect(bela.page.getByRole("button", { name: "Delete group" })).toBeVisible();
});

test("two admins: one makes the other a member again, who loses the admin's buttons at once", async ({
  people,
}) => {
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.createGroup("Gardeners", ["Bela"]);
  await bela.openChat("Gardeners");
  await bela.openDetails();
  await asha.openDetails();
  await asha.member("Bela").getByRole("button", { name: /^Make admin/ }).click();
  await expect(bela.page.getByRole("button", { name: "Rename" })).toBeVisible();
  await bela.member("Asha").getByRole("button", { name: /^Make member/ }).click();
  await expect(asha.page.getByRole("button", { name: "Rename" })).toHaveCount(0);
  await expect(asha.page.getByRole("button", { name: "Delete group" })).toHaveCount(0);
});

test("who was away finds themselves an admin, or out of the group, or in it again", async ({ people, line, watch }) => {
  watch.allowNetworkErrors();
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela", line.options);
  await asha.createGroup("Gardeners", ["Bela"]);
  await asha.says("Welcome");
  await asha.openDetails();
  await bela.openChat("Gardeners");
  await bela.openDetails();
  const stays = await bela.markPage();
  const whileAway = async (deed: () => Promise<void>) => {
    line.cut();
    await expect(bela.offlineBanner).toBeVisible();
    await deed();
    await line.restoreAndTell(bela.page);
  };

  await test.step("an admin", async () => {
    await whileAway(async () => {
      await asha.member("Bela").getByRole("button", { name: /^Make admin/ }).click();
      await expect(asha.member("Bela")).toContainText("Admin");
    });
    await expect(bela.page.getByRole("button", { name: "Rename" })).toBeVisible();
    await expect(bela.page.getByRole("button", { name: "Remove Asha" })).toBeVisible();
  });

  await test.step("out of it", async () => {
    await bela.openChat("Gardeners");
    await bela.sees("Welcome");
    await whileAway(async () => {
      await asha.pressForGood("Remove Bela", async () => (await asha.member("Bela").count()) === 0);
    });
    await expect(bela.chat("Gardeners")).toHaveCount(0);
    await expect(bela.page.getByText("You are not in this chat any more")).toBeVisible();
    await expect(bela.composer).toHaveCount(0);
  });

  await test.step("in it again", async () => {
    await whileAway(async () => {
      await asha.findPeople("Bela");
      await asha.page.getByRole("button", { name: "Add Bela" }).click();
      await expect(asha.member("Bela")).toBeVisible();
    });
    await expect(bela.chat("Gardeners")).toBeVisible();
    await bela.sees("Welcome");
    await bela.says("Here I am again");
    await asha.openChat("Gardeners");
    await asha.sees("Here I am again");
  });

  await stays();
});

test("a member who is no admin sees the details but not the admin's buttons", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.createGroup("Gardeners", ["Bela"]);
  await bela.openChat("Gardeners");
  await bela.openDetails();
  await expect(bela.member("Asha")).toContainText("Admin");
  for (const name of ["Rename", "Delete group", "Remove Asha"]) {
    await expect(bela.page.getByRole("button", { name, exact: true })).toHaveCount(0);
  }
  await expect(bela.page.getByRole("button", { name: "Leave group" })).toBeVisible();
});

test("a deleted group is gone for everybody at once", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.createGroup("Gardeners", ["Bela"]);
  await bela.openChat("Gardeners");
  await asha.openDetails();
  await asha.pressForGood("Delete group", async () => !asha.page.url().includes("/details"));
  await expect(asha.chat("Gardeners")).toHaveCount(0);
  await expect(bela.chat("Gardeners")).toHaveCount(0);
  await expect(bela.composer).toHaveCount(0);
});

test("who is added again while reading a big group's details sees all its members again", async ({ people }) => {
  test.slow();
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  const stranger = await people.stranger();
  await stranger.goto("/register");
  const others: Record<string, string> = {};
  for (let index = 0; index < MANY; index += 1) {
    const { name, email, password } = newAccount(`Person ${index}`);
    const form = { display_name: name, email, password };
    others[`user_ids[${index}]`] = (await call<{ id: string }>(stranger, "register", form)).id;
  }
  await asha.createGroup("Crowd", ["Bela"]);
  const chatId = chatIdOf(asha);
  await call(asha.page, "add_members", { chat_id: chatId, ...others });
  await bela.goTo(`/c/${chatId}/details`);
  const rows = bela.page.getByRole("region", { name: "Members" }).getByRole("listitem");
  await expect(rows).toHaveCount(MANY + 2);

  await asha.openDetails();
  await asha.page.getByRole("button", { name: "Remove Bela" }).click();
  await expect(rows).toHaveCount(0);
  await asha.findPeople("Bela");
  await asha.page.getByRole("button", { name: "Add Bela" }).click();
  await expect(rows).toHaveCount(MANY + 2);
});
