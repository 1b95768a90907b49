#!/usr/bin/env bash
# Takes a picture of every page and state, at three widths, light and dark. They go to
# target/screenshots, or to the folder in SCREENSHOTS_DIR.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

scripts/setup.sh test
scripts/build.sh
SAMVAD_SERVER="$(node scripts/build.mjs --print-server)"
SAMVAD_SITE_ROOT="$(node scripts/build.mjs --print-site)"
SCREENSHOTS_DIR="$(mkdir -p "${SCREENSHOTS_DIR:-target/screenshots}" && cd "${SCREENSHOTS_DIR:-target/screenshots}" && pwd)"
export SAMVAD_SERVER SAMVAD_SITE_ROOT SCREENSHOTS_DIR
cd end2end
npx --no-install playwright test --config screenshots.config.ts "$@"
say "The pictures are in $SCREENSHOTS_DIR"
