"""Controls that choose the workflow themselves: by the pull request, by who submitted it, by what waits or failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from mlops_actions.core import provenance
from mlops_sandbox.cluster import SUBMITTER, Cluster
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.host import Host
from tests.actions.argo_submit.apis import KUBERNETES, environ_for
from tests.actions.argo_submit.job import SHA, Job
from tests.actions.argo_submit.test_control import PAGE, WAITING, on_pull_request, put, shutdown
from tests.support.step import REPOSITORY

OTHER_RUN = PAGE.replace("/42", "/43")
LONGER_RUN = f"{PAGE}0"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A cluster without a controller: the objects stay as they are put."""
    with Cluster() as running:
        yield running


@pytest.fixture(autouse=True)
def _rights(job: Job, cluster: Cluster, host: Host) -> None:
    job.environ |= environ_for(KUBERNETES, cluster, host.url, job.directory, token=cluster.add_user("ci", SUBMITTER))
    on_pull_request(job)


@dataclass(frozen=True)
class Choice:
    """Workflows as (name, facts), the inputs, which are stopped or resumed, the exit code, and a part of the error."""

    name: str
    workflows: Sequence[tuple[str, dict[str, Any]]]
    inputs: dict[str, str]
    stopped: tuple[str, ...] = ()
    resumed: tuple[str, ...] = ()
    exit_code: int = 0
    error: str = ""


RUNNING: dict[str, Any] = {}
WAITS: dict[str, Any] = {"nodes": WAITING}
SUSPENDED: dict[str, Any] = {"spec": {"suspend": True}}
OF_ANOTHER_RUN: dict[str, Any] = {"run": OTHER_RUN}
FAILED: dict[str, Any] = {
    "phase": "Failed",
    "labels": {
        **provenance.labels({provenance.REPOSITORY: REPOSITORY, provenance.PULL_REQUEST: "7", provenance.SHA: SHA}),
        "workflows.argoproj.io/completed": "true",
        "workflows.argoproj.io/phase": "Failed",
    },
}
ALL, OF_RUN = {"stop": "pull-request"}, {"of_runs": "42"}
APPROVE, REJECT = {"resume": "pull-request"}, {"stop": "pull-request", "only_waiting": "true"}

CHOICES = [
    Choice("all of the pull request", [("a", RUNNING), ("b", OF_ANOTHER_RUN)], ALL, stopped=("a", "b")),
    Choice("those of one run", [("a", RUNNING), ("b", OF_ANOTHER_RUN)], {**ALL, **OF_RUN}, stopped=("a",)),
    Choice("those of two runs", [("a", RUNNING), ("b", OF_ANOTHER_RUN)], {**ALL, "of_runs": "42,43"}, stopped=("a", "b")),
    Choice("a run whose id only begins so", [("a", {"run": LONGER_RUN})], {**ALL, **OF_RUN}),
    Choice("one by its name", [("a", RUNNING)], {"stop": "a", **OF_RUN}, stopped=("a",)),
    Choice("one by its name, of another run", [("a", OF_ANOTHER_RUN)], {"stop": "a", **OF_RUN},
           exit_code=3, error="'of-runs'"),
    Choice("what waits is resumed", [("a", RUNNING), ("b", WAITS)], APPROVE, resumed=("b",)),
    Choice("what is suspended is resumed", [("a", RUNNING), ("b", SUSPENDED)], APPROVE, resumed=("b",)),
    Choice("what waits of one run is resumed", [("a", {**WAITS, **OF_ANOTHER_RUN}), ("b", WAITS)], {**APPROVE, **OF_RUN},
           resumed=("b",)),
    Choice("two wait", [("a", WAITS), ("b", WAITS)], APPROVE, exit_code=2,
           error="2 workflows of pull request #7 wait: a, b"),
    Choice("one of two that wait", [("a", WAITS), ("b", WAITS)], {"resume": "b", **OF_RUN}, resumed=("b",)),
    Choice("nothing waits", [("a", RUNNING)], APPROVE, exit_code=3, error="no workflow of pull request #7 waits"),
    Choice("what waits for another pull request", [("a", {**WAITS, "pull_request": "8"})], APPROVE, exit_code=3,
           error="no workflow of pull request #7 waits"),
    Choice("a copy that somebody submitted again", [("a", {**WAITS, "labels": {
        **FAILED["labels"], "workflows.argoproj.io/completed": "false",
        "workflows.argoproj.io/resubmitted-from-workflow": "x"}})], APPROVE, exit_code=3, error="waits for an approval"),
    Choice("only what waits is stopped", [("a", RUNNING), ("b", WAITS)], REJECT, stopped=("b",)),
    Choice("nothing that waits is stopped", [("a", RUNNING)], REJECT, exit_code=3, error="waits for an approval"),
    Choice("nothing has failed", [("a", RUNNING)], {"retry": "pull-request"}, exit_code=3, error="has failed"),
    Choice("what failed is retried only by an Argo Server", [("a", RUNNING), ("b", FAILED)], {"retry": "pull-request"},
           exit_code=2, error="only it can restart workflow 'b'"),
    Choice("a run that is no number", [("a", RUNNING)], {**ALL, "of_runs": "42;43"}, exit_code=2, error="of-runs"),
    Choice("runs without a control", [], {"attach": "a", **OF_RUN}, exit_code=2, error="'of-runs' has no meaning"),
    Choice("only what waits, of one by its name", [], {"stop": "a", "only_waiting": "true"}, exit_code=2,
           error="'only-waiting' has no meaning"),
]  # fmt: skip


@pytest.mark.parametrize("choice", CHOICES, ids=[choice.name for choice in CHOICES])
def test_a_control_acts_on_what_it_means_and_on_nothing_else(choice: Choice, job: Job, cluster: Cluster) -> None:
    for name, facts in choice.workflows:
        put(cluster, name, **facts)
    assert job.run(**choice.inputs) == choice.exit_code, job.log
    assert choice.error in (job.error if choice.exit_code else ""), job.error
    names = [name for name, _ in choice.workflows]
    assert tuple(name for name in names if shutdown(cluster, name)) == choice.stopped
    assert tuple(name for name in names if _is_resumed(cluster, name, dict(choice.workflows)[name])) == choice.resumed


def _is_resumed(cluster: Cluster, name: str, facts: dict[str, Any]) -> bool:
    workflow = cluster.store.get(WORKFLOWS, "default", name)
    waited = bool(facts.get("nodes") or facts.get("spec"))
    waits = workflow["spec"].get("suspend") or any(
        node["phase"] == "Running" for node in workflow["status"]["nodes"].values()
    )
    return waited and not waits
