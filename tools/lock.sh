#!/usr/bin/env bash
# Compile pyproject's extras into requirement files of exact versions and hashes, one an image, and three for development.
# No index address is written: the reader's own pip configuration says where packages come from.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() {
  local name=$1; shift
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
    --custom-compile-command "make lock" --no-emit-package resvg-py --no-emit-package quickjs-ng --no-emit-package termaid --no-emit-package pip \
    --constraint tools/locks/all.txt -o "tools/locks/$name.txt" "$@"
}
touch tools/locks/all.txt
# One resolution of everything first, so that every file agrees on every version.
uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header \
  $(printf -- '--extra %s ' chatops docker argo wandb sandbox docs dev) -o tools/locks/all.txt pyproject.toml examples/digits/requirements.txt
for extra in chatops docker argo wandb sandbox; do compile "$extra" --extra "$extra" pyproject.toml; done
everything=$(printf -- '--extra %s ' chatops docker argo wandb sandbox)
printf 'hatchling\neditables\n' > .build-backend.in
compile docs --extra docs pyproject.toml .build-backend.in
compile demo $everything pyproject.toml examples/digits/requirements.txt .build-backend.in
compile dev $everything --extra dev pyproject.toml examples/digits/requirements.txt .build-backend.in
rm -f .build-backend.in tools/locks/all.txt
