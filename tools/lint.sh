#!/usr/bin/env bash
# Every static check, each named; all of them run, and the exit code says whether any found something.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/.venv/bin
ACTIONLINT=v1.7.12
failed=()

check() {
  local name=$1; shift
  echo "lint: $name"
  "$@" || failed+=("$name")
}

if ! [ -x "$bin/actionlint" ]; then
  if ! command -v go >/dev/null; then
    echo "error: actionlint is built from source and needs Go" >&2
    echo "remedy: install Go (Debian: apt-get install golang-go), or put actionlint into .venv/bin" >&2
    exit 2
  fi
  GOBIN=$bin go install "github.com/rhysd/actionlint/cmd/actionlint@$ACTIONLINT"
fi

mapfile -t workflows < <(git ls-files -co --exclude-standard '*.github/workflows/*.yml')
mapfile -t actions < <(git ls-files -co --exclude-standard '*action.yml')
mapfile -t dockerfiles < <(git ls-files -co --exclude-standard 'Dockerfile*' '*/Dockerfile')
mapfile -t scripts < <(git ls-files -co --exclude-standard '*.sh' '.ci/run')

check "ruff" "$bin/ruff" check .
check "ruff format" "$bin/ruff" format --check .
check "mypy" "$bin/mypy"
check "generated files" "$bin/mlops-actions" docs --check
check "actionlint" "$bin/actionlint" -shellcheck= "${workflows[@]}"
check "zizmor" "$bin/zizmor" --offline --quiet "${workflows[@]}" "${actions[@]}"
check "hadolint" "$bin/hadolint" "${dockerfiles[@]}"
check "workflow schema" "$bin/check-jsonschema" --builtin-schema vendor.github-workflows "${workflows[@]}"
check "action schema" "$bin/check-jsonschema" --builtin-schema vendor.github-actions "${actions[@]}"
check "shell syntax" bash -n "${scripts[@]}"

if [ ${#failed[@]} -gt 0 ]; then
  printf 'lint: failed: %s\n' "${failed[*]}" >&2
  exit 1
fi
echo "lint: clean"
