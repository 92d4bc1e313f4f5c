#!/usr/bin/env bash
# Runs a temporary PostgreSQL cluster for as long as somebody holds this script's standard input open.
#   prints `READY postgresql://...` and then waits; at the end of its input it stops the cluster and removes it.
# So the cluster ends with the process that wanted it, however that process ends.
set -euo pipefail

folder="$(mktemp -d "${TMPDIR:-/tmp}/causeway-postgres.XXXXXX")"
programs="$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)"
[ -n "$programs" ] || programs="$(dirname "$(command -v initdb || echo /missing/initdb)")"
if [ ! -x "$programs/initdb" ]; then
  echo "no PostgreSQL server on this machine (Debian: apt-get install postgresql)" >&2
  exit 1
fi

# The server refuses to run as root; its package made the user `postgres`.
if [ "$(id -u)" = 0 ]; then
  chown postgres "$folder"
  as_owner() { setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
else
  as_owner() { "$@"; }
fi
cd "$folder"

finish() {
  as_owner "$programs/pg_ctl" -D "$folder/data" -m immediate -s stop >/dev/null 2>&1 || true
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 0' TERM
trap '' INT HUP

as_owner "$programs/initdb" -D "$folder/data" -U causeway --auth=trust --no-sync --encoding=UTF8 --locale=C >"$folder/initdb.log" \
  || { cat "$folder/initdb.log" >&2; exit 1; }
# Durability is not what these tests look at, and a machine may have two slow cores.
cat >>"$folder/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$folder'
max_connections = 300
shared_buffers = 64MB
fsync = off
synchronous_commit = off
full_page_writes = off
CONF

for _ in $(seq 20); do
  port=$((20000 + RANDOM % 12000))
  if as_owner "$programs/pg_ctl" -D "$folder/data" -l "$folder/server.log" -o "-p $port" -w -s start >/dev/null 2>&1; then
    echo "READY postgresql://causeway@127.0.0.1:$port/postgres"
    cat >/dev/null
    exit 0
  fi
done
cat "$folder/server.log" >&2
exit 1
