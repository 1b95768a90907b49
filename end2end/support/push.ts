// A push service of a test's own, the browser's part in subscribing to it, and the way from it to the service worker.
// A browser without a screen has no push service; all else here is what people have.

import crypto from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";

import { type BrowserContext, type Page, type Worker, expect } from "@playwright/test";

/** What a browser is told. */
export interface Note {
  title: string;
  body: string;
  url: string;
}

export class PushDesk {
  readonly #server: http.Server;
  readonly #key = crypto.createECDH("prime256v1");
  readonly #auth = crypto.randomBytes(16);
  /** What has come, decrypted, in order. */
  readonly came: string[] = [];

  private constructor(server: http.Server) {
    this.#server = server;
    this.#key.generateKeys();
  }

  static async open(): Promise<PushDesk> {
    const server = http.createServer();
    const desk = new PushDesk(server);
    server.on("request", (request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        desk.came.push(desk.#read(Buffer.concat(parts)));
        response.writeHead(201).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return desk;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Has the pages of this browser subscribe here. */
  async serve(context: BrowserContext): Promise<void> {
    const subscription = {
      endpoint: `${this.origin}/browser`,
      keys: { p256dh: this.#key.getPublicKey("base64url"), auth: this.#auth.toString("base64url") },
    };
    await context.addInitScript((made) => {
      // Where a browser has no push, there is nothing to replace.
      if (!("PushManager" in window)) return;
      const kept = "push-of-the-test";
      const subscription = {
        endpoint: made.endpoint,
        toJSON: () => made,
        unsubscribe: async () => {
          sessionStorage.removeItem(kept);
          return true;
        },
      };
      const prototype = window.PushManager.prototype as unknown as Record<string, unknown>;
      prototype["subscribe"] = async () => {
        sessionStorage.setItem(kept, "yes");
        return subscription;
      };
      prototype["getSubscription"] = async () => (sessionStorage.getItem(kept) === null ? null : subscription);
    }, subscription);
  }

  /** Waits for so many notes and gives the last one, as it came. */
  async wait(many: number): Promise<string> {
    await expect.poll(() => this.came.length, { message: "notes that came" }).toBe(many);
    return this.came[many - 1] ?? "";
  }

  /** RFC 8291 and RFC 8188: one record, whose key comes of both sides' keys. */
  #read(sealed: Buffer): string {
    const salt = sealed.subarray(0, 16);
    const length = sealed.readUInt8(20);
    const theirs = sealed.subarray(21, 21 + length);
    const record = sealed.subarray(21 + length);
    const expand = (key: Buffer, salt: Buffer, info: Buffer, bytes: number) =>
      Buffer.from(crypto.hkdfSync("sha256", key, salt, info, bytes));
    const info = Buffer.concat([Buffer.from("WebPush: info\0"), this.#key.getPublicKey(), theirs]);
    const material = expand(this.#key.computeSecret(theirs), this.#auth, info, 32);
    const key = expand(material, salt, Buffer.from("Content-Encoding: aes128gcm\0"), 16);
    const nonce = expand(material, salt, Buffer.from("Content-Encoding: nonce\0"), 12);
    const opener = crypto.createDecipheriv("aes-128-gcm", key, nonce);
    opener.setAuthTag(record.subarray(-16));
    const text = Buffer.concat([opener.update(record.subarray(0, -16)), opener.final()]);
    // A delimiter stands behind the last byte.
    return text.subarray(0, text.lastIndexOf(2)).toString("utf8");
  }
}

/** The service worker of the browser. */
export async function serviceWorker(context: BrowserContext): Promise<Worker> {
  return context.serviceWorkers()[0] ?? context.waitForEvent("serviceworker");
}

/** Hands the service worker what its push service has got, as the browser does. */
export async function deliver(page: Page, origin: string, data: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const registered = new Promise<string>((resolve) => {
    session.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
      const own = registrations.find(({ scopeURL, isDeleted }) => scopeURL === `${origin}/` && !isDeleted);
      if (own !== undefined) resolve(own.registrationId);
    });
  });
  await session.send("ServiceWorker.enable");
  await session.send("ServiceWorker.deliverPushMessage", { origin, registrationId: await registered, data });
  await session.detach();
}

/** The notifications that the browser shows. */
export async function notifications(worker: Worker): Promise<Note[]> {
  return worker.evaluate(async () => {
    const { registration } = self as unknown as {
      registration: { getNotifications(): Promise<{ title: string; body: string; data: { url: string } }[]> };
    };
    const shown = await registration.getNotifications();
    return shown.map(({ title, body, data }) => ({ title, body, url: data.url }));
  });
}

/** Has somebody press the notification. What a real press would allow besides, a browser alone knows. */
export async function press(worker: Worker): Promise<void> {
  await worker.evaluate(async () => {
    const scope = self as unknown as {
      registration: { getNotifications(): Promise<unknown[]> };
      NotificationEvent: new (type: string, init: { notification: unknown }) => Event;
      dispatchEvent(event: Event): boolean;
    };
    const [notification] = await scope.registration.getNotifications();
    scope.dispatchEvent(new scope.NotificationEvent("notificationclick", { notification }));
  });
}
