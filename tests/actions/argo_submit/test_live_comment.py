"""The comment moves with the workflow: progress, running nodes, and when it may end by the last run of the same step."""

from __future__ import annotations

import re

import pytest

from mlops_actions.argo_submit import live_comment
from mlops_sandbox.cluster import Cluster, rule
from mlops_sandbox.github import GitHubServer
from mlops_sandbox.host import Host
from tests.actions.argo_submit.job import Job, shell
from tests.support.payloads import make_sample, write_event

EXPECTED = re.compile(
    r"Expected to end in \d+s: the last run took \d+s\.|It takes longer than before: the last run took \d+s\."
)


@pytest.fixture
def served(github: GitHubServer, job: Job, monkeypatch: pytest.MonkeyPatch) -> GitHubServer:
    monkeypatch.setattr(live_comment, "MIN_INTERVAL_SECONDS", 0.0)
    sample = make_sample(github)
    write_event(sample.pull.comment("/train", by="maintainer"), job.directory / "event.json")
    job.environ |= {"GITHUB_EVENT_NAME": "issue_comment", "GITHUB_API_URL": github.api_url}
    job.environ["INPUT_GITHUB-TOKEN"] = github.workflow_token(sample.repository, "write-all").value
    return github


def written(github: GitHubServer) -> list[str]:
    """Return each body of the comment, as it was written."""
    return [exchange.body["body"] for exchange in github.writes if "/comments" in exchange.path]


def test_the_comment_tells_when_a_run_may_end_once_one_has_succeeded(job: Job, served: GitHubServer) -> None:
    assert job.run(workflow=shell("sleep 1.2"), comment="true", idempotency="none") == 0
    first = written(served)
    assert not any(EXPECTED.search(body) for body in first)
    assert job.run(workflow=shell("sleep 1.2"), comment="true", idempotency="none") == 0
    later = written(served)[len(first) :]
    assert any(EXPECTED.search(body) for body in later[:-1])
    assert any("Running: `" in body for body in later[:-1])
    assert "succeeded** after" in later[-1]
    assert not EXPECTED.search(later[-1])


def test_without_the_right_to_list_nothing_is_said_of_the_end(
    job: Job, served: GitHubServer, cluster: Cluster, host: Host
) -> None:
    assert job.run(workflow=shell("true"), idempotency="none") == 0
    rights = [rule("workflows", "create get watch patch"), rule("pods", "get list watch"), rule("pods/log", "get")]
    kubeconfig = cluster.kubeconfig(host.url, token=cluster.add_user("ci", rights))
    assert job.run(workflow=shell("sleep 1.2"), comment="true", idempotency="none", kubeconfig=kubeconfig) == 0
    bodies = written(served)
    assert any("Running: `" in body for body in bodies)
    assert not any(EXPECTED.search(body) for body in bodies)
