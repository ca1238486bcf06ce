"""The image of the tests' own containers: what a call-back needs (a shell and curl), and Python."""

from __future__ import annotations

import subprocess

from tests.e2e.docker_daemon import Docker
from tests.e2e.images import BASE_IMAGE, ROOT

NAME = "mlops-actions-e2e/tools"
DOCKERFILE = f"""\
FROM {BASE_IMAGE}
RUN apt-get update \\
 && apt-get install --yes --no-install-recommends ca-certificates curl python3-minimal \\
 && rm -rf /var/lib/apt/lists/*
"""


def build(docker: Docker) -> str:
    """Build it, where its layers are not there from another run; returns its name."""
    subprocess.run([ROOT / "tools/e2e/base-image.sh", BASE_IMAGE], env=docker.environment, check=True)
    docker("build", "--quiet", "--tag", NAME, "-", input=DOCKERFILE.encode())
    return NAME
