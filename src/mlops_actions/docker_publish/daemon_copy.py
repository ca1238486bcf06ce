"""What the runner's daemon has of the image, where later steps of the job run it by its tags (the input `load`).

A pull can be of many gigabytes, so it is made on request only. But a tag in the daemon that stands for an older image, as on
a runner that is not cleaned, must not stay: `docker run` would take that one. Without the tag it pulls the right one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlops_actions.core.errors import BadInput
from mlops_actions.docker_publish.ports import Docker
from mlops_actions.docker_publish.report import PublishedImage
from mlops_actions.docker_publish.request import BuildRequest


@dataclass(frozen=True)
class DaemonCopy:
    """Whether the daemon has the image under its tags; `note` says what was done, in one line."""

    is_loaded: bool
    note: str = ""

    def noted_in(self, image: PublishedImage) -> PublishedImage:
        """Return the image with what is known of its copy."""
        return replace(image, loaded=self.is_loaded, notes=(*image.notes, *filter(None, (self.note,))))


class RunnerDaemon:
    """The runner's daemon, which gets the image of one request under these tags as the input `load` says."""

    def __init__(self, request: BuildRequest, docker: Docker, tags: Sequence[str]) -> None:
        self._request = request
        self._docker = docker
        self._builds = not request.inputs.builder
        self._references = [request.name.tagged(tag) for tag in tags]
        # The older names left a reused image in the daemon too.
        is_pulled = request.inputs.load == "auto" and request.policy.loads_reused_image and self._builds
        self._load = "true" if is_pulled else request.inputs.load

    def after_reuse(self, image: str, identities: Sequence[str]) -> DaemonCopy:
        """Bring the daemon in line with an image that was tagged again, named `image` by its digest.

        `identities` are the digests by which a daemon may know it. Raises BadInput where `load: true` asks for a daemon and
        none answers.
        """
        if not self._references or self._load == "false" or (self._load == "auto" and not self._builds):
            return DaemonCopy(False)
        try:
            outcome = self._docker.name_image([text for text in identities if text], self._references)
        except BadInput:
            if self._request.inputs.load == "true":
                raise
            return DaemonCopy(False)
        if outcome == "named":
            return DaemonCopy(True, "the runner's daemon had this image already, and has it under these tags now")
        if self._load == "true":
            return self._pull(image)
        freed = "; its tags there stood for another image, and were removed" if outcome == "freed" else ""
        return DaemonCopy(
            False, f"the image is not in the runner's daemon{freed}: 'docker run' pulls it, or this step with 'load: true'"
        )

    def after_push(self, image: str, first_reference: str) -> DaemonCopy:
        """Bring the daemon in line with an image that was built and pushed as `first_reference`.

        The daemon has what it built itself; `load: false` removes it.
        """
        if not self._references or not self._builds:
            return self._pull(image) if self._load == "true" else DaemonCopy(False)
        kept = [] if self._load == "false" else self._references
        if problem := self._docker.retag(first_reference, kept):
            return DaemonCopy(False, f"the image could not be tagged in the runner's daemon: {problem}")
        return DaemonCopy(bool(kept))

    def options(self) -> tuple[str, ...]:
        """Return the build option that loads an image that is not pushed."""
        return () if self._builds or self._load != "true" else ("--load",)

    def after_build(self) -> DaemonCopy:
        """Say whether the daemon has an image that was built with these options and not pushed."""
        if self._builds or self._load == "true":
            return DaemonCopy(True)
        return DaemonCopy(False, "the image stays in BuildKit's cache: it was neither pushed nor loaded into a daemon")

    def _pull(self, image: str) -> DaemonCopy:
        problem = self._docker.pull(image) or (self._docker.retag(image, self._references) if self._references else "")
        if problem:
            return DaemonCopy(False, f"the image could not be pulled into the runner's daemon: {problem}")
        return DaemonCopy(True, "the image was pulled into the runner's daemon")
