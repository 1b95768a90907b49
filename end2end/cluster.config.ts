// The main journeys on two nodes, with everybody on another one than the person before: what one does on a node
// has to reach the other's page through MongoDB and Redis, and files go into a bucket.

import { defineConfig } from "@playwright/test";

import config from "./playwright.config.ts";
import type { Options } from "./support/fixtures.ts";

export default defineConfig<Options>(config, {
  testMatch: /(accounts|attachments|conversation|faults|group|history|interruptions|messages|outbox|without-javascript)\.spec\.ts$/,
  outputDir: "test-results/cluster",
  use: { nodes: 2 },
});
