"""Build the images of a release with the local Docker daemon, push and inspect them, and join them to one index each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_actions.boundary.registry.client import BasicCredentials, RegistryClient
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.core.errors import BadInput, WorkFailed
from releasing import BASE_IMAGE, manifests, sbom
from releasing.manifests import PushedImage
from releasing.plan import Plan

PYTHON = "/opt/mlops-actions/bin/python"
_ISOLATED = ("run", "--rm", "--network", "none", "--read-only")


@dataclass(frozen=True)
class Registry:
    """The destination of the images: each action has a repository below `prefix`, which is HOST/PATH."""

    prefix: str
    username: str
    password: str = field(repr=False)

    @classmethod
    def from_environ(cls, prefix: str) -> Registry:
        """Read the login from REGISTRY_USERNAME and REGISTRY_PASSWORD."""
        username, password = (os.environ.get(f"REGISTRY_{name}", "") for name in ("USERNAME", "PASSWORD"))
        if not username or not password:
            raise BadInput("REGISTRY_USERNAME and REGISTRY_PASSWORD are not both set", f"set both to the login of {prefix}")
        return cls(prefix, username, password)

    @property
    def host(self) -> str:
        """The host of the registry."""
        return self.prefix.partition("/")[0]

    def repository(self, action: str) -> str:
        """Return the repository of an action, without the host."""
        return f"{self.prefix}/{action}".partition("/")[2]

    def client(self) -> RegistryClient:
        """Return a client of this registry."""
        return RegistryClient(
            self.host, BasicCredentials(self.username, self.password), GitHubRunner(os.environ, sys.stderr)
        )


class Docker:
    """The docker command, signed in to a registry (if one is given) by a temporary configuration."""

    def __init__(self, registry: Registry | None) -> None:
        self._directory = tempfile.TemporaryDirectory()
        # BuildKit would push an index with its own unsigned attestations; the release workflow signs attestations itself.
        self._environment = {**os.environ, "DOCKER_CONFIG": self._directory.name, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
        if registry:
            self("login", "--username", registry.username, "--password-stdin", registry.host, text=registry.password)

    def __enter__(self) -> Docker:
        return self

    def __exit__(self, *_: object) -> None:
        self._directory.cleanup()

    def __call__(self, *arguments: str, text: str | None = None) -> str:
        """Run docker and return its output; raise WorkFailed with the end of its error output."""
        done = subprocess.run(
            ["docker", *arguments], env=self._environment, input=text, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise WorkFailed(
                f"docker {arguments[0]} failed: {done.stderr.strip()[-2000:]}",
                "correct what docker reports, and run the command again",
            )
        return done.stdout

    def inspect(self, image: str) -> Mapping[str, Any]:
        """Return the daemon's description of an image."""
        descriptions: list[Mapping[str, Any]] = json.loads(self("image", "inspect", image))
        return descriptions[0]


def base_by_digest(docker: Docker, image: str) -> str:
    """Pull the base image and return its name by digest, from which the build of every platform starts."""
    docker("pull", "--quiet", image)
    name = image.rpartition("@")[0] or image.rpartition(":")[0]
    for reference in docker.inspect(image)["RepoDigests"]:
        repository, _, digest = str(reference).partition("@")
        if name in (repository, f"docker.io/library/{repository}"):
            return f"{name}@{digest}"
    raise WorkFailed(
        f"the registry of {image} returned no digest", "name the base image by its digest: --base NAME@sha256:…"
    )


def build(docker: Docker, registry: Registry, plan: Plan, context: Path, base: str, out: Path) -> list[PushedImage]:
    """Build, push and inspect the image of every action for the platform of this machine."""
    client, pushed = registry.client(), []
    for action in plan.images:
        name = f"{registry.prefix}/{action}"
        candidate = f"{name}:build"
        docker(*build_command(action, candidate, plan, context, base))
        description = docker.inspect(candidate)
        platform = f"{description['Os']}/{description['Architecture']}"
        tag = f"{plan.version}-{description['Architecture']}"
        docker("tag", candidate, f"{name}:{tag}")
        docker("push", "--quiet", f"{name}:{tag}")
        manifest = client.manifest(registry.repository(action), tag)
        if manifest is None or description["Id"] not in (manifest.digest, manifest.document.get("config", {}).get("digest")):
            raise WorkFailed(f"{name}:{tag} is not the image that was pushed", "find out who else writes to this registry")
        docker("rmi", candidate)
        image = PushedImage(
            action=action,
            platform=platform,
            digest=manifest.digest,
            size=len(manifest.content),
            media_type=manifest.media_type,
        )
        inventory = docker(*_ISOLATED, "--entrypoint", PYTHON, f"{name}:{tag}", "-IBc", sbom.INVENTORY)
        described = sbom.DescribedImage(
            name=name,
            digest=image.digest,
            version=str(plan.version),
            architecture=str(description["Architecture"]),
            created=str(description["Created"]),
        )
        path = out / f"{action}-{description['Architecture']}.cdx.json"
        path.write_text(json.dumps(sbom.bill(described, sbom.Inventory.read(inventory)), indent=1) + "\n", encoding="utf-8")
        pushed.append(image)
    return pushed


def build_command(action: str, tag: str, plan: Plan, context: Path, base: str) -> Sequence[str]:
    """Return the arguments of one build: the runner's own build of this file, but from a base image by digest."""
    if "@sha256:" not in base:
        raise BadInput(f"the base image {base!r} is not named by its digest", "pass --base NAME@sha256:…")
    labels = {
        "org.opencontainers.image.version": str(plan.version),
        "org.opencontainers.image.revision": plan.sha,
        "org.opencontainers.image.base.name": BASE_IMAGE,
        "org.opencontainers.image.base.digest": base.rpartition("@")[2],
    }
    return [
        "build", "--quiet", "--file", str(context / "Dockerfile.base"), "--target", action, "--build-arg", f"BASE={base}",
        *(argument for name, value in labels.items() for argument in ("--label", f"{name}={value}")),
        "--tag", tag, str(context),
    ]  # fmt: skip


def join(registry: Registry, plan: Plan, images: Sequence[PushedImage], platforms: Sequence[str]) -> dict[str, str]:
    """Push the index of each action, tagged with the version; return the digests that the registry confirms."""
    client, digests = registry.client(), {}
    for action in plan.images:
        content, media_type = manifests.index([image for image in images if image.action == action], platforms)
        client.put_manifest(registry.repository(action), str(plan.version), content, media_type)
        digest = client.digest_of(registry.repository(action), str(plan.version))
        if digest is None:
            raise WorkFailed(
                f"{registry.prefix}/{action}:{plan.version} is missing after it was pushed", "run the command again"
            )
        digests[action] = digest
    return digests
