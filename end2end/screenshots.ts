// Takes a picture of every page and state, at three widths and in both themes, for people to look at.
// Run by `make screenshots`; the pictures go to the folder in SCREENSHOTS_DIR.

import path from "node:path";
import process from "node:process";

import type { Page } from "@playwright/test";

import { call, chatIdOf, sendMessages, storedMessages } from "./support/api.ts";
import { film, pdf, picture, text } from "./support/files.ts";
import { expect, test } from "./support/fixtures.ts";
import type { Person } from "./support/people.ts";
import { scrollFeed } from "./support/scrolling.ts";

const FOLDER = process.env["SCREENSHOTS_DIR"] ?? path.resolve(import.meta.dirname, "../target/screenshots");
const SIZES = [
  { width: 360, height: 740 },
  { width: 768, height: 1024 },
  { width: 1440, height: 900 },
];

const TALK = [
  "Good morning! Has anybody watered the seedlings?",
  "I did, at seven. The tomatoes are 12 cm already 🌱",
  "Wonderful. The list for Saturday:\n– compost\n– two bags of sand\n– the long hose",
  "https://example.org/a/rather/long/address/that/does/not/fit/on/the/screen/of/a/phone?and=it&has=a&query=too",
  "שלום לכולם, אני אביא את הצינור הארוך.",
  "Is ten o’clock all right for everybody?",
  "Ten is fine.",
];

