"""Faults of the runner."""

from __future__ import annotations

from tests.actions.doctor.faults.breakage import Breakage, both, environment, replaced

RUNNER = (
    Breakage(
        "a job without Docker",
        both(environment("GITHUB_ACTIONS", "true"), environment("DOCKER_HOST", "unix:///nowhere/docker.sock")),
        ("runner", "Docker"), "docker version",
        replaced("          tags: sha", "          builder: tcp://builder:1\n          tags: sha"),
    ),
)  # fmt: skip
