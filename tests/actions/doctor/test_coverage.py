"""Doctor asks for each right and each field that the actions use: a new one needs its check in the same change."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from graphql import FieldNode, TypeInfo, TypeInfoVisitor, Visitor, parse, visit

from mlops_actions.argo_submit.read_manifest import read_manifest
from mlops_actions.boundary.doctor.log import QuietLog
from mlops_actions.boundary.doctor.tracker import GraphQLApi
from mlops_actions.boundary.wandb.project import WandbProject
from mlops_actions.boundary.wandb.server import Server
from mlops_actions.core.runs import DetailsQuery, RunKeys, RunQuery
from mlops_actions.doctor import tracker
from mlops_actions.doctor.checks import Status
from mlops_actions.doctor.cluster_rights import RIGHTS_OF_INPUTS, TEMPLATES, needed
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import parse as parse_workflow
from mlops_sandbox.cluster import Cluster, LocalImage, ProcessExecutor
from mlops_sandbox.cluster.resources import CLUSTER_WORKFLOW_TEMPLATES, CRON_WORKFLOWS, WORKFLOW_TEMPLATES
from mlops_sandbox.host import Host
from mlops_sandbox.wandb import WandbServer
from mlops_sandbox.wandb.schema import wandb_schema
from tests.actions.argo_submit.apis import APIS, ARGO_SERVER, application_of, environ_for
from tests.actions.argo_submit.job import SUSPENDED, Job, shell

SPEC = {"entrypoint": "main", "templates": [{"name": "main", "container": {"image": "x", "command": ["true"]}}]}


def rights_that_argo_submit_uses(api: str, folder: Path) -> set[tuple[str, str]]:
    """Run argo-submit in all its ways and return the verbs and resources of its requests."""
    with Cluster(ProcessExecutor({"": LocalImage()})) as cluster, Host(application_of(api, cluster)) as host:
        for resource in (WORKFLOW_TEMPLATES, CLUSTER_WORKFLOW_TEMPLATES, CRON_WORKFLOWS):
            namespace = "default" if resource.namespaced else ""
            spec = {"schedule": "0 0 1 1 *", "workflowSpec": SPEC} if resource is CRON_WORKFLOWS else SPEC
            cluster.store.create(resource, namespace, {"metadata": {"name": "base"}, "spec": spec})

        def job(name: str, token: str | None = None) -> Job:
            directory = folder / f"{api}-{name}"
            directory.mkdir()
            made = Job(directory)
            made.environ |= environ_for(api, cluster, host.url, directory, token=token)
            return made

        assert job("dry").run(workflow=shell("echo hello"), dry_run="true") == 0
        assert job("followed").run(workflow=shell("echo hello; sleep 2")) == 0
        assert job("stopped").run(workflow=SUSPENDED, idempotency="none", timeout="1", on_timeout="stop") == 5
        held = SUSPENDED.replace("name: held", "name: resumed")
        assert job("held").run(workflow=held, idempotency="none", wait="false", pr_number="7") == 0
        assert job("resumed", cluster.admin_token).run(resume="resumed") == 0
        if api == ARGO_SERVER:
            assert job("failed").run(workflow=shell("false"), name="failed", pr_number="7") == 1
            assert job("retried", cluster.admin_token).run(retry="failed", wait="false") == 0
        assert job("ended").run(stop="pull-request", pr_number="7") == 0
        for kind in TEMPLATES:
            assert job(kind).run(from_=f"{kind}/base", wait="false") == 0
        return set(cluster.requests)


@pytest.mark.timeout(300)
def test_doctor_asks_for_each_right_that_argo_submit_uses_and_for_no_other(tmp_path: Path) -> None:
    asked = {(right.verb, right.resource) for kind in TEMPLATES for right in needed("default", kind, RIGHTS_OF_INPUTS)}
    assert asked == set().union(*(rights_that_argo_submit_uses(api, tmp_path) for api in APIS))


class FieldNames(Visitor):
    """Collects the fields and arguments of a query, as `Run.commit` and `Project.runs(filters)`."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._types = types

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        parent = self._types.get_parent_type()
        assert parent is not None
        name = f"{parent.name}.{node.name.value}"
        self.found |= {name, *(f"{name}({argument.name.value})" for argument in node.arguments or ())}


def fields_of(query: str) -> set[str]:
    types = TypeInfo(wandb_schema())
    names = FieldNames(types)
    visit(parse(query), TypeInfoVisitor(types, names))
    return names.found


def fields_that(act: Callable[[WandbServer, str], object]) -> set[str]:
    """Let a client read a server with one run, and return the fields of its queries."""
    server = WandbServer()
    with Host(server.app) as host:
        run = server.store.add_run("sandbox", "digits", name="r1", state="finished", summary={"loss": 1}, config={"lr": 1})
        server.store.add_artifact(
            server.store.project("sandbox", "digits").collection("weights", "model"), "d", run=run, contents={"w": b"1"}
        )
        act(server, host.url)
        return set().union(*(fields_of(json.loads(request.body)["query"]) for request in server.requests))


READING = {"sweep", "details", "files", "find", "models", "states"}
OTHERS = {"info", "native_query", "notes"}  # they send nothing
BY_THE_SDK = {"promote"}  # W&B's own queries


def read_everything(server: WandbServer, url: str) -> None:
    project = WandbProject("sandbox/digits", Server(url, url, server.api_key), QuietLog({}))
    assert {name for name in dir(project) if not name.startswith("_")} == READING | OTHERS | BY_THE_SDK
    query, keys = RunQuery(commit="a" * 40, commit_config_key="sha"), RunKeys(config=("lr",), summary=("loss",))
    project.find(query, RunQuery(tags=("baseline",)), keys)
    runs = project.find(RunQuery(), None, keys).candidates
    project.states(query)
    project.sweep("s1")
    ids = tuple(run.id for run in runs)
    project.details(DetailsQuery(datasets=ids, uncommitted_changes=ids, config=ids, curves_of=ids, curves=("loss",)))
    (model,) = project.models(runs[0])
    assert project.files(model.artifact, 1000)


def ask_doctor(server: WandbServer, url: str) -> None:
    file = {
        "uses": "o/mlops-actions/actions/wandb-runs@v1",
        "with": {"project": "sandbox/digits", "promote-alias": "best", "statement": "true"},
    }
    workflow = parse_workflow(json.dumps({"on": "push", "jobs": {"report": {"steps": [file]}}}), "mlops.yml")
    scope = Scope(workflow=workflow, repository="o/r", context={}, read=str, read_manifest=read_manifest)
    environ = {"WANDB_API_KEY": server.api_key, "WANDB_BASE_URL": url}
    checks = list(tracker.check(scope, workflow.steps("wandb-runs")[0], GraphQLApi(url, environ, QuietLog(environ))))
    assert ("fields", Status.OK) in [(check.name, check.status) for check in checks]


def test_doctor_asks_for_each_field_that_wandb_runs_reads() -> None:
    assert fields_that(read_everything) - fields_that(ask_doctor) == set()
