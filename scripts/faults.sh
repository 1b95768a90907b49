#!/usr/bin/env bash
# The guarantees, proven by breaking things: real nodes, MongoDB and Redis, and faults in the middle of everything.
# Ends with the table, which also goes into target/faults.md, and the raw figures into target/faults.jsonl.
#
#   SEEDS=20 FIRST=1 LONG=1 scripts/faults.sh redis    twenty seeds of what has "redis" in its name, at full length
#
# Arguments go to the program: names to choose by, --list, --test-threads.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

export SAMVAD_FAULTS_SEEDS="${SEEDS:-20}" SAMVAD_FAULTS_FIRST_SEED="${FIRST:-1}" SAMVAD_FAULTS_LONG="${LONG:-}"

stage "set-up" scripts/setup.sh test
stage "MongoDB and Redis" services target/faults-services
# What a trial that was ended from outside left behind goes as well.
trap 'scripts/services.sh sweep; scripts/services.sh stop target/faults-services' EXIT
trap 'exit 130' INT TERM
stage "faults" cargo test --locked -p server --test faults -- "$@"
stage_summary
