#!/usr/bin/env bash
# Build the Argo Server (the command `argo`) of the version that argo/go.mod names, once; print the program's path.
#
# A script of its own, with a cache of its own (${XDG_CACHE_HOME:-~/.cache}/mlops-actions/argo-server-HASH), so that a change
# here builds nothing else anew.
set -euo pipefail
cd "$(dirname "$0")"
source ./build-argo.sh

module_directory() {
  local module=github.com/argoproj/argo-workflows/v4
  go -C argo mod download "$module"  # checked against go.sum, which vouches for the module's own go.sum too
  go -C argo list -m -f '{{.Dir}}' "$module"
}

build_argo "argo-server-$(cat argo-server.sh build-argo.sh argo/go.mod argo/go.sum | sha256sum | cut -c 1-16)" module_directory
