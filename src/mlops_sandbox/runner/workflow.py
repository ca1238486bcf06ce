"""Parse a workflow file; a key that the sandbox's runner does not support is an error that names it."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mlops_sandbox.runner.concurrency import Concurrency

_WORKFLOW_KEYS = {"name", "run-name", "on", "permissions", "env", "concurrency", "jobs"}
_JOB_KEYS = {
    "name", "needs", "if", "runs-on", "permissions", "environment", "env", "concurrency", "outputs", "steps",
    "timeout-minutes",
}  # fmt: skip
# https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idenvironment
_ENVIRONMENT_KEYS = {"name", "url", "deployment"}
_STEP_KEYS = {
    "id", "name", "if", "uses", "with", "run", "env", "shell", "working-directory", "continue-on-error", "timeout-minutes",
}  # fmt: skip
_CONCURRENCY_KEYS = {"group", "cancel-in-progress", "queue"}
_TRIGGER_KEYS = {"types", "branches"}


class WorkflowError(ValueError):
    """A workflow file is malformed, or uses a feature that the sandbox's runner does not support."""


@dataclass(frozen=True)
class Step:
    """One step of a job: exactly one of `uses` and `run`; texts may hold expressions."""

    label: str
    identifier: str
    uses: str = ""
    run: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    condition: str = ""
    directory: str = ""
    continue_on_error: bool = False


