#!/usr/bin/env bash
# Build what a cluster is made of (etcd, kube-apiserver, Argo's workflow-controller) from the Go module proxy, once.
#
# Prints the directory that holds bin/, crds/ and Argo's schema.json to standard output, and its progress to standard error.
# The versions and hashes are those of go.mod and go.sum below; the directory is named after them, so a change of either
# builds anew: ${XDG_CACHE_HOME:-~/.cache}/mlops-actions/cluster-HASH. What was not asked for in two weeks is removed then.
# With --cached it only says where they are, and fails if nowhere.
set -euo pipefail
cd "$(dirname "$0")"

command -v go >/dev/null || { echo "error: there is no Go here. remedy: install Go 1.26 or newer" >&2; exit 2; }

# module and package; Argo has a module of its own, since it does not compile with the API server's libraries
programs=(
  "kubernetes go.etcd.io/etcd/server/v3"
  "kubernetes k8s.io/kubernetes/cmd/kube-apiserver"
  "argo github.com/argoproj/argo-workflows/v4/cmd/workflow-controller"
)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mlops-actions
hash=$(cat build.sh ./*/go.mod ./*/go.sum | sha256sum | cut -c 1-16)
target=$cache/cluster-$hash

found() { touch "$target"; echo "$target"; exit; }

if [ -d "$target" ]; then found; fi
if [ "${1-}" = --cached ]; then exit 1; fi

mkdir -p "$cache"
exec 9>"$cache/cluster.lock"
flock 9  # another run may be building the same
if [ -d "$target" ]; then found; fi
find "$cache" -maxdepth 1 -type d \( -name 'cluster-*' -o -name '.cluster-*' \) -mtime +14 -exec rm -rf {} +

work=$(mktemp -d "$cache/.cluster-XXXXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/crds"
export GOFLAGS="-mod=readonly -buildvcs=false"
version=$(go -C kubernetes list -m -f '{{.Version}}' k8s.io/kubernetes)
echo "building etcd, kube-apiserver $version and Argo's controller from source; the first time this takes 10 to 20 minutes" >&2

progress() {  # one line for every hundred packages; whatever else the compiler says is passed on
  local packages=0 line
  while IFS= read -r line; do
    case $line in
      *[[:space:]:]*) echo "$line" >&2 ;;
      *) packages=$((packages + 1)); if [ $((packages % 100)) = 0 ]; then echo "  $packages packages" >&2; fi ;;
    esac
  done
}

minor=${version#v1.}
flags="-s -w -X k8s.io/component-base/version.gitVersion=$version"
flags+=" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=${minor%%.*}"
for program in "${programs[@]}"; do
  read -r module package <<<"$program"
  name=$(basename "$package")
  if [ "$name" = v3 ]; then name=etcd; fi
  echo "$name" >&2
  nice -n 19 go -C "$module" build -v -p 2 -trimpath -ldflags "$flags" -o "$work/bin/$name" "$package" 2>&1 | progress
done
argo=$(go -C argo list -m -f '{{.Dir}}' github.com/argoproj/argo-workflows/v4)
cp "$argo"/manifests/base/crds/minimal/argoproj.io_*.yaml "$work/crds/"
cp "$argo/api/jsonschema/schema.json" "$work/"
chmod -R u+w "$work/crds" "$work/schema.json"
mv -T "$work" "$target"
found
