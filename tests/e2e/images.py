"""The image of every action, built from a clean copy of the checkout with the command that the runner uses."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.docker_daemon import DaemonError, Docker

ROOT = Path(__file__).parents[2]
BASE_IMAGE = "debian:trixie-slim"
ACTIONS = ("chatops", "argo-submit", "wandb-runs", "docker-publish")
# What an image may have in a registry, in megabytes, and all of them where each layer counts once.
MAX_MEGABYTES = {"chatops": 16, "argo-submit": 40, "wandb-runs": 45, "docker-publish": 60}
MAX_TOGETHER = 100


def copy_checkout(destination: Path) -> Path:
    """Copy what git tracks or would track: what a user of the action downloads, and nothing else that lies about here."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.decode().split("\0")):
        source, target = ROOT / name, destination / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    return destination


def build(docker: Docker, context: Path) -> dict[str, str]:
    """Build the image of each action; returns their names."""
    subprocess.run([ROOT / "tools/e2e/base-image.sh", BASE_IMAGE], env=docker.environment, check=True)
    names = {}
    for action in ACTIONS:
        names[action] = f"mlops-actions-e2e/{action}"
        _run(docker, "build", "-t", names[action], "-f", str(context / f"Dockerfile.{action}"), str(context))
    return names


def _run(docker: Docker, *arguments: str) -> None:
    environment = docker.environment | {"BUILDKIT_PROGRESS": "plain"}
    done = subprocess.run(
        ["docker", *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode != 0:
        log = done.stdout.decode(errors="replace")[-4000:]
        raise DaemonError(f"docker {' '.join(arguments)}: exit {done.returncode}\n{log}")


def compressed_layers(docker: Docker, registry: DebianRegistry, image: str) -> dict[str, int]:
    """Bytes of each layer as a registry holds it, by its digest: what a machine that has nothing of an image downloads."""
    repository = f"sizes/{image.replace(':', '-')}"
    push(docker, registry, image, repository, "measured")
    layers: Any = registry.manifest(repository, "measured")["layers"]
    return {str(layer["digest"]): int(layer["size"]) for layer in layers}


def push(docker: Docker, registry: DebianRegistry, image: str, repository: str, tag: str) -> str:
    """Push an image; returns its name in the registry."""
    name = f"{registry.host}/{repository}:{tag}"
    docker("tag", image, name)
    with tempfile.TemporaryDirectory() as config:
        if registry.username:
            login = ("login", "--username", registry.username, "--password-stdin", registry.host)
            docker("--config", config, *login, input=registry.password.encode())
        docker("--config", config, "push", "--quiet", name)
    docker("rmi", name)
    return name
