// Notifications of the browser, while a page is open and nobody looks at it.

import { call, chatIdOf, sendMessages } from "../support/api.ts";
import { expect, test } from "../support/fixtures.ts";
import type { Person } from "../support/people.ts";
import { badge, looks, twoWhoTalk } from "../support/reading.ts";

/** Notes what notifications the page shows, in the place of the browser's own, and counts the notes that it plays. */
async function spyOnNotifications(person: Person): Promise<void> {
  await person.page.context().addInitScript(() => {
    const shown: unknown[] = [];
    class Spy extends EventTarget {
      // All tabs have the same.
      static get permission(): string {
        return localStorage.getItem("permission-of-tests") ?? "default";
      }
      static asked = 0;
      onclick: ((event: Event) => void) | null = null;
      constructor(title: string, { body, tag }: NotificationOptions) {
        super();
        shown.push({ title, body, tag });
        Object.assign(window, { lastNotification: this });
      }
      static async requestPermission(): Promise<string> {
        Spy.asked += 1;
        localStorage.setItem("permission-of-tests", "granted");
        return "granted";
      }
      close(): void {}
    }
    const played: unknown[] = [];
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (this: OscillatorNode, when?: number): void {
      played.push(when);
      start.call(this, when);
    };
    Object.assign(window, { Notification: Spy, shownNotifications: shown, playedNotes: played });
  });
  await person.page.reload();
  await person.live();
}

const shownNotifications = (person: Person) =>
  person.page.evaluate(() => (window as unknown as { shownNotifications: object[] }).shownNotifications);

const playedNotes = (person: Person) =>
  person.page.evaluate(() => (window as unknown as { playedNotes: unknown[] }).playedNotes.length);

/** Has the browser notify: by the settings, which ask for its permission. */
async function wantNotifications(person: Person): Promise<void> {
  await person.page.getByRole("link", { name: "Settings" }).click();
  await person.page.getByRole("switch", { name: "Show notifications" }).click();
  await expect(person.page.getByRole("switch", { name: "Show notifications" })).toHaveAttribute("aria-checked", "true");
}

test("the browser notifies whoever looks elsewhere, if they want that", async ({ people }) => {
  const { asha, bela, chat } = await twoWhoTalk(people);
  const chen = await people.newcomer("Chen");
  await asha.openDirectChat("Chen");
  const other = chatIdOf(asha);
  await spyOnNotifications(asha);
  await looks(asha, false);
  await bela.says("nobody asked for this");
  await expect(badge(asha, "Bela")).toHaveText("1 unread message");
  expect(await shownNotifications(asha)).toEqual([]);
  const asked = () => asha.page.evaluate(() => (window.Notification as unknown as { asked: number }).asked);
  expect(await asked()).toBe(0);

  await looks(asha, true);
  await asha.page.getByRole("link", { name: "Settings" }).click();
  const wanted = asha.page.getByRole("switch", { name: "Show notifications" });
  await expect(wanted).toHaveAttribute("aria-checked", "false");
  await wanted.click();
  await expect(wanted).toHaveAttribute("aria-checked", "true");
  expect(await asked()).toBe(1);
  const sound = asha.page.getByRole("switch", { name: "Play a sound with them" });
  expect(await playedNotes(asha)).toBe(0);
  await sound.click();
  // Whoever switches it on hears what they will hear: two notes, as with each notification.
  expect(await playedNotes(asha)).toBe(2);

  await bela.says("while you look");
  await expect(badge(asha, "Bela")).toHaveText("2 unread messages");
  expect(await shownNotifications(asha)).toEqual([]);
  await looks(asha, false);
  await sendMessages(bela, chat, ["**while** you do not"]);
  await expect.poll(() => shownNotifications(asha)).toEqual([{ title: "Bela", body: "while you do not", tag: chat }]);
  expect(await playedNotes(asha)).toBe(4);

  await call(asha.page, "mute_chat", { chat_id: chat, on: "true" });
  await expect(asha.chat("Bela")).toContainText("Muted");
  await bela.says("psst");
  await expect(badge(asha, "Bela")).toHaveText("4 unread messages");
  // What comes later in another chat is told: by then this would have been, too.
  await chen.goTo(`/c/${other}`);
  await chen.says("loudly");
  await expect
    .poll(() => shownNotifications(asha))
    .toEqual([
      { title: "Bela", body: "while you do not", tag: chat },
      { title: "Chen", body: "loudly", tag: other },
    ]);
  expect(await playedNotes(asha)).toBe(6);

  await sound.click();
  await chen.says("softly");
  const last = async () => (await shownNotifications(asha)).slice(2);
  await expect.poll(last).toEqual([{ title: "Chen", body: "softly", tag: other }]);
  expect(await playedNotes(asha)).toBe(6);

  await asha.page.evaluate(() => {
    const { lastNotification } = window as unknown as { lastNotification: { onclick: (event: Event) => void } };
    lastNotification.onclick(new Event("click", { cancelable: true }));
  });
  await expect(asha.title).toHaveText("Chen");
});

