// Files that travel with messages: chosen, dropped, pasted, seen going up, looked at, and kept from everybody else.

import fs from "node:fs/promises";

import type { Locator, Page } from "@playwright/test";

import { expect, test } from "../support/fixtures.ts";
import { storesExactly } from "../support/api.ts";
import { type SentFile, film, noise, pdf, picture, text } from "../support/files.ts";
import type { Person } from "../support/people.ts";

const MEBIBYTE = 1024 * 1024;

function tray(person: Person): Locator {
  return person.page.getByRole("list", { name: "Files to send" });
}

async function choose(person: Person, ...files: SentFile[]): Promise<void> {
  await person.page.getByLabel("Attach files").setInputFiles(files);
  for (const file of files) await expect(tray(person).getByRole("listitem").filter({ hasText: beginning(file.name) }).first()).toBeVisible();
}

/** A long name is shown with its end apart. */
function beginning(name: string): string {
  return name.slice(0, 6);
}

async function two(people: { newcomer(name: string): Promise<Person> }): Promise<[Person, Person]> {
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await asha.says("hello");
  await bela.openChat("Asha");
  return [asha, bela];
}

/** Fetches what a link on the page leads to, as the person. */
async function fetched(person: Person, path: string): Promise<{ status: number; body: Buffer; headers: Record<string, string> }> {
  const response = await person.page.request.get(path);
  return { status: response.status(), body: await response.body(), headers: response.headers() };
}

/** Where a message's files are, of which there are so many. */
async function paths(message: Locator, count = 1): Promise<string[]> {
  const links = message.getByRole("link", { name: /^Download / });
  await expect(links).toHaveCount(count);
  return Promise.all((await links.all()).map(async (link) => (await link.getAttribute("href")) ?? ""));
}

/** Waits until the person does not get the file any more: another node may see a moment later that it is gone. */
async function isGone(person: Person, path: string): Promise<void> {
  await expect.poll(async () => (await fetched(person, path)).status, { message: path }).toBe(404);
}

/** How many hundredths of a file have gone. */
async function share(bar: Locator): Promise<number> {
  return Number((await bar.getAttribute("value", { timeout: 500 }).catch(() => "0")) ?? "0");
}

/** Slows what the page sends down to so many bytes a second; 0 is as fast as it can. */
async function slowDown(page: Page, bytes: number): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: bytes === 0 ? -1 : bytes,
  });
}

test("a picture, a film, a text and a document arrive as what they are, live", async ({ people }) => {
  const [asha, bela] = await two(people);
  const movie = await film(asha.page, "dance.webm");
  const document = pdf("plan.pdf");
  await choose(asha, picture("sea.png"), movie, text("notes.txt", "first line\nsecond line\n"), document);
  await tray(asha).getByRole("textbox", { name: "Description of sea.png" }).fill("The sea at noon");
  await asha.says("all of it");

  const message = bela.message("all of it");
  await bela.sees("all of it");
  const image = message.getByRole("img", { name: "The sea at noon" });
  await expect.poll(() => image.evaluate((img: HTMLImageElement) => img.complete && img.naturalWidth)).toBe(320);
  const player = message.locator("video");
  await expect.poll(() => player.evaluate((video: HTMLVideoElement) => video.readyState)).toBeGreaterThan(0);
  await player.evaluate(async (video: HTMLVideoElement) => {
    video.muted = true;
    await video.play();
  });
  await expect.poll(() => player.evaluate((video: HTMLVideoElement) => video.currentTime)).toBeGreaterThan(0.1);
  await expect(message.getByText("first line")).toBeVisible();
  const links = await paths(message, 4);
  const found = await Promise.all(links.map((path) => fetched(bela, path)));
  const sent = [picture("sea.png"), movie, text("notes.txt", "first line\nsecond line\n"), document];
  for (const file of sent) {
    expect(found.some(({ body }) => body.equals(file.buffer)), file.name).toBe(true);
  }
  // A film is fetched in parts.
  const part = await bela.page.request.get(links.find((path) => path.includes("dance")) ?? "", {
    headers: { Range: "bytes=0-9" },
  });
  expect(part.status()).toBe(206);
  // The chat's row in the list and the history after a reload say the same.
  await bela.page.reload();
  await bela.live();
  await expect(bela.message("all of it").getByRole("img", { name: "The sea at noon" })).toBeVisible();
});

