#!/usr/bin/env bash
# Every test: Rust's, then the end-to-end journeys.
# Arguments go to Playwright: `scripts/test.sh --grep group`.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# What the journeys and the cluster run: the server that the Rust tests have built, with the names of the site's
# files beside it. The site is the one of the release; compiling the server once more would prove little and take
# longer than all journeys.
tested=target/tested
put_together() {
  scripts/build.sh site
  mkdir -p "$tested"
  cp -f target/debug/samvad "$(node scripts/build.mjs --print-hashes)" "$tested/"
  export SAMVAD_SERVER="$root/$tested/samvad"
}

journeys() {
  local site
  site="$(node scripts/build.mjs --print-site)"
  (cd end2end && SAMVAD_SITE_ROOT="$site" npx --no-install playwright test "$@")
}

# What a test that was ended from outside left behind goes as well.
tidy() {
  scripts/services.sh sweep
  scripts/services.sh stop target/test-services
}

# Everything that runs on many machines, from nothing and back to nothing.
cluster() {
  local word failed=
  export SAMVAD_ADDR=127.0.0.1:3700
  # Whatever goes wrong, it is stopped.
  trap 'scripts/cluster.sh stop target/test-cluster; tidy' EXIT
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
# One member of MongoDB: what is about several, and breaks some, starts its own. Three took twice as long.
stage "MongoDB and Redis" services target/test-services 1
trap tidy EXIT
trap 'exit 130' INT TERM
tests=(cargo test --locked --workspace --exclude frontend --features app/ssr)
stage "Rust tests, compiled" "${tests[@]}" --no-run
# In CI one failing file of tests does not keep the others from being counted.
stage "Rust tests" "${tests[@]}" ${CI:+--no-fail-fast}
stage "site" put_together
stage "end-to-end journeys" journeys "$@"
stage "journeys on two nodes" journeys --config cluster.config.ts "$@"
stage "nginx's examples" scripts/nginx-examples.sh
stage "cluster" cluster
stage_summary
