// Chance that can be repeated: the same seed makes the same choices.

import { randomInt } from "node:crypto";
import process from "node:process";

import type { TestInfo } from "@playwright/test";

export class Chance {
  #state: number;

  /** The seed is SAMVAD_SEED, or a new one; it is said in the output and in the report. */
  constructor(info: TestInfo) {
    const seed = Number(process.env["SAMVAD_SEED"] ?? randomInt(1, 1_000_000));
    this.#state = seed;
    info.annotations.push({ type: "seed", description: `SAMVAD_SEED=${seed}` });
    console.log(`${info.title}: SAMVAD_SEED=${seed}`);
  }

  /** A whole number from 0 up to the limit, which it never is. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  /** One of these. */
  of<Choice>(choices: readonly Choice[]): Choice {
    const chosen = choices[this.below(choices.length)];
    if (chosen === undefined) throw new Error("there is nothing to choose from");
    return chosen;
  }
}
