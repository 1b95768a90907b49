#!/usr/bin/env bash
# Every test: Rust's, then the end-to-end journeys against the built release.
# Arguments go to Playwright: `scripts/test.sh --grep group`.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

journeys() {
  local server site
  server="$(node scripts/build.mjs --print-server)"
  site="$(node scripts/build.mjs --print-site)"
  (cd end2end && SAMVAD_SERVER="$server" SAMVAD_SITE_ROOT="$site" npx --no-install playwright test "$@")
}

stage "set-up" scripts/setup.sh test
# In CI one failing file of tests does not keep the others from being counted.
stage "Rust tests" cargo test --locked --workspace --exclude frontend --features app/ssr ${CI:+--no-fail-fast}
stage "release build" scripts/build.sh
stage "end-to-end journeys" journeys "$@"
stage_summary
