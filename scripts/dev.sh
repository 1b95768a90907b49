#!/usr/bin/env bash
# Builds, serves and rebuilds on every change; the browser reloads by itself.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

scripts/setup.sh dev
# cargo-leptos calls wasm-opt for release builds: let it find the pinned one.
export PATH="$root/scripts/node_modules/.bin:$PATH"
# It waits for the server at this address before it tells the browser to reload.
: "${SAMVAD_ADDR:=127.0.0.1:3000}"
export SAMVAD_ADDR LEPTOS_SITE_ADDR="${LEPTOS_SITE_ADDR:-$SAMVAD_ADDR}"
# It puts hashes into the names of files at the start only; with them the browser would never see a change.
export LEPTOS_HASH_FILES=false
exec cargo leptos watch "$@" -- serve --demo
