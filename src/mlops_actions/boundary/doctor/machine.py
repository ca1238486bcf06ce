"""This machine: the Docker daemon by its SDK, the runner, the network, the disk, the clock."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from mlops_actions.boundary.doctor.programs import output_of
from mlops_actions.core.errors import Unavailable
from mlops_actions.doctor.ports import Endpoint, Route

_SECONDS = 5
_WORKER, _LISTENER = "Runner.Worker", "Runner.Listener"  # https://github.com/actions/runner


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

    def runner_version(self) -> str:
        """See the port. No variable holds it, so ask the runner's own program, which is a parent of each step on Linux."""
        process = os.getpid()
        while process > 1:
            try:
                program = Path(f"/proc/{process}/exe").readlink()
                process = int(Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                return ""
            if program.name == _WORKER:
                return output_of([str(program.with_name(_LISTENER)), "--version"])
        return ""

    def reach(self, endpoint: Endpoint) -> Route:
        """See the port."""
        from mlops_actions.boundary.doctor import network

        return network.reach(endpoint, self._environ)

    def free_bytes(self) -> int:
        """See the port."""
        return shutil.disk_usage(self._environ.get("RUNNER_TEMP") or self._environ.get("GITHUB_WORKSPACE") or ".").free

    def now(self) -> float:
        """See the port."""
        return time.time()
