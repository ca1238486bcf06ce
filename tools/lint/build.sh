#!/usr/bin/env bash
# Build actionlint and gitleaks, which are published as Go source, at the versions of go.mod and go.sum, once.
#
# Prints the folder of both programs to standard output; with --where it prints the folder and builds nothing. They are kept outside the checkout, in
# ${XDG_CACHE_HOME:-~/.cache}/mlops-actions/lint-HASH, so that a new checkout or a new .venv builds nothing.
set -euo pipefail
cd "$(dirname "$0")"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/mlops-actions
hash=$(cat go.mod go.sum | sha256sum | cut -c 1-16)
target=$cache/lint-$hash
is_built() { [ -x "$target/actionlint" ] && [ -x "$target/gitleaks" ]; }

if is_built || [ "${1:-}" = --where ]; then echo "$target"; exit; fi

if ! command -v go >/dev/null; then
  echo "error: actionlint and gitleaks are built from source and need Go" >&2
  echo "remedy: install Go 1.25 or newer, or put both programs into $target" >&2
  exit 2
fi
mkdir -p "$cache"
exec 9>"$cache/lint.lock"
flock 9  # another run may be building the same
if is_built; then echo "$target"; exit; fi

work=$(mktemp -d "$cache/.lint-XXXXXXXX")
trap 'rm -rf "$work"' EXIT
echo "building actionlint and gitleaks from source; the first time this takes some minutes" >&2
GOBIN=$work/bin GOFLAGS=-mod=readonly go install tool >&2
rm -rf "$target"
mv -T "$work/bin" "$target"
echo "$target"
