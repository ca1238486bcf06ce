"""W&B's GraphQL schema over HTTP: answers, pages, refusals, faults."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from mlops_sandbox.graphql_execution import execute
from mlops_sandbox.wandb import Fault, Quirks, Refusal, filestream, rate_limit
from mlops_sandbox.wandb.schema import wandb_schema
from tests.support.wandb import WandbHost

CREATED = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def wandb_host(serve: Callable[..., WandbHost]) -> WandbHost:
    started = serve()
    for index in range(5):
        started.server.store.add_run(
            "sandbox",
            "digits",
            name=f"run{index}",
            created=CREATED + timedelta(hours=index),
            config={"lr": index, "other": "x" * 100},
            summary={"acc": index / 10, "deep": {"max": index}, "other": "y" * 100},
            history=[{"loss": 1 / (step + 1), **({"acc": step} if step % 2 else {})} for step in range(10)],
        )
    return started


def ask(
    wandb_host: WandbHost, query: str, *, key: str = "", operation: str = "", **variables: Any
) -> tuple[int, dict[str, Any]]:
    token = base64.b64encode(f"api:{key or wandb_host.server.api_key}".encode()).decode()
    answer = urllib3.request(
        "POST",
        f"{wandb_host.url}/graphql",
        json={"query": query, "variables": variables, "operationName": operation},
        headers={"Authorization": f"Basic {token}"},
        retries=False,
    )
    return answer.status, answer.json()


def test_two_connections_under_aliases_with_keys(wandb_host: WandbHost) -> None:
    status, body = ask(
        wandb_host,
        """query Both($first: Int = 2, $few: JSONString) {
          project(name: "digits", entityName: "sandbox") {
            few: runs(first: $first, order: "-created_at", filters: $few) { edges { node { ...Part } } }
            all: runs(first: 10) { edges { node { name } } pageInfo { hasNextPage } totalCount }
          }
        }
        fragment Part on Run { name summaryMetrics(keys: ["acc", "deep.max", "absent"]) config(keys: ["lr"]) }""",
        few=json.dumps({"config.lr": {"$gte": 3}}),
    )
    assert status == 200
    project = body["data"]["project"]
    assert [edge["node"]["name"] for edge in project["few"]["edges"]] == ["run4", "run3"]
    node = project["few"]["edges"][0]["node"]
    assert json.loads(node["summaryMetrics"]) == {"acc": 0.4, "deep.max": 4}
    assert json.loads(node["config"]) == {"lr": {"value": 4, "desc": None}}
    assert project["all"]["totalCount"] == 5
    assert project["all"]["pageInfo"]["hasNextPage"] is False


def test_a_page_follows_its_cursor_after_a_run_was_deleted(wandb_host: WandbHost) -> None:
    query = """query Page($after: String) { project(name: "digits", entityName: "sandbox") {
      runs(first: 2, after: $after) { edges { node { name } } pageInfo { hasNextPage endCursor } } } }"""
    _, body = ask(wandb_host, query)
    first = body["data"]["project"]["runs"]
    assert [edge["node"]["name"] for edge in first["edges"]] == ["run0", "run1"]
    runs = wandb_host.server.store.project("sandbox", "digits").runs
    gone = runs.pop("run0")
    try:
        _, body = ask(wandb_host, query, after=first["pageInfo"]["endCursor"])
    finally:
        wandb_host.server.store.project("sandbox", "digits").runs = {"run0": gone, **runs}
    assert [edge["node"]["name"] for edge in body["data"]["project"]["runs"]["edges"]] == ["run2", "run3"]


def test_sampled_history_holds_only_rows_with_all_keys(wandb_host: WandbHost) -> None:
    specs = [{"keys": ["_step", "loss"], "samples": 4}, {"keys": ["_step", "loss", "acc"], "samples": 100}]
    _, body = ask(
        wandb_host,
        """query H($specs: [JSONString!]!) { project(name: "digits", entityName: "sandbox") {
          run(name: "run1") { sampledHistory(specs: $specs) } } }""",
        specs=[json.dumps(spec) for spec in specs],
    )
    thinned, both = body["data"]["project"]["run"]["sampledHistory"]
    assert [row["_step"] for row in thinned] == [0, 3, 6, 9]
    assert [row["acc"] for row in both] == [1, 3, 5, 7, 9]


def test_an_unknown_project_run_or_foreign_entity_is_null(wandb_host: WandbHost) -> None:
    assert ask(wandb_host, '{ project(name: "none", entityName: "sandbox") { id } }')[1]["data"] == {"project": None}
    assert ask(wandb_host, '{ project(name: "digits", entityName: "other") { id } }')[1]["data"] == {"project": None}
    _, body = ask(wandb_host, '{ project(name: "digits", entityName: "sandbox") { run(name: "x") { id } } }')
    assert body["data"]["project"]["run"] is None


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ nothing }", 'Cannot query field "nothing" on type "Query".'),
        (
            '{ project(name: "digits") { runs { edges { node { summaryMetrics(only: ["a"]) } } } } }',
            'Unknown argument "only" on field "Run.summaryMetrics".',
        ),
        (
            "{ project { id } project }",
            'Field "project" of type "Project" must have a selection of subfields. Did you mean "project { ... }"?',
        ),
        ("{ project(name: $name) { id } }", 'Variable "$name" is not defined.'),
        ("{ viewer { id { x } } }", 'Field "id" must not have a selection since type "ID!" has no subfields.'),
        ("{ viewer { ...none } }", 'Unknown fragment "none".'),
        ("{ viewer { ...a } } fragment a on User { ...a }", 'Cannot spread fragment "a" within itself.'),
        (
            "query Q($n: String!) { entity(name: $n) { id } }",
            'Variable "$n" has invalid value: Expected a value of non-null type "String!" to be provided.',
        ),
        ("{ viewer { id }", "Syntax Error: Expected Name, found <EOF>."),
        ("{}", "Syntax Error: Expected Name, found }."),
        ("subscription { x }", "The subscription operation is not supported by the schema."),
    ],
)
def test_an_invalid_document_is_refused_as_a_whole(wandb_host: WandbHost, query: str, message: str) -> None:
    status, body = ask(wandb_host, query)
    assert status == 400
    assert body["data"] is None
    assert message in [error["message"] for error in body["errors"]]


def test_a_bad_filter_leaves_partial_data(wandb_host: WandbHost) -> None:
    status, body = ask(
        wandb_host,
        '{ project(name: "digits", entityName: "sandbox") { id runs(filters: "{\\"$or\\": []}") { edges { cursor } } } }',
    )
    assert status == 200
    assert body["data"]["project"]["id"]
    assert body["data"]["project"]["runs"] is None
    assert body["errors"][0]["path"] == ["project", "runs"]


@pytest.mark.parametrize(("filters", "expected"), [({"$x": 1}, 500), ({"tags": ["a"]}, 500), ({"summary.acc": 1}, 400)])
def test_a_filter_that_the_service_cannot_read_loses_the_whole_answer(
    wandb_host: WandbHost, filters: dict[str, Any], expected: int
) -> None:
    query = 'query F($f: JSONString) { project(name: "digits") { id runs(filters: $f) { edges { cursor } } } }'
    status, body = ask(wandb_host, query, f=json.dumps(filters))
    assert (status, body["data"]) == (expected, None)


def test_one_call_for_histories_takes_eight_specs(wandb_host: WandbHost) -> None:
    query = """query H($specs: [JSONString!]!) {
      project(name: "digits") { run(name: "run1") { sampledHistory(specs: $specs) } } }"""
    specs = [json.dumps({"keys": ["_step", "loss"]})] * 9
    assert "errors" not in ask(wandb_host, query, specs=specs[:8])[1]
    _, body = ask(wandb_host, query, specs=specs)
    assert body["data"]["project"]["run"]["sampledHistory"] is None
    assert "9" in body["errors"][0]["message"]


def test_artifacts_come_in_another_order_than_they_were_logged(serve: Callable[..., WandbHost]) -> None:
    store = (host := serve()).server.store
    run = store.add_run("sandbox", "digits", name="many")
    for index in range(9):
        store.add_artifact(store.project("sandbox", "digits").collection("weights", "model"), f"digest {index}", run=run)
    query = """{ project(name: "digits") { run(name: "many") {
      outputArtifacts(first: 9) { edges { node { versionIndex } } } } } }"""
    _, body = ask(host, query)
    versions = [edge["node"]["versionIndex"] for edge in body["data"]["project"]["run"]["outputArtifacts"]["edges"]]
    assert sorted(versions) == list(range(9))
    assert versions != sorted(versions)


def test_a_summary_lags_behind_the_state(serve: Callable[..., WandbHost]) -> None:
    store = (host := serve()).server.store
    store.add_run("sandbox", "digits", name="late", summary={"loss": 1}, late_summary={"acc": 0.9}, stale_reads=2)
    query = '{ project(name: "digits") { run(name: "late") { state summaryMetrics } } }'
    answers = [ask(host, query)[1]["data"]["project"]["run"] for _ in range(3)]
    assert {answer["state"] for answer in answers} == {"finished"}
    assert [json.loads(answer["summaryMetrics"]) for answer in answers] == [
        {"loss": 1}, {"loss": 1}, {"loss": 1, "acc": 0.9},
    ]  # fmt: skip


@pytest.mark.parametrize("holder", ["config", "wandbConfig"])
def test_the_settings_of_metrics_may_stand_in_one_field_only(serve: Callable[..., WandbHost], holder: str) -> None:
    host = serve(quirks=Quirks(metric_settings=(holder,)))
    settings = [{"1": "x", "8": 2}]
    host.server.store.add_run("sandbox", "digits", name="r", config={"_wandb": {"m": settings, "cli_version": "1"}})
    query = """{ project(name: "digits") { run(name: "r") { config(keys: ["_wandb"]) wandbConfig(keys: ["m"]) } } }"""
    answer = ask(host, query)[1]["data"]["project"]["run"]
    found = {
        "config": json.loads(answer["config"])["_wandb"]["value"].get("m"),
        "wandbConfig": json.loads(answer["wandbConfig"]).get("m"),
    }
    assert found == {"config": None, "wandbConfig": None} | {holder: settings}


def test_a_server_may_ignore_the_order_leave_end_cursors_empty_and_write_nan_as_a_word(
    serve: Callable[..., WandbHost],
) -> None:
    host = serve(quirks=Quirks(obeys_order=False, end_cursors=False, nan_as_text=False))
    for index in range(3):
        created = CREATED + timedelta(hours=index)
        host.server.store.add_run("sandbox", "digits", name=f"run{index}", created=created, summary={"odd": "NaN"})
    query = """{ project(name: "digits") { runs(first: 2, order: "-created_at") {
      pageInfo { hasNextPage endCursor } edges { cursor node { name summaryMetrics } } } } }"""
    page = ask(host, query)[1]["data"]["project"]["runs"]
    assert [edge["node"]["name"] for edge in page["edges"]] == ["run0", "run1"]
    assert page["pageInfo"] == {"hasNextPage": True, "endCursor": None}
    assert all(edge["cursor"] for edge in page["edges"])
    assert page["edges"][0]["node"]["summaryMetrics"] == '{"odd": NaN}'


def test_a_run_that_was_preempted_comes_back(serve: Callable[..., WandbHost]) -> None:
    store = (host := serve()).server.store
    run = store.add_run("sandbox", "digits", name="spot", state="running")
    filestream.receive(run, {"preempting": True})
    assert run.state == "preempting"
    filestream.receive(run, {"complete": True, "exitcode": 1})
    assert run.state == "preempted"
    filestream.receive(run, {"files": {}})
    assert ask(host, '{ project(name: "digits") { run(name: "spot") { state } } }')[1]["data"]["project"]["run"] == {
        "state": "running"
    }


def test_a_spent_quota_is_told_in_floats(wandb_host: WandbHost) -> None:
    wandb_host.server.faults.append(rate_limit(7))
    answer = urllib3.request("POST", f"{wandb_host.url}/graphql", retries=False)
    assert (answer.status, answer.headers["RateLimit-Remaining"], answer.headers["RateLimit-Reset"]) == (429, "0.0", "7.0")


UNKNOWN = '{ project(name: "digits") { runs { edges { node { commit group } } } } }'


@pytest.mark.parametrize(
    ("refusal", "status", "keys", "named"),
    [
        (Refusal(), 400, {"data", "errors"}, ["commit", "group"]),
        (Refusal(status=422), 422, {"data", "errors"}, ["commit", "group"]),
        (Refusal(status=200, with_data=False), 200, {"errors"}, ["commit", "group"]),
        (Refusal(one_at_a_time=True), 400, {"data", "errors"}, ["commit"]),
    ],
    ids=["W&B and graphql-js", "gqlgen", "graph-gophers", "one at a time"],
)
def test_a_server_that_lacks_fields_refuses_them_by_name(
    serve: Callable[..., WandbHost], refusal: Refusal, status: int, keys: set[str], named: list[str]
) -> None:
    host = serve(lacks=("Run.commit", "Run.group"), refusal=refusal)
    got, body = ask(host, UNKNOWN)
    assert (got, set(body)) == (status, keys)
    assert [error["message"] for error in body["errors"]] == [
        f'Cannot query field "{name}" on type "Run".' for name in named
    ]


def test_a_server_that_lacks_an_argument_refuses_it_by_name(serve: Callable[..., WandbHost]) -> None:
    host = serve(lacks=("Project.runs(filters)",))
    _, body = ask(host, '{ project(name: "digits") { runs(filters: "{}") { totalCount } } }')
    assert body["errors"][0]["message"] == 'Unknown argument "filters" on field "Project.runs".'


@pytest.mark.parametrize("part", ["Run.colour", "Run.config(only)", "Nothing.x", "Run"])
def test_a_server_cannot_lack_what_it_never_had(part: str) -> None:
    with pytest.raises(KeyError):
        wandb_schema(frozenset({part}))


def test_a_wrong_api_key_is_not_logged_in(wandb_host: WandbHost) -> None:
    status, body = ask(wandb_host, "{ viewer { id } }", key="0" * 40)
    assert status == 401
    assert body["errors"][0]["message"] == "user is not logged in"


def test_an_older_server_refuses_the_argument_keys(serve: Callable[..., WandbHost]) -> None:
    older = serve(lacks=("Run.summaryMetrics(keys)",))
    older.server.store.add_run("sandbox", "digits", summary={"acc": 1})
    query = '{ project(name: "digits") { runs { edges { node { summaryMetrics%s } } } } }'
    assert ask(older, query % '(keys: ["acc"])')[0] == 400
    assert ask(older, query % "")[0] == 200


def test_a_fault_applies_only_as_often_as_its_times_say(wandb_host: WandbHost) -> None:
    wandb_host.server.faults.append(
        Fault(status=429, body='{"errors": []}', headers={"Retry-After": "7"}, match="Limited", times=2)
    )
    assert [ask(wandb_host, "query Limited { viewer { id } }")[0] for _ in range(3)] == [429, 429, 200]
    asked = [exchange for exchange in wandb_host.server.requests if exchange.operation == "Limited"]
    assert [exchange.status for exchange in asked] == [429, 429, 200]


def test_a_fault_cuts_the_connection(wandb_host: WandbHost) -> None:
    wandb_host.server.faults.append(Fault(match="Cut", cut=True))
    with pytest.raises(urllib3.exceptions.HTTPError):
        ask(wandb_host, "query Cut { viewer { id } }")


def test_the_server_executes_the_whole_executable_language(wandb_host: WandbHost) -> None:
    document = """
        # comment
        query First($names: [String!]! = ["acc"], $few: Boolean!) {
          one: project(name: "d\\u0069gits") { runs(first: 1, order: \"\"\"
              -created_at
            \"\"\") { edges { node { ... on Run { id @skip(if: $few) name } ... { summaryMetrics(keys: $names) } } } }
            ...Part @include(if: $few)
          }
        }
        mutation Second { deleteRun(input: {id: "none", clientMutationId: null}) { clientMutationId } }
        fragment Part on Project { __typename name }
        """
    status, body = ask(wandb_host, document, operation="First", few=True)
    assert (status, body.get("errors")) == (200, None)
    project = body["data"]["one"]
    assert (project["__typename"], project["name"]) == ("Project", "digits")
    assert project["runs"]["edges"] == [{"node": {"name": "run4", "summaryMetrics": '{"acc": 0.4}'}}]
    status, body = ask(wandb_host, document, operation="Second")
    assert body["errors"][0]["message"] == "could not find run to delete"
    status, body = ask(wandb_host, document, few=True)
    assert (status, body["errors"][0]["message"]) == (
        400, "Must provide operation name if query contains multiple operations."
    )  # fmt: skip


@given(st.text(alphabet='{}()[]:$!.@",\\#ab1- \n', max_size=60))
def test_no_text_breaks_the_server(text: str) -> None:
    assert execute(wandb_schema(), text).status == 400


@pytest.mark.parametrize("document", ["{a" * 5000 + "}" * 5000, "{a(x: " + "[" * 50_000, "{" + "a " * 30_000 + "}"])
def test_a_document_that_is_too_deep_or_too_long_is_refused(document: str) -> None:
    answer = execute(wandb_schema(), document)
    assert (answer.status, answer.data) == (400, None)
    assert "Parsing aborted" in answer.errors[0]["message"]


def test_an_unknown_field_of_an_input_is_refused(wandb_host: WandbHost) -> None:
    status, body = ask(
        wandb_host,
        "mutation M($input: UpdateArtifactInput!) { updateArtifact(input: $input) { artifact { id } } }",
        input={"artifactID": "x", "colour": "red"},
    )
    assert (status, body["data"]) == (400, None)
    assert "colour" in body["errors"][0]["message"]
