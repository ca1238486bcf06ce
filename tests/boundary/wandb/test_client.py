"""The suite's W&B client against the stand-in: requests, decoded answers, and faults."""

from __future__ import annotations

import base64
import json
import math
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mlops_actions.boundary.wandb.project import WandbProject
from mlops_actions.boundary.wandb.server import Server
from mlops_actions.boundary.wandb.transport import GraphQL
from mlops_actions.core.errors import BadInput, Refused, Unavailable
from mlops_actions.core.runs import Artifact, DetailsQuery, Run, RunKeys, RunQuery, TrackerResult
from mlops_sandbox.wandb import Fault, rate_limit
from tests.support.logs import RecordingLog
from tests.support.wandb import WandbHost

CREATED = datetime(2026, 3, 1, tzinfo=UTC)
SHA = "c" * 40
KEYS = RunKeys(config=("github_sha", "lr", "nested.depth"), summary=("acc", "loss.min"))
_IDS = ("run0", "run1", "run2")
EVERYTHING = DetailsQuery(datasets=_IDS, uncommitted_changes=_IDS, config=_IDS, curves_of=_IDS, curves=("loss",))
OF_COMMIT = RunQuery(config={"github_sha": SHA})


class Client:
    """A client with a log, which records its pauses instead of sleeping."""

    def __init__(self, url: str, key: str, project: str = "sandbox/digits") -> None:
        self.log = RecordingLog()
        self.slept: list[float] = []
        self.project = WandbProject(project, Server(url, url, key), self.log, pause=self.slept.append)

    def find(self, candidates: RunQuery = OF_COMMIT, baselines: RunQuery | None = None) -> TrackerResult:
        return self.project.find(candidates, baselines, KEYS)


def run_of(run_id: str) -> Run:
    return Run(id=run_id, name="", state="finished", url="", entity="sandbox", project="digits")


def fill(wandb_host: WandbHost, runs: int = 3) -> WandbHost:
    for index in range(runs):
        wandb_host.server.store.add_run(
            "sandbox",
            "digits",
            name=f"run{index}",
            created=CREATED + timedelta(minutes=index),
            config={"github_sha": SHA, "lr": index, "nested": {"depth": 3}, "other": "x" * 50},
            summary={"acc": index / 10, "loss": {"min": 0.1}, "other": "y" * 50},
            history=[{"loss": 1 / (step + 1), "odd": "NaN"} for step in range(10)],
            tags=["baseline"] if index == 0 else [],
            commit=SHA.upper() if index == 1 else None,
        )
    return wandb_host


@pytest.fixture(scope="module")
def started(serve: Callable[..., WandbHost]) -> WandbHost:
    return serve()


@pytest.fixture
def wandb_host(started: WandbHost) -> WandbHost:
    started.server.clear()
    return fill(started)


@pytest.fixture
def client(wandb_host: WandbHost) -> Client:
    return Client(wandb_host.url, wandb_host.server.api_key)


def test_one_request_reads_both_lists_newest_first_with_the_requested_keys(wandb_host: WandbHost, client: Client) -> None:
    result = client.find(baselines=RunQuery(tags=("baseline",), stop_after=5))
    assert [run.id for run in result.candidates] == ["run2", "run1", "run0"]
    assert [run.id for run in result.baselines] == ["run0"]
    newest = result.candidates[0]
    assert newest.config == {"github_sha": SHA, "lr": 2, "nested": {"depth": 3}}
    assert newest.summary == {"acc": 0.2, "loss.min": 0.1, "loss": {"min": 0.1}}
    assert newest.created == CREATED + timedelta(minutes=2)
    assert newest.url == f"{wandb_host.url}/sandbox/digits/runs/run2"
    assert result.candidates[1].commit == SHA, "written in capitals, compared in small letters"
    assert len(wandb_host.server.requests) == 1
    assert "other" not in wandb_host.server.requests[0].body.decode()


def test_the_key_is_sent_by_basic_authorisation(wandb_host: WandbHost, client: Client) -> None:
    client.find()
    sent = wandb_host.server.requests[0].headers["authorization"]
    assert base64.b64decode(sent.removeprefix("Basic ")).decode() == f"api:{wandb_host.server.api_key}"


def test_all_pages_are_read_with_one_request_each(serve: Callable[..., WandbHost]) -> None:
    many = fill(serve(), 2100)
    result = Client(many.url, many.server.api_key).find(baselines=RunQuery(tags=("baseline",), stop_after=10))
    assert len({run.id for run in result.candidates}) == len(result.candidates) == 2100
    assert len(many.server.requests) == 3


