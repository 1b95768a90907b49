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

# Everything that runs on many machines, from nothing and back to nothing.
cluster() {
  local word failed=
  export SAMVAD_ADDR=127.0.0.1:3700
  # Whatever goes wrong, it is stopped.
  trap 'scripts/cluster.sh stop target/test-cluster; scripts/services.sh sweep
    scripts/services.sh stop target/test-services' EXIT
  for word in start status; do
    scripts/cluster.sh "$word" target/test-cluster || failed=yes
  done
  scripts/cluster.sh stop target/test-cluster || failed=yes
  [ -z "$failed" ] || return 1
  # Neither a process nor a file is left.
  for word in 3700 3701 3702 3703; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$word") 2>/dev/null; then
      fail "something still listens on port $word"
    fi
  done
  [ ! -e target/test-cluster ]
}

stage "set-up" scripts/setup.sh test
stage "MongoDB and Redis" services target/test-services
# In CI one failing file of tests does not keep the others from being counted.
# What a test that was ended from outside left behind goes as well.
trap 'scripts/services.sh sweep; scripts/services.sh stop target/test-services' EXIT
trap 'exit 130' INT TERM
stage "Rust tests" cargo test --locked --workspace --exclude frontend --features app/ssr ${CI:+--no-fail-fast}
stage "release build" scripts/build.sh
stage "end-to-end journeys" journeys "$@"
stage "journeys on two nodes" journeys --config cluster.config.ts "$@"
stage "nginx's examples" scripts/nginx-examples.sh
stage "cluster" cluster
stage_summary
