#!/usr/bin/env bash
# Make .venv with the given Python, or say what is missing and how to get it.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "error: '$python' is not Python 3.11 or newer." >&2
  echo "remedy: install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2
  exit 2
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  echo "error: '$python' cannot make virtual environments (no ensurepip)." >&2
  echo "remedy: on Debian and Ubuntu: apt-get install python3-venv" >&2
  exit 2
fi
[ -x .venv/bin/pip ] || "$python" -m venv .venv
