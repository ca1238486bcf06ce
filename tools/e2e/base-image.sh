#!/usr/bin/env bash
# Give the daemon the image that Dockerfile.base starts from. The script loads the copy that an earlier run kept in
# ${XDG_CACHE_HOME:-~/.cache}/mlops-actions for at most two weeks, else pulls the image, else (where no registry answers)
# builds it from Debian's packages under the same name. The tests remove the image at their end where they added it.
#
# usage: base-image.sh [IMAGE]        (IMAGE defaults to debian:trixie-slim; DOCKER_HOST says which daemon)
set -euo pipefail

image=${1:-debian:trixie-slim}
suite=${image##*:}
suite=${suite%-slim}

if docker image inspect "$image" >/dev/null 2>&1; then
  exit 0
fi
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mlops-actions
copy=$cache/base-image-${image//[^a-zA-Z0-9.]/-}.tar
if [ -n "$(find "$copy" -mtime -14 2>/dev/null)" ] && docker load --quiet --input "$copy" >&2; then
  exit 0
fi
keep_copy() {
  mkdir -p "$cache"
  docker save --output "$copy.$$" "$image"
  mv "$copy.$$" "$copy"
}
echo "pulling $image" >&2
if docker pull --quiet "$image" >&2; then
  keep_copy
  exit 0
fi

echo "no registry answered for $image: building it from Debian's packages" >&2
if ! command -v debootstrap >/dev/null || [ "$(id -u)" != 0 ]; then
  echo "error: $image can be neither pulled nor built: building it needs root and debootstrap." >&2
  echo "remedy: pull the image by hand, or run as root after: apt-get install debootstrap" >&2
  exit 2
fi
root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
if ! debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" >"$root.log" 2>&1; then
  tail -n 20 "$root.log" >&2
  rm -f "$root.log"
  exit 4
fi
rm -f "$root.log"

# What makes the published image slim: no documentation, neither here nor from packages installed later.
cat >"$root/etc/dpkg/dpkg.cfg.d/slim" <<'SLIM'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/lintian/*
SLIM
find "$root/usr/share/doc" -mindepth 2 -not -name copyright -not -type d -delete
rm -rf "$root"/usr/share/{man,info,locale,lintian}/* "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* \
  "$root"/var/log/*.log "$root"/var/cache/debconf/*-old

# A machine that reaches the package registries through a certificate authority of its own needs it in its images too.
if [ -r /etc/ssl/certs/ca-certificates.crt ]; then
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
fi
tar -C "$root" --numeric-owner --exclude=./proc/* --exclude=./sys/* --exclude=./dev/* -c . \
  | docker import --change 'CMD ["bash"]' - "$image" >/dev/null
keep_copy
