"""Output artifacts: shown with bucket, key and link, and brought into the workspace through the Argo Server."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.responses import RedirectResponse

from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.resources import WORKFLOWS
from tests.actions.argo_submit.apis import APIS, ARGO_SERVER, KUBERNETES, application_of
from tests.actions.argo_submit.job import Job
from tests.actions.argo_submit.scripted import Scripted
from tests.support.shared_host import SharedHost

NAME = "made"


def tgz(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


MODEL = tgz("model.pt", b"weights")


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A cluster with a workflow that has ended, and has written artifacts."""

    def node(name: str, *artifacts: str) -> dict[str, Any]:
        entries = [{"name": one, "s3": {"key": f"{NAME}/{name}/{one}.tgz"}} for one in artifacts]
        return {"id": f"{NAME}-{name}", "name": f"{NAME}.{name}", "displayName": name, "type": "Pod", "templateName": "t",
                "phase": "Succeeded", "boundaryID": NAME, "outputs": {"artifacts": entries}}  # fmt: skip

    logs = {"name": "main-logs", "s3": {"key": f"{NAME}/train/main.log"}}
    nodes = [node("train", "model", "plot"), node("test(0)", "report"), node("test(1)", "report")]
    nodes[0]["outputs"]["artifacts"].append(logs)
    repository = {"artifactRepository": {"s3": {"bucket": "models"}}}
    status = {"phase": "Succeeded", "nodes": {one["id"]: one for one in nodes}, "artifactRepositoryRef": repository}
    with Cluster() as cluster:
        cluster.store.create(WORKFLOWS, "default", {"metadata": {"name": NAME}, "spec": {}, "status": status})
        cluster.store_artifact(NAME, f"{NAME}-train", "model", MODEL)
        for number in (0, 1):
            cluster.store_artifact(NAME, f"{NAME}-test({number})", "report", b"report %d" % number)
        yield cluster


def test_artifacts_are_shown_with_bucket_key_and_link(job: Job, api: str) -> None:
    assert job.run(attach=NAME, logs="none", argo_url="https://argo.test") == 0
    listed = json.loads(job.outputs["artifacts"])
    assert [(one["name"], one["node"]) for one in listed] == [
        ("model", "train"), ("plot", "train"), ("report", "test(0)"), ("report", "test(1)"),
    ]  # fmt: skip
    assert (listed[0]["bucket"], listed[0]["key"]) == ("models", "made/train/model.tgz")
    assert listed[0]["url"] == "https://argo.test/artifact-files/default/workflows/made/made-train/outputs/model"
    assert (listed[0]["path"], listed[0]["size"]) == ("", None)
    assert "`models/made/train/model.tgz`" in job.summary
    assert "[model](https://argo.test/artifact-files/" in job.summary


@pytest.mark.parametrize("api", [ARGO_SERVER])
def test_chosen_artifacts_come_into_the_workspace(job: Job) -> None:
    assert job.run(attach=NAME, logs="none", artifacts="model, report", artifacts_dir="got") == 0
    listed = {(one["name"], one["node"]): one for one in json.loads(job.outputs["artifacts"])}
    assert (job.workspace / "got" / "model" / "model.pt").read_bytes() == b"weights"
    assert (listed["model", "train"]["path"], listed["model", "train"]["size"]) == ("got/model", len(MODEL))
    for number in (0, 1):
        place = listed["report", f"test({number})"]["path"]
        assert (job.workspace / place / "report.tgz").read_bytes() == b"report %d" % number
    assert listed["plot", "train"]["path"] == ""
    assert f"{len(MODEL):,} bytes" in job.summary


@pytest.mark.parametrize("api", [ARGO_SERVER])
def test_one_nodes_artifact_is_chosen_by_its_node(job: Job) -> None:
    assert job.run(attach=NAME, logs="none", artifacts="test(1)/report") == 0
    assert (job.workspace / "artifacts" / "report" / "report.tgz").read_bytes() == b"report 1"