@pytest.mark.parametrize("deleted", ["run1099", "run100", "run99", "run0"], ids=["read", "last read", "next", "last"])
def test_a_run_deleted_between_pages_costs_no_other_run(serve: Callable[..., WandbHost], deleted: str) -> None:
    many = fill(serve(), 1100)
    runs = many.server.store.project("sandbox", "digits").runs
    many.server.faults.append(Fault(meanwhile=lambda: runs.pop(deleted)))
    result = {run.id for run in Client(many.url, many.server.api_key).find().candidates}
    was_read = deleted in ("run1099", "run100")
    assert result == {f"run{index}" for index in range(1100)} - (set() if was_read else {deleted})


def test_baselines_are_read_until_enough_of_them_are_not_candidates(serve: Callable[..., WandbHost]) -> None:
    many = fill(serve(), 1020)
    for index in range(4):
        many.server.store.add_run("sandbox", "digits", name=f"old{index}", created=CREATED - timedelta(days=index + 1))
    result = Client(many.url, many.server.api_key).find(OF_COMMIT, RunQuery(states=("finished",), stop_after=3))
    assert sum(run.id.startswith("old") for run in result.baselines) >= 3
    assert len(many.server.requests) == 2


def test_a_server_without_keys_is_asked_for_whole_fields_and_a_note_says_so(serve: Callable[..., WandbHost]) -> None:
    older = fill(serve(lacks=("Run.config(keys)", "Run.summaryMetrics(keys)")))
    client = Client(older.url, older.server.api_key)
    result = client.find()
    assert result.candidates[0].summary["acc"] == 0.2
    assert [exchange.status for exchange in older.server.requests] == [400, 200]
    assert [note.partition(":")[0] for note in client.project.notes] == [
        "This W&B server does not know Run.config(keys)",
        "This W&B server does not know Run.summaryMetrics(keys)",
    ]
    client.find()
    assert len(older.server.requests) == 3, "it is not tried again"


def test_states_are_read_without_metrics(wandb_host: WandbHost, client: Client) -> None:
    assert {run.state for run in client.project.states(OF_COMMIT)} == {"finished"}
    assert "summaryMetrics" not in wandb_host.server.requests[0].body.decode()


def test_details_are_one_request_for_each_kind(wandb_host: WandbHost, client: Client) -> None:
    store = wandb_host.server.store
    run = store.project("sandbox", "digits").runs["run0"]
    data = store.add_artifact(store.project("sandbox", "digits").collection("mnist", "dataset"), "d1gest")
    run.inputs.append(data)
    run.files["diff.patch"] = store.new_blob()
    store.blobs[run.files["diff.patch"]] = b"--- a"
    details = client.project.details(replace(EVERYTHING, curves=("loss", "odd"), samples=4))
    assert [step for step, _ in details["run0"].curves["loss"]] == [0, 3, 6, 9]
    assert [math.isnan(value) for _, value in details["run0"].curves["odd"]] == [True] * 4
    assert details["run0"].datasets == (Artifact(name="mnist", version=0, type="dataset", digest="d1gest"),)
    assert details["run1"].datasets == ()
    assert (details["run0"].has_uncommitted_changes, details["run1"].has_uncommitted_changes) == (True, False)
    assert details["run2"].config == {"github_sha": SHA, "lr": 2, "nested": {"depth": 3}, "other": "x" * 50}
    assert [exchange.operation for exchange in wandb_host.server.requests] == [
        "MlopsDatasets", "MlopsPatches", "MlopsConfigs", "MlopsHistory",
    ]  # fmt: skip
    assert client.project.notes == ()


# Refusals


def test_a_wrong_key_is_refused_and_not_sent_again(wandb_host: WandbHost) -> None:
    with pytest.raises(Refused, match=r"refused the API key \(401\)") as caught:
        Client(wandb_host.url, "0" * 40).find()
    assert "api-key" in caught.value.remedy
    assert len(wandb_host.server.requests) == 1, "a wrong key is not tried again"


