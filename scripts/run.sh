#!/usr/bin/env bash
# Builds the release and serves it with the demo accounts. Arguments go to `samvad serve`.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

scripts/build.sh
server="$(node scripts/build.mjs --print-server)"
# The addresses that the environment gives are read by the server itself.
: "${SAMVAD_ADDR:=127.0.0.1:3000}" "${SAMVAD_DATA_DIR:=./data}"
: "${SAMVAD_SITE_ROOT:=$(node scripts/build.mjs --print-site)}"
export SAMVAD_ADDR SAMVAD_DATA_DIR SAMVAD_SITE_ROOT
exec "$server" serve --demo "$@"