for (const viewport of SIZES) {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`${viewport.width} ${colorScheme}`, async ({ people, server, watch }) => {
      watch.allowRefusals();
      watch.allowNetworkErrors();
      let number = 0;
      const take = async (page: Page, name: string) => {
        number += 1;
        const file = `${String(number).padStart(2, "0")}-${name}.png`;
        await page.screenshot({
          path: path.join(FOLDER, `${viewport.width}-${colorScheme}`, file),
          animations: "disabled",
        });
      };
      const look = { viewport, colorScheme };

      const stranger = await people.stranger(look);
      await stranger.goto("/login");
      await take(stranger, "sign-in");
      await stranger.getByLabel("E-mail", { exact: true }).fill("asha@example.org");
      await stranger.getByLabel("Password", { exact: true }).fill("not-the-password");
      await stranger.getByRole("button", { name: "Sign in" }).click();
      await expect(stranger.getByRole("alert")).toBeVisible();
      await take(stranger, "sign-in-refused");
      await stranger.goto("/register");
      await take(stranger, "register");
      await stranger.getByLabel("Name", { exact: true }).fill("Asha Rao");
      await stranger.getByLabel("E-mail", { exact: true }).fill("asha@example.org");
      await stranger.getByLabel("Password", { exact: true }).fill("password1");
      await stranger.getByRole("button", { name: "Create account" }).click();
      await expect(stranger.getByText("This password is too easy to guess.")).toBeVisible();
      await take(stranger, "register-refused");

      // Taller than the window, since a page scrolls within it.
      const takeWhole = async (page: Page, name: string) => {
        await page.setViewportSize({ width: viewport.width, height: 2200 });
        await take(page, `${name}-whole`);
        await page.setViewportSize(viewport);
      };

      const bela = await people.newcomer("Bela Nagy", look);
      const chen = await people.newcomer("Chen Wei");
      const asha = await people.newcomer("Asha Rao", look);
      await take(asha.page, "no-chats-yet");

      await asha.goTo("/new");
      await take(asha.page, "new-chat");
      await asha.findPeople("Nagy");
      await expect(asha.page.getByRole("button", { name: "Chat with Bela Nagy" })).toBeVisible();
      await take(asha.page, "new-chat-found");
      await asha.findPeople("nobody of this name");
      await expect(asha.page.getByRole("button", { name: "Chat with Bela Nagy" })).toHaveCount(0);
      await take(asha.page, "new-chat-nobody");
      await asha.openDirectChat("Bela Nagy");
      await take(asha.page, "chat-empty");
      await asha.says("Shall we start a group?");

      await asha.goTo("/new-group");
      await take(asha.page, "new-group");
      await asha.createGroup("Gardeners of the old town", ["Bela Nagy", "Chen Wei"]);
      const group = new URL(asha.page.url()).pathname;
      const id = chatIdOf(asha);
      const everybody = [asha, bela, chen];
      // Another chat, so that the list has several, with words of others in it.
      await chen.createGroup("Saturday market", ["Asha Rao", "Bela Nagy"]);
      await chen.says("Who takes the first shift?");
      await chen.says("I can do the second.");
      await bela.goTo(group);
      await chen.goTo(group);
      for (const [index, words] of TALK.entries()) {
        await sendMessages(everybody[index % everybody.length] ?? asha, id, [words]);
      }
      await asha.sees("Ten is fine.");
      await take(asha.page, "chat");

      await sendMessages(bela, id, [
        "**Tools** we have:\n- a spade\n- ~~two rakes~~ one rake\n\n> Who borrowed the other one?\n\nThe plan is at https://example.org/plan.",
        "```rust\nfn litres(beds: u32) -> u32 {\n    // Ten for each bed.\n    beds * 10\n}\n```",
      ]);
      const stored = await storedMessages(asha, id);
      const found = (words: string) => stored.find(({ body }) => body.includes(words))?.id ?? "";
      const react = async (person: Person, words: string, emoji: string) =>
        call(person.page, "react", { chat_id: id, message_id: found(words), emoji, on: "true" });
      await react(asha, "I did, at seven", "🌱");
      await react(chen, "I did, at seven", "🌱");
      await react(bela, "Ten is fine", "👍");
      await call(asha.page, "pin_message", { chat_id: id, message_id: found("Saturday:"), on: "true" });
      const own = (words: string) =>
        asha.messages.filter({ has: asha.page.locator(".message__text", { hasText: words }) });
      const act = async (words: string, name: string) => {
        await own(words).hover();
        await own(words).getByRole("button", { name: "More actions" }).click();
        const menu = asha.page.getByRole("dialog", { name: "Message", exact: true });
        await take(asha.page, `message-menu-${name.toLowerCase()}`);
        await menu.getByRole("button", { name, exact: true }).click();
      };
      await act("fn litres", "Reply");
      await take(asha.page, "answering");
      await asha.says("That is 40 litres for four beds.");
      await act("40 litres", "Edit");
      await take(asha.page, "editing");
      await asha.composer.fill("That is **40** litres for four beds.");
      await asha.composer.press("Enter");
      await expect(own("40 litres")).toContainText("edited");
      await take(asha.page, "conversation");

      await asha.composer.pressSequentially("And @");
      await expect(asha.page.getByRole("listbox", { name: "People" })).toBeVisible();
      await take(asha.page, "names-offered");
      await asha.composer.fill("");
      await asha.composer.pressSequentially(":see");
      await expect(asha.page.getByRole("listbox", { name: "Emoji" })).toBeVisible();
      await take(asha.page, "emoji-offered");
      await asha.composer.fill("");
      await asha.page.getByRole("button", { name: "Emoji", exact: true }).click();
      await expect(asha.page.getByRole("searchbox", { name: "Find an emoji by its name" })).toBeVisible();
      await take(asha.page, "emoji-picker");
      await asha.page.keyboard.press("Escape");
      await sendMessages(bela, id, ["@Asha Rao, and @Chen Wei: who brings the hose? @all"]);
      await asha.sees("who brings the hose?");
      await take(asha.page, "mentions");
      await sendMessages(chen, id, ["@Asha Rao I do."]);

      await asha.page.getByLabel("Attach files").setInputFiles([
        picture("the bed by the wall.png", 640, 420, [0x3f, 0x8f, 0x4f]),
        picture("sand.png", 300, 500, [0xd8, 0xc0, 0x8a]),
        text("a list with quite a long name, of everything that is needed on Saturday.txt", "compost\nsand\nhose\n"),
        text("empty.txt", ""),
      ]);
      await expect(asha.page.getByRole("list", { name: "Files to send" }).getByRole("listitem")).toHaveCount(4);
      await take(asha.page, "files-chosen");
      await asha.page.getByRole("button", { name: "Remove empty.txt" }).click();
      await asha.says("All that I have.");
      await asha.page.getByLabel("Attach files").setInputFiles([pdf("plan of the garden.pdf"), await film(asha.page, "rain.webm")]);
      await asha.says("And the plan.");
      await expect(asha.message("And the plan.").locator("video")).toBeVisible();
      await take(asha.page, "files");
      await asha.message("All that I have.").getByRole("link", { name: /sand\.png/ }).first().click();
      await expect(asha.page.getByRole("dialog", { name: "Pictures" })).toBeVisible();
      await take(asha.page, "gallery");
      await asha.page.keyboard.press("Escape");

      await asha.page.getByRole("link", { name: "1 pinned message" }).click();
      await expect(asha.page.getByRole("dialog", { name: "Pinned messages" })).toBeVisible();
      await take(asha.page, "pinned");
      await asha.page.keyboard.press("Escape");
      await asha.page.getByTitle("Go to a day").first().click();
      await take(asha.page, "go-to-a-day");
      await asha.page.keyboard.press("Escape");
      await act("All that I have.", "Read by…");
      await take(asha.page, "read-by");
      await asha.page.keyboard.press("Escape");

      await asha.goTo("/settings");
      const card = asha.page.getByRole("region", { name: "Picture", exact: true });
      await card.getByLabel("Choose a picture").setInputFiles(picture("me.png", 300, 300, [0x2f, 0x6f, 0xaf]));
      await take(asha.page, "picture-chosen");
      await card.getByRole("button", { name: "Save picture" }).click();
      await expect(card.locator(".avatar__picture")).toHaveAttribute("src", /^\/avatars/);
      await call(bela.page, "update_profile", {
        display_name: "Bela Nagy",
        about: "Tomatoes, mostly. On Saturdays at the market, by the fountain.",
      });
      await asha.openDirectChat("Bela Nagy");
      await asha.page.getByRole("main").getByRole("link", { name: "Bela Nagy", exact: true }).first().click();
      await expect(asha.page.getByRole("button", { name: "Block Bela Nagy" })).toBeVisible();
      await take(asha.page, "profile");
      await asha.page.getByRole("button", { name: "Block Bela Nagy" }).click();
      await expect(asha.page.getByRole("dialog", { name: "Block Bela Nagy?" })).toBeVisible();
      await take(asha.page, "profile-block");
      await asha.page.keyboard.press("Escape");
      await takeWhole(asha.page, "profile");
      await asha.openChat("Saturday market");
      await asha.openDetails();
      await asha.page.getByRole("button", { name: "Mute: For 1 hour" }).click();
      await expect(asha.page.getByText(/^Muted until /)).toBeVisible();
      await asha.page.getByRole("button", { name: "Archive", exact: true }).click();
      await expect(asha.page.getByRole("button", { name: "Unarchive" })).toBeVisible();
      await asha.openDirectChat("Bela Nagy");
      await asha.composer.fill("I have not finished thinking about");
      await asha.goTo("/");
      await asha.chats.getByText("Archived").click();
      await take(asha.page, "list-of-chats-archived-and-draft");
      await asha.goTo(group);

      await asha.openDetails();
      await take(asha.page, "group-details");
      await takeWhole(asha.page, "group-details");
      await bela.openDetails();
      await take(bela.page, "group-details-of-a-member");

      await sendMessages(bela, id, Array.from({ length: 40 }, (_, index) => `Row ${index + 1} is planted.`));
      await asha.goTo("/");
      await expect(asha.chat("Gardeners")).toContainText("40 unread messages");
      await take(asha.page, "list-of-chats-unread");
      await asha.goTo(group);
      await expect(asha.feed.locator(".left-off")).toBeInViewport();
      await take(asha.page, "chat-left-off");
      await scrollFeed(asha, "end");
      await expect(asha.message("Row 40 is planted.")).toBeInViewport();
      await asha.says("Thank you all.");
      await expect(asha.message("Thank you all.")).toContainText(/Read by/);
      await chen.composer.pressSequentially("And");
      await expect(asha.page.getByText("Chen Wei is typing…")).toBeVisible();
      await take(asha.page, "receipts-and-typing");
      await scrollFeed(asha, "top");
      await sendMessages(chen, id, ["And it rains!"]);
      await expect(asha.page.getByRole("button", { name: /^New messages/ })).toBeVisible();
      await take(asha.page, "chat-scrolled-up");

      await asha.goTo("/search");
      await take(asha.page, "search");
      await asha.page.getByRole("searchbox", { name: "Search messages" }).fill("the");
      await expect(asha.page.locator(".search-result mark").first()).toBeVisible();
      await take(asha.page, "search-found");
      await asha.page.getByRole("searchbox", { name: "Search messages" }).fill("nothing of the kind");
      await expect(asha.page.getByText("No messages found.")).toBeVisible();
      await take(asha.page, "search-nothing");
      await asha.page.keyboard.press("Control+k");
      await expect(asha.page.getByRole("option").first()).toBeVisible();
      await take(asha.page, "switcher");
      await asha.page.keyboard.press("Escape");

      await asha.goTo("/");
      await take(asha.page, "list-of-chats");
      await asha.goTo("/settings");
      await take(asha.page, "settings");
      await takeWhole(asha.page, "settings");
      await asha.page.goto("/no-such-page");
      await take(asha.page, "not-found");

      await asha.goTo(group);
      const refused = { code: "forbidden", message: "You may not do that here.", request_id: "picture" };
      await asha.page.route("**/api/send_message*", (route) => route.fulfill({ status: 403, json: { error: refused } }));
      for (const words of ["Who has the key?", "And the ladder?"]) {
        await asha.composer.fill(words);
        await asha.composer.press("Enter");
      }
      await expect(asha.message("And the ladder?")).toContainText("It waits for the one above");
      await take(asha.page, "chat-refused");
      await asha.page.unroute("**/api/send_message*");
      await server.kill();
      await expect(asha.offlineBanner).toBeVisible();
      await asha.composer.fill("I bring the sand.");
      await asha.composer.press("Enter");
      await asha.sees("I bring the sand.");
      await take(asha.page, "chat-offline");
    });
  }
}
