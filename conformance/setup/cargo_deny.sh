#!/usr/bin/env bash
# Installs cargo-deny at a fixed version into the cache and prints the path of the program.
set -euo pipefail
cd "$(dirname "$0")"
source ./cache.sh

version=0.20.2
home="$cache/tools/cargo-deny-$version"
if [ ! -x "$home/bin/cargo-deny" ]; then
  say "building cargo-deny $version, once"
  # A debug build: it runs for seconds, and an optimised one takes minutes longer to build.
  CARGO_PROFILE_DEV_DEBUG=false CARGO_TARGET_DIR="$cache/tools/build" \
    cargo install --quiet --locked --debug --version "$version" --root "$home" cargo-deny >&2
  rm -rf "$cache/tools/build"
fi
echo "$home/bin/cargo-deny"
