#!/usr/bin/env bash
# Build the program that tells what BuildKit reads in a Dockerfile (main.go), and collect BuildKit's own test data, once.
#
# Prints the directory that holds bin/dockerfile-sources and corpus/ to standard output. Versions and hashes are those of go.mod and
# go.sum beside this file; the directory is named after them, so a change of either builds anew:
# ${XDG_CACHE_HOME:-~/.cache}/mlops-actions/dockerfile-HASH. What was not asked for in two weeks is removed then.
# Exit 3 where that cannot be done here: there is no Go.
set -euo pipefail
cd "$(dirname "$0")"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/mlops-actions
target=$cache/dockerfile-$(cat build.sh main.go go.mod go.sum | sha256sum | cut -c 1-16)

found() { touch "$target"; echo "$target"; exit; }

if [ -d "$target" ]; then found; fi
command -v go >/dev/null || { echo "no Go here to build BuildKit's Dockerfile reader with" >&2; exit 3; }

mkdir -p "$cache"
exec 9>"$cache/dockerfile.lock"
flock 9  # another run may be building the same
if [ -d "$target" ]; then found; fi
find "$cache" -maxdepth 1 -type d \( -name 'dockerfile-*' -o -name '.dockerfile-*' \) -mtime +14 -exec rm -rf {} +

work=$(mktemp -d "$cache/.dockerfile-XXXXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/corpus"
export GOFLAGS="-mod=readonly -buildvcs=false"
echo "building BuildKit's Dockerfile reader from source; the first time this takes a few minutes" >&2
nice -n 19 go build -p 2 -trimpath -ldflags "-s -w" -o "$work/bin/dockerfile-sources" . >&2
buildkit=$(go list -m -f '{{.Dir}}' github.com/moby/buildkit)
# Dockerfiles, and Go tests, which hold many more as text.
(cd "$buildkit/frontend/dockerfile" && find . \( -path '*/testfile*' -type f -o -name '*_test.go' \) -print0 | xargs -0 cp --parents -t "$work/corpus")
chmod -R u+w "$work/corpus"
mv -T "$work" "$target"
found
