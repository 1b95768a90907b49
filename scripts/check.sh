#!/usr/bin/env bash
# Everything that can be said about the code without running it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

types() { (cd end2end && npx --no-install tsc --noEmit); }

stage "set-up" scripts/setup.sh check
stage "formatting" cargo fmt --all --check
# The browser's crate is left out of the first and the server's of the second: `ssr` and `hydrate`
# must never be switched on together.
stage "clippy, server" cargo clippy --locked --workspace --exclude frontend --features app/ssr \
  --all-targets -- -D warnings
stage "clippy, browser" cargo clippy --locked -p app -p frontend --features app/hydrate \
  --target wasm32-unknown-unknown -- -D warnings
stage "types of the end-to-end tests" types
stage_summary
