"""argo-submit gets odd answers of a cluster: it never reports success for one, and never crashes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_actions.argo_submit import follow
from mlops_actions.boundary.clock import SystemClock
from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.resources import WORKFLOW_TEMPLATES, WORKFLOWS
from mlops_sandbox.host import Host
from tests.actions.argo_submit.apis import application_of, environ_for
from tests.actions.argo_submit.job import Job, shell
from tests.actions.odd_answers.calls import Call, odd_answers, problems_of_decision, shown
from tests.actions.odd_answers.server import Answer, Change, Interceptor
from tests.support.step import StepRecord

_KUBERNETES, _ARGO = "/apis/argoproj.io/v1alpha1/namespaces/*", "/api/v1"
_OBJECT = ("metadata", "metadata.name", "metadata.namespace", "metadata.uid", "metadata.resourceVersion")
_WORKFLOW = (*_OBJECT, "status", "status.phase")
_TEMPLATE = ("metadata", "metadata.name", "spec")
INPUTS = {
    "join": {"attach": "done", "logs": "none"},
    "submit": {"workflow": shell("true"), "wait": "false", "idempotency": "none"},
    "dry run": {"workflow": shell("true"), "dry_run": "true"},
    "template": {"from_": "workflowtemplate/train", "wait": "false", "idempotency": "none"},
}
CALLS = [
    *(("kubernetes", call) for call in (
        Call(f"GET {_KUBERNETES}/workflows/*", "join", "decision", _WORKFLOW, occurrence=1),
        Call(f"GET {_KUBERNETES}/workflows/*", "join", "decision", _WORKFLOW, occurrence=2, names="GET /|was deleted"),
        Call(f"POST {_KUBERNETES}/workflows", "submit", "decision", _OBJECT),
        Call(f"POST {_KUBERNETES}/workflows", "dry run", "decision", ("metadata", "metadata.name")),
        Call(f"GET {_KUBERNETES}/workflowtemplates/*", "template", "decision", _TEMPLATE),
    )),
    *(("argo-server", call) for call in (
        Call(f"GET {_ARGO}/info", "submit", "decision", ("managedNamespace?",)),
        Call(f"GET {_ARGO}/workflows/*/*", "join", "decision", _WORKFLOW, occurrence=1),
        Call(f"GET {_ARGO}/workflows/*/*", "join", "decision", _WORKFLOW, occurrence=2, names="GET /|was deleted"),
        Call(f"POST {_ARGO}/workflows/*", "submit", "decision", _OBJECT),
        Call(f"POST {_ARGO}/workflows/*", "dry run", "decision", ("metadata", "metadata.name")),
        Call(f"GET {_ARGO}/workflow-templates/*/*", "template", "decision", _TEMPLATE),
    )),
]  # fmt: skip
# A server that manages every namespace says nothing of one.
_NO_NAMESPACE = ("an empty object", "1e999", "a number of", "names twice, the last one null")


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SystemClock, "sleep", lambda clock, seconds: None)
    monkeypatch.setattr(follow, "UNREACHABLE_SECONDS", 0.0)


class Trial:
    """Runs the step against one cluster, without a controller: it holds a workflow that has succeeded, and a template."""

    def __init__(self, api: str, directory: Path) -> None:
        self._cluster = Cluster()
        labels = {"workflows.argoproj.io/completed": "true", "workflows.argoproj.io/phase": "Succeeded"}
        spec = {"entrypoint": "main", "templates": [{"name": "main", "container": {"image": "example.test/image"}}]}
        head = {"apiVersion": WORKFLOWS.api_version, "kind": "Workflow"}
        ended = {**head, "metadata": {"name": "done", "labels": labels}, "spec": spec, "status": {"phase": "Succeeded"}}
        self._cluster.store.create(WORKFLOWS, "default", ended)
        template = {"apiVersion": WORKFLOWS.api_version, "kind": "WorkflowTemplate", "metadata": {"name": "train"}}
        self._cluster.store.create(WORKFLOW_TEMPLATES, "default", {**template, "spec": spec})
        self._interceptor = Interceptor(application_of(api, self._cluster), prefix="")
        self._api = api
        self._host = Host(self._interceptor)
        self._directory = directory
        self._job = Job(directory)

    def __enter__(self) -> Trial:
        self._host.__enter__()
        self._job.environ |= environ_for(self._api, self._cluster, self._host.url, self._directory)
        return self

    def __exit__(self, *error: object) -> None:
        self._host.__exit__(None, None, None)
        self._cluster.close()

    def run(self, call: Call, change: Change) -> StepRecord:
        """Run with one answer changed."""
        self._interceptor.arm(call.route, change, call.occurrence)
        code = self._job.run(**INPUTS[call.scenario])
        assert self._interceptor.changed, (self._interceptor.calls, self._job.log)
        left = self._job.record
        return StepRecord(code, left.log, left.outputs, left.state, left.environment, left.summary)

    def true_body(self, call: Call) -> bytes:
        """Run with no answer changed; return the body of the true one."""
        bodies: list[bytes] = []

        def keep(true: Answer) -> Answer:
            bodies.append(true.body)
            return true

        record = self.run(call, keep)
        assert record.exit_code == 0, record.log
        return bodies[0]


@pytest.fixture
def trial(api: str, tmp_path: Path) -> Iterator[Trial]:
    with Trial(api, tmp_path) as made:
        yield made


@pytest.mark.parametrize(("api", "call"), CALLS, ids=str)
def test_an_odd_answer_of_a_cluster_is_never_a_success(api: str, call: Call, trial: Trial) -> None:
    true_body = trial.true_body(call)
    problems: dict[str, list[str]] = {}
    for name, change in odd_answers(call, true_body):
        if call.route.endswith("/info") and name.startswith(_NO_NAMESPACE):
            continue
        exits = (1,) if name.startswith("404") and call.occurrence == 2 else (2, 3, 4)
        record = trial.run(call, change)
        found = list(problems_of_decision(record, call, exits=exits, forbidden={"phase": "Succeeded"}))
        if found:
            problems[name] = found
    assert not problems, shown(problems)
