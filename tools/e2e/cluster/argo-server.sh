#!/usr/bin/env bash
# Build the Argo Server (the command `argo`) of the version that argo/go.mod names, once.
#
# Prints the program's path to standard output. A script of its own, with a cache of its own
# (${XDG_CACHE_HOME:-~/.cache}/mlops-actions/argo-server-HASH), so that a change here builds nothing else anew. The module does
# not hold the pages of the user interface, which the program embeds: it is built from a copy with one empty page in their
# place. The API is all that is wanted of it.
set -euo pipefail
cd "$(dirname "$0")"

command -v go >/dev/null || { echo "error: there is no Go here. remedy: install Go 1.26 or newer" >&2; exit 2; }

cache=${XDG_CACHE_HOME:-$HOME/.cache}/mlops-actions
hash=$(cat argo-server.sh argo/go.mod argo/go.sum | sha256sum | cut -c 1-16)
target=$cache/argo-server-$hash

if [ -x "$target/argo" ]; then echo "$target/argo"; exit; fi

mkdir -p "$cache"
exec 9>"$cache/argo-server.lock"
flock 9  # another run may be building the same
if [ -x "$target/argo" ]; then echo "$target/argo"; exit; fi

work=$(mktemp -d "$cache/.argo-server-XXXXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
module=github.com/argoproj/argo-workflows/v4
echo "building the Argo Server from source; the first time this takes some minutes" >&2
go -C argo mod download "$module"  # checked against go.sum, which vouches for the module's own go.sum too
cp -r "$(go -C argo list -m -f '{{.Dir}}' "$module")" "$work/source"
chmod -R u+w "$work/source"
mkdir -p "$work/source/ui/dist/app" "$work/made"
echo "<!doctype html>" >"$work/source/ui/dist/app/index.html"
export GOFLAGS="-mod=readonly -buildvcs=false"
nice -n 19 go -C "$work/source" build -p 2 -trimpath -ldflags "-s -w" -o "$work/made/argo" ./cmd/argo >&2
mv -T "$work/made" "$target"
echo "$target/argo"
