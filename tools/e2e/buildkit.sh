#!/usr/bin/env bash
# Print the directory that holds buildkitd and buildctl, made once from BuildKit's published source with Go and kept for
# the next run. Exit 3 where that cannot be done here: there is no Go.
#
# usage: buildkit.sh
set -euo pipefail

version=v0.23.2
bin=${XDG_CACHE_HOME:-$HOME/.cache}/mlops-actions/buildkit-$version
mkdir -p "$bin"
exec 9>"$bin.lock"
flock 9 # another run may be making the same
if [ -x "$bin/buildkitd" ] && [ -x "$bin/buildctl" ]; then
  echo "$bin"
  exit 0
fi
command -v go >/dev/null || { echo "no Go here to make BuildKit with" >&2; exit 3; }

work=$(mktemp -d)
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
cd "$work"
# `go install` takes no module whose go.mod replaces another's; built in a copy of its own tree it does.
go mod init fetch 2>/dev/null
source=$(go mod download -json "github.com/moby/buildkit@$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
cp -r "$source" buildkit
chmod -R u+w buildkit
cd buildkit
for program in buildkitd buildctl; do
  CGO_ENABLED=0 nice -n 19 go build -p 2 -mod=mod -trimpath -ldflags "-s -w" -o "$bin/$program.new" "./cmd/$program" >&2
  mv "$bin/$program.new" "$bin/$program"
done
echo "$bin"
