#!/usr/bin/env bash
# Run every static check by name; the exit code says whether any of them failed. `lint.sh --fast` leaves out the checks that
# need Go, the history or a network.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/.venv/bin
failed=()
fast=${1:-}

check() {
  local name=$1; shift
  echo "lint: $name"
  "$@" || failed+=("$name")
}

if [ "$fast" != --fast ]; then
  go_tools=$(tools/lint/build.sh) || exit 2
fi

mapfile -t workflows < <(git ls-files -co --exclude-standard '*.github/workflows/*.yml')
mapfile -t actions < <(git ls-files -co --exclude-standard action.yml '*/action.yml')
mapfile -t dockerfiles < <(git ls-files -co --exclude-standard 'Dockerfile*' '*/Dockerfile')
mapfile -t forms < <(git ls-files -co --exclude-standard '.github/ISSUE_TEMPLATE/*.yml' ':!.github/ISSUE_TEMPLATE/config.yml')
mapfile -t scripts < <(git ls-files -co --exclude-standard '*.sh' '.ci/run')

check "ruff" "$bin/ruff" check .
check "ruff format" "$bin/ruff" format --check .
check "mypy" "$bin/mypy"
check "generated files" "$bin/mlops-actions" docs --check
check "zizmor" "$bin/zizmor" --offline --quiet --persona pedantic --strict-collection \
  "${workflows[@]}" "${actions[@]}" .github/dependabot.yml
check "hadolint" "$bin/hadolint" "${dockerfiles[@]}"
check "workflow schema" "$bin/check-jsonschema" --builtin-schema vendor.github-workflows "${workflows[@]}"
check "action schema" "$bin/check-jsonschema" --builtin-schema vendor.github-actions "${actions[@]}"
check "issue form schema" "$bin/check-jsonschema" --builtin-schema vendor.github-issue-forms "${forms[@]}"
check "issue form choice" "$bin/check-jsonschema" --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
check "dependabot schema" "$bin/check-jsonschema" --builtin-schema vendor.dependabot .github/dependabot.yml
check "shell syntax" bash -n "${scripts[@]}"
if [ "$fast" != --fast ]; then
  check "actionlint" "$go_tools/actionlint" -shellcheck= "${workflows[@]}"
  # The whole history: a pushed secret stays public.
  check "secrets" "$go_tools/gitleaks" git --no-banner --log-level warn --redact --verbose .
  # A warning fails: a link or an anchor without a target, a page that no menu lists.
  check "site" tools/website/build.sh
  check "dependency audit" "$bin/python" tools/audit.py
fi

if [ ${#failed[@]} -gt 0 ]; then
  printf 'lint: failed: %s\n' "${failed[*]}" >&2
  exit 1
fi
echo "lint: clean"
