# Sourced by the scripts beside it: where everything that is installed or built for this project lives.
cache="${XDG_CACHE_HOME:-$HOME/.cache}/causeway"
mkdir -p "$cache"

# say TEXT: one line of progress on standard error, so that standard output stays for results.
say() { printf '==> %s\n' "$*" >&2; }
