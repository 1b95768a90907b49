// Markdown in messages: what the page's code shows is what the server renders, and none of it runs. The texts are those
// of the corpus that the code's own tests go by (app/src/markdown/corpus.json).

import { readFileSync } from "node:fs";

import { call, chatIdOf, sendMessages } from "../support/api.ts";
import { expectAccessible } from "../support/axe.ts";
import { expect, test } from "../support/fixtures.ts";
import type { Person } from "../support/people.ts";

interface Case {
  name: string;
  typed: string;
  html: string;
}

/** Messages that a page has when it comes from the server. */
const PAGE = 50;
/** Characters that a message may have. */
const LONGEST = 8_000;

/** The cases that reach a page as they were typed: the server trims a message, and leaves control characters out. */
function corpus(): Case[] {
  const file = new URL("../../app/src/markdown/corpus.json", import.meta.url);
  const cases = JSON.parse(readFileSync(file, "utf8")) as Case[];
  return cases.filter(
    ({ typed }) =>
      typed !== "" && typed.trim() === typed && typed.normalize("NFC") === typed && !/[\0-\x08\x0b-\x1f\u2028]/.test(typed),
  );
}

/** The markup of the texts that a page shows, without what keeps links out of the Tab key's way and the marks that
 * the page's framework leaves (comments of a message are text). */
async function shown(person: Person): Promise<string[]> {
  const texts = await person.messages.locator(".message__text").evaluateAll((all) => all.map((text) => text.innerHTML));
  return texts.map((text) => text.replaceAll(' tabindex="-1"', "").replaceAll("<!---->", ""));
}

test("messages look the same from the server and from the page's code, and nothing in them runs", async ({ people }) => {
  test.slow();
  const cases = corpus();
  expect(cases.length).toBeGreaterThan(150);
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await bela.openChat("Asha");
  const plain = await people.again(bela, { javaScriptEnabled: false });
  const ran: string[] = [];
  for (const { page } of [asha, bela, plain]) {
    page.on("dialog", (dialog) => ran.push(dialog.message()));
    page.on("popup", (popup) => ran.push(popup.url()));
  }
  const address = `/c/${chatIdOf(asha)}`;
  const wanted = cases.map(({ html }) => html);
  for (let sent = 0; sent < cases.length; sent += PAGE) {
    const batch = cases.slice(sent, sent + PAGE);
    await sendMessages(asha, chatIdOf(asha), batch.map(({ typed }) => typed));
    // Live, put together by the page's code as the events come.
    const end = sent + batch.length;
    await expect(bela.messages).toHaveCount(end);
    expect(await shown(bela)).toEqual(wanted.slice(0, end));
    // By the server, on a page that runs no script; with nothing unread, which it would begin at.
    await call(bela.page, "mark_read", { chat_id: chatIdOf(asha), ordinal: `${end}` });
    await plain.page.goto(address);
    await expect(plain.messages).toHaveCount(Math.min(end, PAGE));
    expect(await shown(plain)).toEqual(wanted.slice(Math.max(0, end - PAGE), end));
  }
  // And by the server, for the page's code to take over; a page that differs would say so in the console.
  await bela.goTo(address);
  await expect(bela.messages).toHaveCount(PAGE);
  expect(await shown(bela)).toEqual(wanted.slice(-PAGE));
  // Nobody presses a link that is none, so each of those there are is looked at.
  const links = await bela.messages
    .locator(".message__text a")
    .evaluateAll((all) => all.map((link) => [link.getAttribute("href"), link.getAttribute("rel"), link.getAttribute("target")]));
  expect(links.length).toBeGreaterThan(0);
  for (const [href, rel, target] of links) {
    expect(href).toMatch(/^(https?:\/\/|mailto:)/i);
    expect([rel, target]).toEqual(["noopener noreferrer nofollow", "_blank"]);
  }
  await expect(bela.feed.locator("script, iframe, img[src=x], [onerror], [onload], [onclick], [style]")).toHaveCount(0);
  expect(ran).toEqual([]);
});

