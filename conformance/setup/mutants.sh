#!/usr/bin/env bash
# Mutation of checks: mutants.sh saml [FILE...] | enforcement. Prints what survived, and fails if anything did.
#
# `saml` takes the check functions of src/protocol/saml, or the files that are named. It works on a copy of that folder and of
# src/values, which it depends on alone, so that a mutant is built in seconds and not with the whole program. `enforcement`
# takes src/access/enforcement, which stands on everything below it: cargo-mutants copies the tree, and a mutant takes minutes.
# The source itself is never changed.
set -euo pipefail
setup="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$setup/../.." && pwd)"
source "$setup/cache.sh"

what="${1:?saml or enforcement}"
shift
mutants="$("$setup/cargo_mutants.sh")"
out="$cache/mutants/$what"
mkdir -p "$out"
export PROPTEST_CASES="${PROPTEST_CASES:-64}"

# What refuses. The model of documents, names, metadata and our own messages are left to their tests.
checks=(
  assertion/mod.rs assertion/response.rs assertion/signature.rs assertion/statements.rs assertion/window.rs
  encryption.rs gate/encryption_shape.rs gate/mod.rs gate/signature_shape.rs
  logout/mod.rs logout/request.rs logout/response.rs redirect_binding.rs signed_info/mod.rs verification.rs
)

# The crates that the copy needs, at the versions of the lock file.
crates="x509-parser data-encoding aws-lc-rs base64 caseless chrono flate2 idna openssl psl quick-xml samael serde serde_json thiserror unicode-normalization url uuid zeroize proptest"

copy_saml() {
  local copy="$1"
  mkdir -p "$copy/src/protocol" "$copy/.cargo"
  cp -a "$root/src/values" "$copy/src/"
  cp -a "$root/src/protocol/saml" "$copy/src/protocol/"
  cp "$root/Cargo.lock" "$copy/"
  cp "$root/.cargo/mutants.toml" "$copy/.cargo/"
  printf 'pub mod values;\npub mod protocol {\n    pub mod saml;\n}\n' >"$copy/src/lib.rs"
  {
    printf '[package]\nname = "causeway"\nversion = "0.1.0"\nedition = "2024"\npublish = false\n\n[workspace]\n\n'
    awk -v names="$crates" '
      BEGIN { split(names, list, " "); for (i in list) wanted[list[i]] = 1 }
      /^\[(dev-)?dependencies\]/ { print; inside = 1; next }
      /^\[/ { inside = 0 }
      inside && ($1 in wanted)
    ' "$root/Cargo.toml"
    printf '\n[profile.dev]\ndebug = false\nopt-level = 1\n'
  } >"$copy/Cargo.toml"
}

case "$what" in
  saml)
    [ $# -gt 0 ] || set -- "${checks[@]}"
    copy="$(mktemp -d)"
    trap 'rm -rf "$copy"' EXIT
    copy_saml "$copy"
    files=()
    for file in "$@"; do files+=(--file "src/protocol/saml/$file"); done
    cd "$copy"
    # The costliest documents are measured in time, of which a busy machine has less.
    "$mutants" mutants "${files[@]}" --jobs 1 --no-shuffle --build-timeout 600 --output "$out" --colors never \
      -- --lib -- --skip the_costliest_document
    ;;
  enforcement)
    cd "$root"
    "$mutants" mutants --file 'src/access/enforcement/**' --jobs 1 --no-shuffle --build-timeout 1800 \
      --output "$out" --colors never -- --lib -- access::enforcement
    ;;
  *)
    say "no such part: $what"
    exit 2
    ;;
esac
