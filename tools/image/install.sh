#!/bin/sh
# Install what a lock file names into the image's virtual environment.
set -eu

root=/opt/mlops-actions
site=$("$root/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

# No package may run code of its own at this point: wheels only. collect.py compiles the modules that it takes.
/opt/pip/bin/pip --python "$root/bin/python" install --quiet --no-cache-dir --no-compile --disable-pip-version-check \
  --no-deps --only-binary :all: --require-hashes --requirement "$1"
# Commands of packages are nobody's here (`python` and its like are links). Of AWS's 400 services, 28 MB of data, two are used;
# the files beside the folders hold the regions.
find "$root/bin" -type f -delete
if [ -d "$site/botocore/data" ]; then
  find "$site/botocore/data" -mindepth 1 -maxdepth 1 -type d ! -name sts ! -name eks -exec rm -rf {} +
fi
