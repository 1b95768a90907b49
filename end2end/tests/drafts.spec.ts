// What one is writing, on all of one's devices: it is seen there, goes with the message that is made of it, and nobody's
// text is ever taken away.

import { call, chatIdOf } from "../support/api.ts";
import { expectAccessible } from "../support/axe.ts";
import { expect, test } from "../support/fixtures.ts";
import type { People } from "../support/fixtures.ts";
import type { Person } from "../support/people.ts";

/** Somebody with two devices and a direct chat with Rolf. */
async function twoDevices(people: People): Promise<{ desk: Person; phone: Person; rolf: Person; chat: string }> {
  const desk = await people.newcomer("Asha");
  const rolf = await people.newcomer("Rolf");
  await desk.openDirectChat("Rolf");
  const chat = chatIdOf(desk);
  await desk.says("Hello");
  const phone = await people.again(desk);
  return { desk, phone, rolf, chat };
}

const row = (person: Person) => person.chat("Rolf");

/** Types as somebody does, behind what stands there. */
async function type(person: Person, text: string): Promise<void> {
  await person.composer.focus();
  await person.page.keyboard.press("End");
  await person.page.keyboard.type(text);
}

/** Waits until the server keeps exactly this. */
async function keeps(person: Person, chat: string, text: string): Promise<void> {
  const kept = async () => {
    const { draft } = await call<{ draft?: { body: string } }>(person.page, "get_chat", { chat_id: chat });
    return draft?.body ?? "";
  };
  await expect.poll(kept).toBe(text);
}

test("what is typed on one device is seen on the other, sent there, and gone here", async ({ people }) => {
  const { desk, phone, rolf, chat } = await twoDevices(people);
  await type(desk, "half a thought");
  // In the list, and on the device that writes it.
  await expect(row(phone)).toContainText("Draft: half a thought");
  await expect(row(desk)).toContainText("Draft: half a thought");
  await expectAccessible(phone.page);
  await phone.openChat("Rolf");
  await expect(phone.composer).toHaveValue("half a thought");
  // While it is open.
  await type(desk, ", and more");
  await expect(phone.composer).toHaveValue("half a thought, and more");
  await type(phone, " of it");
  await expect(desk.composer).toHaveValue("half a thought, and more of it");
  await keeps(desk, chat, "half a thought, and more of it");

  await phone.composer.press("Enter");
  await phone.sees("half a thought, and more of it");
  await desk.sees("half a thought, and more of it");
  await expect(phone.composer).toHaveValue("");
  await expect(desk.composer).toHaveValue("");
  for (const device of [desk, phone]) {
    await expect(row(device)).not.toContainText("Draft:");
    await expect(row(device)).toContainText("You: half a thought, and more of it");
  }
  await keeps(desk, chat, "");
  // The other one has seen the message and nothing before.
  await rolf.goTo(`/c/${chat}`);
  await rolf.seesExactly(["Hello", "half a thought, and more of it"]);
});

test("what is sent right after the last key leaves no draft on any device", async ({ people }) => {
  const { desk, phone, chat } = await twoDevices(people);
  await phone.openChat("Rolf");
  await type(desk, "begun");
  await expect(phone.composer).toHaveValue("begun");
  await type(desk, " and done");
  await desk.composer.press("Enter");
  await phone.sees("begun and done");
  await expect(phone.composer).toHaveValue("");
  await keeps(desk, chat, "");
  await expect(row(phone)).not.toContainText("Draft:");
  // What is taken away is taken away everywhere.
  await type(desk, "never mind");
  await expect(phone.composer).toHaveValue("never mind");
  await desk.composer.fill("");
  await expect(phone.composer).toHaveValue("");
  await keeps(desk, chat, "");
  // What cannot be seen is nothing for the others, and stays where it was typed.
  await type(desk, "or rather");
  await expect(phone.composer).toHaveValue("or rather");
  await desk.composer.fill("  ");
  await expect(phone.composer).toHaveValue("");
  await keeps(desk, chat, "");
  await type(desk, "indented");
  await expect(desk.composer).toHaveValue("  indented");
});

test("where both write at once, nobody's text is taken away", async ({ people, line, watch }) => {
  watch.allowNetworkErrors();
  const desk = await people.newcomer("Asha");
  await people.newcomer("Rolf");
  await desk.openDirectChat("Rolf");
  const chat = chatIdOf(desk);
  const phone = await people.again(desk, line.options);
  await phone.openChat("Rolf");
  // Neither has heard of the other.
  line.cut();
  await expect(phone.offlineBanner).toBeVisible();
  await type(phone, "from the phone");
  await type(desk, "from the desk");
  await keeps(desk, chat, "from the desk");
  line.restore();
  await expect(phone.offlineBanner).toBeHidden();
  // The last save is what is kept, and each goes on with its own.
  await keeps(desk, chat, "from the phone");
  await expect(phone.composer).toHaveValue("from the phone");
  await expect(desk.composer).toHaveValue("from the desk");
  await type(desk, " again");
  await keeps(desk, chat, "from the desk again");
  await expect(phone.composer).toHaveValue("from the phone");
  // Whoever is done shows what the other one has.
  await desk.composer.press("Enter");
  await phone.sees("from the desk again");
  await expect(phone.composer).toHaveValue("from the phone");
  await keeps(desk, chat, "from the phone");
  await expect(desk.composer).toHaveValue("from the phone");
});

