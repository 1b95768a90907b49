#!/usr/bin/env bash
# Builds the release: the server at target/release/samvad and the site at target/site.
#
# The outcome is what `cargo leptos build --release --precompress` makes of the same settings in
# Cargo.toml, without the wait for cargo-leptos itself.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

scripts/setup.sh run
exec node scripts/build.mjs "$@"