test("a message reads without its marks in the list of chats and aloud", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  const bela = await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  await asha.says("hello");
  await sendMessages(asha, chatIdOf(asha), ["**Look**:\n- [the plan](https://example.org)\n- `x = 1`"]);
  await expect(bela.chat("Asha")).toContainText("Look: the plan x = 1");
  await bela.openChat("Asha");
  await expect(bela.messages.last()).toHaveAccessibleName(/^Asha, .*, Look: the plan x = 1$/);
});

test("code is scrolled by the keyboard, and links are reached by the arrow keys", async ({ people }) => {
  const asha = await people.newcomer("Asha");
  await people.newcomer("Bela");
  await asha.openDirectChat("Bela");
  const long = `let wide = "${"x".repeat(200)}";`;
  await sendMessages(asha, chatIdOf(asha), [`https://example.org\n\n\`\`\`rust\n${long}\n\`\`\``]);
  await expect(asha.messages).toHaveCount(1);
  const link = asha.messages.getByRole("link", { name: "https://example.org" });
  await expect(link).toHaveAttribute("tabindex", "-1");
  await asha.messages.first().focus();
  await asha.page.keyboard.press("ArrowRight");
  await expect(link).toBeFocused();
  await asha.page.keyboard.press("ArrowRight");
  const code = asha.messages.getByRole("group", { name: "Code, Rust" });
  await expect(code).toBeFocused();
  await asha.page.keyboard.press("ArrowRight");
  await expect.poll(() => code.evaluate((element) => element.scrollLeft)).toBeGreaterThan(0);
  await expect(code).toBeFocused();
  for (const colorScheme of ["light", "dark"] as const) {
    await asha.page.emulateMedia({ colorScheme });
    await expectAccessible(asha.page);
  }
});

/** Each of these again and again is a text that has made parsers of Markdown slow. */
function endless(): string[] {
  const file = new URL("../../app/src/markdown/families.json", import.meta.url);
  const families = JSON.parse(readFileSync(file, "utf8")) as string[];
  const longest = (family: string) => {
    const chars = Array.from(family);
    return Array.from({ length: LONGEST }, (_, place) => chars[place % chars.length]).join("");
  };
  return families.map(longest).filter((typed) => typed.trim() !== "");
}

/** Notes how long each message takes from its arrival in the browser until it stands in the page. */
function watchArrivals(): void {
  const noted: { shownAfter?: number } = window as never;
  let came = 0;
  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(...address: ConstructorParameters<typeof WebSocket>) {
      super(...address);
      this.addEventListener("message", () => {
        came = performance.now();
      });
    }
  };
  const isMessage = (node: Node) => node instanceof Element && node.querySelector(".message__text") !== null;
  new MutationObserver((changes) => {
    if (changes.some(({ addedNodes }) => Array.from(addedNodes).some(isMessage))) {
      noted.shownAfter = performance.now() - came;
    }
  }).observe(document, { childList: true, subtree: true });
}

test("the longest messages are shown within 50 ms, and as the server shows them", async ({ people }) => {
  test.setTimeout(300_000);
  const texts = endless();
  expect(texts.length).toBeGreaterThan(90);
  const asha = await people.newcomer("Asha");
  await asha.page.addInitScript(watchArrivals);
  const plain = await people.again(asha, { javaScriptEnabled: false });
  const slow: string[] = [];
  let most = 0;
  for (let first = 0; first < texts.length; first += 15) {
    const batch = texts.slice(first, first + 15);
    await asha.createGroup(`Group ${first}`, []);
    await asha.page.reload();
    await asha.live();
    let shownUntil = 0;
    for (const typed of batch) {
      // A machine that does something else may take long once, and not each time.
      const took: number[] = [];
      do {
        await sendMessages(asha, chatIdOf(asha), [typed]);
        shownUntil += 1;
        await expect(asha.messages).toHaveCount(shownUntil);
        took.push(await asha.page.evaluate(() => (window as never as { shownAfter: number }).shownAfter));
      } while (took.length < 5 && Math.min(...took) > 50);
      most = Math.max(most, Math.min(...took));
      if (Math.min(...took) > 50) slow.push(`${JSON.stringify(typed.slice(0, 20))}: ${Math.min(...took)} ms`);
    }
    await plain.page.goto(`/c/${chatIdOf(asha)}`);
    expect(await shown(plain)).toEqual(await shown(asha));
  }
  console.log(most);
  expect(slow).toEqual([]);
});
