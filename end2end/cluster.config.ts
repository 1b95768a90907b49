// The journeys on two nodes, with everybody on another one than the person before: what one does on a node has to
// reach the other's page through MongoDB and Redis, and files go into a bucket. Left out always is what is the same on
// any number of nodes and with any store: how the page looks, is handled and arrives. By hand, all others are run. In
// CI, whose time is short, more is left out: what concerns mostly the page of one person, but also mentions, pictures
// of people, notifications and push, in which nodes have a part. These CI runs on one node alone.

import process from "node:process";

import { defineConfig } from "@playwright/test";

import config from "./playwright.config.ts";
import type { Options } from "./support/fixtures.ts";

const LEFT_OUT = /(accessibility|delivery|focus)\.spec\.ts$/;
const LEFT_OUT_IN_CI = [
  /(accounts|history|hostile-text|interruptions|markdown|outbox|without-javascript)\.spec\.ts$/,
  /(avatars|mentions|notifying|push)\.spec\.ts$/,
];

export default defineConfig<Options>(config, {
  testIgnore: process.env["CI"] ? [LEFT_OUT, ...LEFT_OUT_IN_CI] : LEFT_OUT,
  outputDir: "test-results/cluster",
  use: { nodes: 2 },
});
