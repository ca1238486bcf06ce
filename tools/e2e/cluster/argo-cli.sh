#!/usr/bin/env bash
# Build the command `argo` of an older version of Argo Workflows, such as v3.7.6, once; print the program's path.
#
# The cache is ${XDG_CACHE_HOME:-~/.cache}/mlops-actions/argo-cli-VERSION. Go checks the module against its checksum database.
# As for argo-server.sh, one empty page stands in the place of the user interface, which the module does not hold.
set -euo pipefail
version=${1:?usage: argo-cli.sh VERSION}

command -v go >/dev/null || { echo "error: there is no Go here. remedy: install Go 1.26 or newer" >&2; exit 2; }

cache=${XDG_CACHE_HOME:-$HOME/.cache}/mlops-actions
target=$cache/argo-cli-$version
if [ -x "$target/argo" ]; then echo "$target/argo"; exit; fi

mkdir -p "$cache"
exec 9>"$cache/argo-cli.lock"
flock 9  # another run may be building the same
if [ -x "$target/argo" ]; then echo "$target/argo"; exit; fi

work=$(mktemp -d "$cache/.argo-cli-XXXXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
echo "building the command argo $version from source; this takes some minutes" >&2
cd /  # outside of every module
cp -r "$(go mod download -json "github.com/argoproj/argo-workflows/${version%%.*}@$version" |
  sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')" "$work/source"
chmod -R u+w "$work/source"
mkdir -p "$work/source/ui/dist/app" "$work/made"
echo "<!doctype html>" >"$work/source/ui/dist/app/index.html"
export GOFLAGS="-mod=readonly -buildvcs=false"
nice -n 19 go -C "$work/source" build -p 2 -trimpath -ldflags "-s -w" -o "$work/made/argo" ./cmd/argo >&2
mv -T "$work/made" "$target"
echo "$target/argo"
