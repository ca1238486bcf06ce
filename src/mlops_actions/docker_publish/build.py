"""Runs the build: shows its progress by stage, tries a failed push again, and says what failed and where."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from mlops_actions.core.errors import ActionError, Refused, Unavailable, WorkFailed
from mlops_actions.core.ports import Runner
from mlops_actions.docker_publish import dockerfile
from mlops_actions.docker_publish.names import GITHUB
from mlops_actions.docker_publish.plan import BuildPlan
from mlops_actions.docker_publish.ports import Ports
from mlops_actions.docker_publish.prepare import Job
from mlops_actions.docker_publish.progress import Progress

_DENIED = re.compile(
    r"denied|unauthorized|authorization|no basic auth|insufficient_scope|forbidden|status[^0-9]{0,8}40[13]\b", re.IGNORECASE
)
_UNKNOWN = re.compile(r"name[ _]unknown|repository not found|status[^0-9]{0,8}404\b", re.IGNORECASE)
# What buildx says where the connection to the builder breaks (gRPC's status of it).
_GONE = (
    "failed to receive status: rpc error: code = Unavailable",
    "Cannot connect to the Docker daemon",
    "error reading from server",
)


def build(job: Job, ports: Ports, build_plan: BuildPlan, references: Sequence[str]) -> tuple[Progress, dict[str, Any]]:
    """Build, and push where the job does; return the progress and BuildKit's metadata.

    A failed push is tried again (the layers are there already), a failed build is not.
    """
    metadata = ports.scratch() / "metadata.json"
    for attempt in range(job.inputs.retries + 1):
        command = build_plan.command(references, push=job.push, metadata=metadata, again=attempt > 0)
        shown = _Shown(ports.runner)
        with shown:
            exit_code = ports.docker.build(command, build_plan.environment, shown.line)
        progress = shown.progress
        if exit_code == 0:
            return progress, _metadata(metadata.read_bytes() if metadata.exists() else b"")
        failure = _failure(job, progress, ports.runner)
        if not progress.failed_to_push or not isinstance(failure, Unavailable) or attempt == job.inputs.retries:
            raise failure
        ports.runner.warning(f"{failure.cause}; trying again ({attempt + 1} of {job.inputs.retries})")
        ports.clock.sleep(2.0**attempt)
    raise AssertionError("the loop above returns or raises")


def _metadata(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class _Shown:
    """Reads the progress of one build, and shows each line inside the fold it belongs to."""

    def __init__(self, runner: Runner) -> None:
        self.progress = Progress()
        self._runner = runner
        self._stack = ExitStack()
        self._title = ""

    def __enter__(self) -> _Shown:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def line(self, text: str) -> None:
        """Take one line of the build's output."""
        if not text:
            return
        title = self.progress.line(text)
        if title != self._title:
            self._stack.close()
            self._stack.enter_context(self._runner.group(title))
            self._title = title
        self._runner.info(text)


def _failure(job: Job, progress: Progress, runner: Runner) -> ActionError:
    """Say what failed, from what BuildKit said; annotate the Dockerfile's line."""
    said = progress.errors[-1] if progress.errors else "no reason was given"
    step = progress.failed
    if progress.failed_to_push:
        told = step.error if step else said
        cause = f"pushing to {job.name} failed: {told}"
        # A name or port may hold any word or number: only what the registry said is looked at.
        words = told.replace(str(job.name), "")
        if _DENIED.search(words):
            grant = "give the job 'permissions: packages: write', or " if job.name.registry == GITHUB else ""
            return Refused(cause, f"{grant}check 'username' and 'password', and what this user may push")
        if _UNKNOWN.search(words):
            return Refused(cause, "check 'image' and 'registry'; some registries want a repository created first")
        return Unavailable(cause, "the registry did not take the image: run the job again later")
    if any(words in said for words in _GONE):
        return Unavailable(
            f"the daemon or BuildKit went away during the build: {said}",
            "see its log on the runner (memory and disk are what it dies of), then run the job again",
        )
    path = str(job.sources.dockerfile.relative_to(job.context.workspace.resolve()))
    if step is None or not step.is_instruction:
        return WorkFailed(f"the build of {path} failed: {said}", "the log above shows what BuildKit said")
    line = progress.failing_line or dockerfile.line_of(
        dockerfile.parse(job.sources.dockerfile.read_text(encoding="utf-8", errors="replace")), step.title
    )
    place = f"{path}:{line}" if line else path
    runner.error(f"{step.title}\n{step.error}", title="docker-publish: build failed", file=path, line=line)
    return WorkFailed(
        f"the build failed at {place}: {step.title}: {step.error}",
        "its last lines: " + " | ".join(step.tail[-3:]) if step.tail else "the log above shows what it printed",
    )
