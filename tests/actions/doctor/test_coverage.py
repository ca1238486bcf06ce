"""Doctor asks for each right that the actions use: a new one needs its check in the same change."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_actions.doctor.cluster_rights import TEMPLATES, needed
from mlops_sandbox.cluster import Cluster, LocalImage, ProcessExecutor
from mlops_sandbox.cluster.resources import CLUSTER_WORKFLOW_TEMPLATES, CRON_WORKFLOWS, WORKFLOW_TEMPLATES
from mlops_sandbox.host import Host
from tests.actions.argo_submit.apis import APIS, application_of, environ_for
from tests.actions.argo_submit.job import SUSPENDED, Job, shell

SPEC = {"entrypoint": "main", "templates": [{"name": "main", "container": {"image": "x", "command": ["true"]}}]}


def rights_that_argo_submit_uses(api: str, folder: Path) -> set[tuple[str, str]]:
    """Run argo-submit in all its ways and return the verbs and resources of its requests."""
    with Cluster(ProcessExecutor({"": LocalImage()})) as cluster, Host(application_of(api, cluster)) as host:
        for resource in (WORKFLOW_TEMPLATES, CLUSTER_WORKFLOW_TEMPLATES, CRON_WORKFLOWS):
            namespace = "default" if resource.namespaced else ""
            spec = {"schedule": "0 0 1 1 *", "workflowSpec": SPEC} if resource is CRON_WORKFLOWS else SPEC
            cluster.store.create(resource, namespace, {"metadata": {"name": "base"}, "spec": spec})

        def job(name: str) -> Job:
            directory = folder / f"{api}-{name}"
            directory.mkdir()
            made = Job(directory)
            made.environ |= environ_for(api, cluster, host.url, directory)
            return made

        assert job("dry").run(workflow=shell("echo hello"), dry_run="true") == 0
        assert job("followed").run(workflow=shell("echo hello; sleep 2")) == 0
        assert job("stopped").run(workflow=SUSPENDED, idempotency="none", timeout="1", on_timeout="stop") == 5
        for kind in TEMPLATES:
            assert job(kind).run(from_=f"{kind}/base", wait="false") == 0
        return set(cluster.requests)


@pytest.mark.timeout(300)
def test_doctor_asks_for_each_right_that_argo_submit_uses_and_for_no_other(tmp_path: Path) -> None:
    asked = {(right.verb, right.resource) for kind in TEMPLATES for right in needed("default", kind)}
    assert asked == set().union(*(rights_that_argo_submit_uses(api, tmp_path) for api in APIS))
