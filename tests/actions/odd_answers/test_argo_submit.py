"""argo-submit gets odd answers of a cluster: it never reports success for one, loses no workflow, and never crashes."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from mlops_actions.argo_submit import earlier_runs, follow, log_reader, watch
from mlops_actions.argo_submit.inputs import Inputs
from mlops_actions.boundary.clock import SystemClock
from mlops_actions.boundary.cluster import by_inputs, transport
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.core import provenance
from mlops_actions.core.declare import read
from mlops_sandbox.cluster.resources import WORKFLOWS
from tests.actions.argo_submit.apis import APIS, KUBERNETES
from tests.actions.odd_answers.argo_submit import ARTIFACT, CALLS, CONTENT, LOG, MANY, SCENARIOS, TEXT, WORKFLOW, World
from tests.actions.odd_answers.calls import (
    Call,
    odd_answers,
    problems_of_decision,
    shown,
    times_asked,
    told,
    undeclared,
)
from tests.support.interceptor import Answer, Change, Interceptor
from tests.support.shared_host import SharedHost
from tests.support.step import StepRecord

DECISIONS = [(api, call) for api in APIS for call in CALLS[api] if call.kind == "decision"]
CREATIONS = [(api, call) for api in APIS for call in CALLS[api] if call.kind == "creation"]
ARTIFACTS = [(api, call) for api in APIS for call in CALLS[api] if call.kind == "artifact"]
STREAMS = [(api, call) for api in APIS for call in CALLS[api] if call.kind == "feedback"]
MAX_LINE = 200_000


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SystemClock, "sleep", lambda clock, seconds: None)
    monkeypatch.setattr(follow, "UNREACHABLE_SECONDS", 0.0)
    for module, name in (
        (follow, "MIN_READ_INTERVAL"),
        (watch, "MIN_PAUSE"),
        (watch, "MAX_PAUSE"),
        (log_reader, "MIN_PAUSE"),
    ):
        monkeypatch.setattr(module, name, 0.02)
    monkeypatch.setattr(transport, "_MAX_LINE", MAX_LINE)


@pytest.fixture
def crashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The exceptions that ended threads."""
    found: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda arguments: found.append(repr(arguments.exc_value)))
    return found


class Trial:
    """Plays a scenario on a cluster of its own each time, with one answer changed."""

    def __init__(self, api: str, host: SharedHost, directory: Path) -> None:
        self._api, self._host, self._directory = api, host, directory
        self.workflows: list[str] = []  # those in the cluster after the last run, by name

    def run(self, call: Call, change: Change) -> tuple[StepRecord, Interceptor]:
        world = World(self._api, self._host, self._directory)
        try:
            play = SCENARIOS[self._api][call.scenario](world)
            world.interceptor.arm(call.route, change, call.occurrence)
            return play(), world.interceptor
        finally:
            self.workflows = [workflow["metadata"]["name"] for workflow in world.cluster.store.items(WORKFLOWS)[0]]
            world.close()

    def true_body(self, call: Call) -> bytes:
        """Run with no answer changed; return the body of the true one."""
        bodies: list[bytes] = []

        def keep(true: Answer) -> Answer:
            bodies.append(true.body)
            return true

        record, interceptor = self.run(call, keep)
        assert record.exit_code == 0, record.log
        assert interceptor.changed, (interceptor.calls, record.log)
        return bodies[0]


@pytest.fixture(scope="module")
def cluster_host() -> Iterator[SharedHost]:
    shared = SharedHost()
    with shared.host:
        yield shared


@pytest.fixture
def trial(api: str, cluster_host: SharedHost, tmp_path: Path) -> Trial:
    return Trial(api, cluster_host, tmp_path)


@pytest.mark.parametrize("api", APIS)
def test_every_call_is_in_the_table(api: str, trial: Trial) -> None:
    for scenario in SCENARIOS[api]:
        record, interceptor = trial.run(Call("GET /nothing", scenario, "decision"), lambda true: true)
        assert record.exit_code == 0, (scenario, record.log)
        assert undeclared(interceptor.calls, CALLS[api]) == set(), scenario
        for call in (call for call in CALLS[api] if call.scenario == scenario):
            assert times_asked(interceptor, call) >= max(call.occurrence, 1), (scenario, call, interceptor.calls)


