"""Run the build: show its progress by stage, try a failed push again, and report the failure with its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from mlops_actions.core import registries
from mlops_actions.core.errors import ActionError, Refused, Unavailable, WorkFailed
from mlops_actions.core.image_name import ImageName
from mlops_actions.core.oci import json_object
from mlops_actions.core.ports import Runner
from mlops_actions.docker_publish.build.plan import BuildPlan
from mlops_actions.docker_publish.build.progress import Progress
from mlops_actions.docker_publish.dockerfile import instructions
from mlops_actions.docker_publish.ports import Ports
from mlops_actions.docker_publish.request import BuildRequest

_DENIED = re.compile(
    r"denied|unauthorized|authorization|no basic auth|insufficient_scope|forbidden|status[^0-9]{0,8}40[13]\b", re.IGNORECASE
)
_UNKNOWN_REPOSITORY = re.compile(r"name[ _]unknown|repository not found|status[^0-9]{0,8}404\b", re.IGNORECASE)
# What buildx prints where the connection to the builder breaks (the status that gRPC reports).
_CONNECTION_LOST = (
    "failed to receive status: rpc error: code = Unavailable",
    "Cannot connect to the Docker daemon",
    "error reading from server",
)


def build(
    request: BuildRequest, ports: Ports, build_plan: BuildPlan, references: Sequence[str]
) -> tuple[Progress, dict[str, Any]]:
    """Build, and push where the request does; return the progress and BuildKit's metadata.

    A failed push is tried again, since the layers are built already; a failed build is not.
    """
    metadata = ports.private_directory() / "metadata.json"
    retries = request.inputs.retries
    for attempt in range(retries + 1):
        arguments = build_plan.command(references, push=request.push, metadata=metadata, retry=attempt > 0)
        with _GroupedLog(ports.runner) as log:
            exit_code = ports.docker.build(arguments, build_plan.environment, log.line)
        progress = log.progress
        if exit_code == 0:
            return progress, json_object(metadata.read_bytes() if metadata.exists() else b"")
        failure = _failure(request, progress, ports.runner)
        if not progress.failed_to_push or not isinstance(failure, Unavailable) or attempt == retries:
            raise failure
        ports.runner.warning(f"{failure.cause}; trying again ({attempt + 1} of {retries})")
        ports.clock.sleep(2.0**attempt)
    raise AssertionError("the loop above returns or raises")


class _GroupedLog:
    """Log the lines of one build, each in its group, and read the progress from them."""

    def __init__(self, runner: Runner) -> None:
        self.progress = Progress()
        self._runner = runner
        self._stack = ExitStack()
        self._title = ""

    def __enter__(self) -> _GroupedLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def line(self, text: str) -> None:
        """Log and read one line of the build's output."""
        if not text:
            return
        title = self.progress.line(text)
        if title != self._title:
            self._stack.close()
            self._stack.enter_context(self._runner.group(title))
            self._title = title
        self._runner.info(text)


def _failure(request: BuildRequest, progress: Progress, runner: Runner) -> ActionError:
    """Make an error from BuildKit's messages, and annotate the Dockerfile's line."""
    message = progress.errors[-1] if progress.errors else "no reason was given"
    step = progress.failed
    if progress.failed_to_push:
        return _failure_of_push(request.name, step.error if step else message)
    if any(text in message for text in _CONNECTION_LOST):
        return Unavailable(
            f"the connection to the daemon or BuildKit broke during the build: {message}",
            "see its log on the runner (lack of memory or disk space is the usual reason), then run the job again",
        )
    path = request.sources.shown_path
    if step is None or not step.is_instruction:
        return WorkFailed(f"the build of {path} failed: {message}", "the log above shows BuildKit's messages")
    line = progress.failing_line or instructions.line_of(
        instructions.parse(request.sources.dockerfile.read_bytes()), step.title
    )
    place = f"{path}:{line}" if line else path
    runner.error(f"{step.title}\n{step.error}", title="docker-publish: build failed", file=path, line=line)
    return WorkFailed(
        f"the build failed at {place}: {step.title}: {step.error}",
        "its last lines: " + " | ".join(step.tail[-3:]) if step.tail else "the log above shows its output",
    )


def _failure_of_push(name: ImageName, message: str) -> ActionError:
    cause = f"pushing to {name} failed: {message}"
    # The image's name may contain any word or number, so the search leaves it out.
    text = message.replace(str(name), "")
    if _DENIED.search(text):
        permission = registries.known(name.registry).push_permission
        check = "check 'username' and 'password', and what this user may push"
        return Refused(cause, f"{permission}, or {check}" if permission else check)
    if _UNKNOWN_REPOSITORY.search(text):
        return Refused(cause, registries.REMEDY_OF_UNKNOWN_REPOSITORY)
    return Unavailable(cause, "the registry did not accept the image: run the job again later")
