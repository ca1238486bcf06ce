"""The examples on the pages grant what their steps need, also in a private repository."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_actions.argo_submit.read_manifest import read_manifest
from mlops_actions.core.errors import BadInput
from mlops_actions.doctor import job_rights
from mlops_actions.doctor.checks import Status
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import WorkflowFile, parse
from tests.unit.test_docs import PAGES, ROOT, examples, named

EXAMPLES = sorted([*(ROOT / "examples").rglob(".github/workflows/*.yml"), *(ROOT / ".github/workflows").glob("*.yml")])


def workflow_of(document: Any) -> dict[str, Any] | None:
    """A workflow file of an example: the example itself, or one around its jobs, its one job, or its steps."""
    if not isinstance(document, dict):
        return None
    events = document.get("on", document.get(True, "issue_comment"))
    if isinstance(document.get("jobs"), dict):
        return {**document, "on": events}
    if "steps" in document or "uses" in document:
        return {"on": events, "jobs": {"job": document}}
    jobs = {name: job for name, job in document.items() if isinstance(job, dict) and ("steps" in job or "uses" in job)}
    return {"on": events, "jobs": jobs} if jobs else None


def files(page: Path) -> Iterator[WorkflowFile]:
    """The examples of a page that use the suite and say which permissions they grant."""
    documents = examples(page) if page.suffix == ".md" else [yaml.safe_load(page.read_text(encoding="utf-8"))]
    for document in filter(None, map(workflow_of, documents)):
        file = parse(yaml.safe_dump(document), named(page))
        if any(job.steps and job.permissions is not None for job in file.jobs):
            yield file


def no_file(path: str) -> str:
    raise BadInput(f"no file {path}", "")


def faults(file: WorkflowFile) -> list[str]:
    scope = Scope(workflow=file, repository="o/r", context={}, read=no_file, read_manifest=read_manifest)
    checks = job_rights.permissions(scope, "read", is_public=False)
    granted = {f"permissions of job '{job.name}' in {file.path}" for job in file.jobs if job.permissions is not None}
    return [check.answer for check in checks if check.status is Status.FAILS and check.asked in granted]


@pytest.mark.parametrize("page", [*PAGES, *EXAMPLES], ids=named)
def test_every_example_grants_what_its_steps_need(page: Path) -> None:
    assert [fault for file in files(page) for fault in faults(file)] == []


def test_the_pages_have_such_examples_of_every_action() -> None:
    found = [step.action for page in PAGES for file in files(page) for job in file.jobs for step in job.steps]
    assert {action: found.count(action) > 1 for action in ("chatops", "docker-publish", "argo-submit", "wandb-runs")} == {
        "chatops": True, "docker-publish": True, "argo-submit": True, "wandb-runs": True,
    }  # fmt: skip


def test_an_example_without_a_permission_is_found() -> None:
    step = {"uses": "machine-learning-apps/mlops-actions/actions/chatops@v1", "with": {"commands": "/train"}}
    document = workflow_of({"permissions": {"pull-requests": "write"}, "steps": [step]})
    assert faults(parse(yaml.safe_dump(document), "page.md")) == ["job 'job' lacks contents: read"]
