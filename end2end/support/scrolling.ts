// Where messages stand on the screen while a history is scrolled.

import type { Person } from "./people.ts";

/** Scrolls the list of messages to its top or its end, as somebody with a scrollbar does. */
export async function scrollFeed(person: Person, to: "top" | "end"): Promise<void> {
  await person.feed.evaluate((feed, end) => {
    let box: Element | null = feed;
    const scrolls = (element: Element) =>
      element.scrollHeight > element.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(element).overflowY);
    while (box !== null && !scrolls(box)) box = box.parentElement;
    const scrolled = box ?? document.scrollingElement;
    if (scrolled === null) return;
    // A box that is laid out from its end counts its positions backwards; the browser stops at the edge.
    scrolled.scrollTo({ top: end ? scrolled.scrollHeight : -scrolled.scrollHeight, behavior: "instant" });
  }, to === "end");
}

/** Lets the browser lay out and paint what has changed. */
export async function painted(person: Person): Promise<void> {
  await person.page.evaluate(
    () => new Promise<void>((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))),
  );
}

/** How far below the top of the window the message stands, in CSS pixels. */
export async function topOf(person: Person, text: string): Promise<number> {
  return person.message(text).evaluate((article) => article.getBoundingClientRect().top);
}

/** The number in the text of the topmost message that can be seen. */
export async function firstVisible(person: Person): Promise<string> {
  return person.feed.evaluate((feed) => {
    const articles = [...feed.querySelectorAll("article, [role=article]")];
    const first = articles.find((article) => {
      const box = article.getBoundingClientRect();
      const seen = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
      return seen !== null && article.contains(seen);
    });
    return /line \d{3}/.exec(first?.textContent ?? "")?.[0] ?? "";
  });
}