@dataclass(frozen=True)
class Job:
    """One job: its steps in order, and the permissions of its token (None: the repository's default)."""

    identifier: str
    name: str
    steps: Sequence[Step]
    condition: str = ""
    permissions: Mapping[str, str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    needs: Sequence[str] = ()
    concurrency: Concurrency | None = None


@dataclass(frozen=True)
class Trigger:
    """An event that starts a workflow, its activity types and branches; empty means any."""

    types: Sequence[str] = ()
    branches: Sequence[str] = ()


@dataclass(frozen=True)
class Workflow:
    """A workflow file; `jobs` are ordered so that each follows those it needs."""

    path: str
    name: str
    triggers: Mapping[str, Trigger]
    jobs: Sequence[Job]
    environment: Mapping[str, str] = field(default_factory=dict)
    concurrency: Concurrency | None = None

    def is_triggered_by(self, event: str, payload: Mapping[str, Any]) -> bool:
        """Return whether this event starts a run."""
        trigger = self.triggers.get(event)
        if trigger is None:
            return False
        if trigger.types and payload.get("action") not in trigger.types:
            return False
        branch = str(payload.get("ref", "")).removeprefix("refs/heads/")
        return not trigger.branches or any(fnmatch.fnmatchcase(branch, pattern) for pattern in trigger.branches)


def load(path: Path, name: str = "") -> Workflow:
    """Read a workflow file; `name` is its path in the repository. Raises WorkflowError."""
    return parse(path.read_text(encoding="utf-8"), name or path.name)


def parse(text: str, path: str) -> Workflow:
    """Read a workflow file's text. Raises WorkflowError."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise WorkflowError(f"{path} is not YAML: {error}") from error
    top = _mapping(document, path)
    if True in top:  # YAML 1.1 reads the key `on` as a boolean; GitHub does not
        top = {"on" if key is True else key: value for key, value in top.items()}
    _check_keys(top, _WORKFLOW_KEYS, path)
    permissions = _permissions(top.get("permissions"), f"{path}: permissions")
    jobs = [
        _job(identifier, job, permissions, f"{path}: jobs.{identifier}")
        for identifier, job in _mapping(top.get("jobs"), f"{path}: jobs").items()
    ]
    return Workflow(
        path=path,
        name=str(top.get("name", path)),
        triggers=_triggers(top.get("on"), f"{path}: on"),
        jobs=_ordered(jobs, path),
        environment=_texts(top.get("env"), f"{path}: env"),
        concurrency=_concurrency(top.get("concurrency"), f"{path}: concurrency"),
    )


def _triggers(value: object, where: str) -> dict[str, Trigger]:
    if isinstance(value, str):
        return {value: Trigger()}
    if isinstance(value, list):
        return {str(event): Trigger() for event in value}
    triggers = {}
    for event, filters in _mapping(value, where).items():
        if event in ("workflow_dispatch", "schedule"):  # inputs and times are not filters
            triggers[event] = Trigger()
            continue
        keys = _mapping(filters or {}, f"{where}.{event}")
        _check_keys(keys, _TRIGGER_KEYS, f"{where}.{event}")
        triggers[event] = Trigger(_list(keys.get("types")), _list(keys.get("branches")))
    return triggers


def _check_environment(value: object, where: str) -> None:
    """Check the environment that a job names. The sandbox has no protection rules, and no secrets of environments."""
    if value is None or isinstance(value, str):
        return
    keys = _mapping(value, where)
    _check_keys(keys, _ENVIRONMENT_KEYS, where)
    if not keys.get("name"):
        raise WorkflowError(f"{where} has no name")


def _job(identifier: str, value: object, permissions: Mapping[str, str] | None, where: str) -> Job:
    keys = _mapping(value, where)
    _check_keys(keys, _JOB_KEYS, where)
    _check_environment(keys.get("environment"), f"{where}.environment")
    own = _permissions(keys.get("permissions"), f"{where}.permissions")
    steps = keys.get("steps")
    if not isinstance(steps, list) or not steps:
        raise WorkflowError(f"{where} has no steps")
    return Job(
        identifier=identifier,
        name=str(keys.get("name", identifier)),
        steps=[_step(step, position, f"{where}.steps[{position}]") for position, step in enumerate(steps)],
        condition=_text(keys.get("if")).strip(),
        permissions=permissions if own is None else own,
        environment=_texts(keys.get("env"), f"{where}.env"),
        outputs=_texts(keys.get("outputs"), f"{where}.outputs"),
        needs=_list(keys.get("needs")),
        concurrency=_concurrency(keys.get("concurrency"), f"{where}.concurrency"),
    )


def _concurrency(value: object, where: str) -> Concurrency | None:
    if value is None:
        return None
    keys = {"group": value} if isinstance(value, str) else _mapping(value, where)
    _check_keys(keys, _CONCURRENCY_KEYS, where)
    group, cancels = _text(keys.get("group")), _text(keys.get("cancel-in-progress", False))
    queue = keys.get("queue", "single")
    if not group:
        raise WorkflowError(f"{where} has no group")
    if queue not in ("single", "max"):
        raise WorkflowError(f"{where}.queue is `{queue}`: it must be `single` or `max`")
    if queue == "max" and cancels == "true":
        raise WorkflowError(f"{where} combines `queue: max` with `cancel-in-progress: true`, which GitHub refuses")
    return Concurrency(group, cancels, "max" if queue == "max" else "single")


def _step(value: object, position: int, where: str) -> Step:
    keys = _mapping(value, where)
    _check_keys(keys, _STEP_KEYS, where)
    uses, run = str(keys.get("uses", "")), str(keys.get("run", ""))
    if bool(uses) == bool(run):
        raise WorkflowError(f"{where} needs exactly one of `uses` and `run`")
    if keys.get("shell", "bash") != "bash":
        raise WorkflowError(f"{where}.shell: the sandbox's runner supports only bash")
    if not isinstance(keys.get("continue-on-error", False), bool):
        raise WorkflowError(f"{where}.continue-on-error: the sandbox's runner supports only true and false")
    return Step(
        label=str(keys.get("name") or uses or run.strip().splitlines()[0]),
        identifier=str(keys.get("id") or f"__{position}"),
        uses=uses,
        run=run,
        inputs=_texts(keys.get("with"), f"{where}.with"),
        environment=_texts(keys.get("env"), f"{where}.env"),
        condition=_text(keys.get("if")).strip(),
        directory=str(keys.get("working-directory", "")),
        continue_on_error=keys.get("continue-on-error", False),
    )


def _permissions(value: object, where: str) -> dict[str, str] | None:
    if value is None:
        return None
    if isinstance(value, str):
        raise WorkflowError(f"{where}: `{value}` is not supported by the sandbox's runner; name each permission")
    return _texts(value, where)


def _ordered(jobs: Sequence[Job], path: str) -> list[Job]:
    ordered: list[Job] = []
    pending = list(jobs)
    while pending:
        done = {job.identifier for job in ordered}
        ready = [job for job in pending if done.issuperset(job.needs)]
        if not ready:
            raise WorkflowError(f"{path}: the `needs` of {pending[0].identifier} can never be met")
        ordered += ready
        pending = [job for job in pending if job not in ready]
    return ordered


def _mapping(value: object, where: str) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise WorkflowError(f"{where} is not a mapping")
    return value


def _check_keys(mapping: Mapping[Any, object], known: set[str], where: str) -> None:
    unknown = sorted(str(key) for key in mapping if key not in known)
    if unknown:
        raise WorkflowError(f"{where}: `{unknown[0]}` is not supported by the sandbox's runner")


def _texts(value: object, where: str) -> dict[str, str]:
    return {str(key): _text(item) for key, item in _mapping(value or {}, where).items()}


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _list(value: object) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]
