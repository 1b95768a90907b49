#!/usr/bin/env bash
# Has nginx read the examples in deploy/nginx, with their folders, hosts and certificate made up.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

export PATH="$PATH:/usr/sbin"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=chat.example.org \
  -keyout "$folder/privkey.pem" -out "$folder/fullchain.pem" 2>/dev/null
for example in samvad compose; do
  sed "s#/etc/nginx/samvad#$root/deploy/nginx#; s#/etc/ssl/samvad#$folder#; s#server samvad-[0-9]:#server 127.0.0.1:#" \
    "deploy/nginx/$example.conf" >"$folder/$example.conf"
  {
    echo "pid $folder/nginx.pid; events {} http { access_log off;"
    for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $folder/$kind;"; done
    echo "include $folder/$example.conf; }"
  } >"$folder/nginx.conf"
  nginx -t -q -c "$folder/nginx.conf" -p "$folder" -e "$folder/nginx.log" || fail "deploy/nginx/$example.conf is wrong"
done
