"""The images of a release: built by the daemon of this machine, pushed, looked into, joined to one index each."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_actions.boundary.registry.client import Credentials, RegistryClient
from mlops_actions.core.errors import BadInput, WorkFailed
from releasing import BASE_IMAGE, manifests, sbom
from releasing.manifests import Pushed
from releasing.plan import Plan

PYTHON = "/opt/mlops-actions/bin/python"
_ISOLATED = ("run", "--rm", "--network", "none", "--read-only")


@dataclass(frozen=True)
class Registry:
    """Where the images go: `prefix` is HOST/PATH, below which each action has a repository."""

    prefix: str
    username: str
    password: str = field(repr=False)

    @classmethod
    def from_environ(cls, prefix: str) -> Registry:
        """Sign in with REGISTRY_USERNAME and REGISTRY_PASSWORD."""
        username, password = (os.environ.get(f"REGISTRY_{name}", "") for name in ("USERNAME", "PASSWORD"))
        if not username or not password:
            raise BadInput("REGISTRY_USERNAME and REGISTRY_PASSWORD are not both set", f"set them for {prefix}")
        return cls(prefix, username, password)

    @property
    def host(self) -> str:
        """The registry's host."""
        return self.prefix.partition("/")[0]

    def repository(self, action: str) -> str:
        """An action's repository, without the host."""
        return f"{self.prefix}/{action}".partition("/")[2]

    def client(self) -> RegistryClient:
        """Talk to it."""
        return RegistryClient(self.host, Credentials(self.username, self.password))


class Docker:
    """The daemon, signed in to a registry, where one is named, by a configuration that goes in the end."""

    def __init__(self, registry: Registry | None) -> None:
        self._directory = tempfile.TemporaryDirectory()
        # BuildKit would push an index with attestations of its own where a plain image is wanted: ours are signed.
        self._environment = {**os.environ, "DOCKER_CONFIG": self._directory.name, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
        if registry:
            self("login", "--username", registry.username, "--password-stdin", registry.host, text=registry.password)

    def __enter__(self) -> Docker:
        return self

    def __exit__(self, *_: object) -> None:
        self._directory.cleanup()

    def __call__(self, *arguments: str, text: str | None = None) -> str:
        """Run docker; what it printed, or an error with the end of what it said."""
        done = subprocess.run(
            ["docker", *arguments], env=self._environment, input=text, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise WorkFailed(f"docker {arguments[0]} failed: {done.stderr.strip()[-2000:]}", "see what docker says")
        return done.stdout

    def inspect(self, image: str) -> Mapping[str, Any]:
        """What the daemon knows about an image."""
        found: list[Mapping[str, Any]] = json.loads(self("image", "inspect", image))
        return found[0]


def base_by_digest(docker: Docker, image: str) -> str:
    """Pull the base image and name it by the digest that every platform's build will start from."""
    docker("pull", "--quiet", image)
    name = image.rpartition("@")[0] or image.rpartition(":")[0]
    for known in docker.inspect(image)["RepoDigests"]:
        repository, _, digest = str(known).partition("@")
        if name in (repository, f"docker.io/library/{repository}"):
            return f"{name}@{digest}"
    raise WorkFailed(f"the registry of {image} told no digest", "name the base image by its digest: --base NAME@sha256:…")


def build(docker: Docker, registry: Registry, plan: Plan, context: Path, base: str, out: Path) -> list[Pushed]:
    """Build, push and look into every action's image for this machine's platform."""
    client, pushed = registry.client(), []
    for action in plan.images:
        name = f"{registry.prefix}/{action}"
        candidate = f"{name}:build"
        docker(*build_command(action, candidate, plan, context, base))
        facts = docker.inspect(candidate)
        platform = f"{facts['Os']}/{facts['Architecture']}"
        tag = f"{plan.version}-{facts['Architecture']}"
        docker("tag", candidate, f"{name}:{tag}")
        docker("push", "--quiet", f"{name}:{tag}")
        manifest = client.manifest(registry.repository(action), tag)
        if manifest is None or facts["Id"] not in (manifest.digest, manifest.document.get("config", {}).get("digest")):
            raise WorkFailed(f"{name}:{tag} is not the image that was pushed", "see who else writes to this registry")
        docker("rmi", candidate)
        image = Pushed(action, platform, manifest.digest, len(manifest.content), manifest.media_type)
        told = docker(*_ISOLATED, "--entrypoint", PYTHON, f"{name}:{tag}", "-IBc", sbom.INVENTORY)
        subject = sbom.Subject(name, image.digest, str(plan.version), str(facts["Architecture"]), str(facts["Created"]))
        path = out / f"{action}-{facts['Architecture']}.cdx.json"
        path.write_text(json.dumps(sbom.bill(subject, sbom.Inventory.read(told)), indent=1) + "\n", encoding="utf-8")
        pushed.append(image)
    return pushed


def build_command(action: str, tag: str, plan: Plan, context: Path, base: str) -> Sequence[str]:
    """The arguments of one build: what the runner does with the same file, from a base image by digest."""
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
        *(word for name, value in labels.items() for word in ("--label", f"{name}={value}")),
        "--tag", tag, str(context),
    ]  # fmt: skip


def join(registry: Registry, plan: Plan, images: Sequence[Pushed], platforms: Sequence[str]) -> dict[str, str]:
    """Push the index of each action under the version; returns its digest by action, as the registry confirms it."""
    client, digests = registry.client(), {}
    for action in plan.images:
        content, media_type = manifests.index([image for image in images if image.action == action], platforms)
        client.put(registry.repository(action), str(plan.version), content, media_type)
        digest = client.digest_of(registry.repository(action), str(plan.version))
        if digest is None:
            raise WorkFailed(f"{registry.prefix}/{action}:{plan.version} is not there after it was pushed", "run again")
        digests[action] = digest
    return digests
