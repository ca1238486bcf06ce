#!/usr/bin/env bash
# Build the documentation's site: `build.sh [OPTION…]`, options as of `mkdocs build`. A warning is an error.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ ! -x .venv/bin/mkdocs ]; then
  echo "error: MkDocs is not installed in .venv" >&2
  echo "remedy: make site" >&2
  exit 2
fi
# The theme's authors recommend their next generator on every start, which is no finding about these pages.
export NO_MKDOCS_2_WARNING=true PYTHONPATH=tools
exec .venv/bin/mkdocs build --strict --config-file tools/website/mkdocs.yml "$@"
