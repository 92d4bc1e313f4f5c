#!/usr/bin/env bash
# Installs cargo-mutants at a fixed version into the cache and prints the path of the program.
set -euo pipefail
cd "$(dirname "$0")"
source ./cache.sh

version=27.1.0
home="$cache/tools/cargo-mutants-$version"
if [ ! -x "$home/bin/cargo-mutants" ]; then
  say "building cargo-mutants $version, once"
  # A debug build: what takes long is the builds that it starts.
  CARGO_PROFILE_DEV_DEBUG=false CARGO_TARGET_DIR="$cache/tools/build-mutants" \
    "${CARGO:-cargo}" install --quiet --locked --debug --version "$version" --root "$home" cargo-mutants >&2
  rm -rf "$cache/tools/build-mutants"
fi
echo "$home/bin/cargo-mutants"