@pytest.mark.parametrize(
    ("status", "cause", "remedy"),
    [
        (401, "refused the access token (401)", "check the identity's access"),
        (403, "refused the request (403)", "the job's federated identity may not read this project"),
        (307, "the access token was not sent there", "set 'base-url'"),
    ],
)
def test_a_refusal_of_an_exchanged_token_speaks_of_no_key(
    wandb_host: WandbHost, status: int, cause: str, remedy: str
) -> None:
    log, server = RecordingLog(), Server(wandb_host.url, wandb_host.url, identity_token=wandb_host.server.identity_token)
    wandb_host.server.faults.append(Fault(status, "{}", match="MlopsProbe"))
    with pytest.raises(Refused) as caught:
        GraphQL(server, log, lambda _seconds: None).ask("query MlopsProbe { viewer { id } }", {})
    assert cause in caught.value.cause
    assert remedy in caught.value.remedy
    assert "key" not in caught.value.cause


def test_an_unknown_project_is_refused(wandb_host: WandbHost) -> None:
    with pytest.raises(Refused, match="has no project sandbox/none"):
        Client(wandb_host.url, wandb_host.server.api_key, "sandbox/none").find()


def test_a_forbidden_request_is_refused(wandb_host: WandbHost, client: Client) -> None:
    wandb_host.server.faults.append(Fault(403, "{}"))
    with pytest.raises(Refused, match="403"):
        client.find()


def test_a_server_without_graphql_is_refused(wandb_host: WandbHost, client: Client) -> None:
    wandb_host.server.faults.append(Fault(404, "nothing here"))
    with pytest.raises(Refused, match="no GraphQL API"):
        client.find()


def test_a_failing_server_is_blamed_on_the_filter_only_where_one_was_given(wandb_host: WandbHost, client: Client) -> None:
    wandb_host.server.faults.append(Fault(500, "{}", times=99))
    with pytest.raises(Unavailable, match="answered 500") as caught:
        client.find(RunQuery(tracker_filter={"state": "finished"}))
    assert "check 'filters'" in caught.value.remedy
    with pytest.raises(Unavailable, match="answered 500") as caught:
        client.find()
    assert "filters" not in caught.value.remedy


def test_an_error_about_filters_is_not_blamed_on_an_input_that_was_not_given(wandb_host: WandbHost, client: Client) -> None:
    refusal = {"errors": [{"message": "filters could not be evaluated"}], "data": None}
    wandb_host.server.faults.append(Fault(400, json.dumps(refusal)))
    with pytest.raises(Unavailable, match="filters could not be evaluated"):
        client.find()


def test_a_filter_that_the_server_refuses_is_bad_input(client: Client) -> None:
    with pytest.raises(BadInput, match="invalid filters") as caught:
        client.find(RunQuery(tracker_filter={"displayName": {"$regex": "("}}))
    assert caught.value.remedy == "correct 'filters'"


def test_permission_errors_of_graphql_are_refusals(wandb_host: WandbHost, client: Client) -> None:
    answer = {"data": {"project": None}, "errors": [{"message": "permission denied for team"}]}
    wandb_host.server.faults.append(Fault(200, json.dumps(answer)))
    with pytest.raises(Refused, match="permission denied for team"):
        client.find()


def test_a_partial_answer_is_unavailable(wandb_host: WandbHost, client: Client) -> None:
    half = {"data": {"project": {"candidates": {"edges": []}}}, "errors": [{"message": "timeout in shard 3"}]}
    wandb_host.server.faults.append(Fault(200, json.dumps(half)))
    with pytest.raises(Unavailable, match="timeout in shard 3"):
        client.find()


# Faults


@pytest.mark.parametrize(
    ("fault", "slept"),
    [
        (Fault(429, "{}", {"Retry-After": "7"}), 7),
        (Fault(429, "{}", {"Retry-After": "7.25"}), 7.25),
        (Fault(429, "{}", {"RateLimit-Remaining": "0", "RateLimit-Reset": "7"}), 7),
        (rate_limit(7.25), 7.25),
        (rate_limit(7), 7),
    ],
    ids=["Retry-After", "Retry-After as a float", "RateLimit-Reset", "RateLimit-Reset as a float", "whole float"],
)
def test_a_rate_limit_is_waited_for_as_its_headers_ask(
    wandb_host: WandbHost, client: Client, fault: Fault, slept: float
) -> None:
    wandb_host.server.faults.append(replace(fault, times=2))
    assert len(client.find().candidates) == 3
    assert client.slept == [slept, slept]
    assert "429" in client.log.lines[0]


