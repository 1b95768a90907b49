// People who read, and whether they look.

import type { BrowserContextOptions } from "@playwright/test";

import { chatIdOf } from "./api.ts";
import type { People } from "./fixtures.ts";
import type { Person } from "./people.ts";

/**
 * Two people with a direct chat in which something was said and read; the first one, whose browser is opened with these
 * options, looks at the list.
 */
export async function twoWhoTalk(
  people: People,
  options: BrowserContextOptions = {},
): Promise<{ asha: Person; bela: Person; chat: string }> {
  const asha = await people.newcomer("Asha", options);
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  const chat = chatIdOf(asha);
  await bela.goTo(`/c/${chat}`);
  await asha.says("Hello");
  await bela.sees("Hello");
  await asha.goTo("/");
  return { asha, bela, chat };
}

/** Somebody turns to another window, or comes back. */
export async function looks(person: Person, at: boolean): Promise<void> {
  await person.page.evaluate((there) => {
    Object.defineProperty(document, "hasFocus", { value: () => there, configurable: true });
    window.dispatchEvent(new Event(there ? "focus" : "blur"));
  }, at);
}

/** How many messages of the chat with this title its row says are unread. */
export const badge = (person: Person, title: string) => person.chat(title).getByText(/unread messages?$/);
