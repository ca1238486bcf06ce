"""Check whether Docker on this machine can build an image, push it to the sandbox's registry, and run it from there."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping

BASE_IMAGE = "debian:trixie-slim"
_TIMEOUT = 20.0
_PULL_TIMEOUT = 180.0


def missing_docker(environment: Mapping[str, str]) -> str:
    """Return why Docker cannot be used, in a few words; empty where it can.

    `environment` is that of the steps, so that they find what this function finds.
    """
    docker = shutil.which("docker", path=environment.get("PATH"))
    if docker is None:
        return "there is no docker command"
    daemon = _docker_output([docker, "info", "--format", "{{.OperatingSystem}} {{.SecurityOptions}}"], environment)
    if daemon is None:
        return "no Docker daemon answers"
    if "Docker Desktop" in daemon or "rootless" in daemon or environment.get("DOCKER_HOST", "unix:").startswith("tcp:"):
        return "the Docker daemon is not on this machine's own loopback, where the sandbox's registry is"
    if _docker_output([docker, "buildx", "version"], environment) is None:
        return "docker has no buildx"
    present = _docker_output([docker, "image", "inspect", "--format", "{{.Id}}", BASE_IMAGE], environment)
    if present is None and _docker_output([docker, "pull", "--quiet", BASE_IMAGE], environment, _PULL_TIMEOUT) is None:
        return f"the base image {BASE_IMAGE} cannot be pulled"
    return ""


def remove_images(environment: Mapping[str, str], registry: str) -> None:
    """Remove the images of a registry (`127.0.0.1:PORT`) that has stopped; the build cache of their layers stays."""
    docker = shutil.which("docker", path=environment.get("PATH")) or "docker"
    template = "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}"
    # Docker's own filter by reference supports only names of one depth.
    images = (_docker_output([docker, "image", "ls", "--digests", "--format", template], environment) or "").split()
    names = {name for name in images if name.startswith(f"{registry}/") and "<none>" not in name}
    if names:
        _docker_output([docker, "image", "rm", *sorted(names)], environment)


def _docker_output(argv: list[str], environment: Mapping[str, str], seconds: float = _TIMEOUT) -> str | None:
    try:
        completed = subprocess.run(argv, env=dict(environment), capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return completed.stdout if completed.returncode == 0 else None
