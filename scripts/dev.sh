#!/usr/bin/env bash
# Builds, serves and rebuilds on every change; the browser reloads by itself.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

scripts/setup.sh dev
# cargo-leptos calls wasm-opt for release builds: let it find the pinned one.
export PATH="$root/scripts/node_modules/.bin:$PATH"
exec cargo leptos watch "$@" -- serve --demo
