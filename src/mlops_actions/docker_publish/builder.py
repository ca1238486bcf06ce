"""What builds: the runner's daemon, or a BuildKit beside it. Asked no earlier than somebody must know.

An image that is only tagged again needs no builder, and so is not to wait for one.
"""

from __future__ import annotations

import copy
from functools import cached_property

from mlops_actions.core.errors import ActionError, BadInput
from mlops_actions.core.ports import Runner
from mlops_actions.docker_publish import names
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.ports import Builder as RemoteBuilder
from mlops_actions.docker_publish.ports import Daemon, Docker, OpenRegistry, Registry


def completed(inputs: Inputs, docker: Docker) -> Inputs:
    """Return the inputs with the builder that Publish-Docker-Github-Action would use for several platforms.

    It ran on the runner itself, where docker/setup-buildx-action makes its builder the current one.
    """
    if inputs.builder or not inputs.is_generic or len(inputs.platforms or ()) < 2 or not (found := docker.find_builder()):
        return inputs
    made = copy.copy(inputs)  # not `replace`, which would forget what was given
    object.__setattr__(made, "builder", found)
    return made


class Builder:
    """The builder that the inputs name; each question raises BadInput where nobody answers it."""

    def __init__(self, inputs: Inputs, docker: Docker) -> None:
        self._inputs = inputs
        self._docker = docker

    @cached_property
    def _daemon(self) -> Daemon:
        return self._docker.daemon()

    @cached_property
    def _remote(self) -> RemoteBuilder:
        return self._docker.use_builder(self._inputs.builder or "")

    @property
    def name(self) -> str:
        """The name to build with; empty for the daemon itself."""
        return self._remote.name if self._inputs.builder else ""

    @property
    def platform(self) -> str:
        """What it builds for by default; empty where unknown."""
        return self._remote.platform if self._inputs.builder else self._daemon.platform

    @property
    def exports_cache(self) -> bool:
        """Whether it can write a cache apart from the image."""
        return bool(self._inputs.builder) or self._daemon.containerd_store

    def require(self, runner: Runner) -> None:
        """Say what builds; raise BadInput, before anything is built, for what it cannot do."""
        inputs = self._inputs
        if inputs.builder:
            _ = self._remote  # it must answer
            runner.info(f"building on the BuildKit {inputs.builder}")
            return
        daemon = self._daemon
        runner.info(f"building on Docker {daemon.version}, {'containerd' if daemon.containerd_store else 'classic'} store")
        if daemon.containerd_store:
            return
        for name, wanted in (
            ("platforms", len(inputs.platforms or ()) > 1),
            ("provenance", inputs.provenance != "false"),
            ("sbom", inputs.sbom != "false"),
        ):
            if wanted:
                raise BadInput(
                    f"input '{name}': the runner's daemon keeps images in its classic store, which has no room for that",
                    "add a step with docker/setup-buildx-action before this one and give its output 'name' as 'builder'",
                )

    def base_digest(
        self, reference: str, own: names.ImageName, registry: Registry, open_registry: OpenRegistry
    ) -> str | None:
        """Find the digest a base image has where this build will look for it; None where nobody knows.

        `registry` is the one the image `own` is pushed to, `open_registry` makes clients of others.
        """
        where, repository, tag = names.parse_reference(reference)
        if tag.startswith("sha256:"):
            return tag
        client = registry if where == own.registry else open_registry(where, None, None)
        local = f"{where}/{repository}" if where != names.DOCKER_HUB else repository.removeprefix("library/")

        def there() -> str | None:
            try:
                return client.digest_of(repository, tag)
            except ActionError:
                return None

        def here() -> str | None:
            return self._docker.local_digest(local, tag)

        # The classic store takes a local image first, containerd's asks the registry first, and a BuildKit elsewhere has no
        # other to ask.
        if self._inputs.builder:
            return there()
        if self._daemon.containerd_store or "--pull" in (self._inputs.build_options or ""):
            return there() or here()
        return here() or there()
