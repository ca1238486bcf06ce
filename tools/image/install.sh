#!/bin/sh
# Put into the image's virtual environment what a lock file names, or with --own this suite's package and its executables.
# Byte code is compiled here, once, with the source's hash instead of its time: the same input gives the same files, and a
# container that starts neither compares times nor writes anything.
set -eu

root=/opt/mlops-actions
site=$("$root/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

if [ "$1" = --own ]; then
  cp -R "$2" "$site/"
  for action in chatops docker-publish argo-submit wandb-runs; do
    ln -s mlops-actions "$root/bin/$action"
    ln -s mlops-actions "$root/bin/$action-post"
  done
else
  # No package may run code of its own at this point: wheels only.
  /opt/pip/bin/pip --python "$root/bin/python" install --quiet --no-cache-dir --no-compile --disable-pip-version-check \
    --no-deps --only-binary :all: --require-hashes --requirement "$1"
  # Commands of packages are nobody's here (`python` and its like are links), and the Kubernetes client's asynchronous twin,
  # half of its 120 MB, is used by nothing. Of AWS's 400 services, 28 MB of data, two are used; the files beside the folders
  # hold the regions.
  find "$root/bin" -type f -delete
  rm -rf "$site/kubernetes/aio"
  if [ -d "$site/botocore/data" ]; then
    find "$site/botocore/data" -mindepth 1 -maxdepth 1 -type d ! -name sts ! -name eks -exec rm -rf {} +
  fi
fi
"$root/bin/python" -m compileall -q -j 0 --invalidation-mode unchecked-hash "$site"
