// Which browser is driven, and how.

import fs from "node:fs";
import process from "node:process";

import type { PlaywrightTestOptions, PlaywrightWorkerOptions } from "@playwright/test";

const DEBIAN_CHROMIUM = "/usr/bin/chromium";
const DEBIAN_SHELL = "/usr/lib/chromium/chromium-headless-shell";

/**
 * `CHROMIUM_PATH`, else the machine's own Chromium without its windows, which takes half as long, else the one that
 * Playwright has fetched. Nothing of it phones home, so that a failed request is always one of ours.
 */
export function browser(): Partial<PlaywrightTestOptions & PlaywrightWorkerOptions> {
  return driven([DEBIAN_SHELL, DEBIAN_CHROMIUM]);
}

/** The same with all that a browser has: Web Push is not in the smaller one. */
export function wholeBrowser(): Partial<PlaywrightTestOptions & PlaywrightWorkerOptions> {
  return { ...driven([DEBIAN_CHROMIUM]), channel: "chromium" };
}

function driven(places: string[]): Partial<PlaywrightTestOptions & PlaywrightWorkerOptions> {
  const executablePath = process.env["CHROMIUM_PATH"] ?? places.find((place) => fs.existsSync(place));
  const args = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ];
  // The sandbox cannot be used by root, and root is what containers run as.
  if (process.getuid?.() === 0) args.push("--no-sandbox");
  return {
    browserName: "chromium",
    locale: "en-GB",
    timezoneId: "UTC",
    // Otherwise a picture or a measure may fall into the middle of a transition.
    contextOptions: { reducedMotion: "reduce" },
    launchOptions: { args, ...(executablePath === undefined ? {} : { executablePath }) },
  };
}
