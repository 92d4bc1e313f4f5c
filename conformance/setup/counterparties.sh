#!/usr/bin/env bash
# Installs the programs that tests and demo speak with, at the versions written down in ../counterparties, into the
# cache, and prints the folder: it holds `venv` (Python) and `node_modules`. Does nothing when that is done already.
# The scripts in ../counterparties find their packages through a link beside them.
set -euo pipefail
cd "$(dirname "$0")"
source ./cache.sh
scripts="$(cd ../counterparties && pwd)"

key="$(cat "$scripts/requirements.txt" "$scripts/package.json" "$scripts/package-lock.json" | sha256sum | cut -c1-16)"
home="$cache/counterparties-$key"

install_python() {
  say "installing Python counterparties"
  python3 -m venv "$1/venv"
  "$1/venv/bin/pip" install --quiet --disable-pip-version-check --no-input -r "$scripts/requirements.txt" >&2
}

install_node() {
  say "installing Node counterparties"
  cp "$scripts/package.json" "$scripts/package-lock.json" "$1/"
  (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
}

# One installer at a time; others wait here and find it done.
exec 9>"$cache/counterparties.lock"
flock 9
if [ ! -e "$home/complete" ]; then
  rm -rf "$home"
  mkdir -p "$home"
  install_python "$home"
  install_node "$home"
  touch "$home/complete"
fi
if [ "$(readlink "$scripts/node_modules" || true)" != "$home/node_modules" ]; then
  ln -sfn "$home/node_modules" "$scripts/node_modules"
fi
echo "$home"