test("a description is no message: Enter in it leads back to where one writes", async ({ people }) => {
  const [asha] = await two(people);
  await choose(asha, picture("sea.png"));
  const description = tray(asha).getByRole("textbox", { name: "Description of sea.png" });
  await description.fill("The sea");
  await description.press("Enter");
  await expect(asha.composer).toBeFocused();
  await expect(tray(asha).getByRole("listitem")).toHaveCount(1);
  await expect(asha.messages).toHaveCount(1);
});

test("a link to a file saves it, whatever it is", async ({ people }) => {
  const [asha, bela] = await two(people);
  const page: SentFile = {
    name: "page.html",
    mimeType: "text/html",
    buffer: Buffer.from("<!doctype html><title>run</title><script>document.title='ran'</script>"),
  };
  const drawing: SentFile = {
    name: "drawing.svg",
    mimeType: "image/svg+xml",
    buffer: Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
  };
  await choose(asha, page, drawing);
  await asha.says("two traps");
  await bela.sees("two traps");
  await expect(bela.message("two traps").getByRole("img")).toHaveCount(0);
  const traps = await paths(bela.message("two traps"), 2);
  for (const path of traps) {
    const other = await bela.page.context().newPage();
    const download = other.waitForEvent("download");
    // The browser saves it, so nothing is ever opened.
    await other.goto(path).catch(() => undefined);
    const saved = await (await download).path();
    expect((await fs.readFile(saved)).length).toBeGreaterThan(50);
    expect(other.url()).toBe("about:blank");
    await other.close();
  }
});

test("a name survives with emoji, quotes and what would turn it round", async ({ people }) => {
  const [asha, bela] = await two(people);
  const name = 'नमस्ते "x" 🎉 \u202egpj.exe.txt';
  await choose(asha, text(name, "content"));
  await asha.says("a name");
  await bela.sees("a name");
  const download = bela.page.waitForEvent("download");
  await bela.message("a name").getByRole("link", { name: /^Download / }).click();
  // Browsers put something else in place of what no file can be called.
  const saved = (await download).suggestedFilename();
  expect(saved).toMatch(/^नमस्ते .x. 🎉 gpj\.exe\.txt$/u);
  expect(saved).not.toContain("\u202e");
});

test("what is empty, too large or too much says so and keeps nothing else back", async ({ people }) => {
  const [asha, bela] = await two(people);
  const ten = Array.from({ length: 10 }, (_, number) => text(`file ${number}.txt`, `number ${number}`));
  await choose(asha, text("empty.txt", ""), noise("large.bin", 25 * MEBIBYTE + 1), ...ten);
  const rows = tray(asha).getByRole("listitem");
  await expect(rows).toHaveCount(12);
  await expect(rows.filter({ hasText: "empty" })).toContainText("There is nothing in this file.");
  await expect(rows.filter({ hasText: "large" })).toContainText("Too large: a file may have");
  await expect(asha.page.getByRole("status").filter({ hasText: "10 files to send, 2 files cannot be sent" })).toHaveCount(1);
  for (const name of ["empty.txt", "large.bin"]) {
    await asha.page.getByRole("button", { name: `Remove ${name}` }).click();
  }
  await choose(asha, text("eleventh.txt", "one too many"));
  await expect(rows.filter({ hasText: "eleventh" })).toContainText("Only 10 files go with a message.");
  await asha.page.getByRole("button", { name: "Remove eleventh.txt" }).click();
  await asha.says("ten at once");
  await bela.sees("ten at once");
  await expect(bela.message("ten at once").getByRole("link", { name: /^Download / })).toHaveCount(10);
  await storesExactly(bela, ["hello", "ten at once"]);
});

test("files are seen going up, and one can be taken out", async ({ people }) => {
  const [asha, bela] = await two(people);
  await choose(asha, noise("small.bin", 200_000), noise("big.bin", 6 * MEBIBYTE));
  await slowDown(asha.page, 500_000);
  await asha.composer.fill("on its way");
  await asha.composer.press("Enter");
  const big = asha.page.getByRole("progressbar", { name: "Sending big.bin" });
  await expect.poll(() => share(big), { intervals: [50], timeout: 20_000 }).toBeGreaterThan(2);
  const seen = await share(big);
  await expect.poll(() => share(big), { intervals: [50], timeout: 20_000 }).toBeGreaterThan(seen + 3);
  await expect(asha.page.getByRole("progressbar", { name: "Sending small.bin" })).toHaveAttribute("value", "100");
  await expect(bela.message("on its way")).toHaveCount(0);

  await asha.page.getByRole("button", { name: "Do not send big.bin" }).click();
  await slowDown(asha.page, 0);
  await bela.sees("on its way");
  await expect(bela.message("on its way").getByRole("link", { name: "Download small.bin" })).toBeVisible();
  await expect(bela.message("on its way").getByRole("link", { name: "Download big.bin" })).toHaveCount(0);
  await expect(asha.page.getByRole("progressbar")).toHaveCount(0);
  await asha.sees("on its way");
});

