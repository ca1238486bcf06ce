#!/usr/bin/env bash
# Build the command `argo` of an older version of Argo Workflows, such as v3.7.6, once; print the program's path.
#
# The cache is ${XDG_CACHE_HOME:-~/.cache}/mlops-actions/argo-cli-VERSION. Go checks the module against its checksum database.
set -euo pipefail
version=${1:?usage: argo-cli.sh VERSION}
source "$(dirname "$0")/build-argo.sh"

module_directory() {
  cd /  # outside of every module
  go mod download -json "github.com/argoproj/argo-workflows/${version%%.*}@$version" |
    sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'
}

build_argo "argo-cli-$version" module_directory
