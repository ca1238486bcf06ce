"""Checks of jobs that call the suite's reusable workflow: what GitHub says late, or in words that do not help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlops_actions.core.json_text import parse_json
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.step_rights import BY_IDENTITY
from mlops_actions.doctor.workflow import ActionStep, WorkflowJob

_CHECK = Checker("github")
_KEYLESS = "pipeline-keyless.yml"
# As in the reusable workflow itself: what holds one of these is no label, and is read as JSON.
_MARKS = ("[", "{", ",", '"')
_FORMS = 'one label, or as JSON a list of labels, ["self-hosted", "gpu"], or a group, {"group": "gpu", "labels": ["x64"]}'


def check(scope: Scope) -> Iterator[HealthCheck]:
    """Check every call, and that calls of one run are told apart."""
    calls = [(job, step) for job in scope.workflow.jobs if job.calls_pipeline for step in job.steps]
    for job, step in calls:
        if step.action == "chatops":
            yield from _runners(scope, job, step)
        if step.action == "argo-submit" and not job.is_keyless:
            yield from _identity(scope, job, step)
    yield from _told_apart([(job, step) for job, step in calls if step.action == "chatops"])


def _runners(scope: Scope, job: WorkflowJob, step: ActionStep) -> Iterator[HealthCheck]:
    """Check `runs-on`: GitHub fails each run for a text that it cannot read, and waits for a runner with a wrong label."""
    text = scope.known(step, "runs-on")
    if not text:
        return
    asked = f"runs-on of job '{job.name}' in {scope.workflow.path}"
    if any(mark in text for mark in _MARKS) and not _are_runners(text):
        yield _CHECK.fails("runners", asked, f"{text!r} names no runners", remedy=f"write {_FORMS}")
    else:
        yield _CHECK.ok("runners", asked, text)


def _are_runners(text: str) -> bool:
    try:
        value = parse_json(text)
    except ValueError:
        return False
    if isinstance(value, dict):
        return bool(value) and set(value) <= {"group", "labels"} and all(_are_labels(each) for each in value.values())
    return _are_labels(value)


def _are_labels(value: Any) -> bool:
    labels = value if isinstance(value, list) else [value]
    return bool(labels) and all(isinstance(label, str) and label.strip() for label in labels)


def _identity(scope: Scope, job: WorkflowJob, step: ActionStep) -> Iterator[HealthCheck]:
    names = [name for name in BY_IDENTITY if scope.given(step, name)]
    if names:
        yield _CHECK.fails(
            "identity of the job",
            f"uses: of job '{job.name}' in {scope.workflow.path}",
            f"'{names[0]}' signs in with the job's identity token, which no job of pipeline.yml may ask for",
            remedy=f"in jobs.{job.name}, call {_KEYLESS} instead of pipeline.yml, and grant it id-token: write",
        )


def _told_apart(calls: list[tuple[WorkflowJob, ActionStep]]) -> Iterator[HealthCheck]:
    """Check that two calls that take the same commands have two sections: else each replaces what the other reports."""
    name, asked, remedy = "calls of the pipeline", "'section' and 'matrix' of each call", "a name of its own in 'section'"
    seen: dict[tuple[str, str, str], str] = {}
    for job, step in calls:
        section, matrix = step.inputs.get("section", ""), step.inputs.get("matrix", "")
        if job.has_matrix and "matrix" not in f"{section} {matrix}":
            text = f"the legs of job '{job.name}' would write one section of the comment, and one artifact"
            yield _CHECK.fails(name, asked, text, remedy=f"add to jobs.{job.name}.with: matrix: ${{{{ toJSON(matrix) }}}}")
        other = seen.setdefault((section, matrix, step.inputs.get("commands", "")), job.name)
        if other != job.name:
            text = f"jobs '{other}' and '{job.name}' take the same commands, and would write one section of the comment"
            yield _CHECK.fails(name, asked, text, remedy=f"give jobs.{job.name}.with {remedy}")