test("the whole message can be called back while it goes up", async ({ people }) => {
  const [asha, bela] = await two(people);
  await choose(asha, noise("big.bin", 6 * MEBIBYTE));
  await slowDown(asha.page, 300_000);
  await asha.composer.fill("second thoughts");
  await asha.composer.press("Enter");
  const bar = asha.page.getByRole("progressbar", { name: "Sending big.bin" });
  await expect.poll(() => share(bar), { intervals: [50], timeout: 20_000 }).toBeGreaterThan(1);
  await asha.message("second thoughts").getByRole("button", { name: "Cancel" }).click();
  await expect(asha.messages.filter({ hasText: "second thoughts" })).toHaveCount(0);
  await expect(asha.composer).toHaveValue("second thoughts");
  await expect(tray(asha).getByRole("listitem")).toHaveCount(1);
  await slowDown(asha.page, 0);
  await asha.page.getByRole("button", { name: "Remove big.bin" }).click();
  await asha.says("second thoughts");
  await bela.sees("second thoughts");
  await storesExactly(bela, ["hello", "second thoughts"]);
});

test("the network breaks off in the middle, and the files go out without being chosen again", async ({
  people,
  line,
  watch,
}) => {
  watch.allowNetworkErrors();
  const bela = await people.newcomer("Bela");
  const asha = await people.newcomer("Asha", line.options);
  await asha.openDirectChat("Bela");
  await asha.says("hello");
  await bela.openChat("Asha");
  const file = noise("big.bin", 4 * MEBIBYTE);
  await choose(asha, file);
  await slowDown(asha.page, 800_000);
  await asha.composer.fill("through the tunnel");
  await asha.composer.press("Enter");
  const bar = asha.page.getByRole("progressbar", { name: "Sending big.bin" });
  await expect.poll(() => share(bar), { intervals: [50], timeout: 20_000 }).toBeGreaterThan(10);
  line.cut();
  await expect(asha.message("through the tunnel")).toContainText("Not sent yet.");
  line.restore();
  await slowDown(asha.page, 0);
  await expect(bela.message("through the tunnel")).toHaveCount(1, { timeout: 40_000 });
  const [path] = await paths(bela.message("through the tunnel"));
  expect((await fetched(bela, path ?? "")).body.equals(file.buffer)).toBe(true);
  await expect(asha.message("through the tunnel")).not.toContainText("Not sent");
  await storesExactly(bela, ["hello", "through the tunnel"]);
});

test("nobody outside the chat gets a file, and nobody who has left it", async ({ people, watch }) => {
  watch.allowRefusals();
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  const third = await people.newcomer("Cleo");
  await asha.createGroup("Team", ["Bela"]);
  await choose(asha, picture("secret.png"));
  await asha.says("for two");
  await bela.openChat("Team");
  await bela.sees("for two");
  const [path] = await paths(bela.message("for two"));
  const all = [path ?? "", `${path}/preview`, `${path}/thumb`];
  for (const one of all) {
    expect((await fetched(bela, one)).status, one).toBe(200);
    expect((await fetched(third, one)).status, one).toBe(404);
  }
  await bela.openDetails();
  await bela.pressForGood("Leave group", async () => !bela.page.url().includes("/c/"));
  for (const one of all) await isGone(bela, one);
});

