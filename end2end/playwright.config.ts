import { defineConfig } from "@playwright/test";

import { browser } from "./support/browser.ts";

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  // Each test has a server of its own, so tests may run beside each other in any order.
  fullyParallel: true,
  workers: 2,
  // A test that only passes the second time has found something.
  retries: 0,
  forbidOnly: Boolean(process.env["CI"]),
  timeout: 90_000,
  expect: { timeout: 10_000 },
  reporter: [["list"], ["html", { open: "never", outputFolder: "playwright-report" }]],
  // A trace takes a quarter more of the machine: `--trace retain-on-failure` where one is wanted.
  use: { ...browser(), screenshot: "only-on-failure" },
});
