"""This machine: the Docker daemon by its SDK, the disk, the clock."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping

from mlops_actions.core.errors import Unavailable

_SECONDS = 5


class Machine:
    """Implements `doctor.ports.RunnerApi`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    @property
    def is_job(self) -> bool:
        """See the port."""
        return self._environ.get("GITHUB_ACTIONS") == "true"

    def docker(self) -> str:
        """See the port."""
        import docker
        from docker.errors import DockerException

        try:
            client = docker.from_env(timeout=_SECONDS, environment=dict(self._environ))
            return str(client.version()["Version"])
        except (DockerException, OSError, KeyError) as error:
            text = " ".join(str(error).split())[:200]
            raise Unavailable(f"the Docker daemon gives no answer: {text}", "docker version") from None

    def free_bytes(self) -> int:
        """See the port."""
        return shutil.disk_usage(self._environ.get("RUNNER_TEMP") or self._environ.get("GITHUB_WORKSPACE") or ".").free

    def now(self) -> float:
        """See the port."""
        return time.time()
