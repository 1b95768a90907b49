// Two people and more talk, and everybody sees it at once.

import { expect, test } from "../support/fixtures.ts";
import { chatIdOf, storesExactly } from "../support/api.ts";

test("two newcomers find each other and talk without loading a page", async ({ people }) => {
  const asha = await people.newcomer("Asha Rao");
  const bela = await people.newcomer("Bela Nagy");
  const ashaStays = await asha.markPage();
  const belaStays = await bela.markPage();

  await asha.page.getByRole("link", { name: "New chat" }).click();
  await asha.findPeople("Bela");
  await asha.page.getByRole("button", { name: "Chat with Bela Nagy" }).click();
  await expect(asha.title).toHaveText("Bela Nagy");
  await asha.says("Hello Bela");

  // Bela has done nothing: the chat comes to her.
  await bela.openChat("Asha Rao");
  await bela.sees("Hello Bela");
  await bela.says("Hello Asha");
  await asha.sees("Hello Asha");
  await asha.says("How are you?");
  await bela.sees("How are you?");
  await asha.seesExactly(["Hello Bela", "Hello Asha", "How are you?"]);
  await bela.seesExactly(["Hello Bela", "Hello Asha", "How are you?"]);
  await expect(bela.message("Hello Bela")).toHaveAccessibleName(/^Asha Rao, .+, Hello Bela$/);

  await ashaStays();
  await belaStays();
  // What was shown is what is stored.
  await storesExactly(asha, ["Hello Bela", "Hello Asha", "How are you?"]);
});

test("opening the same direct chat twice gives one chat", async ({ people }) => {
  const asha = await people.newcomer("Asha Rao");
  const bela = await people.newcomer("Bela Nagy");
  await asha.openDirectChat("Bela Nagy");
  await bela.openDirectChat("Asha Rao");
  expect(chatIdOf(bela)).toBe(chatIdOf(asha));
  await asha.openDirectChat("Bela Nagy");
  await expect(asha.chat("Bela Nagy")).toHaveCount(1);
});

test("presence follows somebody who comes and goes", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  const presence = asha.page.getByRole("main");
  await expect(presence.getByText("Online", { exact: true })).toBeVisible();
  await bela.page.close();
  await expect(presence.getByText(/^Last seen/)).toBeVisible({ timeout: 20_000 });
  const back = await people.again(bela);
  await expect(presence.getByText("Online", { exact: true })).toBeVisible();
  // A reload is too short an absence to be told.
  await back.page.reload();
  await back.live();
  await expect(presence.getByText("Online", { exact: true })).toBeVisible();
});

test("a second tab and a second device see everything, also what one wrote oneself", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  const tab = await people.tab(asha);
  const phone = await people.again(asha);
  await phone.openChat("Bela");
  await asha.says("From the first tab");
  await tab.says("From the second tab");
  await phone.says("From the phone");
  await bela.openChat("Asha");
  await bela.says("I see all three");
  const all = ["From the first tab", "From the second tab", "From the phone", "I see all three"];
  for (const person of [asha, tab, phone, bela]) await person.seesExactly(all);
});

test("Enter sends and Shift+Enter makes a line", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await asha.composer.focus();
  await asha.page.keyboard.type("one");
  await asha.page.keyboard.press("Shift+Enter");
  await asha.page.keyboard.type("two");
  await expect(asha.composer).toHaveValue("one\ntwo");
  await expect(asha.messages).toHaveCount(0);
  await asha.page.keyboard.press("Enter");
  await asha.sees("two");
  await expect(asha.composer).toHaveValue("");
  await expect(asha.composer).toBeFocused();
  await storesExactly(asha, ["one\ntwo"]);
  // The line break is to be seen.
  await expect.poll(() => asha.message("two").innerText()).toMatch(/one\n+two/);
});

test("Enter that ends an input method's composition does not send", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await asha.composer.focus();
  const devtools = await asha.page.context().newCDPSession(asha.page);
  await devtools.send("Input.imeSetComposition", { text: "にほん", selectionStart: 3, selectionEnd: 3 });
  // The browser reports the key that an input method has taken with this code.
  await devtools.send("Input.dispatchKeyEvent", {
    type: "rawKeyDown",
    key: "Enter",
    code: "Enter",
    windowsVirtualKeyCode: 229,
  });
  await devtools.send("Input.dispatchKeyEvent", { type: "keyUp", key: "Enter", code: "Enter" });
  await devtools.send("Input.insertText", { text: "日本" });
  await expect(asha.composer).toHaveValue("日本");
  await asha.page.keyboard.press("Enter");
  // The one message is the finished one: nothing went out before it.
  await asha.sees("日本");
  await asha.seesExactly(["日本"]);
});

test("nothing but blanks is not sent", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await asha.composer.fill("  \n ");
  await asha.composer.press("Enter");
  await asha.says("real");
  await asha.seesExactly(["real"]);
});

test("what is typed before the page's code has arrived stays", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  // The browser must ask again for the module, so that it can be held back.
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await asha.page.route("**/*.wasm", async (route) => {
    await held;
    await route.continue();
  });
  await asha.page.goto(asha.page.url(), { waitUntil: "commit" });
  await asha.composer.fill("typed early");
  release();
  await asha.live();
  await expect(asha.composer).toHaveValue("typed early");
  await asha.composer.press("Enter");
  await asha.sees("typed early");
});
