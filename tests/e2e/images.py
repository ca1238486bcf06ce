"""Every target of Dockerfile.base, built from a clean copy of the checkout with the command that the runner uses."""

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
TARGETS = ("base", *ACTIONS, "suite")


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
    """Build all targets; returns the name of each one's image."""
    subprocess.run([ROOT / "tools/e2e/base-image.sh", BASE_IMAGE], env=docker.environment, check=True)
    names = {}
    for target in TARGETS:
        names[target] = f"mlops-actions-e2e/{target}"
        # The runner's own command, and `--target`.
        file = str(context / "Dockerfile.base")
        _run(docker, "build", "-t", names[target], "-f", file, "--target", target, str(context))
    return names


def _run(docker: Docker, *arguments: str) -> None:
    environment = docker.environment | {"BUILDKIT_PROGRESS": "plain"}
    done = subprocess.run(
        ["docker", *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode != 0:
        log = done.stdout.decode(errors="replace")[-4000:]
        raise DaemonError(f"docker {' '.join(arguments)}: exit {done.returncode}\n{log}")


def compressed_size(docker: Docker, registry: DebianRegistry, image: str) -> int:
    """Bytes a machine that has nothing of an image downloads: its layers as the registry holds them."""
    repository = f"sizes/{image.replace(':', '-')}"
    name = f"{registry.host}/{repository}:measured"
    docker("tag", image, name)
    with tempfile.TemporaryDirectory() as config:
        login = ("login", "--username", registry.username, "--password-stdin", registry.host)
        docker("--config", config, *login, input=registry.password.encode())
        docker("--config", config, "push", "--quiet", name)
    docker("rmi", name)
    layers: Any = registry.manifest(repository, "measured")["layers"]
    return sum(int(layer["size"]) for layer in layers)
