#!/usr/bin/env bash
# Installs the Debian packages that building (always), the demo, the tests or the benches need.
#   system.sh demo|test|bench
# Does nothing when all are there. Without the right to install it prints the one line to run, and fails.
set -euo pipefail
cd "$(dirname "$0")"
source ./cache.sh

build="gcc libc6-dev make pkg-config libxmlsec1-dev libclang1-14 libclang-common-14-dev ca-certificates"
run="libxmlsec1-openssl"
demo="knot python3-venv xmlsec1"
test="postgresql apache2-bin libapache2-mod-auth-openidc chromium fonts-dejavu-core openssl simplesamlphp php-cli php-xml php-mbstring"
bench="wrk python3-cryptography"

case "${1:-}" in
  demo) wanted="$build $run $demo" ;;
  test) wanted="$build $run $demo $test" ;;
  bench) wanted="$build $run $demo $bench" ;;
  *) echo "usage: system.sh demo|test|bench" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
  say "this is not Debian; these packages, or what they are called here, must be installed: $wanted"
  exit 0
fi

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }
missing=""
for package in $wanted; do
  is_installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
  as_root() { "$@"; }
elif sudo -n true 2>/dev/null; then
  as_root() { sudo -n "$@"; }
else
  say "some system packages are missing; run this once, then try again:"
  echo "sudo apt-get update && sudo apt-get install -y --no-install-recommends$missing" >&2
  exit 1
fi

# The packages are wanted for their programs. None of their services is to be started on this machine.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'as_root rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
fi

say "installing system packages:$missing"
as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 update >&2
# shellcheck disable=SC2086 # a list of words
as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing >&2
