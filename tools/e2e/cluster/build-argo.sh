# Build the command `argo`, which is client and server, from a module's source; sourced by argo-cli.sh and argo-server.sh.
# shellcheck shell=bash

command -v go >/dev/null || { echo "error: there is no Go here. remedy: install Go 1.26 or newer" >&2; exit 2; }

# build_argo NAME COMMAND...: print the path of the program in ${XDG_CACHE_HOME:-~/.cache}/mlops-actions/NAME, built now
# where it is not there. COMMAND prints the directory of the module. The module does not hold the pages of the user interface,
# which the program embeds: a copy with one empty page in their place is built.
build_argo() {
  local cache=${XDG_CACHE_HOME:-$HOME/.cache}/mlops-actions source
  local target=$cache/$1
  shift
  if [ -x "$target/argo" ]; then echo "$target/argo"; return; fi

  mkdir -p "$cache"
  exec 9>"$cache/argo.lock"
  flock 9  # another run may be building the same
  if [ -x "$target/argo" ]; then echo "$target/argo"; return; fi

  work=$(mktemp -d "$cache/.argo-XXXXXXXX")
  trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
  echo "building ${target##*/} from source; the first time this takes some minutes" >&2
  source=$("$@")
  cp -r "$source" "$work/source"
  chmod -R u+w "$work/source"
  mkdir -p "$work/source/ui/dist/app" "$work/made"
  echo "<!doctype html>" >"$work/source/ui/dist/app/index.html"
  GOFLAGS="-mod=readonly -buildvcs=false" \
    nice -n 19 go -C "$work/source" build -p 2 -trimpath -ldflags "-s -w" -o "$work/made/argo" ./cmd/argo >&2
  mv -T "$work/made" "$target"
  echo "$target/argo"
}