test("files are dropped anywhere on the conversation, and pasted where one writes", async ({ people }) => {
  const [asha, bela] = await two(people);
  const drag = async (kind: "dragenter" | "drop" | "dragleave", files: boolean) => {
    const data = await asha.page.evaluateHandle((withFile) => {
      const transfer = new DataTransfer();
      if (withFile) transfer.items.add(new File(["dropped"], "dropped.txt", { type: "text/plain" }));
      else transfer.setData("text/plain", "only words");
      return transfer;
    }, files);
    await asha.feed.dispatchEvent(kind, { dataTransfer: data });
    if (kind === "dragenter") await asha.feed.dispatchEvent("dragover", { dataTransfer: data });
  };
  const target = asha.page.getByText("Drop files to attach them");
  await drag("dragenter", false);
  await expect(target).toBeHidden();
  await drag("dragenter", true);
  await expect(target).toBeVisible();
  await drag("drop", true);
  await expect(target).toBeHidden();
  await expect(tray(asha).getByRole("listitem")).toHaveText(/dropped/);
  // Beside the conversation they are refused: the browser would open them in the place of the page.
  const isRefused = await asha.chats.evaluate((chats) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["beside"], "beside.txt", { type: "text/plain" }));
    const drop = new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
    chats.dispatchEvent(drop);
    return drop.defaultPrevented;
  });
  expect(isRefused).toBe(true);
  await asha.composer.evaluate((box) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["pasted"], "pasted.txt", { type: "text/plain" }));
    box.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true }));
  });
  await expect(tray(asha).getByRole("listitem")).toHaveCount(2);
  // A message may be its files alone.
  await asha.send.click();
  await expect(bela.messages).toHaveCount(2);
  await expect(bela.messages.last().getByRole("link", { name: /^Download / })).toHaveCount(2);
});

test("pictures are leafed through by keyboard", async ({ people }) => {
  const [asha, bela] = await two(people);
  await choose(asha, picture("one.png"), picture("two.png", 200, 320, [0xd9, 0x30, 0x25]), picture("three.png"));
  await asha.says("three pictures");
  await bela.sees("three pictures");
  const first = bela.message("three pictures").getByRole("link", { name: /one\.png/ }).first();
  await first.focus();
  await first.press("Enter");
  const gallery = bela.page.getByRole("dialog", { name: "Pictures" });
  await expect(gallery).toBeVisible();
  await expect(gallery.getByRole("img", { name: "one.png" })).toBeVisible();
  await bela.page.keyboard.press("ArrowRight");
  await expect(gallery.getByRole("img", { name: "two.png" })).toBeVisible();
  await bela.page.keyboard.press("End");
  await expect(gallery.getByRole("img", { name: "three.png" })).toBeVisible();
  await bela.page.keyboard.press("Home");
  await expect(gallery.getByRole("img", { name: "one.png" })).toBeVisible();
  await bela.page.keyboard.press("Escape");
  await expect(gallery).toBeHidden();
  await expect(first).toBeFocused();
});

test("a deleted message is gone with its files, on both sides", async ({ people, watch }) => {
  watch.allowRefusals();
  const [asha, bela] = await two(people);
  await choose(asha, picture("regret.png"));
  await asha.says("a mistake");
  await bela.sees("a mistake");
  const [path] = await paths(bela.message("a mistake"));
  await asha.message("a mistake").hover();
  await asha.message("a mistake").getByRole("button", { name: "More actions" }).click();
  await asha.page.getByRole("button", { name: "Delete message" }).click();
  await asha.page.getByRole("dialog").or(asha.page.getByRole("alertdialog")).getByRole("button", { name: "Delete" }).click();
  await expect(bela.messages.last()).toContainText("Message deleted");
  await expect(asha.messages.last()).toContainText("Message deleted");
  await expect(bela.message("a mistake")).toHaveCount(0);
  await isGone(bela, path ?? "");
  await bela.page.reload();
  await bela.live();
  await expect(bela.messages.last()).toContainText("Message deleted");
});

test("without scripts a form sends files too, and says what is wrong with them", async ({ people, watch }) => {
  watch.allowRefusals();
  const bela = await people.newcomer("Bela");
  const asha = await people.newcomer("Asha", { javaScriptEnabled: false });
  await asha.openDirectChat("Bela");
  await bela.openChat("Asha");
  await asha.composer.fill("typed with care");
  await asha.page.getByLabel("Attach files").setInputFiles([text("empty.txt", "")]);
  await asha.send.click();
  await expect(asha.page.getByRole("alert")).toContainText("A file has nothing in it. Files have to be chosen again.");
  await expect(asha.composer).toHaveValue("typed with care");
  await asha.page.getByLabel("Attach files").setInputFiles([picture("plain.png"), text("plain.txt", "plain words")]);
  await asha.send.click();
  await asha.sees("typed with care");
  await bela.sees("typed with care");
  for (const person of [asha, bela]) {
    await expect(person.message("typed with care").getByRole("link", { name: /^Download / })).toHaveCount(2);
    const image = person.message("typed with care").locator("img").first();
    await expect.poll(() => image.evaluate((img: HTMLImageElement) => img.naturalWidth)).toBe(320);
  }
});
