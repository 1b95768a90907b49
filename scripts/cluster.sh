#!/usr/bin/env bash
# Samvad on many machines, all of them this one: a replica set of three MongoDB members, Redis, three nodes,
# and nginx in front, with the demo accounts. Everything listens on 127.0.0.1 alone, starts from nothing, and
# is thrown away when it is stopped.
#
#   scripts/cluster.sh run       build, start, and stop with Ctrl-C: `make cluster`
#   scripts/cluster.sh start     build and start, and come back when it is ready
#   scripts/cluster.sh status    say what runs
#   scripts/cluster.sh stop      stop everything
#
# What it keeps is in target/cluster, unless a folder is named after the word. SAMVAD_ADDR is the address in
# front, 127.0.0.1:3000 unless it says otherwise; the nodes take the three ports after that one. Nothing is built
# where SAMVAD_SERVER names a server; the site has to be there then.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# Debian has nginx where only root looks.
export PATH="$PATH:/usr/sbin"
folder="${2:-$root/target/cluster}"
[[ "$folder" = /* ]] || folder="$root/$folder"
front="${SAMVAD_ADDR:-127.0.0.1:3000}"
port="${front##*:}"
nodes=(1 2 3)
[ "${front%:*}" = 127.0.0.1 ] || fail "The demo cluster is for this machine alone: SAMVAD_ADDR begins with 127.0.0.1"

# Whoever names a folder of their own by mistake keeps it.
if [ -e "$folder" ] && [ ! -e "$folder/.cluster" ]; then
  fail "$folder is there, and is not a cluster's"
fi

node_address() { echo "127.0.0.1:$((port + $1))"; }

# until_within <seconds> <command…>: whether the command succeeds within that time.
until_within() {
  local limit=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$limit" ] || return 1
    sleep 0.2
  done
}

# answers <url>: whether it is answered with a status of success. Node is there wherever Samvad was built.
answers() {
  node -e '
    fetch(process.argv[1], { signal: AbortSignal.timeout(2000) })
      .then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1));' "$1"
}

# runs <name>: whether the process that was started under this name still runs. Its number alone may belong to
# another program by now.
runs() {
  local pid
  pid="$(cat "$folder/$1.pid" 2>/dev/null)" && [ -n "$pid" ] || return
  if [ -d /proc/self ]; then
    grep -qaF "$folder/" "/proc/$pid/cmdline" 2>/dev/null
  else
    ps -p "$pid" -o args= | grep -qF "$folder/"
  fi
}

# ends <name> <signal> <seconds>: asks a process to end, and waits for it that long.
ends() {
  local pid
  runs "$1" || return 0
  pid="$(cat "$folder/$1.pid")"
  kill "-$2" "$pid" 2>/dev/null || return 0
  if ! until_within "$3" eval "! runs $1"; then
    say "$1 did not end within $3 s"
    kill -KILL "$pid" 2>/dev/null || true
  fi
}

configuration() {
  local MONGODB_URL REDIS_URL
  eval "$(scripts/services.sh env "$folder/services")"
  cat <<TOML
# What the nodes of the demo cluster share. Their addresses are flags.
data_dir = "$folder/data"
site_root = "$(node scripts/build.mjs --print-site)"
public_url = "http://$front"
trusted_proxies = ["127.0.0.1"]
secret = "$(node -e 'console.log(require("node:crypto").randomBytes(32).toString("hex"))')"
mongodb_url = "$MONGODB_URL"
redis_url = "$REDIS_URL"
TOML
}

nginx_configuration() {
  local node
  cat <<NGINX
# nginx in front of the demo cluster, as whoever started it.
worker_processes 1;
pid $folder/nginx.pid;
error_log $folder/nginx.log warn;
events {
    worker_connections 4096;
}
http {
    access_log off;
    client_body_temp_path $folder/nginx/body;
    proxy_temp_path $folder/nginx/proxy;
    fastcgi_temp_path $folder/nginx/fastcgi;
    uwsgi_temp_path $folder/nginx/uwsgi;
    scgi_temp_path $folder/nginx/scgi;
    upstream samvad {
        least_conn;
        zone samvad 64k;
$(for node in "${nodes[@]}"; do echo "        server $(node_address "$node") max_fails=1 fail_timeout=5s;"; done)
        keepalive 64;
        keepalive_timeout 20s;
    }
    server {
        listen $front;
        include $root/deploy/nginx/locations.conf;
    }
}
NGINX
}

# The environment may be meant for another server: nodes have the file alone. `env` becomes what it starts, so
# the number of its process is the node's.
clean=(env)
for name in $(compgen -e); do
  case "$name" in
    SAMVAD_* | LEPTOS_* | MONGODB_URL | REDIS_URL) clean+=(-u "$name") ;;
  esac
done

start() {
  local node server
  if [ -e "$folder" ]; then
    if any_runs; then
      fail "The cluster runs already: scripts/cluster.sh status, or stop"
    fi
    stop
  fi
  scripts/setup.sh cluster
  server="${SAMVAD_SERVER:-}"
  if [ -z "$server" ]; then
    scripts/build.sh
    server="$(node scripts/build.mjs --print-server)"
  fi
  mkdir -p "$folder/nginx"
  touch "$folder/.cluster"
  # Until all of it is ready, whatever goes wrong stops what was started.
  trap stop EXIT
  trap 'exit 130' INT TERM
  say "Starting MongoDB and Redis"
  scripts/services.sh start "$folder/services"
  (umask 077 && configuration >"$folder/samvad.toml")
  nginx_configuration >"$folder/nginx.conf"
  "${clean[@]}" "$server" check --config "$folder/samvad.toml" --addr "$(node_address 1)" >"$folder/check.log" ||
    fail "The nodes cannot be started: $(cat "$folder/check.log")"
  # Once, rather than by three nodes at once.
  "${clean[@]}" "$server" seed --config "$folder/samvad.toml" 2>>"$folder/seed.log" || fail "$(cat "$folder/seed.log")"
  say "Starting three nodes and nginx"
  for node in "${nodes[@]}"; do
    "${clean[@]}" "$server" serve --config "$folder/samvad.toml" --addr "$(node_address "$node")" \
      </dev/null >"$folder/node-$node.log" 2>&1 &
    echo $! >"$folder/node-$node.pid"
  done
  for node in "${nodes[@]}"; do
    until_within 30 answers "http://$(node_address "$node")/readyz" ||
      fail "Node $node is not ready: $(tail -5 "$folder/node-$node.log")"
  done
  nginx -c "$folder/nginx.conf" -p "$folder" -e "$folder/nginx.log" || fail "nginx: $(cat "$folder/nginx.log")"
  until_within 10 answers "http://$front/login" || fail "nginx does not answer: $(cat "$folder/nginx.log")"
  trap - EXIT INT TERM
  addresses
}

addresses() {
  local node MONGODB_URL REDIS_URL
  eval "$(scripts/services.sh env "$folder/services")"
  printf '\n  Samvad is ready: http://%s\n\n' "$front"
  for node in "${nodes[@]}"; do
    printf '  node %s   http://%s   (log: %s)\n' "$node" "$(node_address "$node")" "${folder#"$root/"}/node-$node.log"
  done
  cat <<TEXT
  MongoDB  $MONGODB_URL
  Redis    $REDIS_URL

  Sign in as samyak@chat.test.com, or samyak@chat.test1.com to samyak@chat.test4.com, with the password abcdefg.
  End a node with kill \$(cat ${folder#"$root/"}/node-1.pid): its people go on, on the others.

TEXT
}

any_runs() {
  local name
  for name in nginx node-1 node-2 node-3; do
    if runs "$name"; then return; fi
  done
  [ -e "$folder/services/env" ]
}

status() {
  local node outcome=0
  [ -e "$folder" ] || fail "The cluster does not run: scripts/cluster.sh start"
  for node in "${nodes[@]}"; do
    if answers "http://$(node_address "$node")/readyz"; then
      echo "node $node  ready      http://$(node_address "$node")"
    elif runs "node-$node"; then
      echo "node $node  NOT READY  http://$(node_address "$node")"
      outcome=1
    else
      echo "node $node  ENDED      http://$(node_address "$node")"
      outcome=1
    fi
  done
  if answers "http://$front/login"; then
    echo "nginx   answers    http://$front"
  else
    echo "nginx   NO ANSWER  http://$front"
    outcome=1
  fi
  return "$outcome"
}

# People first, then what serves them, then what that needs.
stop() {
  local node
  if [ ! -e "$folder" ]; then
    return
  fi
  for node in "${nodes[@]}"; do
    if runs "node-$node"; then kill -TERM "$(cat "$folder/node-$node.pid")" 2>/dev/null || true; fi
  done
  # Sockets are told to come back and requests finish, which takes the nodes seconds.
  for node in "${nodes[@]}"; do
    ends "node-$node" TERM 40
  done
  # Nobody is left behind it whom it could let finish.
  ends nginx TERM 10
  scripts/services.sh stop "$folder/services"
  rm -rf "$folder"
}

run() {
  # Each part has a group of its own, so that Ctrl-C reaches this script alone and things end in order.
  [ ! -e "$folder/services" ] || fail "The cluster in $folder runs already, or did not end well: scripts/cluster.sh stop"
  set -m
  scripts/cluster.sh start "$folder" &
  local starter=$!
  # shellcheck disable=SC2064 # the starter of now
  trap "end_run $starter" EXIT
  trap 'exit 0' INT TERM
  wait "$starter" || exit 1
  echo "  Ctrl-C stops all of it."
  while sleep 1; do :; done
}

end_run() {
  say "Stopping the cluster"
  # It may be in the middle of building.
  if kill -TERM -- "-$1" 2>/dev/null; then
    wait "$1" || true
  fi
  stop
}

case "${1:-}" in
  run) run ;;
  start) start ;;
  status) status ;;
  stop) stop ;;
  *) fail "usage: scripts/cluster.sh run|start|status|stop" ;;
esac
