"""How publishing behaves beyond its inputs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishPolicy:
    """Behaviour in which the replaced actions differed from this one; the defaults are this action's own.

    `legacy` decides it from the names that the user gave; nothing else asks which names these were.
    """

    # The Dockerfile where `file` is not given, relative to the workspace; empty: `Dockerfile` in the context.
    default_dockerfile: str = ""
    # The event's commit and ref come before those of the checkout.
    prefers_event_commit: bool = False
    # A build for several platforms uses the BuildKit that an earlier step has started.
    uses_started_builder: bool = False
    # A reused image is pulled into the runner's daemon, where a later step may run it as after a build.
    loads_reused_image: bool = False
    # The output `digest` holds the name too: `name@sha256:…`.
    digest_includes_name: bool = False
