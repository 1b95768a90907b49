// The test that every scenario is written with: a server of its own, people with browsers of their own,
// and a watch over everything that goes wrong in them.

import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
  test as base,
  chromium,
} from "@playwright/test";

import { browser as launch } from "./browser.ts";
import { NetworkLine } from "./network.ts";
import { type Account, Person, demoAccount, newAccount } from "./people.ts";
import { Server } from "./server.ts";
import { Watch } from "./watch.ts";

/** How the tests are run. */
export interface Options {
  /** How many nodes the server has. People go to each of them in turn. */
  nodes: number;
  /** What else the server is told, by its environment. */
  settings: Record<string, string>;
}

interface Fixtures {
  server: Server;
  watch: Watch;
  people: People;
  line: NetworkLine;
}

/** Opens browsers for people. */
export class People {
  readonly #contexts: BrowserContext[] = [];
  readonly #browser: Browser;
  readonly #server: Server;
  readonly #watch: Watch;

  constructor(browser: Browser, server: Server, watch: Watch) {
    this.#browser = browser;
    this.#server = server;
    this.#watch = watch;
  }

  /** A browser that nobody is signed in with, showing nothing yet. */
  async stranger(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext({ baseURL: this.#server.turn(), ...options });
    this.#contexts.push(context);
    context.on("page", (page) => this.#watch.add(page));
    return context.newPage();
  }

  /** Somebody new with this name, on the list of chats. */
  async newcomer(name: string, options: BrowserContextOptions = {}): Promise<Person> {
    const person = new Person(await this.stranger(options), this.#watch, newAccount(name), options.javaScriptEnabled);
    await person.register();
    return person;
  }

  /** The demo account with this number, 0 to 4, on the list of chats. */
  async demo(index: number, options: BrowserContextOptions = {}): Promise<Person> {
    const person = new Person(await this.stranger(options), this.#watch, demoAccount(index), options.javaScriptEnabled);
    await person.signIn();
    return person;
  }

  /** Somebody who has an account already, in one more browser, on the list of chats. */
  async again(person: Person, options: BrowserContextOptions = {}): Promise<Person> {
    const other = new Person(await this.stranger(options), this.#watch, person.account, options.javaScriptEnabled);
    await other.signIn();
    return other;
  }

  /** A second tab of the same browser, showing the same page. */
  async tab(person: Person): Promise<Person> {
    const page = await person.page.context().newPage();
    const tab = new Person(page, this.#watch, person.account);
    await page.goto(person.page.url());
    await tab.live();
    return tab;
  }

  /**
   * The same person's browser, which keeps what it stores in this folder when it is closed; on a list of chats if
   * they are signed in.
   */
  async device(folder: string, account: Account, url: string, options: BrowserContextOptions = {}): Promise<Person> {
    const { launchOptions, contextOptions, locale, timezoneId } = launch();
    const context = await chromium.launchPersistentContext(folder, {
      ...launchOptions,
      ...contextOptions,
      ...(locale === undefined ? {} : { locale }),
      ...(timezoneId === undefined ? {} : { timezoneId }),
      baseURL: url,
      ...options,
    });
    this.#contexts.push(context);
    context.on("page", (page) => this.#watch.add(page));
    const [first] = context.pages();
    if (first !== undefined) this.#watch.add(first);
    return new Person(first ?? (await context.newPage()), this.#watch, account);
  }

  async close(): Promise<void> {
    // One that a test has closed already is closed once more, which does nothing.
    await Promise.all(this.#contexts.map((context) => context.close()));
  }
}

export const test = base.extend<Options & Fixtures>({
  nodes: [1, { option: true }],
  settings: [{}, { option: true }],
  server: async ({ nodes, settings }, use, testInfo) => {
    const server = await Server.start(nodes, settings);
    await use(server);
    await server.dispose();
    if (testInfo.status !== testInfo.expectedStatus) {
      await testInfo.attach("server.log", { body: server.log.join(""), contentType: "text/plain" });
    }
  },
  watch: async ({}, use) => {
    const watch = new Watch();
    await use(watch);
    watch.verify();
  },
  line: async ({}, use) => {
    const line = await NetworkLine.open();
    await use(line);
    await line.close();
  },
  people: async ({ browser, server, watch }, use) => {
    const people = new People(browser, server, watch);
    await use(people);
    await people.close();
  },
});

export { expect } from "@playwright/test";
