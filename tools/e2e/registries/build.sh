#!/usr/bin/env bash
# Build two registries from the Go module proxy, once: CNCF distribution 3, and the one of go-containerregistry.
#
# Prints the directory that holds bin/ to standard output, and its progress to standard error. The directory is named after
# this script, the programs and their go.mod and go.sum, so a change of any builds anew:
# ${XDG_CACHE_HOME:-~/.cache}/mlops-actions/registries-HASH. What was not asked for in two weeks is removed then.
# With --cached it only says where they are, and fails if nowhere.
set -euo pipefail
cd "$(dirname "$0")"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/mlops-actions
hash=$(cat build.sh ./*/main.go ./*/go.mod ./*/go.sum | sha256sum | cut -c 1-16)
target=$cache/registries-$hash

found() { touch "$target"; echo "$target"; exit; }

if [ -d "$target" ]; then found; fi
if [ "${1-}" = --cached ]; then exit 1; fi
command -v go >/dev/null || { echo "error: there is no Go here. remedy: install Go 1.26 or newer" >&2; exit 2; }

mkdir -p "$cache"
exec 9>"$cache/registries.lock"
flock 9  # another run may be building the same
if [ -d "$target" ]; then found; fi
find "$cache" -maxdepth 1 -type d \( -name 'registries-*' -o -name '.registries-*' \) -mtime +14 -exec rm -rf {} +

work=$(mktemp -d "$cache/.registries-XXXXXXXX")
trap 'rm -rf "$work"' EXIT
export GOFLAGS="-mod=readonly -buildvcs=false"
echo "building two registries from source; the first time this takes two minutes" >&2
for program in distribution go-containerregistry; do
  nice -n 19 go -C "$program" build -p 2 -trimpath -ldflags "-s -w" -o "$work/bin/$program" . >&2
done
mv -T "$work" "$target"
found