@pytest.mark.parametrize("api", [ARGO_SERVER])
@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("modle", 1, "has no output artifact 'modle' (did you mean 'model'?)"),
        ("plot", 4, "artifact 'plot' of 'train': "),
    ],
)
def test_an_artifact_that_cannot_be_had_fails_the_step_and_leaves_the_others(
    job: Job, name: str, code: int, words: str
) -> None:
    assert job.run(attach=NAME, logs="none", artifacts=f"{name}, model") == code
    assert words in job.error
    assert job.outputs["phase"] == "Succeeded"
    assert (job.workspace / "artifacts" / "model" / "model.pt").exists()


PAGE = b"<html><body>a report</body></html>"


@pytest.mark.parametrize("api", [ARGO_SERVER])
def test_an_artifact_that_is_a_web_page_comes_into_the_workspace(job: Job, cluster: Cluster) -> None:
    cluster.store_artifact(NAME, f"{NAME}-train", "plot", PAGE)
    assert job.run(attach=NAME, logs="none", artifacts="plot") == 0
    assert (job.workspace / "artifacts" / "plot" / "plot.tgz").read_bytes() == PAGE


def leave_only_the_archive(cluster: Cluster) -> str:
    """Move the workflow from the cluster into the archive; return its uid."""
    cluster.archive(NAME)
    gone = cluster.store.get(WORKFLOWS, "default", NAME)["metadata"]["uid"]
    cluster.store.delete(WORKFLOWS, "default", NAME)
    return str(gone)


@pytest.mark.parametrize("api", [ARGO_SERVER])
@pytest.mark.parametrize("is_archived", [False, True], ids=["live", "archived"])
def test_a_folder_that_is_not_packed_is_refused_with_the_way_to_pack_it(
    job: Job, cluster: Cluster, is_archived: bool
) -> None:
    """The server shows such a folder as a page, which is not the artifact."""
    cluster.store_artifact(NAME, f"{NAME}-train", "plot", None)
    if is_archived:
        leave_only_the_archive(cluster)
    assert job.run(attach=NAME, logs="none", artifacts="plot, model") == 1
    cause, remedy = job.error.splitlines()
    assert cause.startswith("artifact 'plot' of 'train': it is a folder that Argo has not packed (archive: none)")
    assert "remove 'archive: {none: {}}' from the output artifact" in remedy
    assert not (job.workspace / "artifacts" / "plot").exists()
    assert (job.workspace / "artifacts" / "model" / "model.pt").exists()


@pytest.mark.parametrize("api", [ARGO_SERVER])
def test_the_artifacts_of_a_workflow_that_is_only_in_the_archive_come_into_the_workspace(job: Job, cluster: Cluster) -> None:
    gone = leave_only_the_archive(cluster)
    assert job.run(attach=NAME, logs="none", artifacts="model") == 0
    assert (job.workspace / "artifacts" / "model" / "model.pt").read_bytes() == b"weights"
    listed = json.loads(job.outputs["artifacts"])
    route = f"/artifact-files/default/archived-workflows/{gone}/made-train/outputs/model"
    assert listed[0]["url"].endswith(route)
    assert f"{route})" in job.summary


@pytest.mark.parametrize("api", [ARGO_SERVER])
def test_an_archived_artifact_is_not_that_of_another_workflow_of_the_same_name(
    job: Job, cluster: Cluster, cluster_host: SharedHost
) -> None:
    """The nodes of both have the same ids, since these are made of names."""
    status = cluster.store.get(WORKFLOWS, "default", NAME)["status"]

    def set_phase(phase: str) -> None:
        cluster.store.change(WORKFLOWS, "default", NAME, lambda one: {**one, "status": {**status, "phase": phase}})

    def end_and_replace() -> None:
        set_phase("Succeeded")
        leave_only_the_archive(cluster)
        cluster.store.create(WORKFLOWS, "default", {"metadata": {"name": NAME}, "spec": {}, "status": status})
        cluster.store_artifact(NAME, f"{NAME}-train", "model", tgz("model.pt", b"others"))

    set_phase("Running")
    script = cluster_host.application = Scripted(application_of(ARGO_SERVER, cluster))
    script.at("GET", f"/{NAME}?", end_and_replace, count=2)
    assert job.run(attach=NAME, logs="none", artifacts="model") == 0
    assert (job.workspace / "artifacts" / "model" / "model.pt").read_bytes() == b"weights"