def test_a_rate_limit_is_waited_for_at_most_five_minutes(wandb_host: WandbHost, client: Client) -> None:
    wandb_host.server.faults.append(Fault(429, "{}", {"Retry-After": "99999"}))
    client.find()
    assert client.slept == [300]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_server_errors_are_retried_with_growing_pauses(wandb_host: WandbHost, client: Client, status: int) -> None:
    wandb_host.server.faults.append(Fault(status, "<html>", times=3))
    assert len(client.find().candidates) == 3
    assert client.slept == sorted(client.slept)
    assert len(client.slept) == 3


@pytest.mark.parametrize("status", [429, 500])
def test_retries_end_after_five_attempts(wandb_host: WandbHost, client: Client, status: int) -> None:
    wandb_host.server.faults.append(Fault(status, "{}", times=99))
    with pytest.raises(Unavailable, match=f"answered {status} after 5 attempts"):
        client.find()
    assert len(wandb_host.server.requests) == 5


def test_a_cut_connection_is_retried(wandb_host: WandbHost, client: Client) -> None:
    wandb_host.server.faults.append(Fault(cut=True))
    assert len(client.find().candidates) == 3


def test_a_stalled_answer_is_retried(wandb_host: WandbHost, client: Client) -> None:
    wandb_host.server.faults.append(Fault(stall=2.0))
    server = Server(wandb_host.url, wandb_host.url, wandb_host.server.api_key)
    hasty = WandbProject("sandbox/digits", server, client.log, pause=client.slept.append, read_seconds=0.5)
    assert len(hasty.find(OF_COMMIT, None, KEYS).candidates) == 3
    assert "could not be reached" in client.log.lines[0]


@pytest.mark.parametrize("body", ['{"data": {"proj', "<html>a proxy's page</html>", ""])
def test_an_answer_that_is_not_json_is_retried_and_then_unavailable(
    wandb_host: WandbHost, client: Client, body: str
) -> None:
    wandb_host.server.faults.append(Fault(200, body))
    assert len(client.find().candidates) == 3
    wandb_host.server.faults.append(Fault(200, body, times=99))
    with pytest.raises(Unavailable, match="sent no JSON"):
        client.find()


@pytest.mark.parametrize("body", ["[]", "null", '"text"', "{}", '{"data": []}', '{"data": null}'])
def test_json_without_data_is_unavailable(wandb_host: WandbHost, client: Client, body: str) -> None:
    wandb_host.server.faults.append(Fault(200, body))
    with pytest.raises(Unavailable):
        client.find()


def test_malformed_runs_are_read_as_empty_fields(wandb_host: WandbHost, client: Client) -> None:
    nodes = [
        None,
        {},
        {"name": "a", "config": "[1]", "summaryMetrics": "{not json", "tags": None, "createdAt": "yesterday"},
        {"name": "b", "config": '{"_wandb": {"value": {"m": [{"1": 5}, 7, {"1": "x", "8": 2}]}}}', "state": None},
    ]
    page = {"edges": [None if node is None else {"node": node} for node in nodes], "pageInfo": {"hasNextPage": False}}
    wandb_host.server.faults.append(Fault(200, json.dumps({"data": {"project": {"candidates": page}}})))
    first, second = client.find().candidates
    assert (first.config, first.summary, first.created) == ({}, {}, None)
    assert second.directions == {"x": "max"}


@pytest.mark.parametrize(
    "page_info", [None, "text", [], {}, {"hasNextPage": None}, {"hasNextPage": "false"}, {"hasNextPage": 0}], ids=repr
)
def test_a_page_that_does_not_tell_whether_it_is_the_last_is_refused(
    wandb_host: WandbHost, client: Client, page_info: object
) -> None:
    page = {"edges": [{"node": {"name": "a"}}], "pageInfo": page_info}
    wandb_host.server.faults.append(Fault(200, json.dumps({"data": {"project": {"candidates": page}}})))
    with pytest.raises(Unavailable, match=r"does not tell whether Project\.runs has another page"):
        client.find()


def test_a_cursor_that_is_no_text_is_refused(wandb_host: WandbHost, client: Client) -> None:
    page = {"edges": [{"node": {"name": "a"}, "cursor": 5}], "pageInfo": {"hasNextPage": True, "endCursor": {"a": 1}}}
    wandb_host.server.faults.append(Fault(200, json.dumps({"data": {"project": {"candidates": page}}})))
    with pytest.raises(Unavailable, match="tells no way to ask"):
        client.find()


def test_an_unreachable_server_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="could not be reached"):
        Client("http://127.0.0.1:9", "k" * 40).find()


