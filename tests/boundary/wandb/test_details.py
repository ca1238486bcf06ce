"""Details of runs: what a server does not answer is unknown, and nothing else is lost."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from mlops_actions.boundary.wandb.project import WandbProject
from mlops_actions.boundary.wandb.server import Server
from mlops_actions.core.runs import DetailsQuery, RunDetails
from mlops_sandbox.wandb import Fault
from tests.support.logs import RecordingLog
from tests.support.wandb import WandbHost

RUNS = 120
IDS = tuple(f"run{index}" for index in range(RUNS))
EVERYTHING = DetailsQuery(
    datasets=IDS, uncommitted_changes=IDS, config=IDS[:2], curves_of=IDS[:6], curves=("loss", "acc"), samples=5
)
KINDS = {
    "MlopsDatasets": "datasets",
    "MlopsPatches": "has_uncommitted_changes",
    "MlopsConfigs": "config",
    "MlopsHistory": "curves",
}


@pytest.fixture(scope="module")
def host(serve: Callable[..., WandbHost]) -> WandbHost:
    started = serve()
    store = started.server.store
    collection = store.project("sandbox", "digits").collection("mnist", "dataset")
    data = store.add_artifact(collection, "d1gest")
    for name in IDS:
        run = store.add_run(
            "sandbox", "digits", name=name, config={"lr": 1}, history=[{"loss": step, "acc": step} for step in range(5)]
        )
        run.inputs.append(data)
    return started


@pytest.fixture
def project(host: WandbHost) -> WandbProject:
    return project_of(host)


def project_of(host: WandbHost, read_seconds: float = 30.0) -> WandbProject:
    host.server.faults.clear()
    host.server.requests.clear()
    return WandbProject(
        "sandbox/digits",
        Server(host.url, host.url, host.server.api_key),
        RecordingLog(),
        pause=lambda _: None,
        read_seconds=read_seconds,
    )


def operations(host: WandbHost) -> list[str]:
    return [exchange.operation for exchange in host.server.requests]


def test_details_of_120_runs_take_a_dozen_requests_at_most(host: WandbHost, project: WandbProject) -> None:
    details = project.details(EVERYTHING)
    assert len(details) == RUNS
    assert all(of_run.datasets and of_run.has_uncommitted_changes is False for of_run in details.values())
    assert [run_id for run_id, of_run in details.items() if of_run.config == {"lr": 1}] == ["run0", "run1"]
    assert [run_id for run_id, of_run in details.items() if of_run.curves] == list(IDS[:6])
    assert project.notes == ()
    assert len(operations(host)) == 3 + 3 + 1 + 1


def test_nothing_is_asked_for_nothing(host: WandbHost, project: WandbProject) -> None:
    assert project.details(DetailsQuery()) == project.details(DetailsQuery(curves=("loss",), curves_of=())) == {}
    assert project.details(DetailsQuery(curves_of=IDS)) == {}
    assert operations(host) == []


def _errors(**answer: Any) -> str:
    return json.dumps(answer)


@dataclass(frozen=True)
class Failing:
    """A fault of every answer to one kind of request, and a word of its note."""

    fault: Fault
    note: str


FAILURES = {
    "500": Failing(Fault(500), "answered 500"),
    "503": Failing(Fault(503), "answered 503"),
    "429": Failing(Fault(429, headers={"RateLimit-Reset": "1.5"}), "answered 429"),
    "403": Failing(Fault(403), "(403)"),
    "a refusal": Failing(Fault(400, _errors(errors=[{"message": "query too complex"}])), "query too complex"),
    "no project": Failing(Fault(200, _errors(data={"project": None})), "its answer lacks them"),
    "no project, and why": Failing(
        Fault(200, _errors(data={"project": None}, errors=[{"message": "timed out"}])), "timed out"
    ),
    "no data": Failing(Fault(200, _errors(data=None)), "is no W&B"),
    "runs of another form": Failing(Fault(200, _errors(data={"project": {"run0": [5], "run1": "text"}})), "lacks them"),
    "no JSON": Failing(Fault(200, "<html>"), "sent no JSON"),
    "JSON of another form": Failing(Fault(200, "[1]"), "is no W&B"),
    "silence": Failing(Fault(stall=2.5), "could not be reached"),
    "a cut answer": Failing(Fault(cut=True), "could not be reached"),
}


@pytest.mark.parametrize("operation", KINDS)
@pytest.mark.parametrize("failing", FAILURES.values(), ids=FAILURES)
def test_a_kind_that_a_server_does_not_answer_costs_nothing_else(host: WandbHost, operation: str, failing: Failing) -> None:
    project = project_of(host, read_seconds=2 if failing.fault.stall else 30)
    host.server.faults.append(replace(failing.fault, match=operation, times=999))
    details = project.details(EVERYTHING)
    unknown = getattr(RunDetails(), KINDS[operation])
    for run_id, of_run in details.items():
        for name in KINDS.values():
            asked = {"config": IDS[:2], "curves": IDS[:6]}.get(name, IDS)
            is_known = name != KINDS[operation] and run_id in asked
            assert (getattr(of_run, name) != getattr(RunDetails(), name)) is is_known, (run_id, name)
        assert getattr(of_run, KINDS[operation]) == unknown
    (note,) = project.notes
    assert note.startswith("W&B did not tell ")
    assert failing.note in note
    assert operations(host).count(operation) <= 2 * 6


@pytest.mark.parametrize("batch", range(3))
def test_a_batch_that_fails_twice_is_read_in_halves(host: WandbHost, project: WandbProject, batch: int) -> None:
    faults = host.server.faults
    faults.append(Fault(match="MlopsDatasets", times=batch, stall=0.001))
    faults.append(Fault(500, match="MlopsDatasets", times=2))
    details = project.details(replace(EVERYTHING, uncommitted_changes=(), config=(), curves=()))
    assert all(of_run.datasets for of_run in details.values())
    assert project.notes == ()
    # Of this kind alone: the stand-in may still note a request whose client no longer waited, in the test before.
    assert operations(host).count("MlopsDatasets") == 3 + 1 + 2


def test_a_run_deleted_since_is_unknown(host: WandbHost, project: WandbProject) -> None:
    query = DetailsQuery(datasets=("run0", "gone", "run1"), uncommitted_changes=("gone",))
    details = project.details(query)
    assert details["gone"] == RunDetails()
    assert details["run0"].datasets
    assert details["run1"].datasets
    assert project.notes == (
        "W&B did not tell which datasets runs used, for 1 of 3 runs: its answer lacks them.",
        "W&B did not tell whether runs had uncommitted changes, for 1 of 1 runs: its answer lacks them.",
    )


def test_one_run_whose_artifacts_cannot_be_read_is_unknown(host: WandbHost, project: WandbProject) -> None:
    page = {"edges": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}
    runs = {"run0": {"inputArtifacts": page}, "run1": {"inputArtifacts": None}}
    body = {"data": {"project": runs}, "errors": [{"message": "artifact store is down", "path": ["project", "run1"]}]}
    host.server.faults.append(Fault(200, json.dumps(body), match="MlopsDatasets"))
    details = project.details(DetailsQuery(datasets=("run0", "run1")))
    assert (details["run0"].datasets, details["run1"].datasets) == ((), None)
    assert project.notes == ("W&B did not tell which datasets runs used, for 1 of 2 runs: artifact store is down.",)


@pytest.mark.parametrize("used", [1, 99, 100, 101, 250])
def test_all_datasets_of_a_run_are_read(serve: Callable[..., WandbHost], used: int) -> None:
    host = serve()
    store = host.server.store
    runs = [store.add_run("sandbox", "digits", name=name) for name in ("many", "few")]
    for index in range(used):
        collection = store.project("sandbox", "digits").collection(f"part{index}", "dataset")
        runs[0].inputs.append(store.add_artifact(collection, f"d{index}"))
    project = WandbProject("sandbox/digits", Server(host.url, host.url, host.server.api_key), RecordingLog())
    details = project.details(DetailsQuery(datasets=("many", "few")))
    assert len(details["many"].datasets or ()) == used
    assert details["few"].datasets == ()
    assert len(host.server.requests) == 1 + used // 100 - (used % 100 == 0)
    host.server.lack("ArtifactConnection.pageInfo")
    known = project.details(DetailsQuery(datasets=("many", "few")))
    assert (known["many"].datasets is not None) is (used < 100)
    assert known["few"].datasets == ()


ODD_PAGES: dict[str, Any] = {
    "no list": {"edges": None, "pageInfo": {"hasNextPage": False}},
    "text for a list": {"edges": "text", "pageInfo": {"hasNextPage": False}},
    "no nodes": {"edges": [{}], "pageInfo": {"hasNextPage": False}},
    "no word on another page": {"edges": [], "pageInfo": {"hasNextPage": None}},
    "another page, and no cursor": {"edges": [], "pageInfo": {"hasNextPage": True, "endCursor": None}},
    "a cursor that is no text": {"edges": [], "pageInfo": {"hasNextPage": True, "endCursor": 7}},
}


@pytest.mark.parametrize("page", ODD_PAGES.values(), ids=ODD_PAGES)
@pytest.mark.parametrize(("operation", "field"), [("MlopsDatasets", "inputArtifacts"), ("MlopsPatches", "files")])
def test_a_part_of_a_list_is_not_taken_for_the_whole(
    host: WandbHost, project: WandbProject, page: Any, operation: str, field: str
) -> None:
    body = json.dumps({"data": {"project": {"run0": {field: page}}}})
    host.server.faults.append(Fault(200, body, match=operation))
    details = project.details(DetailsQuery(datasets=("run0",), uncommitted_changes=("run0",)))
    assert getattr(details["run0"], KINDS[operation]) is None
    (note,) = project.notes
    assert note.endswith("its answer about 1 of them is incomplete.")


# What a server may write for a number at step 1, as raw text of its JSON, and the point it is; None: there is none.
WRITTEN: dict[str, tuple[str, float | None]] = {
    "the word NaN": ("NaN", math.nan),
    "the word Infinity": ("Infinity", math.inf),
    "the word -Infinity": ("-Infinity", -math.inf),
    "a number beyond a float": ("1e999", math.inf),
    "a negative one": ("-1e999", -math.inf),
    "NaN as text": ('"NaN"', math.nan),
    "null": ("null", None),
    "other text": ('"high"', None),
}


@pytest.mark.parametrize("written", WRITTEN)
def test_what_json_cannot_hold_loses_one_value_at_most(host: WandbHost, written: str) -> None:
    text, value = WRITTEN[written]
    project = project_of(host)
    rows = f'[{{"_step": 0, "loss": 3}}, {{"_step": 1, "loss": {text}}}, {{"_step": 2, "loss": 1}}]'
    answer = f'{{"data": {{"project": {{"run0": {{"h": [{rows}]}}, "run1": {{"h": [[{{"_step": 0, "loss": 2}}]]}}}}}}}}'
    host.server.faults.append(Fault(200, answer, match="MlopsHistory"))
    details = project.details(DetailsQuery(curves=("loss",), curves_of=IDS[:2]))
    points = [(0, 3.0), *([] if value is None else [(1, value)]), (2, 1.0)]
    found = details["run0"].curves["loss"]
    assert [step for step, _ in found] == [step for step, _ in points]
    assert [one for _, one in found] == pytest.approx([one for _, one in points], nan_ok=True)
    assert list(details["run1"].curves["loss"]) == [(0, 2.0)]
    assert project.notes == ()
    assert operations(host) == ["MlopsHistory"]
