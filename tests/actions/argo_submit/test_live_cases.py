"""The cases of what users see of a workflow, on the stand-in; `tests/e2e/test_cluster_live.py` has the real cluster."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from mlops_actions.argo_submit import follow, live_report, waiting
from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.resources import PODS, WORKFLOWS
from mlops_sandbox.github import GitHubServer
from tests.actions.argo_submit.apis import APIS, KUBERNETES, application_of, environ_for
from tests.actions.argo_submit.job import Job
from tests.actions.argo_submit.live_cases import ENDS, LOGS, assert_failed, assert_shown, key, workflow
from tests.actions.argo_submit.wait_cases import SINCE, WAITS, WHOLES, WaitCase, WholeCase, record_of
from tests.support.payloads import make_sample, write_event
from tests.support.shared_host import SharedHost


def test_each_case_has_a_name_of_its_own() -> None:
    for cases in (LOGS, ENDS, WAITS):
        assert len({key(case.name) for case in cases}) == len(cases)


@pytest.mark.parametrize("api", APIS)
def test_each_log_is_shown_as_it_should_be(job: Job) -> None:
    assert job.run(workflow=workflow(LOGS, image="x"), logs="all") == 0, job.log
    assert_shown(job.log)


@pytest.mark.parametrize("api", APIS)
def test_each_failure_is_told_as_it_should_be(job: Job) -> None:
    assert job.run(workflow=workflow(ENDS, image="x"), logs="failed") == 1, job.log
    assert_failed(json.loads(job.outputs["failed-nodes"]))


@pytest.fixture
def unattended(api: str, cluster_host: SharedHost, job: Job, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster without a controller: what a workflow waits for, the test writes."""
    monkeypatch.setattr(follow, "MIN_READ_INTERVAL", 0.05)
    monkeypatch.setattr(follow, "MAX_READ_INTERVAL", 0.05)
    monkeypatch.setattr(waiting, "ORDINARY_SECONDS", 0.0)
    monkeypatch.setattr(live_report, "MAX_WAITS", 100)
    with Cluster() as cluster:
        cluster_host.application = application_of(api, cluster)
        job.environ |= environ_for(api, cluster, cluster_host.host.url, job.directory)
        yield cluster


@pytest.fixture
def commented(github: GitHubServer, job: Job) -> Callable[[], str]:
    """Let the job comment on a pull request; return how to read the comment."""
    sample = make_sample(github)
    write_event(sample.pull.comment("/train", by="maintainer"), job.directory / "event.json")
    job.environ |= {"GITHUB_EVENT_NAME": "issue_comment", "GITHUB_API_URL": github.api_url}
    job.environ["INPUT_GITHUB-TOKEN"] = github.workflow_token(sample.repository, {"pull-requests": "write"}).value
    return lambda: next(one.body for one in sample.pull.comments if "Workflow" in one.body)


@pytest.mark.parametrize("api", APIS)
def test_what_each_task_waits_for_is_said_in_log_summary_and_comment(
    job: Job, api: str, unattended: Cluster, commented: Callable[[], str]
) -> None:
    recorded, pods = record_of("w")
    for pod in pods:
        unattended.store.create(PODS, "default", pod)
    unattended.store.create(WORKFLOWS, "default", recorded)
    assert job.run(attach="w", timeout="1", comment="true") == 5, job.log
    cases = [case for case in WAITS if api == KUBERNETES or not case.only_the_pod_tells]
    for page in (job.summary, commented()):
        assert [case.name for case in cases if not case.is_in(page)] == [], page
    silent = [case.name for case in cases if not WaitCase.is_in(_without_times(case), job.log)]
    assert silent == [], job.log


def _without_times(case: WaitCase) -> WaitCase:
    """The log says it at once, and so not for how long."""
    return replace(case, text=case.text.removesuffix(" \\("))


@pytest.mark.parametrize("case", WHOLES, ids=lambda case: case.name)
def test_what_a_whole_workflow_waits_for_is_said_in_log_summary_and_comment(
    job: Job, unattended: Cluster, commented: Callable[[], str], case: WholeCase
) -> None:
    value: dict[str, Any] = {"metadata": {"name": "w"}, "spec": dict(case.spec), "status": dict(case.status)}
    if case.spec.get("suspend"):
        fields: dict[str, dict[str, object]] = {"f:spec": {}}
        value["metadata"]["managedFields"] = [{"manager": "argo", "time": SINCE, "fieldsV1": fields}]
    unattended.store.create(WORKFLOWS, "default", value)
    assert job.run(attach="w", timeout="0", comment="true") == 5, job.log
    for page in (job.summary, commented()):
        assert re.search(case.text, html.unescape(page.replace("\\", ""))), page
    assert re.search(case.text.removesuffix(" \\("), job.log), job.log
