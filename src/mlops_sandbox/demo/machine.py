"""Whether this machine's Docker can take part: build the image, push it to the sandbox's registry, run it from there."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping

BASE_IMAGE = "debian:trixie-slim"
_SECONDS = 20.0
_SECONDS_TO_PULL = 180.0


def why_not(environment: Mapping[str, str]) -> str:
    """Say what keeps Docker from taking part, in a few words; empty where nothing does.

    `environment` is what the steps will have, so that what is found here is what they find.
    """
    docker = shutil.which("docker", path=environment.get("PATH"))
    if docker is None:
        return "there is no docker command"
    daemon = _ask([docker, "info", "--format", "{{.OperatingSystem}} {{.SecurityOptions}}"], environment)
    if daemon is None:
        return "no Docker daemon answers"
    if "Docker Desktop" in daemon or "rootless" in daemon or environment.get("DOCKER_HOST", "unix:").startswith("tcp:"):
        return "the Docker daemon is not on this machine's own loopback, where the sandbox's registry is"
    if _ask([docker, "buildx", "version"], environment) is None:
        return "docker has no buildx"
    present = _ask([docker, "image", "inspect", "--format", "{{.Id}}", BASE_IMAGE], environment)
    if present is None and _ask([docker, "pull", "--quiet", BASE_IMAGE], environment, _SECONDS_TO_PULL) is None:
        return f"the base image {BASE_IMAGE} cannot be pulled"
    return ""


def forget(environment: Mapping[str, str], registry: str) -> None:
    """Remove the images of a registry (`127.0.0.1:PORT`) that will not answer again; the layers' build cache stays."""
    docker = shutil.which("docker", path=environment.get("PATH")) or "docker"
    form = "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}"
    # Docker's own filter by reference knows names of one depth alone.
    listed = (_ask([docker, "image", "ls", "--digests", "--format", form], environment) or "").split()
    names = {name for name in listed if name.startswith(f"{registry}/") and "<none>" not in name}
    if names:
        _ask([docker, "image", "rm", *sorted(names)], environment)


def _ask(argv: list[str], environment: Mapping[str, str], seconds: float = _SECONDS) -> str | None:
    try:
        done = subprocess.run(argv, env=dict(environment), capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
