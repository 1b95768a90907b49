// A person in front of a browser, and what people do. Everything is found by its accessible name, as
// somebody who looks at the page or listens to it would.

import { randomUUID } from "node:crypto";

import { type Locator, type Page, expect } from "@playwright/test";

import type { Watch } from "./watch.ts";

export interface Account {
  name: string;
  email: string;
  password: string;
}

/** An account that does not exist yet. */
export function newAccount(name: string): Account {
  return { name, email: `${randomUUID()}@example.org`, password: "correct-horse-battery" };
}

/** One of the accounts that `--demo` brings, by number: 0 to 4. Number 4 is the admin of "Test Group". */
export function demoAccount(index: number): Account {
  const email = `samyak@chat.test${index === 0 ? "" : index}.com`;
  return { name: email, email, password: "abcdefg" };
}

export class Person {
  readonly page: Page;
  readonly account: Account;
  readonly #watch: Watch;
  readonly #scripts: boolean;

  constructor(page: Page, watch: Watch, account: Account, scripts = true) {
    this.page = page;
    this.account = account;
    this.#watch = watch;
    this.#scripts = scripts;
  }

  get name(): string {
    return this.account.name;
  }

  /** Waits until the page gets what happens elsewhere; without scripts there is nothing to wait for. */
  async live(): Promise<void> {
    if (this.#scripts) await this.#watch.live(this.page);
  }

  // Accounts

  async register(): Promise<void> {
    await this.page.goto("/register");
    await this.page.getByLabel("Name", { exact: true }).fill(this.account.name);
    await this.page.getByLabel("E-mail", { exact: true }).fill(this.account.email);
    await this.page.getByLabel("Password", { exact: true }).fill(this.account.password);
    await this.page.getByRole("button", { name: "Create account" }).click();
    await this.arrived();
  }

  async signIn(): Promise<void> {
    await this.page.goto("/login");
    await this.fillSignIn(this.account.password);
    await this.arrived();
  }

  /** Fills the sign-in form and sends it, whatever comes of it. */
  async fillSignIn(password: string): Promise<void> {
    await this.page.getByLabel("E-mail", { exact: true }).fill(this.account.email);
    await this.page.getByLabel("Password", { exact: true }).fill(password);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  /** Waits until the list of chats is there and follows what happens. */
  async arrived(): Promise<void> {
    await expect(this.page).toHaveURL(/\/$/);
    await expect(this.chats).toBeVisible();
    await this.live();
  }

  async signOut(): Promise<void> {
    await this.page.goto("/settings");
    await this.page.getByRole("button", { name: "Sign out" }).click();
    await expect(this.page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  }

  // The list of chats

  get chats(): Locator {
    return this.page.getByRole("navigation", { name: "Chats" });
  }

  /** The link to the chat with this title. */
  chat(title: string): Locator {
    return this.chats.getByRole("link", { name: startsWith(title) });
  }

  async openChat(title: string): Promise<void> {
    await this.chat(title).click();
    await expect(this.title).toHaveText(title);
  }

  /** Opens a page by its address and waits until it is alive. */
  async goTo(path: string): Promise<void> {
    await this.page.goto(path);
    await this.live();
  }

  /** Finds somebody and opens the direct chat with them. */
  async openDirectChat(name: string): Promise<void> {
    await this.goTo("/new");
    await this.findPeople(name);
    await this.page.getByRole("button", { name: `Chat with ${name}`, exact: true }).click();
    await expect(this.title).toHaveText(name);
    await this.live();
  }

  async createGroup(group: string, members: string[]): Promise<void> {
    await this.goTo("/new-group");
    for (const member of members) {
      await this.findPeople(member);
      await this.page.getByRole("checkbox", { name: member, exact: true }).check();
    }
    await this.page.getByLabel("Group name").fill(group);
    await this.page.getByRole("button", { name: "Create group" }).click();
    await expect(this.title).toHaveText(group);
    await this.live();
  }

  async findPeople(query: string): Promise<void> {
    const box = this.page.getByRole("searchbox", { name: "Find people" });
    await box.fill(query);
    await box.press("Enter");
  }

  // A chat

  get title(): Locator {
    return this.page.getByRole("heading", { level: 1 });
  }

  get feed(): Locator {
    return this.page.getByRole("feed", { name: "Messages" });
  }

  get messages(): Locator {
    return this.feed.getByRole("article");
  }

  get composer(): Locator {
    return this.page.getByRole("textbox", { name: "Message", exact: true });
  }

  get send(): Locator {
    return this.page.getByRole("button", { name: "Send", exact: true });
  }

  /** The messages whose text contains this one. */
  message(text: string): Locator {
    return this.messages.filter({ hasText: text });
  }

  /** Writes and sends with the keyboard, and sees the message stored. */
  async says(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.composer.press("Enter");
    await this.sees(text);
    await expect(this.message(text)).not.toContainText("Sending…");
  }

  /** Sees the message, once. */
  async sees(text: string): Promise<void> {
    await expect(this.message(text)).toHaveCount(1);
    await expect(this.message(text)).toBeVisible();
  }

  /** Sees exactly these messages, in this order. */
  async seesExactly(texts: string[]): Promise<void> {
    await expect(this.messages).toHaveCount(texts.length);
    await expect(this.messages).toContainText(texts);
  }

  get offlineBanner(): Locator {
    return this.page.getByRole("status").filter({ hasText: "You are offline. Reconnecting…" });
  }

  async openDetails(): Promise<void> {
    await this.page.getByRole("link", { name: "Group details" }).click();
    await expect(this.page.getByRole("heading", { name: "Group details" })).toBeVisible();
  }

  /** The row of a member on the page with the group's details. */
  member(name: string): Locator {
    return this.page.getByRole("region", { name: "Members" }).getByRole("listitem").filter({ hasText: name });
  }

  /**
   * Presses a button that cannot be taken back, and answers yes if a dialog asks whether it is meant.
   */
  async pressForGood(label: string, until: () => Promise<boolean>): Promise<void> {
    const dialog = this.page.getByRole("dialog").or(this.page.getByRole("alertdialog"));
    await this.page.getByRole("button", { name: label, exact: true }).click();
    await expect.poll(async () => (await dialog.isVisible()) || (await until())).toBe(true);
    if (await dialog.isVisible()) await dialog.getByRole("button", { name: label }).click();
    await expect.poll(until).toBe(true);
  }

  /** Leaves a mark in the page; the function it gives says whether the page was loaded anew since. */
  async markPage(): Promise<() => Promise<void>> {
    await this.page.evaluate(() => Object.assign(window, { samvadMark: true }));
    return async () => {
      const kept = await this.page.evaluate(() => "samvadMark" in window);
      expect(kept, "the page was not loaded anew").toBe(true);
    };
  }
}

function startsWith(text: string): RegExp {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`);
}
