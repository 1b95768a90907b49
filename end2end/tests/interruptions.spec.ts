// Somebody types and sends without waiting for anything, and at some moment in between the server dies, the network
// goes, or the page is loaded anew: everything that was sent arrives, once and in order, and everything that was
// typed is still there. Which moments they are, a seed says; SAMVAD_SEED repeats a run.

import { setTimeout as pause } from "node:timers/promises";

import { storesExactly } from "../support/api.ts";
import { Chance } from "../support/chance.ts";
import { expect, test } from "../support/fixtures.ts";

const ROUNDS = 6;
/** Within this the page connects again after the longest of its pauses. */
const RECOVERY_MS = 60_000;

test("whatever breaks while one types and sends, all of it arrives once and in order", async ({
  people,
  server,
  line,
  watch,
}, info) => {
  test.slow();
  watch.allowNetworkErrors();
  const chance = new Chance(info);
  const bela = await people.newcomer("Bela");
  const asha = await people.newcomer("Asha", line.options);
  await asha.openDirectChat("Bela");
  await bela.goTo(new URL(asha.page.url()).pathname);

  const kill = async () => {
    await server.kill();
    await pause(chance.below(300));
    await server.start();
  };
  const cut = async () => {
    line.cut();
    await pause(chance.below(300));
    line.restore();
  };
  const sent: string[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const fault = chance.of(["kill", "cut", "reload"] as const);
    const texts = Array.from({ length: 2 + chance.below(3) }, (_, index) => `round ${round}, message ${index + 1}`);
    const half = `round ${round}, half a mess`;
    // Each message is typed and sent: two steps; then half a message is typed.
    const breaksAt = chance.below(texts.length * 2 + 1);
    let step = 0;
    let recovery: Promise<void> = Promise.resolve();
    const perhapsBreak = async (typed: string) => {
      if (step++ !== breaksAt) return;
      await pause(chance.below(30));
      if (fault === "reload") {
        await asha.page.reload();
        await asha.live();
        await expect(asha.composer).toHaveValue(typed);
      } else {
        recovery = fault === "kill" ? kill() : cut();
      }
    };
    await test.step(`${fault} at step ${breaksAt} of ${texts.length * 2}`, async () => {
      for (const text of texts) {
        await asha.composer.fill(text);
        await perhapsBreak(text);
        await asha.composer.press("Enter");
        sent.push(text);
        await perhapsBreak("");
      }
      await asha.composer.fill(half);
      await perhapsBreak(half);
      await recovery;
      await expect(asha.composer).toHaveValue(half);
    });
  }
  for (const person of [bela, asha]) {
    await expect(person.messages).toHaveCount(sent.length, { timeout: RECOVERY_MS });
    await person.seesExactly(sent);
  }
  await expect(asha.feed).not.toContainText(/Sending…|Not sent/, { timeout: RECOVERY_MS });
  await storesExactly(asha, sent);
  await expect(asha.composer).toHaveValue(/half a mess$/);
});
