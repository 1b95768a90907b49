// Watches every page of a test: what goes wrong in a browser must fail the test even if the journey
// itself succeeds, and some steps have to wait for the page's socket.

import { type Page, type WebSocket, expect } from "@playwright/test";

/** What Chromium writes when an answer is a refusal, and nothing else. */
const REFUSAL = /^Failed to load resource: the server responded with a status of 4\d\d/;
/** What a page is answered that has just signed out. */
const SIGNED_OUT = /status of 401 /;
/** What the browser writes when it cannot reach the server. */
const NETWORK =
  /^Failed to load resource: net::ERR_|^Failed to load resource: the server responded with a status of 50[37]|^WebSocket connection to .* failed|Failed to fetch/;

export class Watch {
  readonly #problems: string[] = [];
  readonly #sockets = new WeakMap<Page, { socket: WebSocket; hello: boolean } | null>();
  readonly #signedOut = new WeakSet<Page>();
  readonly #allowed: RegExp[] = [];

  /** The test provokes refusals such as a wrong password; the browser notes each of them. */
  allowRefusals(): void {
    this.#allowed.push(REFUSAL);
  }

  /** The test cuts the network or stops the server. */
  allowNetworkErrors(): void {
    this.#allowed.push(NETWORK);
  }

  /** Notes what goes wrong on this page from now on. */
  add(page: Page): void {
    page.on("console", (message) => {
      const text = message.text();
      // Leptos reports a page that differs from what the server rendered as a warning or as a panic.
      const bad =
        message.type() === "error" ||
        /hydrat|panicked|Content Security Policy|Content-Security-Policy/i.test(text);
      // What was on its way to the server as the session ended there comes back refused.
      if (this.#signedOut.has(page) && SIGNED_OUT.test(text)) return;
      // Chromium names what could not be loaded as the message's place alone.
      if (bad) this.#note(page, message.type(), `${text} (${message.location().url})`);
    });
    page.on("pageerror", (error) => this.#note(page, "uncaught", error.message));
    page.on("crash", () => this.#note(page, "crash", "the page crashed"));
    // A dialog of the browser's own would otherwise be dismissed, which means no.
    page.on("dialog", (dialog) => void dialog.accept());
    page.on("request", (request) => {
      // A new document starts without a socket.
      if (request.isNavigationRequest() && request.frame() === page.mainFrame()) {
        this.#sockets.set(page, null);
        this.#signedOut.delete(page);
      } else if (new URL(request.url()).pathname === "/api/logout") this.#signedOut.add(page);
    });
    page.on("websocket", (socket) => {
      const state = { socket, hello: false };
      this.#sockets.set(page, state);
      socket.on("framereceived", ({ payload }) => {
        if (typeof payload === "string" && payload.includes('"type":"hello"')) state.hello = true;
      });
    });
  }

  /**
   * Waits until the page is alive: its socket is open and the server has said hello on it, which the
   * page's code can only have brought about once it was hydrated.
   */
  async live(page: Page): Promise<void> {
    await expect
      .poll(
        () => {
          const state = this.#sockets.get(page);
          return state !== null && state !== undefined && state.hello && !state.socket.isClosed();
        },
        { message: "the page's socket is connected", timeout: 20_000 },
      )
      .toBe(true);
  }

  /** Fails if anything went wrong that the test has not allowed. */
  verify(): void {
    const unexpected = this.#problems.filter((text) => {
      const message = text.slice(text.indexOf("] ") + 2);
      return !this.#allowed.some((pattern) => pattern.test(message));
    });
    expect(unexpected, "nothing goes wrong in the browser").toEqual([]);
  }

  #note(page: Page, kind: string, text: string): void {
    this.#problems.push(`[${kind} on ${page.url()}] ${text}`);
  }
}
