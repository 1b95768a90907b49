#!/usr/bin/env bash
# Everything that can be said about the code without running it.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

types() { (cd end2end && npx --no-install tsc --noEmit); }

# Known vulnerabilities stand in RustSec's database on GitHub. Where it cannot be fetched, a copy of at most 90
# days is good enough; where there is none, the table at the end says that nobody looked.
advisories() {
  # macOS has no `timeout`.
  local limited=
  if have timeout; then limited="timeout 60"; fi
  # shellcheck disable=SC2086 # two words
  if ! $limited cargo deny fetch db; then
    if ! compgen -G "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs/*/crates" >/dev/null; then
      say "RustSec's database cannot be reached, and there is no copy: known vulnerabilities are NOT CHECKED"
      stage "advisories: NOT CHECKED, no database" true
      return
    fi
    say "RustSec's database cannot be reached: the last copy is used"
  fi
  stage "advisories" cargo deny --locked --offline check advisories
}

stage "set-up" scripts/setup.sh check
stage "formatting" cargo fmt --all --check
# The browser's crate is left out of the first and the server's of the second: `ssr` and `hydrate`
# must never be switched on together.
stage "clippy, server" cargo clippy --locked --workspace --exclude frontend --features app/ssr \
  --all-targets -- -D warnings
stage "clippy, browser" cargo clippy --locked -p app -p frontend --features app/hydrate \
  --target wasm32-unknown-unknown -- -D warnings
stage "types of the end-to-end tests" types
stage "dependencies: licences, bans, sources" cargo deny --locked check --hide-inclusion-graph bans licenses sources
advisories
stage_summary
