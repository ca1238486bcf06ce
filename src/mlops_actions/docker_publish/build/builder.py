"""The builder: the runner's daemon or a BuildKit beside it. It is asked only when an answer is needed.

An image that is only tagged again needs no builder, so it must not wait for one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from mlops_actions.core.errors import ActionError, BadInput
from mlops_actions.core.image_name import COMPONENT, parse_reference
from mlops_actions.core.ports import Runner
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.ports import BuildxBuilder, Daemon, Docker, LocalImage, Registry
from mlops_actions.docker_publish.request import BuildRequest
from mlops_actions.docker_publish.reuse.triggers import read_triggers


def with_started_builder(request: BuildRequest, docker: Docker) -> BuildRequest:
    """Name the BuildKit that an earlier step has started, where the policy wants it for several platforms."""
    inputs = request.inputs
    if inputs.builder or not request.policy.uses_started_builder or len(inputs.platforms or ()) < 2:
        return request
    return replace(request, inputs=replace(inputs, builder=docker.find_started_builder() or None))


class Builder:
    """The builder that the inputs name; every property raises BadInput where the builder does not answer."""

    def __init__(self, inputs: Inputs, docker: Docker) -> None:
        self._inputs = inputs
        self._docker = docker

    @cached_property
    def _daemon(self) -> Daemon:
        return self._docker.daemon()

    @cached_property
    def _buildx_builder(self) -> BuildxBuilder:
        return self._docker.use_builder(self._inputs.builder or "")

    @property
    def name(self) -> str:
        """The name to build with; empty for the daemon itself."""
        return self._buildx_builder.name if self._inputs.builder else ""

    @property
    def platform(self) -> str:
        """The platform it builds for by default; empty where unknown."""
        return self._buildx_builder.platform if self._inputs.builder else self._daemon.platform

    @property
    def exports_cache(self) -> bool:
        """Whether it can write a cache apart from the image."""
        return bool(self._inputs.builder) or self._daemon.containerd_store

    def require(self, runner: Runner, *, pushes: bool) -> None:
        """Log the builder; raise BadInput, before anything is built, for inputs that it cannot serve."""
        inputs = self._inputs
        if inputs.builder:
            _ = self._buildx_builder  # it must answer
            runner.info(f"building on the BuildKit {inputs.builder}")
            return
        daemon = self._daemon
        runner.info(f"building on Docker {daemon.version}, {'containerd' if daemon.containerd_store else 'classic'} store")
        if daemon.containerd_store:
            return
        for name, is_requested in (
            ("platforms", len(inputs.platforms or ()) > 1),
            ("provenance", inputs.provenance != "false"),
            ("sbom", inputs.sbom != "false"),
            ("compression", inputs.compression != "gzip" and pushes),
        ):
            if is_requested:
                raise BadInput(
                    f"input '{name}': the runner's daemon keeps images in its classic store, which has no room for that",
                    "add a step with docker/setup-buildx-action before this one and give its output 'name' as 'builder'",
                )

    def require_plain_http(self, host: str) -> None:
        """Raise BadInput, before anything is built, where the daemon would not push to a registry in plain HTTP.

        It does so for the names of its setting and for addresses in its networks; which address it finds for another name
        is not known here. A BuildKit that `builder` names is told with the build.
        """
        if self._inputs.builder or host in self._daemon.http_hosts:
            return
        networks = [ip_network(network, strict=False) for network in self._daemon.http_networks]
        try:
            is_allowed = any(ip_address(urlsplit(f"//{host}").hostname or "") in network for network in networks)
        except ValueError:
            is_allowed = host.partition(":")[0] == "localhost" or not all(network.is_loopback for network in networks)
        if not is_allowed:
            raise BadInput(
                f"input 'insecure-registries': the runner's daemon pushes to {host} by HTTPS alone",
                "add the host to 'insecure-registries' in its daemon.json and restart it, or build on a BuildKit: "
                "one that 'builder' names takes the setting with the build",
            )

    def base_digest(self, reference: str, client_of: Callable[[str], Registry]) -> str | None:
        """Find the digest of a base image where this build will look for it; None where it cannot be found.

        `client_of` returns the client of a registry by its host.
        """
        base = parse_reference(reference)
        # Such a name is put into a registry's addresses, and BuildKit refuses any other.
        if not all(map(COMPONENT.fullmatch, base.name.repository.split("/"))):
            return None
        if base.version.startswith("sha256:"):
            return base.version

        def in_registry() -> str | None:
            try:
                return client_of(base.name.registry).digest_of(base.name.repository, base.version)
            except ActionError:
                return None

        def in_daemon() -> str | None:
            return self._docker.local_digest(base.name.familiar, base.version)

        # The classic store takes a local image first, containerd's asks the registry first, and a BuildKit elsewhere can ask
        # the registry only.
        if self._inputs.builder:
            return in_registry()
        if local := self._local_base(reference):
            return local.digest
        return in_registry() or in_daemon()

    def is_replaced(self, reference: str, client: Callable[[str], Registry]) -> bool:
        """Tell whether the daemon has an older image of this name than its registry, and builds from it.

        `client` makes the client of a registry by its host. An image that the daemon got from no registry costs no question.
        """
        base = parse_reference(reference)
        image = self._local_base(reference)
        if image is None or not image.digests or base.version.startswith("sha256:"):
            return False
        try:
            digest = client(base.name.registry).digest_of(base.name.repository, base.version)
        except ActionError:
            return False
        return digest is not None and digest not in image.digests

    def triggers(self, reference: str, digest: str, client: Callable[[str], Registry]) -> Sequence[str] | None:
        """Return the ONBUILD of the base image of this digest; None where it cannot be read."""
        base = parse_reference(reference)
        if image := self._local_base(reference):
            return image.triggers
        found = read_triggers(client(base.name.registry), base.name.repository, digest)
        if found is None and not self._inputs.builder:
            image = self._docker.local_image(base.name.familiar, base.version)
            return image.triggers if image else None
        return found

    def _local_base(self, reference: str) -> LocalImage | None:
        """Return the daemon's image of this name where the builder takes that one: the classic store, without `--pull`."""
        if self._inputs.builder or self._daemon.containerd_store or "--pull" in (self._inputs.build_options or ""):
            return None
        base = parse_reference(reference)
        image = self._docker.local_image(base.name.familiar, base.version)
        # No image of another platform is taken from the daemon.
        return image if image and image.platform in (self._inputs.platforms or (image.platform,)) else None
