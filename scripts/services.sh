#!/usr/bin/env bash
# The servers beside which many nodes run, for tests: a replica set of MongoDB and Redis, on free ports of this
# machine, with everything they keep in one folder.
#
#   scripts/services.sh start [folder] [members]   start them, and wait until they are ready
#   scripts/services.sh env [folder]               print MONGODB_URL and REDIS_URL, for `eval`
#   scripts/services.sh stop [folder]              stop them and remove the folder
#   scripts/services.sh sweep                      stop those of tests that ended without doing so
#
# The folder is target/services unless another is named: each has servers of its own. MongoDB has three members, or
# one, which is one third of the work.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

action="${1:-}"
folder="${2:-target/services}"
members="${3:-3}"
[[ "$members" = [1-3] ]] || fail "one to three members of MongoDB, not $members"
[[ "$folder" = /* ]] || folder="$root/$folder"

free_ports() {
  node -e '
    const { createServer } = require("node:net");
    const { randomInt } = require("node:crypto");
    // Below those that the system gives to connections: none is taken before its server listens.
    const take = () => new Promise((resolve) => {
      const server = createServer();
      server.once("error", () => resolve(take()));
      server.listen(randomInt(12000, 32000), "127.0.0.1", () => resolve(server));
    });
    Promise.all([take(), take(), take(), take()]).then((servers) => {
      console.log(servers.map((server) => server.address().port).join(" "));
      servers.forEach((server) => server.close());
    });'
}

start() {
  [ ! -e "$folder/env" ] || fail "The services in $folder run already, or did not end well: scripts/services.sh stop"
  [ ! -e "$folder" ] || [ -f "$folder/pids" ] || fail "$folder is there already, and was not made by scripts/services.sh"
  have mongod || fail "mongod is missing: scripts/setup.sh test"
  have redis-server || fail "redis-server is missing: scripts/setup.sh test"
  # Until all are ready, whatever goes wrong stops those that were started.
  trap stop EXIT
  trap 'exit 130' INT TERM
  mkdir -p "$folder"
  touch "$folder/pids"
  local ports hosts=() port
  read -r -a ports <<<"$(free_ports)"
  for port in "${ports[@]:0:members}"; do
    mkdir -p "$folder/$port"
    # Small caches, a short log, and faults to be had on request: these are for tests. The journal is as it is
    # in production.
    mongod --replSet samvad --bind_ip 127.0.0.1 --port "$port" --dbpath "$folder/$port" \
      --wiredTigerCacheSizeGB 0.25 --oplogSize 256 --setParameter diagnosticDataCollectionEnabled=false \
      --setParameter enableTestCommands=1 --setParameter oplogNetworkTimeoutBufferSeconds=1 \
      --setParameter oplogRetriedFindMaxSeconds=1 --quiet --nounixsocket --logpath "$folder/$port.log" </dev/null >/dev/null 2>&1 &
    echo $! >>"$folder/pids"
    hosts+=("127.0.0.1:$port")
  done
  redis-server --bind 127.0.0.1 --port "${ports[3]}" --save '' --appendonly no --dir "$folder" \
    --logfile "$folder/redis.log" </dev/null >/dev/null 2>&1 &
  echo $! >>"$folder/pids"
  node scripts/replica-set.mjs "${hosts[@]}"
  wait_for_redis "${ports[3]}"
  {
    echo "export MONGODB_URL='mongodb://$(IFS=,; echo "${hosts[*]}")/samvad?replicaSet=samvad'"
    echo "export REDIS_URL='redis://127.0.0.1:${ports[3]}'"
  } >"$folder/env"
  trap - EXIT INT TERM
}

wait_for_redis() {
  local _
  for _ in $(seq 100); do
    if redis-cli -p "$1" ping 2>/dev/null | grep -qx PONG; then
      return
    fi
    sleep 0.1
  done
  fail "Redis did not start: $(tail -3 "$folder/redis.log")"
}

stop() {
  local pid _ killed=()
  [ ! -e "$folder" ] || [ -f "$folder/pids" ] || fail "$folder was not made by scripts/services.sh: it stays"
  if [ -f "$folder/pids" ]; then
    while read -r pid; do
      # Only what was started from here: the number may belong to another program by now.
      if grep -qaE 'mongod|redis-server' "/proc/$pid/cmdline" 2>/dev/null || [ ! -d /proc ]; then
        # What they keep is thrown away: there is nothing to wait for.
        kill -KILL "$pid" 2>/dev/null || true
        killed+=("$pid")
      fi
    done <"$folder/pids"
    # One that is not gone yet would write into the folder while it is removed.
    for _ in $(seq 100); do
      any_runs ${killed[@]+"${killed[@]}"} || break
      sleep 0.1
    done
  fi
  rm -rf "$folder"
}

# Whether any of these processes is there. One that has ended and that nobody has waited for yet is not.
any_runs() {
  local pid
  for pid in "$@"; do
    if [ -d /proc ]; then
      ! grep -qE '^State:[[:space:]]+[^ZX]' "/proc/$pid/status" 2>/dev/null || return 0
    else
      ! kill -0 "$pid" 2>/dev/null || return 0
    fi
  done
  return 1
}

# Tests put the number of their own process into the folder's name: whose process is gone has left them behind.
sweep() {
  local left owner
  for left in "${CARGO_TARGET_DIR:-target}"/tmp/servers-*; do
    owner="${left##*/servers-}"
    owner="${owner%%-*}"
    if [ -d "$left" ] && ! kill -0 "$owner" 2>/dev/null; then
      folder="$(realpath "$left")"
      stop
    fi
  done
}

case "$action" in
  start) start ;;
  stop) stop ;;
  sweep) sweep ;;
  env)
    [ -f "$folder/env" ] || fail "The services do not run: scripts/services.sh start"
    cat "$folder/env"
    ;;
  *) fail "usage: scripts/services.sh start [folder] [members], stop|env [folder], or sweep" ;;
esac