@pytest.mark.parametrize(("api", "call"), DECISIONS, ids=str)
def test_an_odd_answer_of_a_cluster_is_never_a_success(
    api: str, call: Call, trial: Trial, crashes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if call.scenario == "gone":  # no event will tell the end
        monkeypatch.setattr(follow, "STRAGGLER_SECONDS", 0.02)
    true_body = trial.true_body(call)
    problems: dict[str, list[str]] = {}
    for name, change in odd_answers(call, true_body):
        if call.silent and name.startswith(call.silent):
            continue
        is_absent = name.startswith("404")
        exits: tuple[int, ...] = (2, 3, 4)
        if is_absent and call.absence:
            exits = (0,)
        elif call.fails and name.startswith(call.fails):
            exits = (1,)
        record, interceptor = trial.run(call, change)
        assert interceptor.changed, (name, interceptor.calls, record.log)
        if exits == (0,):
            found = [f"it ended with {record.exit_code}: {record.log}"] if record.exit_code else []
        else:
            found = list(problems_of_decision(record, call, exits=exits, forbidden={"phase": "Succeeded"}))
        if found or crashes:
            problems[name] = [*found, *crashes]
            crashes.clear()
    assert not problems, shown(problems)


@pytest.mark.parametrize(("api", "call"), CREATIONS, ids=str)
def test_after_an_odd_answer_to_its_creation_the_workflow_is_found(
    api: str, call: Call, trial: Trial, crashes: list[str]
) -> None:
    problems: dict[str, list[str]] = {}
    endings = set()
    for name, change in odd_answers(call, trial.true_body(call)):
        record, _ = trial.run(call, change)
        endings.add(record.exit_code)
        if record.exit_code:
            found = list(problems_of_decision(record, call, exits=(2, 3, 4), forbidden={"phase": "Succeeded"}))
        else:
            found = [] if [record.outputs["workflow-name"]] == trial.workflows else [f"the cluster has {trial.workflows}"]
        if found or crashes:
            problems[name] = [*found, f"outputs: {record.outputs}", *crashes]
            crashes.clear()
    assert not problems, shown(problems)
    assert 0 in endings


@pytest.mark.parametrize(("api", "call"), ARTIFACTS, ids=str)
def test_no_artifact_comes_of_an_odd_answer(api: str, call: Call, trial: Trial, tmp_path: Path) -> None:
    true_body = trial.true_body(call)
    assert true_body == CONTENT or call.fields, "the content, or what tells whose it is"
    [put] = (path for path in tmp_path.rglob("scores.json"))
    assert put.read_bytes() == CONTENT
    put.unlink()
    put.parent.rmdir()
    problems: dict[str, list[str]] = {}
    for name, change in odd_answers(call, true_body):
        record, interceptor = trial.run(call, change)
        assert interceptor.changed, name
        found = list(problems_of_decision(record, call, exits=(3, 4), forbidden={}))
        if record.outputs.get("phase") != "Succeeded" or not all(ARTIFACT in line for line in told(record)):
            found.append(f"it does not tell the workflow's end and the artifact: {told(record)}")
        if any(tmp_path.rglob("scores.json")):
            found.append("it put a file into the workspace")
        if found:
            problems[name] = found
    assert not problems, shown(problems)


def _with_line(true: Answer, line: str, *, is_after_true_line: bool = False) -> Answer:
    return true.with_body((true.body if is_after_true_line else b"") + line.encode() + b"\n", true.headers["content-type"])


def _event(kind: str, value: object) -> str:
    return json.dumps({"type": kind, "object": value})


def _status(code: int, message: str = "too old resource version: 1 (2)") -> dict[str, object]:
    return {"kind": "Status", "status": "Failure", "code": code, "message": message}


def _result(kind: str, value: object) -> str:
    return json.dumps({"result": {"type": kind, "object": value}})


# What a stream of either API may hold besides the odd answers to any call.
_LINES: Mapping[str, str] = {
    "a page within": "<!doctype html><title>Bad gateway</title>",
    "a deep line": "[" * 100_000,
    "a line without end": "x" * (2 * MAX_LINE),
    "binary": "".join(map(chr, range(256))).replace("\n", ""),
    "an event ERROR without a status": _event("ERROR", {}),
    "an event ERROR with a list": _event("ERROR", []),
    "an event ERROR of the wrong types": _event("ERROR", {"code": "410", "message": 5}),
    "an event ERROR 410": _event("ERROR", _status(410)),
    "an event ERROR 500": _event("ERROR", _status(500, "etcd is away")),
    "an event of an unknown kind": _event("RENAMED", {"metadata": {}}),
    "an event DELETED of another": _event("DELETED", {"metadata": {"name": "x"}}),
    "a result of an unknown kind": _result("RENAMED", {"metadata": {}}),
    "a result DELETED of another": _result("DELETED", {"metadata": {}}),
    "an empty object within": "{}",
    "an error without fields": '{"error":{}}',
    "an error that is a list": '{"error":[]}',
    "an error of the wrong types": '{"error":{"message":5}}',
    "an error 410": '{"error":{"grpc_code":11,"http_code":410,"message":"too old resource version"}}',
    "an error 500": '{"error":{"http_code":500,"message":"etcd is away"}}',
}
# Nothing was printed, or the pod is gone, as far as the server tells.
_WITHOUT_LOG = ("404", "204", "empty")


def _odd_streams(call: Call, true_body: bytes) -> Iterator[tuple[str, Change]]:
    yield from odd_answers(call, true_body) if call.fields else odd_answers(call, b'"no JSON"')
    for name, line in _LINES.items():
        yield name, partial(_with_line, line=line)
        yield f"{name}, after a true line", partial(_with_line, line=line, is_after_true_line=True)
    yield "410", lambda true: true.with_body(json.dumps(_status(410)).encode(), status=410)
    yield "400", lambda true: true.with_body(json.dumps(_status(400)).encode(), status=400)


def _problems_of_stream(record: StepRecord, api: str, call: Call, answer: str) -> Iterator[str]:
    if record.exit_code and answer.startswith(("301", "307", "308")):
        # A watch that is sent elsewhere each time may be given up: that is told.
        yield from problems_of_decision(record, call, exits=(3,), forbidden={"phase": "Succeeded"})
        return
    if record.exit_code != 0 or record.outputs.get("phase") != "Succeeded":
        yield f"it ended with exit code {record.exit_code}, phase {record.outputs.get('phase')}: {told(record)}"
    if "unexpected" in record.log or "Traceback" in record.log:
        yield f"it crashed: {record.log}"
    # A log is text: whatever a node sends is printed as such.
    is_text = call.route == LOG[api] and (api == KUBERNETES or answer.startswith(_WITHOUT_LOG))
    if "log" in call.scenario and not is_text and record.log.count(TEXT) != 1 and not told(record):
        yield f"the log is shown {record.log.count(TEXT)} times, and nobody is told: {record.log}"


@pytest.mark.parametrize(("api", "call"), STREAMS, ids=str)
def test_a_workflow_is_followed_to_its_end_after_an_odd_answer(
    api: str, call: Call, trial: Trial, crashes: list[str]
) -> None:
    true_body = trial.true_body(call)
    problems: dict[str, list[str]] = {}
    for name, change in _odd_streams(call, true_body):
        record, interceptor = trial.run(call, change)
        assert interceptor.changed, name
        if found := [*_problems_of_stream(record, api, call, name), *crashes]:
            problems[name] = found
            crashes.clear()
    assert not problems, shown(problems)


@pytest.mark.parametrize("api", [KUBERNETES])
def test_a_list_of_workflows_whose_pages_do_not_end_is_refused(trial: Trial) -> None:
    call = next(call for call in CALLS[KUBERNETES] if call.scenario == "stop all" and call.route.startswith("GET"))
    endless = json.dumps({"metadata": {"continue": "more"}, "items": []}).encode()
    record, _ = trial.run(call, lambda true: true.with_body(endless))
    assert record.exit_code == 4
    assert "more than 40 pages" in told(record)[-1]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("route", ["list", "read"])
def test_an_odd_answer_about_earlier_runs_leaves_the_expected_end_open(
    api: str, route: str, cluster_host: SharedHost, tmp_path: Path
) -> None:
    """It is asked for the comment alone, and nothing else depends on it."""
    world = World(api, cluster_host, tmp_path)
    try:
        times = {"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:10:00Z"}
        world.put("earlier", "Succeeded", **times)
        world.change("earlier", labels={provenance.STEP: "train"})
        labels = world.cluster.store.get(WORKFLOWS, "default", "earlier")["metadata"]["labels"]
        environ = {**world.job.environ, "INPUT_WORKFLOW": "workflow.yaml"}
        inputs, runner = read(Inputs, environ), GitHubRunner(environ, io.StringIO())
        cluster = by_inputs.connect(inputs, environ, runner, lambda _: None)
        call = Call(MANY[api] if route == "list" else WORKFLOW[api], "", "feedback")
        bodies: list[bytes] = []

        def last(change: Change) -> float | None:
            world.interceptor.arm(call.route, change, 0)
            found = earlier_runs.last_duration(cluster, {"name": "now", "namespace": "default", "labels": labels})
            assert world.interceptor.changed
            return found

        def keep(true: Answer) -> Answer:
            bodies.append(true.body)
            return true

        assert last(keep) == 600.0
        found = {name: last(change) for name, change in odd_answers(call, bodies[0])}
        assert {name: seconds for name, seconds in found.items() if seconds is not None} == {}
    finally:
        world.close()
