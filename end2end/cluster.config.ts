// The journeys on two nodes, with everybody on another one than the person before: what one does on a node has to
// reach the other's page through MongoDB and Redis, and files go into a bucket. Left out is what says the same of any
// store and any number of nodes: how the page looks, sounds, handles and arrives, and what it makes of Markdown. In CI,
// whose time is short, so is what concerns mostly the page of one person.

import process from "node:process";

import { defineConfig } from "@playwright/test";

import config from "./playwright.config.ts";
import type { Options } from "./support/fixtures.ts";

const EVERYWHERE_THE_SAME = /(accessibility|delivery|focus|hostile-text|markdown)\.spec\.ts$/;
const OF_ONE_PAGE =
  /(accounts|avatars|history|interruptions|mentions|notifying|outbox|push|without-javascript)\.spec\.ts$/;

export default defineConfig<Options>(config, {
  testIgnore: process.env["CI"] ? [EVERYWHERE_THE_SAME, OF_ONE_PAGE] : EVERYWHERE_THE_SAME,
  outputDir: "test-results/cluster",
  use: { nodes: 2 },
});
