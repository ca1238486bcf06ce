#!/usr/bin/env bash
# Run the tests against the real components: dockerd, a registry, act, Chromium, etcd with kube-apiserver and Argo's
# workflow-controller. Arguments go to pytest.
#
# What the system lacks is named first, then installed by apt-get (as root, or through sudo); nothing is where all is there.
# A Docker daemon that answers is used; else the tests start one of their own and stop it in the end. What is dear to make
# again (images, layers, the cluster's programs) stays in ${XDG_CACHE_HOME:-~/.cache}/mlops-actions for the next run.
set -euo pipefail
cd "$(dirname "$0")/.."

has() { command -v "$1" >/dev/null 2>&1; }

packages=()
need() {  # need COMMAND PACKAGE
  has "$1" || packages+=("$2")
}
need git git
need docker-registry docker-registry
has chromium || has chromium-browser || has google-chrome || need chromium chromium
if ! { has docker && docker version >/dev/null 2>&1; }; then
  need dockerd docker.io
  need iptables iptables
  need ip iproute2
  need setpriv util-linux
  need debootstrap debootstrap
fi

install() {
  local sudo=() policy=/usr/sbin/policy-rc.d
  if [ "$(id -u)" != 0 ]; then
    has sudo || { echo "error: installing needs root, and there is no sudo. remedy: run make e2e as root" >&2; exit 2; }
    sudo=(sudo)
  fi
  # Packages start their services when they are installed; the tests start their own, elsewhere.
  if [ ! -e "$policy" ]; then
    # shellcheck disable=SC2064 # the path is known now
    trap "${sudo[*]} rm -f $policy" RETURN
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
    "${sudo[@]}" chmod +x "$policy"
  fi
  "${sudo[@]}" apt-get -qq -o DPkg::Lock::Timeout=300 update
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install --yes --no-install-recommends "$@"
}

if [ ${#packages[@]} -gt 0 ]; then
  has apt-get || { echo "error: this system lacks ${packages[*]}, and has no apt-get. remedy: install them" >&2; exit 2; }
  echo "make e2e needs these packages from the system, and installs them now: ${packages[*]}"
  install "${packages[@]}"
  # Newer Debian releases have the client in a package of its own.
  has docker || install docker-cli
fi

# The registry's contract again: by now real registries are there to be held to it, beside the sandbox's.
tests=(tests/e2e tests/boundary/registry tests/standins/registry)
for argument; do
  if [ -e "${argument%%::*}" ]; then tests=(); fi  # the caller names what to run
done
# A real cluster is built from source, once, before the tests, which have no patience for that. Without Go they are skipped.
if has go && [[ ${#tests[@]} -gt 0 || "$*" == *cluster* ]]; then
  tools/e2e/cluster/build.sh >/dev/null || true # the tests say what is wrong
fi
if has go && [[ ${#tests[@]} -gt 0 || "$*" == *registry* ]]; then
  tools/e2e/registries/build.sh >/dev/null || true
fi
exec .venv/bin/python -m pytest "${tests[@]}" "$@"
