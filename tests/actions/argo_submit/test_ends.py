"""Every end is told: whatever happens after the submission leaves outputs, summary, comment, and an error with the name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from mlops_actions.argo_submit import follow
from mlops_actions.boundary.clock import SystemClock
from mlops_sandbox.cluster import Cluster, rule
from mlops_sandbox.cluster.resources import PODS, WORKFLOWS
from mlops_sandbox.github import GitHubServer
from tests.actions.argo_submit.apis import APIS, KUBERNETES, environ_for
from tests.actions.argo_submit.end_cases import ENDS, EVENTS, NAME, READ, End, World, plain
from tests.actions.argo_submit.job import Job
from tests.actions.argo_submit.scripted import Scripted
from tests.support.payloads import make_sample, write_event
from tests.support.shared_host import SharedHost

LOG = "/log?"


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A cluster without a controller: what happens to a workflow, the test does."""
    with Cluster() as cluster:
        yield cluster


@pytest.fixture
def world(
    cluster: Cluster,
    script: Scripted,
    job: Job,
    github: GitHubServer,
    cancel: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    monkeypatch.setattr(SystemClock, "sleep", lambda _clock, _seconds: None)
    for interval in ("MIN_READ_INTERVAL", "MAX_READ_INTERVAL", "UNCHANGED_READ_INTERVAL"):
        monkeypatch.setattr(follow, interval, 0.05)
    monkeypatch.setattr(follow, "STRAGGLER_SECONDS", 0.3)
    monkeypatch.setattr(follow, "UNREACHABLE_SECONDS", 0.0)
    monkeypatch.setattr("mlops_actions.boundary.cluster.refusals.PASSING_DENIAL_SECONDS", 0.0)
    sample = make_sample(github)
    write_event(sample.pull.comment("/train", by="maintainer"), job.directory / "event.json")
    job.environ |= {"GITHUB_EVENT_NAME": "issue_comment", "GITHUB_API_URL": github.api_url}
    token = github.workflow_token(sample.repository, {"pull-requests": "write"}).value
    return World(cluster, script, job, sample, token, cancel)


@pytest.mark.parametrize(
    ("end", "api"), [pytest.param(end, api, id=f"{end.name}-{api}") for end in ENDS for api in end.apis]
)
def test_an_end_leaves_exit_code_outputs_summary_comment_and_an_error_with_the_name(world: World, end: End) -> None:
    uids: list[str] = []

    def happen(event: str) -> int | None:
        uids.append(world.cluster.store.get(WORKFLOWS, "default", NAME)["metadata"]["uid"])
        return EVENTS[event](world)

    for count, event in end.reads.items():
        world.script.at("GET", READ, partial(happen, event), count=count)
    if end.stops:
        world.script.at("PATCH", READ, lambda: end.stops).at("PUT", f"/{NAME}/", lambda: end.stops)
    assert world.run(**end.inputs) == end.code, world.job.log
    job, outputs, summary = world.job, world.job.outputs, plain(world.job.summary)
    assert end.in_log in job.log
    errors = [job.error] if end.code in range(1, 6) else []
    assert (outputs["workflow-name"], outputs["workflow-namespace"], outputs["phase"]) == (NAME, "default", end.phase)
    assert not uids or outputs["workflow-uid"] == uids[0]
    assert (job.result["workflow-name"], job.result["phase"], job.result["attached"]) == (NAME, end.phase, False)
    assert json.loads(outputs["outputs"]) == ({"score": "0.93"} if end.has_outputs else {})
    assert [one["name"] for one in json.loads(outputs["failed-nodes"])] == ([NAME] if end.has_failed_node else [])

    assert world.run_post(**end.inputs) == end.post, job.log
    assert world.comment.startswith(end.headline)
    assert summary.startswith("### ")
    for page in (summary, world.comment, *errors):
        assert NAME in page
        assert [text for text in end.told if text not in page] == [], page
        assert (f"'attach: {NAME}'" in page) is end.goes_on, page
    if "wait" not in end.inputs:
        assert not any(stale in page for stale in ("was submitted", "is running") for page in (summary, world.comment))
    assert world.shutdown == end.shutdown


@pytest.mark.parametrize("api", [KUBERNETES])
@pytest.mark.parametrize(
    ("exit_handler", "pod_phase", "code"), [(False, "Succeeded", 0), (True, "Succeeded", 1), (False, "Failed", 1)]
)
def test_the_end_is_learned_from_the_pod_where_that_is_all_of_the_workflow(
    world: World, exit_handler: bool, pod_phase: str, code: int
) -> None:
    """A pod that failed may have been ended by the deletion, and an exit handler may still fail the workflow."""

    def start() -> None:
        world.start()
        if exit_handler:
            world.cluster.store.change(
                WORKFLOWS, "default", NAME, lambda one: {**one, "spec": {**one["spec"], "onExit": "x"}}
            )
        annotations = {"workflows.argoproj.io/node-id": NAME, "workflows.argoproj.io/node-name": NAME}
        labels = {"workflows.argoproj.io/workflow": NAME}
        ended = {"name": "main", "state": {"terminated": {"exitCode": 0 if pod_phase == "Succeeded" else 143}}}
        pod = {
            "metadata": {"name": "pod", "labels": labels, "annotations": annotations},
            "spec": {"containers": [{"name": "main"}]},
            "status": {"phase": pod_phase, "containerStatuses": [ended]},
        }
        stored = world.cluster.store.create(PODS, "default", pod)
        world.cluster.logs.open(stored["metadata"]["uid"], "main").end()

    world.script.at("GET", READ, start).at("GET", LOG, world.delete)
    assert world.run() == code
    assert world.job.outputs["phase"] == ("Succeeded" if code == 0 else "Running")


def test_with_the_rights_to_create_and_get_alone_the_workflow_is_read_now_and_then(
    world: World, api: str, cluster: Cluster, cluster_host: SharedHost
) -> None:
    token = cluster.add_user("ci", [rule("workflows", "create get")])
    world.job.environ |= environ_for(api, cluster, cluster_host.host.url, world.job.directory, token=token)
    world.script.at("GET", READ, world.start)
    world.script.at("GET", READ, lambda: world.change(phase="Succeeded"), count=4)
    assert world.run(logs="none") == 0
    assert world.job.log.count("the workflow is read now and then, since it cannot be watched") == 1
    world.job.assert_missing_right("watch", "workflows")
