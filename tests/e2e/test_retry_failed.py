"""`/retry failed` through Argo's own server: the published jobs on the sandbox's runner, the workflow on a real cluster."""

from __future__ import annotations

from pathlib import Path

from mlops_sandbox.cluster import ProcessExecutor
from mlops_sandbox.suite import Sandbox
from tests.e2e.cluster import access
from tests.e2e.cluster.argo_server import ArgoServer
from tests.support import retry_failed


def test_the_failed_nodes_alone_run_again_and_a_comment_follows_them(argo_server: ArgoServer, tmp_path: Path) -> None:
    authority = argo_server.certificate.certificate.read_text()
    token = argo_server.cluster.tokens[access.SUBMITTER]
    with Sandbox(ProcessExecutor(lambda _: None)) as sandbox:
        story = retry_failed.played(sandbox, tmp_path, argo_server.url, token, authority)
        story.check()
    workflow = argo_server.cluster.workflow(story.workflow)
    assert workflow["status"]["phase"] == "Succeeded"
    assert {
        node["displayName"]: node["phase"] for node in workflow["status"]["nodes"].values() if node["type"] == "Pod"
    } == {
        "first": "Succeeded",
        "second": "Succeeded",
    }
