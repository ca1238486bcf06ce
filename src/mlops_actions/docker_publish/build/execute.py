"""Run the build: show its progress by stage, try a failed push again, and report the failure with its place."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Protocol

from mlops_actions.core.errors import ActionError, Unavailable
from mlops_actions.core.image_name import parse_reference
from mlops_actions.core.oci import json_object
from mlops_actions.core.ports import Runner
from mlops_actions.docker_publish.build import build_failures, push_failures
from mlops_actions.docker_publish.build.plan import BuildPlan
from mlops_actions.docker_publish.build.progress import Progress
from mlops_actions.docker_publish.build.push_failures import PushFailure, TagStands
from mlops_actions.docker_publish.dockerfile import instructions
from mlops_actions.docker_publish.ports import Ports
from mlops_actions.docker_publish.request import BuildRequest

_MAX_WARNINGS = 10  # GitHub shows no more of a step
# What buildx prints where the connection to the builder breaks (the status that gRPC reports).
_CONNECTION_LOST = (
    "failed to receive status: rpc error: code = Unavailable",
    "Cannot connect to the Docker daemon",
    "error reading from server",
)


class Push(Protocol):
    """What is done about a push that failed, by whoever knows the registry."""

    def is_standing_tag(self, failure: PushFailure) -> bool:
        """Tell whether the registry refused to move the tag; the failure alone does not always say."""

    def prepare_next(self, failure: PushFailure) -> None:
        """Renew the login, and wait as long as the registry asks; raises Refused where it takes no push any more."""


def build(
    request: BuildRequest,
    ports: Ports,
    build_plan: BuildPlan,
    references: Sequence[str],
    push: Push | None = None,
    *,
    is_built: bool = False,
) -> tuple[Progress, dict[str, Any]]:
    """Build, and push where `push` is given; return the progress and BuildKit's metadata.

    A failed push is tried again, since the layers are built already; a failed build is not. `is_built`: an earlier call has
    built the image, and only its names differ. Raises TagStands where a tag of the image may not be moved.
    """
    metadata = ports.private_directory() / "metadata.json"
    images = [parse_reference(reference).name for reference in references]
    retries = request.inputs.retries
    for attempt in range(retries + 1):
        arguments = build_plan.command(references, push=push is not None, metadata=metadata, retry=is_built or attempt > 0)
        with _GroupedLog(ports.runner) as log:
            exit_code = ports.docker.build(arguments, build_plan.environment, log.line)
        progress = log.progress
        if attempt == 0 and not is_built:
            _show_warnings(request, progress, ports.runner)
        if exit_code == 0:
            return progress, json_object(metadata.read_bytes() if metadata.exists() else b"")
        if push is None or not progress.failed_to_push:
            raise _failure(request, progress, ports.runner)
        failure = push_failures.read(progress.message, images, title=progress.failed.title if progress.failed else "")
        if failure.may_be_a_standing_tag and push.is_standing_tag(failure):
            raise TagStands(failure, progress)
        if not failure.is_temporary or attempt == retries:
            raise failure.error()
        ports.runner.warning(f"{failure.error().cause}; trying again ({attempt + 1} of {retries})")
        ports.clock.sleep(2.0**attempt)
        push.prepare_next(failure)
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


def _show_warnings(request: BuildRequest, progress: Progress, runner: Runner) -> None:
    """Annotate the Dockerfile with BuildKit's own warnings."""
    path, warnings = request.sources.shown_path, progress.checks.warnings
    for warning in warnings[:_MAX_WARNINGS]:
        title = f"docker-publish: {warning.rule}" if warning.rule else "docker-publish: Dockerfile"
        runner.warning(warning.text, title=title, file=path, line=warning.line)
    if len(warnings) > _MAX_WARNINGS:
        runner.info(f"{len(warnings) - _MAX_WARNINGS} more warnings of BuildKit are in the log above")


def _failure(request: BuildRequest, progress: Progress, runner: Runner) -> ActionError:
    """Make an error from BuildKit's messages, and annotate the Dockerfile's line."""
    message, step = progress.errors[-1] if progress.errors else progress.message, progress.failed
    if any(text in message for text in _CONNECTION_LOST):
        return Unavailable(
            f"the connection to the daemon or BuildKit broke during the build: {message}",
            "see its log on the runner (lack of memory or disk space is the usual reason), then run the job again",
        )
    path = request.sources.shown_path
    failure = build_failures.read(step, message)
    line = progress.checks.failing_line
    if step is None or not step.is_instruction:
        if not line:
            return failure.error(f"the build of {path} failed: {message}")
        runner.error(message, title="docker-publish: build failed", file=path, line=line)
        return failure.error(f"the build failed at {path}:{line}: {message}")
    line = line or instructions.line_of(instructions.parse(request.sources.dockerfile.read_bytes()), step.title)
    place = f"{path}:{line}" if line else path
    runner.error(f"{step.title}\n{step.error}", title="docker-publish: build failed", file=path, line=line)
    return failure.error(f"the build failed at {place}: {step.title}: {step.error}", step.tail[-3:])
