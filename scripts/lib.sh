# What the scripts share: where things are, how they speak, and stages that are timed. Sourced, not run.
# shellcheck shell=bash

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root" || exit

# Tools that set-up put into the project come first, so that their pinned versions win.
export PATH="$root/.tools/bin:${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }

fail() {
  printf '\033[1;31merror:\033[0m %s\n' "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# The version of a package in Cargo.lock, for a package that is there once.
locked_version() {
  awk -v name="$1" '
    $0 == "name = \"" name "\"" { getline; gsub(/version = |"/, ""); print; exit }
  ' Cargo.lock
}

stage_names=()
stage_seconds=()

# stage <name> <command…>: runs one step, remembers how long it took and stops at the first failure.
stage() {
  local name="$1" started=$SECONDS
  shift
  say "$name"
  if ! "$@"; then
    stage_names+=("$name  FAILED")
    stage_seconds+=($((SECONDS - started)))
    stage_summary
    fail "$name failed: $*"
  fi
  stage_names+=("$name")
  stage_seconds+=($((SECONDS - started)))
}

stage_summary() {
  local i
  printf '\n%-44s %8s\n' "stage" "time" >&2
  for i in "${!stage_names[@]}"; do
    printf '%-44s %3dm %02ds\n' "${stage_names[$i]}" $((stage_seconds[i] / 60)) $((stage_seconds[i] % 60)) >&2
  done
  printf '%-44s %3dm %02ds\n\n' "total" $((SECONDS / 60)) $((SECONDS % 60)) >&2
}

# services <folder> [members]: the servers that the adapters for many nodes are tested with: those of the environment,
# or our own in that folder, until the script ends. MongoDB has three members, or as many as are said.
services() {
  if [ -n "${MONGODB_URL:-}" ] && [ -n "${REDIS_URL:-}" ]; then
    say "Using the servers that MONGODB_URL and REDIS_URL name"
    return
  fi
  # Apart from those that somebody may have started by hand.
  local folder="$1" members="${2:-3}"
  scripts/services.sh stop "$folder"
  # shellcheck disable=SC2064 # the folder of now
  trap "scripts/services.sh stop '$folder'" EXIT
  trap 'exit 130' INT TERM
  scripts/services.sh start "$folder" "$members" || return
  eval "$(scripts/services.sh env "$folder")"
}