test("of a group of which one wants mentions only, nothing else is told or counted", async ({ people }) => {
  const bela = await people.newcomer("Bela");
  const asha = await people.newcomer("Asha");
  await asha.createGroup("Gardeners", ["Bela"]);
  const chat = chatIdOf(asha);
  await bela.openChat("Gardeners");
  await spyOnNotifications(asha);
  await wantNotifications(asha);
  await asha.openChat("Gardeners");
  await asha.openDetails();
  const quiet = asha.page.getByRole("region", { name: "Notifications" });
  await expect(quiet).toContainText("You are notified of what is said here.");
  await quiet.getByRole("button", { name: "Only mentions" }).click();
  await expect(quiet).toContainText("You are notified of what mentions you.");
  await expect(quiet.getByRole("button", { name: "All messages" })).toBeVisible();

  await asha.page.getByRole("link", { name: "Samvad" }).click();
  await expect(asha.page).toHaveTitle("Chats · Samvad");
  await looks(asha, false);
  const counted = asha.chat("Gardeners").locator(".unread");
  await bela.says("plain");
  await expect(badge(asha, "Gardeners")).toHaveText("1 unread message");
  await expect(counted).toHaveAttribute("data-quiet", "true");
  await expect(asha.chat("Gardeners")).not.toContainText("Muted");
  await expect(asha.page).toHaveTitle("Chats · Samvad");
  await bela.says("@Asha look");
  await expect(badge(asha, "Gardeners")).toHaveText("2 unread messages");
  await expect(asha.page).toHaveTitle("(1) Chats · Samvad");
  // The earlier one would have been told by then.
  await expect
    .poll(() => shownNotifications(asha))
    .toEqual([{ title: "Gardeners", body: "Bela: @Asha look", tag: chat }]);

  await call(asha.page, "notify_mentions", { chat_id: chat, on: "false" });
  await expect(asha.page).toHaveTitle("(2) Chats · Samvad");
  await expect(counted).not.toHaveAttribute("data-quiet");
});

test("what is read in another tab meanwhile is not told", async ({ people }) => {
  const { asha, bela, chat } = await twoWhoTalk(people);
  await spyOnNotifications(asha);
  await wantNotifications(asha);
  const reading = await people.tab(asha);
  await reading.openChat("Bela");
  await looks(asha, false);
  await bela.says("you read this over there");
  await reading.sees("you read this over there");
  await expect(badge(asha, "Bela")).toHaveCount(0);
  // What comes once nobody looks any longer is told, and that alone.
  await looks(reading, false);
  await bela.says("nobody looks");
  const shown = async () => [...(await shownNotifications(asha)), ...(await shownNotifications(reading))];
  await expect.poll(shown).toEqual([{ title: "Bela", body: "nobody looks", tag: chat }]);
});
