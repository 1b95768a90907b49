// Being told of messages while no page is open.

import { call, chatIdOf, sendMessages } from "../support/api.ts";
import { wholeBrowser } from "../support/browser.ts";
import { test as base, expect } from "../support/fixtures.ts";
import type { Person } from "../support/people.ts";
import { PushDesk, deliver, notifications, press, serviceWorker } from "../support/push.ts";

const test = base.extend<{ desk: PushDesk }>({
  desk: async ({}, use) => {
    const desk = await PushDesk.open();
    await use(desk);
    await desk.close();
  },
  settings: async ({ desk }, use) => use({ SAMVAD_PUSH_SERVICES: desk.origin }),
});

test.use(wholeBrowser());

function card(person: Person) {
  return person.page.getByRole("region", { name: "Notifications when Samvad is closed" });
}

const ON = "This browser is told of new messages while no page of Samvad is open anywhere";
const OFF = "This browser is not told of new messages";

async function turnOn(person: Person): Promise<void> {
  await person.goTo("/settings");
  await card(person).getByRole("button", { name: "Turn on" }).click();
  await expect(card(person)).toContainText(ON);
}

test("who has closed every page is told of a message, and is led to it", async ({ people, desk }) => {
  const asha = await people.newcomer("Anju", { permissions: ["notifications"] });
  await desk.serve(asha.page.context());
  const bela = await people.newcomer("Bela");
  await turnOn(asha);
  // It is on after a reload as well.
  await asha.goTo("/settings");
  await expect(card(asha)).toContainText(ON);
  const origin = new URL(asha.page.url()).origin;
  const worker = await serviceWorker(asha.page.context());

  await asha.page.goto("about:blank");
  await bela.openDirectChat("Anju");
  await sendMessages(bela, chatIdOf(bela), ["Are you **there**?"]);
  await deliver(asha.page, origin, await desk.wait(1));
  const chat = chatIdOf(bela);
  const shown = { title: "Bela", body: "Are you there?", url: `/c/${chat}/1#m1` };
  await expect.poll(() => notifications(worker)).toEqual([shown]);
  // The next one takes its place.
  await bela.says("Hello?");
  await deliver(asha.page, origin, await desk.wait(2));
  await expect.poll(() => notifications(worker)).toEqual([{ ...shown, body: "Hello?", url: `/c/${chat}/2#m2` }]);

  await asha.goTo("/new");
  await press(worker);
  await expect(asha.page).toHaveURL(`${origin}/c/${chat}/2#m2`);
  await asha.sees("Hello?");
  await expect.poll(() => notifications(worker)).toEqual([]);

  await test.step("of a group of which she wants mentions only, she is told nothing else", async () => {
    await bela.createGroup("Gardeners", ["Anju"]);
    const group = chatIdOf(bela);
    await call(asha.page, "notify_mentions", { chat_id: group, on: "true" });
    await asha.page.goto("about:blank");
    await bela.goTo(`/c/${chat}`);
    await expect(bela.page.getByRole("main").locator(".chat__heading")).toContainText("Last seen", { timeout: 20_000 });
    const told = async (many: number) => JSON.parse(await desk.wait(many)) as { title: string; body: string };
    await sendMessages(bela, group, ["plain", "@Anju, look", "plain again"]);
    expect(await told(3)).toMatchObject({ title: "Bela in Gardeners", body: "@Anju, look" });
    // What comes later is told later: nothing was told in between.
    await sendMessages(bela, group, ["plain still", "@all, look"]);
    expect(await told(4)).toMatchObject({ title: "Bela in Gardeners", body: "@all, look" });
  });
});

test("it is turned off, and off after signing out", async ({ people, desk }) => {
  const asha = await people.newcomer("Asha", { permissions: ["notifications"] });
  await desk.serve(asha.page.context());
  await turnOn(asha);
  await card(asha).getByRole("button", { name: "Turn off" }).click();
  await expect(card(asha)).toContainText(OFF);
  await turnOn(asha);
  await asha.signOut();
  await asha.signIn();
  await asha.goTo("/settings");
  await expect(card(asha)).toContainText(OFF);
});

test("a browser that does not allow it says so", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  await asha.page.addInitScript(() => Object.defineProperty(Notification, "permission", { get: () => "denied" }));
  await asha.goTo("/settings");
  await expect(card(asha)).toContainText("does not let Samvad show notifications");
  await expect(card(asha).getByRole("button")).toBeHidden();
});

test("without JavaScript the settings say that it is needed", async ({ people }) => {
  const asha = await people.newcomer("Asha", { javaScriptEnabled: false });
  await asha.goTo("/settings");
  await expect(card(asha)).toContainText("This needs JavaScript.");
});
