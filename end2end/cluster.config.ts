// The journeys on two nodes, with everybody on another one than the person before: what one does on a node has to
// reach the other's page through MongoDB and Redis, and files go into a bucket. Left out is what says the same of any
// store and any number of nodes: how the page looks, sounds, handles and arrives, and what it makes of Markdown.

import { defineConfig } from "@playwright/test";

import config from "./playwright.config.ts";
import type { Options } from "./support/fixtures.ts";

export default defineConfig<Options>(config, {
  testIgnore: /(accessibility|delivery|focus|hostile-text|markdown)\.spec\.ts$/,
  outputDir: "test-results/cluster",
  use: { nodes: 2 },
});
