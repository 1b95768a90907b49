// The server's functions, called as a script with the person's cookies would: to prepare what a scenario
// starts from, and to look at what is really stored.

import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

import { type APIResponse, type Page, expect } from "@playwright/test";

import type { Person } from "./people.ts";

const TRIES = 60;

interface Message {
  id: string;
  seq: number;
  body: string;
}

/** Calls a function with form fields and gives its answer. */
export async function call<Answer>(page: Page, name: string, form: Record<string, string>): Promise<Answer> {
  const response = await patiently(() =>
    page.request.post(`/api/${name}`, { form, headers: sameOrigin(page) }),
  );
  return (await response.json()) as Answer;
}

/** Sends messages one after the other, all of them as answers to the message of this id if there is one. */
export async function sendMessages(person: Person, chatId: string, texts: string[], replyTo = ""): Promise<void> {
  for (const body of texts) {
    const multipart = { chat_id: chatId, client_id: randomUUID(), body, reply_to: replyTo };
    await patiently(() =>
      person.page.request.post("/api/send_message", { multipart, headers: sameOrigin(person.page) }),
    );
  }
}

/** The last hundred messages of a chat, as the server has them stored. */
export async function storedMessages(person: Person, chatId: string): Promise<Message[]> {
  const page = await call<{ messages: Message[] }>(person.page, "list_messages", {
    chat_id: chatId,
    limit: "100",
  });
  return page.messages;
}

/**
 * Waits until exactly these messages are stored in the chat that the page shows, in this order. A page shows a
 * message before it is stored, so to look once would be a race.
 */
export async function storesExactly(person: Person, texts: string[]): Promise<void> {
  const chatId = chatIdOf(person);
  const stored = async () => (await storedMessages(person, chatId)).map((message) => message.body);
  await expect.poll(stored, { message: "what is stored" }).toEqual(texts);
}

/** The id of the chat that the page shows. */
export function chatIdOf(person: Person): string {
  const id = /\/c\/([0-9a-f]{24})/.exec(person.page.url())?.[1];
  expect(id, "the page shows a chat").toBeDefined();
  return id ?? "";
}

function sameOrigin(page: Page): Record<string, string> {
  return { Origin: new URL(page.url()).origin, Accept: "application/json" };
}

/** Waits as long as the server says when it is asked too often; everything else must succeed. */
async function patiently(attempt: () => Promise<APIResponse>): Promise<APIResponse> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const response = await attempt();
    if (response.status() !== 429) {
      expect(response.ok(), `${response.url()} answered ${response.status()}: ${await response.text()}`).toBe(true);
      return response;
    }
    await pause(Number(response.headers()["retry-after"] ?? "1") * 1000);
  }
  throw new Error("the server kept refusing for being asked too often");
}
