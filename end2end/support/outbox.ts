// What a browser keeps of messages that are not sent yet.

import { type Page, expect } from "@playwright/test";

/** Waits until the browser keeps exactly so many unsent messages: then they survive that it is closed. */
export async function keeps(page: Page, count: number): Promise<void> {
  await expect.poll(() => page.evaluate(keptMessages), { message: "unsent messages that are kept" }).toBe(count);
}

async function keptMessages(): Promise<number> {
  // To open what is not there would make it, without what the page puts into it.
  const there = await indexedDB.databases();
  if (!there.some(({ name }) => name === "samvad")) return 0;
  const done = <Value>(request: IDBRequest<Value>) =>
    new Promise<Value>((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  const database = await done(indexedDB.open("samvad"));
  const count = await done(database.transaction("unsent").objectStore("unsent").count());
  database.close();
  return count;
}
