import { defineConfig } from "@playwright/test";

import { browser } from "./support/browser.ts";

export default defineConfig({
  testDir: ".",
  testMatch: "screenshots.ts",
  outputDir: "test-results",
  workers: 2,
  fullyParallel: true,
  timeout: 180_000,
  reporter: [["list"]],
  use: browser(),
});
