// What was written and is not sent yet: it survives a reload, a closed tab and a closed browser, with its files; it
// goes out in order, stops at a refusal, and all tabs have it in common.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";

import type { Page } from "@playwright/test";

import { storesExactly } from "../support/api.ts";
import { noise, picture } from "../support/files.ts";
import { expect, test } from "../support/fixtures.ts";
import { keeps } from "../support/outbox.ts";
import { type Person, newAccount } from "../support/people.ts";

const SEND = "**/api/send_message*";

async function write(person: Person, text: string): Promise<void> {
  await person.composer.fill(text);
  await person.composer.press("Enter");
}

/** From now on the page's messages do not reach the server. */
async function hold(page: Page): Promise<void> {
  await page.route(SEND, (route) => route.abort("connectionrefused"));
}

async function refuse(page: Page): Promise<void> {
  await page.route(SEND, (route) =>
    route.fulfill({
      status: 403,
      contentType: "application/json",
      json: { error: { code: "forbidden", message: "You may not do that here.", request_id: "test" } },
    }),
  );
}

test("a browser that was closed while offline sends by itself when it is opened again", async ({
  people,
  server,
  line,
  watch,
}) => {
  watch.allowNetworkErrors();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "samvad-browser-"));
  const url = server.turn();
  const bela = await people.newcomer("Bela");
  const before = await people.device(folder, newAccount("Asha"), url, line.options);
  await before.register();
  await before.openDirectChat("Bela");
  await before.says("hello");
  const file = noise("big.bin", 300_000);
  line.cut();
  await write(before, "one");
  await before.page.getByLabel("Attach files").setInputFiles([file]);
  await write(before, "two, with a file");
  await before.composer.fill("three, half wri");
  await keeps(before.page, 2);
  await before.page.context().close();
  line.restore();

  const after = await people.device(folder, before.account, url, line.options);
  // Not even the chat has to be opened.
  await after.goTo("/");
  await bela.openChat("Asha");
  await bela.seesExactly(["hello", "one", "two, with a file"]);
  const link = bela.message("two, with a file").getByRole("link", { name: "Download big.bin" });
  const got = await bela.page.request.get((await link.getAttribute("href")) ?? "");
  expect((await got.body()).equals(file.buffer), "the file is whole").toBe(true);
  await after.openChat("Bela");
  await after.seesExactly(["hello", "one", "two, with a file"]);
  await expect(after.composer).toHaveValue("three, half wri");
  await keeps(after.page, 0);
  await storesExactly(after, ["hello", "one", "two, with a file"]);
  await after.page.context().close();
  fs.rmSync(folder, { recursive: true, force: true });
});

test("the file of a waiting message survives a reload, is seen, and arrives whole", async ({ people, watch }) => {
  watch.allowNetworkErrors();
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await bela.goTo(new URL(asha.page.url()).pathname);
  await hold(asha.page);
  const file = picture("sea.png");
  await asha.page.getByLabel("Attach files").setInputFiles([file]);
  await asha.page.getByRole("textbox", { name: "Description of sea.png" }).fill("The sea");
  await write(asha, "look");
  await expect(asha.message("look")).toContainText("Not sent yet.");
  await keeps(asha.page, 1);
  await asha.page.reload();
  await asha.live();
  await expect(asha.message("look")).toContainText("Not sent yet.");
  const image = asha.message("look").getByRole("img", { name: "The sea" });
  await expect.poll(() => image.evaluate((img: HTMLImageElement) => img.naturalWidth)).toBe(320);
  await asha.page.unroute(SEND);
  await asha.message("look").getByRole("button", { name: "Try again" }).click();
  await bela.sees("look");
  const link = bela.message("look").getByRole("link", { name: "Download sea.png" });
  const got = await bela.page.request.get((await link.getAttribute("href")) ?? "");
  expect((await got.body()).equals(file.buffer), "the file is whole").toBe(true);
  await expect(asha.message("look")).not.toContainText(/Sending…|Not sent/);
  await keeps(asha.page, 0);
  await storesExactly(asha, ["look"]);
});

test("a refused message holds back those after it until its writer has decided", async ({ people, watch }) => {
  watch.allowRefusals();
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await bela.goTo(new URL(asha.page.url()).pathname);
  await refuse(asha.page);
  await write(asha, "first");
  await expect(asha.message("first")).toContainText("Not sent.");
  await write(asha, "second");
  await write(asha, "third");
  await expect(asha.message("second")).toContainText("It waits for the one above that was not sent.");
  await asha.page.unroute(SEND);
  await keeps(asha.page, 3);
  await asha.page.reload();
  await asha.live();
  await expect(asha.message("first")).toContainText("Not sent.");
  await expect(asha.message("third")).toContainText("It waits for the one above that was not sent.");
  await asha.message("first").getByRole("button", { name: "Try again" }).click();
  await bela.seesExactly(["first", "second", "third"]);
  await asha.seesExactly(["first", "second", "third"]);
  await storesExactly(asha, ["first", "second", "third"]);
});

