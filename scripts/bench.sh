#!/usr/bin/env bash
# Measures the whole path of a message against a release server: scripts/bench.sh [arguments of `bench`].
# Without arguments the whole table is run, which takes about half an hour; `scripts/bench.sh run --help`
# shows what a single load is made of.
set -euo pipefail
cd "$(dirname "$0")/.."

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
exec target/release/bench "$@"
