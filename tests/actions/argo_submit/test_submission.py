"""What is submitted is what the manifest means, and what Argo cannot run is refused before: many cases, on both APIs."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.resources import ALL, WORKFLOWS
from tests.actions.argo_submit.apis import APIS
from tests.actions.argo_submit.hook_cases import HOOKS
from tests.actions.argo_submit.job import Job
from tests.actions.argo_submit.submission_cases import CASES, Case


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def value_at(value: Any, path: str) -> Any:
    """Return what stands at a dotted path, in which `\\.` is no separator; None where nothing does."""
    for part in re.split(r"(?<!\\)\.", path):
        entries = {str(number): item for number, item in enumerate(value)} if isinstance(value, list) else value or {}
        value = entries.get(part.replace("\\.", "."))
    return value


def assert_stored(case: Case, stored: Json) -> None:
    for path, expected in case.expected.items():
        found = value_at(stored, path)
        assert found if expected == "*" else found == expected, (path, found)


@pytest.mark.parametrize("case", [*CASES, *HOOKS], ids=lambda case: case.name)
def test_what_is_stored_is_what_was_meant_or_nothing(job: Job, cluster: Cluster, case: Case) -> None:
    kinds = {resource.kind: resource for resource in ALL}
    for value in case.objects:
        kind = kinds[value["kind"]]
        cluster.store.create(kind, "default" if kind.namespaced else "", value)
    inputs = {"workflow": case.manifest} if case.manifest else {}
    code = job.run(**inputs, **case.inputs, wait="false", idempotency="none")
    stored = cluster.store.items(WORKFLOWS)[0]
    assert case.logged in job.log
    if case.refused:
        assert (code, stored) == (case.code, []), job.log
        cause, remedy = job.error.splitlines()
        assert case.refused in cause
        assert case.remedy in remedy
    else:
        assert code == 0, job.error
        assert_stored(case, stored[0])
