#!/usr/bin/env bash
# Measures the whole path of a message against a release server: scripts/bench.sh [arguments of `bench`].
# Without arguments the whole table is run, which takes about half an hour; `scripts/bench.sh run --help`
# shows what a single load is made of. For `cluster` a MongoDB replica set and Redis are started beside it, and
# stopped at the end whatever that is.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# 10,000 sockets are as many open files, in the driver and in the server, which inherits this limit.
wanted=16384
if [ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge "$wanted" ]; then
    ulimit -Sn "$wanted"
else
    ulimit -Sn "$(ulimit -Hn)"
    echo "bench: only $(ulimit -Hn) open files are allowed here; 10,000 sockets need $wanted" >&2
fi

cargo build --release --locked -p server -p bench
[ $# -gt 0 ] || set -- table
is_cluster=
for word in "$@"; do
    if [ "$word" = cluster ]; then is_cluster=yes; fi
done
[ -n "$is_cluster" ] || exec target/release/bench "$@"

services=target/bench-services
driver=
stop() {
    # First the driver, which stops its nodes, and then what these need.
    if [ -n "$driver" ] && kill -TERM "$driver" 2>/dev/null; then
        wait "$driver" || true
    fi
    scripts/services.sh stop "$services"
}

have mongod && have redis-server || fail "mongod and redis-server are needed: scripts/setup.sh cluster"
[ ! -e "$services/env" ] || fail "Another measurement runs, or did not end well: scripts/services.sh stop $services"
trap stop EXIT
trap 'exit 130' INT TERM
scripts/services.sh start "$services"
eval "$(scripts/services.sh env "$services")"
# In the background, since a shell that waits for a program in front of it does not hear a signal.
target/release/bench "$@" &
driver=$!
wait "$driver" && outcome=0 || outcome=$?
driver=
exit "$outcome"
