#!/usr/bin/env bash
# Mutation of checks: mutants.sh saml|enforcement [FILE...]. Prints what survived, and fails if anything did.
#
# `saml` takes the check functions of src/protocol/saml, `enforcement` all of src/access/enforcement; with names of files behind
# it, those of them. It works on a copy of the rings that they stand on, so that a mutant is built in seconds and not with the
# whole program. The source itself is never changed.
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
copy="$out/copy"
rm -rf "$copy"
files=()
# Kept, so that what others wrote is compiled by the first run alone.
export CARGO_TARGET_DIR="$cache/mutants/target"

# What refuses. The model of documents, names and our own messages are left to their tests.
saml_checks=(
  assertion/mod.rs assertion/response.rs assertion/signature.rs assertion/statements.rs assertion/window.rs
  certificate.rs document/reader.rs encryption.rs gate/encryption_shape.rs gate/mod.rs gate/signature_shape.rs
  idp_metadata.rs logout/mod.rs logout/request.rs logout/response.rs redirect_binding.rs signed_info/mod.rs verification.rs
)
# What enforcement stands on. Provisioning is there for the people and groups of `access::testing`.
below=(values protocol store keys record directory provisioning)

# entries FOLDER: the lines of Cargo.toml for the crates that the source in FOLDER names. One that no source names sets features of
# another, and is always there.
entries() {
  local line name
  while IFS= read -r line; do
    name="${line%% *}"
    if grep -rqE "\b${name//-/_}::" "$1" || ! grep -rqE "\b${name//-/_}::" "$root/src"; then echo "$line"; fi
  done < <(awk '/^\[/ { inside = ($0 ~ /^\[(dev-)?dependencies\]$/); next } inside && NF' "$root/Cargo.toml")
}

# package NAME FOLDER: a manifest in FOLDER of what its source needs.
package() {
  printf '[package]\nname = "%s"\nversion = "0.1.0"\nedition = "2024"\npublish = false\n\n[dependencies]\n' "$1"
  entries "$2/src"
}

# without_tests FOLDER: takes the modules of tests away, which stand at the foot of their files.
without_tests() {
  find "$1" -name '*.rs' -exec perl -0pi -e 's/#\[cfg\(test\)\]\nmod tests( \{.*|;\n)//s' {} +
}

copy_saml() {
  mkdir -p "$copy/src/protocol/oidc"
  cp -a "$root/src/values" "$copy/src/"
  cp -a "$root/src/protocol"/{saml,compared.rs,form.rs} "$copy/src/protocol/"
  cp -a "$root/src/protocol/oidc"/{acr,class_map}.rs "$copy/src/protocol/oidc/"
  cat >"$copy/src/lib.rs" <<'MODULES'
pub mod values;
pub mod protocol {
    pub mod compared;
    pub mod form;
    pub mod oidc {
        pub mod acr;
        pub mod class_map;
    }
    pub mod saml;
}
MODULES
  {
    package causeway "$copy"
    printf '\n[workspace]\n\n[profile.dev]\ndebug = false\nopt-level = 1\n'
  } >"$copy/Cargo.toml"
}

# The rings below are a crate of their own, without their tests, which is built once; of `access` only the tests of enforcement
# are left.
copy_enforcement() {
  mkdir -p "$copy/src" "$copy/below/src" "$copy/below/conformance/setup"
  for ring in "${below[@]}"; do cp -a "$root/src/$ring" "$copy/below/src/"; done
  cp -a "$root/migrations" "$copy/below/"
  cp "$setup/postgres.sh" "$copy/below/conformance/setup/"
  without_tests "$copy/below/src"
  # What remains for tests is for those of the crate above.
  find "$copy/below/src" -name '*.rs' -exec sed -i '/^ *#\[cfg(test)\]$/d' {} +
  printf 'pub mod %s;\n' "${below[@]}" >"$copy/below/src/lib.rs"
  package below "$copy/below" >"$copy/below/Cargo.toml"

  cp -a "$root/src/access" "$copy/src/"
  without_tests "$copy/src/access"
  rm -r "$copy/src/access/enforcement"
  cp -a "$root/src/access/enforcement" "$copy/src/access/"
  { printf 'pub use below::%s;\n' "${below[@]}" && echo 'pub mod access;'; } >"$copy/src/lib.rs"
  {
    package causeway "$copy"
    printf 'below = { path = "below" }\n\n[workspace]\n\n'
    # The profiles of some packages: SQLite and the hash of passwords are slow otherwise.
    sed -n '/^\[profile.dev.package/,/^$/p' "$root/Cargo.toml"
    printf '[profile.dev]\ndebug = false\n'
  } >"$copy/Cargo.toml"
}

case "$what" in
  saml)
    folder=src/protocol/saml
    [ $# -gt 0 ] || set -- "${saml_checks[@]}"
    copy_saml
    # The costliest documents are measured in time, of which a busy machine has less.
    tests=(--skip the_costliest_document)
    ;;
  enforcement)
    folder=src/access/enforcement
    [ $# -gt 0 ] || mapfile -t files < <(cd "$root/$folder" && find . -name '*.rs' ! -name tests.rs -printf '%P\n' | sort)
    copy_enforcement
    # Most of the time they wait for databases, of which they make some fifty: in memory where there is a place for that.
    [ ! -w /dev/shm ] || export TMPDIR=/dev/shm
    tests=(access::enforcement --test-threads 8)
    ;;
  *)
    say "no such part: $what"
    exit 2
    ;;
esac
chosen=()
for file in "$@" "${files[@]}"; do
  [ -f "$root/$folder/$file" ] || { say "no such file: $folder/$file" && exit 2; }
  chosen+=(--file "$folder/$file")
done
mkdir -p "$copy/.cargo"
cp "$root/Cargo.lock" "$copy/"
cp "$root/.cargo/mutants.toml" "$root/.cargo/config.toml" "$copy/.cargo/"
cd "$copy"
# What was built last is a mutant of files that are as old as these.
find . -name '*.rs' -exec touch {} +
status=0
"$mutants" mutants "${chosen[@]}" --in-place --no-shuffle --build-timeout 600 --output "$out" --colors never \
  --cargo-arg=--lib -- -- "${tests[@]}" || status=$?
# 3: nothing survived, and some mutants were ended because they did not come to an end themselves. They are listed above.
[ "$status" != 3 ] || status=0
exit "$status"