test("what is typed while offline is saved after the reconnect, and what was missed is there", async ({
  people,
  line,
  watch,
}) => {
  watch.allowNetworkErrors();
  const desk = await people.newcomer("Asha");
  await people.newcomer("Rolf");
  await people.newcomer("Mirela");
  await desk.openDirectChat("Mirela");
  const other = chatIdOf(desk);
  await desk.openDirectChat("Rolf");
  const phone = await people.again(desk, line.options);
  await phone.openChat("Rolf");
  line.cut();
  await expect(phone.offlineBanner).toBeVisible();
  await type(phone, "on the train");
  await desk.goTo(`/c/${other}`);
  await type(desk, "in between");
  await keeps(desk, other, "in between");
  line.restore();
  await expect(row(desk)).toContainText("Draft: on the train");
  await expect(phone.chat("Mirela")).toContainText("Draft: in between");
  await phone.openChat("Mirela");
  await expect(phone.composer).toHaveValue("in between");
});

test("a reload and a new browser find what was written, with what it answers", async ({ people }) => {
  const { desk, phone, rolf, chat } = await twoDevices(people);
  await rolf.goTo(`/c/${chat}`);
  await rolf.says("When?");
  await desk.message("When?").hover();
  await desk.message("When?").getByRole("button", { name: "More actions" }).click();
  const menu = desk.page.getByRole("dialog", { name: "Message", exact: true });
  await menu.getByRole("button", { name: "Reply" }).click();
  await type(desk, "at ten");
  await keeps(desk, chat, "at ten");
  await desk.page.reload();
  await desk.live();
  await expect(desk.composer).toHaveValue("at ten");
  await expect(row(desk)).toContainText("Draft: at ten");
  await phone.goTo(`/c/${chat}`);
  await expect(phone.composer).toHaveValue("at ten");
  await expect(phone.page.locator(".composer__note")).toContainText("Answering Rolf: When?");
  // Left by a link, it is saved without waiting.
  await type(phone, " o'clock");
  await phone.page.getByRole("link", { name: "Settings" }).click();
  await expect(desk.composer).toHaveValue("at ten o'clock");
  const tablet = await people.again(desk);
  await expect(row(tablet)).toContainText("Draft: at ten o'clock");
  await tablet.openChat("Rolf");
  await expect(tablet.composer).toHaveValue("at ten o'clock");
  await tablet.composer.press("Enter");
  await expect(rolf.message("at ten o'clock")).toContainText("When?");
  await expect(desk.composer).toHaveValue("");
});

test("a message that is edited meanwhile is left alone, and the draft waits behind it", async ({ people }) => {
  const { desk, phone } = await twoDevices(people);
  await phone.openChat("Rolf");
  await phone.composer.press("ArrowUp");
  await expect(phone.composer).toHaveValue("Hello");
  await type(desk, "meanwhile");
  await expect(row(phone)).toContainText("Draft: meanwhile");
  await expect(phone.composer).toHaveValue("Hello");
  await phone.composer.press("Escape");
  await expect(phone.composer).toHaveValue("meanwhile");
});

test("drafts are for nobody else, and wait for the next sign-in", async ({ people }) => {
  const { desk, rolf, chat } = await twoDevices(people);
  await rolf.goTo(`/c/${chat}`);
  await type(desk, "not for Rolf");
  await keeps(desk, chat, "not for Rolf");
  await expect(rolf.page.locator("body")).not.toContainText("not for Rolf");
  await expect(rolf.composer).toHaveValue("");
  expect(JSON.stringify(await call<unknown>(rolf.page, "list_drafts", {}))).not.toContain("not for Rolf");
  await rolf.page.reload();
  expect(await rolf.page.content()).not.toContain("not for Rolf");
  await desk.signOut();
  await desk.signIn();
  await expect(row(desk)).toContainText("Draft: not for Rolf");
  await desk.openChat("Rolf");
  await expect(desk.composer).toHaveValue("not for Rolf");
});

test("the list shows drafts without scripts, and at 360 pixels", async ({ people }) => {
  const { desk } = await twoDevices(people);
  await type(desk, `something long ${"and longer ".repeat(30)}`);
  await expect(row(desk)).toContainText("Draft: something long");
  const plain = await people.again(desk, { javaScriptEnabled: false, viewport: { width: 360, height: 740 } });
  await expect(row(plain)).toContainText("Draft: something long");
  const box = await row(plain).boundingBox();
  expect((box?.x ?? 0) + (box?.width ?? 0), "the row ends where the screen does").toBeLessThanOrEqual(360);
});