test("what is discarded in one tab is not sent by the other", async ({ people, line, watch }) => {
  watch.allowRefusals();
  watch.allowNetworkErrors();
  const bela = await people.newcomer("Bela");
  const asha = await people.newcomer("Asha", line.options);
  await asha.openDirectChat("Bela");
  await bela.goTo(new URL(asha.page.url()).pathname);
  await refuse(asha.page);
  await write(asha, "in anger");
  await expect(asha.message("in anger")).toContainText("Not sent.");
  await write(asha, "in peace");
  await keeps(asha.page, 2);
  const tab = await people.tab(asha);
  await expect(tab.message("in anger")).toContainText("Not sent.");
  await expect(tab.message("in peace")).toContainText("It waits for the one above that was not sent.");
  await tab.message("in anger").getByRole("button", { name: "Discard" }).click();
  await bela.seesExactly(["in peace"]);
  await asha.page.unroute(SEND);
  // The first tab finds out when it comes back.
  line.cut();
  await expect(asha.offlineBanner).toBeVisible();
  line.restore();
  await asha.seesExactly(["in peace"]);
  await tab.seesExactly(["in peace"]);
  await keeps(asha.page, 0);
  await storesExactly(bela, ["in peace"]);
});

test("two tabs that come back at once send each message once, in the order it was written", async ({
  people,
  line,
  watch,
}) => {
  watch.allowNetworkErrors();
  const bela = await people.newcomer("Bela");
  const asha = await people.newcomer("Asha", line.options);
  await asha.openDirectChat("Bela");
  await bela.goTo(new URL(asha.page.url()).pathname);
  const tab = await people.tab(asha);
  line.cut();
  await write(asha, "one");
  await write(tab, "two");
  await write(asha, "three");
  await keeps(asha.page, 3);
  line.restore();
  const all = ["one", "two", "three"];
  for (const person of [bela, asha, tab]) await person.seesExactly(all);
  await storesExactly(bela, all);
  await keeps(asha.page, 0);
});

test("what was half written survives a closed tab", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  const url = asha.page.url();
  await asha.composer.fill("half a thou");
  const tab = await people.tab(asha);
  await expect(tab.composer).toHaveValue("half a thou");
  await asha.page.close();
  await tab.page.close();
  const next = await asha.page.context().newPage();
  await next.goto(url);
  await expect(next.getByRole("textbox", { name: "Message", exact: true })).toHaveValue("half a thou");
});

for (const clears of [true, false]) {
  const where = clears ? "" : ", also in a browser that does not clear what it keeps by itself";
  test(`signing out with unsent messages asks first, and leaves none behind${where}`, async ({ people, watch }) => {
    watch.allowNetworkErrors();
    const asha = await people.newcomer("Asha");
    await people.newcomer("Bela");
    await asha.openDirectChat("Bela");
    await hold(asha.page);
    await write(asha, "never sent");
    await keeps(asha.page, 1);
    await asha.composer.fill("never finished");
    await asha.goTo("/settings");
    if (!clears) {
      // As over plain HTTP beyond this machine, where browsers pass the header over.
      await asha.page.route("**/api/logout", async (route) => {
        const response = await route.fetch();
        const { "clear-site-data": _cleared, ...headers } = response.headers();
        await route.fulfill({ response, headers });
      });
    }
    const asked = asha.page.waitForEvent("dialog");
    await asha.page.getByRole("button", { name: "Sign out" }).click();
    expect((await asked).message()).toContain("have not been sent");
    await expect(asha.page.getByRole("heading", { name: "Sign in" })).toBeVisible();
    await keeps(asha.page, 0);
    const kept = () => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]);
    expect(await asha.page.evaluate(kept)).not.toMatch(/never/);
  });
}

/** Browsers whose database is not there, not allowed, or full. */
const BROKEN = {
  "no database": () => Object.defineProperty(window, "indexedDB", { value: undefined }),
  "a database that is not allowed": () => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("not here", "SecurityError");
    };
  },
  "a full database": () => {
    IDBObjectStore.prototype.put = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
  },
};

for (const [what, breakIt] of Object.entries(BROKEN)) {
  test(`a browser with ${what} sends all the same, and its texts survive a reload`, async ({ people, watch }) => {
    watch.allowNetworkErrors();
    const asha = await people.newcomer("Asha");
    const bela = await people.newcomer("Bela");
    await asha.page.addInitScript(breakIt);
    await asha.openDirectChat("Bela");
    await asha.page.reload();
    await asha.live();
    await bela.goTo(new URL(asha.page.url()).pathname);
    await asha.says("at once");
    await bela.sees("at once");
    await hold(asha.page);
    await write(asha, "one");
    await expect(asha.message("one")).toContainText("Not sent yet.");
    await write(asha, "two");
    await asha.composer.fill("half a thou");
    await asha.page.reload();
    await asha.live();
    await expect(asha.composer).toHaveValue("half a thou");
    await expect(asha.message("one")).toContainText("Not sent yet.");
    await asha.page.unroute(SEND);
    // By itself: a button would be gone before it is found.
    for (const text of ["one", "two"]) {
      await expect(asha.message(text)).not.toContainText(/Sending…|Not sent/, { timeout: 40_000 });
    }
    await bela.seesExactly(["at once", "one", "two"]);
    await asha.seesExactly(["at once", "one", "two"]);
    await storesExactly(asha, ["at once", "one", "two"]);
    await expect(asha.composer).toHaveValue("half a thou");
  });
}
