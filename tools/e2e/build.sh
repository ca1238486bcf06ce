#!/usr/bin/env bash
# Build what the tests against real components compile from Go source, in the order in which they need it. Each script keeps
# what it has built for the next run, and waits where another builds the same.
cd "$(dirname "$0")" || exit

for script in cluster/build.sh registries/build.sh cluster/argo-server.sh dockerfile/build.sh buildkit.sh; do
  "./$script" >/dev/null || echo "$script failed; the tests that need it say so" >&2
done