@pytest.mark.parametrize("api", [ARGO_SERVER])
@pytest.mark.parametrize("is_replaced", [True, False])
def test_an_artifact_of_a_workflow_that_was_replaced_or_deleted_meanwhile_is_refused(
    job: Job, cluster: Cluster, cluster_host: SharedHost, is_replaced: bool
) -> None:
    """The Argo Server serves the artifacts of a live workflow by its name alone."""
    status = cluster.store.get(WORKFLOWS, "default", NAME)["status"]

    def replace() -> None:
        cluster.store.delete(WORKFLOWS, "default", NAME)
        if is_replaced:
            cluster.store.create(WORKFLOWS, "default", {"metadata": {"name": NAME}, "spec": {}, "status": status})

    script = cluster_host.application = Scripted(application_of(ARGO_SERVER, cluster))
    script.before_the_answer("GET", "/artifact-files/default/workflows/", replace)
    assert job.run(attach=NAME, logs="none", artifacts="model") == 3
    assert ("replaced by another one" if is_replaced else "was deleted") in job.log
    assert "artifact 'model' of 'train'" in job.log
    assert not (job.workspace / "artifacts" / "model").exists()


@pytest.mark.parametrize("api", [ARGO_SERVER])
def test_a_redirect_to_a_login_page_is_not_taken_for_a_folder(job: Job, cluster_host: SharedHost, cluster: Cluster) -> None:
    async def redirect(scope: Any, receive: Any, send: Any) -> None:
        answer: Any = application_of(ARGO_SERVER, cluster)
        if scope["path"].startswith("/artifact-files/"):
            answer = RedirectResponse("https://login.test/", 307)
        await answer(scope, receive, send)

    cluster_host.application = redirect
    assert job.run(attach=NAME, logs="none", artifacts="model") == 3
    assert "redirects this request (307" in job.error
    assert "folder" not in job.error


@pytest.mark.parametrize("api", [ARGO_SERVER])
def test_a_part_of_a_file_is_not_taken_for_it(job: Job, cluster: Cluster) -> None:
    """Where the storage fails on the way, the server writes an error behind what it has sent."""
    broken = b"failed to stream artifact: connection reset by peer\nInternal Server Error\n"
    cluster.store_artifact(NAME, f"{NAME}-train", "plot", b"the first half" + broken)
    assert job.run(attach=NAME, logs="none", artifacts="plot") == 4
    assert "artifact 'plot' of 'train': " in job.error
    assert "sent only a part of the file" in job.error
    assert "connection reset by peer" in job.error
    assert not (job.workspace / "artifacts" / "plot").exists()


@pytest.mark.parametrize("api", [KUBERNETES])
def test_without_an_argo_server_the_summary_names_bucket_and_key(job: Job) -> None:
    assert job.run(attach=NAME, logs="none", artifacts="model") == 0
    assert "the artifacts are not brought into the workspace, since only the Argo Server reads the storage" in job.log
    assert "`models/made/train/model.tgz`" in job.summary


@pytest.mark.parametrize("api", [KUBERNETES])
@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"artifacts_dir": "../out"}, "input 'artifacts-dir' leads out of the workspace"),
        ({"wait": "false"}, "input 'artifacts' has no meaning without waiting"),
    ],
)
def test_wrong_inputs_are_refused_before_anything_else(
    job: Job, cluster: Cluster, inputs: dict[str, str], words: str
) -> None:
    assert job.run(attach=NAME, artifacts="model", **inputs) == 2
    assert words in job.error
    assert cluster.requests == []