def test_the_key_does_not_follow_a_redirect(wandb_host: WandbHost) -> None:
    received: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.headers.get("Authorization", ""))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        address = f"http://127.0.0.1:{server.server_port}/graphql"
        wandb_host.server.faults.append(Fault(307, "", {"Location": address}))
        with pytest.raises(Refused, match="redirects elsewhere") as caught:
            Client(wandb_host.url, wandb_host.server.api_key).find()
        assert address in caught.value.remedy
        assert received == []
    finally:
        server.shutdown()
        server.server_close()


def test_a_proxy_of_the_environment_is_used(wandb_host: WandbHost, monkeypatch: pytest.MonkeyPatch) -> None:
    proxied: list[str] = []

    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            proxied.append(self.path)
            self.send_response(403)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("no_proxy", "localhost")
        with pytest.raises(Refused):
            Client("http://wandb.invalid", "k" * 40).find()
        assert proxied == ["http://wandb.invalid/graphql"]
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert len(Client(wandb_host.url, wandb_host.server.api_key).find().candidates) == 3
    finally:
        server.shutdown()
        server.server_close()


def test_the_models_of_a_run_are_found_on_all_pages(wandb_host: WandbHost, client: Client) -> None:
    store = wandb_host.server.store
    run = store.add_run("sandbox", "digits", name="many")
    project = store.project("sandbox", "digits")
    for index in range(150):
        store.add_artifact(
            project.collection("weights", "model"),
            f"digest {index}",
            run=run,
            requested_aliases=["best"] if index == 7 else [],
        )
        store.add_artifact(project.collection("plots", "run_table"), f"plot {index}", run=run)
    wandb_host.server.requests.clear()
    models = client.project.models(run_of("many"))
    assert [model.artifact.label for model in models] == [f"weights:v{index}" for index in reversed(range(150))]
    assert {model.artifact.digest for model in models} == {f"digest {index}" for index in range(150)}
    assert {model.artifact.label: model.aliases for model in models if model.aliases} == {
        "weights:v149": ("latest",),
        "weights:v7": ("best",),
    }
    # The server is shared: it may record a request that an earlier test gave up only now.
    assert sum(b'"many"' in request.body for request in wandb_host.server.requests) == 3
    store.add_run("sandbox", "digits", name="none")
    assert client.project.models(run_of("none")) == ()


def test_a_missing_run_has_no_model(client: Client) -> None:
    with pytest.raises(Unavailable, match="does not tell what run gone logged"):
        client.project.models(run_of("gone"))


# Patterns


def names_of(run: Run) -> list[str]:
    return sorted(name for name in run.summary if name != "_runtime")


def test_patterns_are_read_by_the_names_of_the_newest_summaries(wandb_host: WandbHost, client: Client) -> None:
    summary = {"eval/acc": 0.9, "eval/en/acc": 0.8, "train/acc": 1, "nested": {"eval": {"acc": 2}}, "other": "y" * 5000}
    for index in range(30):
        wandb_host.server.store.add_run(
            "sandbox", "digits", name=f"old{index}", created=CREATED - timedelta(days=1), summary=summary, tags=["many"]
        )
    keys = RunKeys(summary=("train/acc",), summary_patterns=("eval/*", "nested.*.acc"))
    wandb_host.server.requests.clear()
    (*runs,) = client.project.find(RunQuery(tags=("many",)), RunQuery(tags=("baseline",)), keys).candidates
    assert len(runs) == 30
    assert {tuple(names_of(run)) for run in runs} == {("eval/acc", "eval/en/acc", "nested", "nested.eval.acc", "train/acc")}
    sizes = {exchange.operation: exchange.answer_size for exchange in wandb_host.server.requests}
    assert sizes["MlopsNames"] > 25 * 5000
    assert sizes["MlopsRuns"] < 30 * 1000
    assert client.project.notes == ()


def test_a_pattern_stands_for_a_bounded_number_of_metrics(wandb_host: WandbHost, client: Client) -> None:
    wandb_host.server.store.add_run("sandbox", "digits", name="many", summary={f"m/{index}": index for index in range(300)})
    (run,) = client.project.find(RunQuery(run_ids=("many",)), None, RunKeys(summary_patterns=("m/*",))).candidates
    assert len(run.summary) == 200
    assert client.project.notes == ("m/* stands for 300 metrics of the newest runs: only 200 are read.",)
