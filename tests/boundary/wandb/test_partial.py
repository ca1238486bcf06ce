"""Servers that lack a field or an argument: nothing else is lost, and a note says what is missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mlops_actions.boundary.wandb.project import WandbProject
from mlops_actions.boundary.wandb.server import Server
from mlops_actions.core.errors import ActionError, Refused, Unavailable
from mlops_actions.core.runs import DetailsQuery, LoggedModel, Run, RunDetails, RunKeys, RunQuery, Sweep
from mlops_sandbox.wandb import Quirks, Refusal
from tests.support.logs import RecordingLog
from tests.support.wandb import WandbHost
from tests.support.wandb_parts import ASKED, NECESSARY, OPTIONAL, parts

AT_ONCE = Refusal()
SHA, OTHER = "a" * 40, "b" * 40
CREATED = datetime(2026, 3, 1, tzinfo=UTC)
CANDIDATES = RunQuery(commit=SHA, commit_config_key="github_sha", group="seeds")
BASELINES = RunQuery(states=("finished",), any_of=(RunQuery(tags=("baseline",)),), stop_after=2)
KEYS = RunKeys(config=("github_sha", "lr"), summary=("acc", "loss"))

# What a part's absence changes: attributes of runs (`run.…`) and of their details. Absences of the others change nothing.
CHANGES = {
    "Run.displayName": {"name"},
    "Run.tags": {"tags"},
    "Run.commit": {"commit"},
    "Run.group": {"group"},
    "Run.createdAt": {"created"},
    "Run.heartbeatAt": {"heartbeat"},
    "Run.description": {"description"},
    "Run.sweepName": {"sweep"},
    "Run.config(keys)": {"config"},
    "Run.summaryMetrics(keys)": {"summary"},
    "Run.files": {"details.has_uncommitted_changes"},
    "Run.files(names)": {"details.has_uncommitted_changes"},
    "FileConnection.edges": {"details.has_uncommitted_changes"},
    "FileEdge.node": {"details.has_uncommitted_changes"},
    "File.sizeBytes": {"details.has_uncommitted_changes"},
    "Run.inputArtifacts": {"details.datasets"},
    "Run.sampledHistory": {"details.curves"},
    "Run.sampledHistory(specs)": {"details.curves"},
    "Project.run": {f"details.{name}" for name in ("curves", "config", "datasets", "has_uncommitted_changes")},
    "Project.run(name)": {f"details.{name}" for name in ("curves", "config", "datasets", "has_uncommitted_changes")},
}
# Parts of artifacts: without them neither datasets nor models can be told.
OF_ARTIFACTS = {
    "ArtifactConnection.edges", "ArtifactEdge.node", "Artifact.digest", "Artifact.versionIndex", "Artifact.artifactType",
    "ArtifactType.name", "Artifact.artifactSequence", "ArtifactSequence.name",
}  # fmt: skip
OF_ALIASES = {"Artifact.aliases", "ArtifactAlias.alias", "ArtifactAlias.artifactCollection", "ArtifactCollection.name"}
WITHOUT_MODEL = OF_ARTIFACTS | {"Project.run", "Project.run(name)", "Run.outputArtifacts", "ArtifactConnection.pageInfo"}
OF_SWEEPS = {"Project.sweep", "Project.sweep(sweepName)", "Sweep.name", "Sweep.config", "Sweep.displayName"}
# Absences that change nothing here, but may elsewhere, as a note says.
NOTED = {"ArtifactConnection.pageInfo"}
# Absences that nobody sees in a report.
UNSEEN = {
    "Project.runs(first)", "Project.runs(after)", "Sweep.displayName", "PageInfo.endCursor", "RunEdge.cursor",
    "Run.wandbConfig",
    "Run.wandbConfig(keys)", "Run.files(first)", "Run.files(after)", "FileConnection.pageInfo", "Run.inputArtifacts(first)",
    "Run.inputArtifacts(after)", "File.name", "FileEdge.cursor", "ArtifactEdge.cursor",
    "Run.outputArtifacts", "Run.outputArtifacts(first)", "Run.outputArtifacts(after)", "ArtifactConnection.pageInfo",
}  # fmt: skip


@dataclass
class Answers:
    """Everything that a report reads from one server."""

    candidates: Sequence[Run]
    baselines: Sequence[Run]
    states: Mapping[str, str]
    details: Mapping[str, RunDetails]
    model: LoggedModel | None
    sweep: Sweep | None
    notes: Sequence[str]

    def values(self) -> dict[str, dict[str, Any]]:
        """Return the attributes of each run with those of its details."""
        runs = [*self.candidates, *self.baselines]
        of_details = {run.id: asdict(self.details.get(run.id, RunDetails())) for run in runs}
        return {
            run.id: {**asdict(run), **{f"details.{key}": value for key, value in of_details[run.id].items()}} for run in runs
        }


@pytest.fixture(scope="module")
def host(serve: Callable[..., WandbHost]) -> WandbHost:
    started = serve()
    store = started.server.store
    project = store.project("sandbox", "digits")
    data = store.add_artifact(project.collection("mnist", "dataset"), "d1gest")
    project.add_sweep("s1", {"metric": {"name": "loss", "goal": "minimize"}}, display_name="a search")
    for index, (name, sha, tags) in enumerate(
        [("b0", OTHER, ["baseline"]), ("other", OTHER, []), ("c0", SHA, []), ("b1", OTHER, ["baseline"]), ("c1", SHA, [])]
    ):
        run = store.add_run(
            "sandbox",
            "digits",
            name=name,
            created=CREATED + timedelta(minutes=index),
            config={"github_sha": sha, "lr": index, "more": 1, "_wandb": {"m": [{"1": "loss", "8": 1}]}},
            summary={"acc": index / 10, "loss": 0.1, "more": 1},
            history=[{"loss": step} for step in range(10)],
            tags=tags,
            commit=sha,
            group="seeds",
            description="a note",
            display_name=f"run {name}",
            sweep="s1",
        )
        run.inputs.append(data)
        run.files["diff.patch"] = store.new_blob()
        store.blobs[run.files["diff.patch"]] = b"--- a"
        store.add_artifact(project.collection("weights", "model"), f"model of {name}", run=run)
    return started


def project_of(host: WandbHost, *, max_searched: int = 5000) -> WandbProject:
    server = Server(host.url, host.url, host.server.api_key)
    return WandbProject("sandbox/digits", server, RecordingLog(), max_searched=max_searched)


def everything(runs: Iterable[Run], *curves: str) -> DetailsQuery:
    ids = tuple(run.id for run in runs)
    return DetailsQuery(datasets=ids, uncommitted_changes=ids, config=ids, curves_of=ids, curves=curves, samples=10)


def read(host: WandbHost, *lacking: str, refusal: Refusal = AT_ONCE) -> Answers:
    """Read everything from the server without these parts."""
    host.server.lack(*lacking)
    host.server.refusal = refusal
    host.server.requests.clear()
    project = project_of(host)
    states = {run.id: run.state for run in project.states(CANDIDATES)}
    result = project.find(CANDIDATES, BASELINES, KEYS)
    runs = [*result.candidates, *result.baselines]
    details = project.details(everything(runs, "loss"))
    try:
        (model,) = project.models(next(run for run in runs if run.id == "c1"))
    except ActionError:
        model = None
    return Answers(result.candidates, result.baselines, states, details, model, project.sweep("s1"), project.notes)


@pytest.fixture(scope="module")
def whole(host: WandbHost) -> Answers:
    answers = read(host)
    assert answers.notes == ()
    assert answers.model is not None
    return answers


def test_the_requests_ask_for_nothing_but_the_listed_parts(host: WandbHost, whole: Answers) -> None:
    read(host)
    assert parts(json.loads(exchange.body)["query"] for exchange in host.server.requests) <= ASKED
    assert NECESSARY <= ASKED
    assert set(CHANGES) | OF_ARTIFACTS | UNSEEN <= OPTIONAL


@pytest.mark.parametrize("part", sorted(OPTIONAL))
def test_a_part_that_a_server_lacks_costs_nothing_else(host: WandbHost, whole: Answers, part: str) -> None:
    got = read(host, part)
    assert sorted(run.id for run in got.candidates) == ["c0", "c1"]
    assert sorted(run.id for run in got.baselines) == ["b0", "b1"]
    assert got.states == whole.states
    assert (got.sweep != whole.sweep) is (part in OF_SWEEPS)
    changed = {
        name
        for run_id, values in whole.values().items()
        for name, value in values.items()
        if got.values()[run_id][name] != value
    }
    assert changed == ({"details.datasets"} if part in OF_ARTIFACTS else CHANGES.get(part, set()))
    assert whole.model is not None
    without_aliases = replace(whole.model, aliases=())
    assert got.model == (None if part in WITHOUT_MODEL else without_aliases if part in OF_ALIASES else whole.model)
    # Each kind of request is refused once; what one refusal tells is not asked for again.
    assert len(host.server.requests) <= 8 + 4
    if part in UNSEEN - NOTED:
        assert got.notes == ()
    else:
        (note,) = got.notes
        assert note.startswith("This W&B server does not know ")


@pytest.mark.parametrize("part", sorted(NECESSARY))
def test_a_necessary_part_that_a_server_lacks_is_named_with_the_server(host: WandbHost, part: str) -> None:
    with pytest.raises(Refused) as caught:
        read(host, part)
    assert f"W&B at {host.url} does not know {part}" in caught.value.cause
    assert "base-url" in caught.value.remedy


REFUSALS = {
    "all at once": AT_ONCE,
    "gqlgen": Refusal(status=422),
    "graph-gophers": Refusal(status=200, with_data=False),
    "one at a time": Refusal(one_at_a_time=True),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_server_that_knows_only_what_is_necessary_still_tells_states_and_values(host: WandbHost, refusal: Refusal) -> None:
    kept = {"Run.commit", "Run.group", "Run.tags"}  # by which runs are selected here
    host.server.lack(*(part for part in OPTIONAL - kept if part.startswith(("Project.", "Run.", "RunEdge.", "PageInfo."))))
    host.server.refusal = refusal
    host.server.requests.clear()
    project = project_of(host)
    if refusal.one_at_a_time:
        # After some refusals everything that can be left out is left out, and with it what the runs are selected by.
        with pytest.raises(Refused, match=r"can neither filter runs nor tell what to select them by"):
            project.find(CANDIDATES, BASELINES, KEYS)
    else:
        found = project.find(CANDIDATES, BASELINES, KEYS)
        assert {run.id: run.summary["acc"] for run in found.candidates} == {"c0": 0.2, "c1": 0.4}
        assert {run.id for run in found.baselines} == {"b0", "b1"}
        details = project.details(everything(found.candidates, "loss"))
        assert all(of_run == RunDetails() for of_run in details.values())
    assert len(host.server.requests) <= 6


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_three_missing_fields_cost_a_few_small_requests(host: WandbHost, whole: Answers, refusal: Refusal) -> None:
    got = read(host, "Run.commit", "Run.description", "Run.files", refusal=refusal)
    assert [run.commit for run in got.candidates] == ["", ""]
    assert got.model == whole.model
    assert {name.split(" know ")[1].partition(":")[0] for name in got.notes} == {
        "Run.commit", "Run.description", "Run.files",
    }  # fmt: skip
    assert len(host.server.requests) <= 8 + 3


def test_a_server_that_can_neither_filter_nor_tell_tags_is_refused(host: WandbHost) -> None:
    host.server.lack("Project.runs(filters)", "Run.tags")
    with pytest.raises(Refused, match=r"does not know Project\.runs\(filters\) and Run\.tags"):
        project_of(host).find(CANDIDATES, BASELINES, KEYS)


def test_a_filter_of_the_user_needs_a_server_that_filters(host: WandbHost) -> None:
    host.server.lack("Project.runs(filters)")
    with pytest.raises(Refused, match="cannot filter runs") as caught:
        project_of(host).find(RunQuery(tracker_filter={"state": "finished"}), None, KEYS)
    assert caught.value.remedy == "leave 'filters' out"


@pytest.mark.parametrize("key", ["git.sha", "env.github.sha"])
@pytest.mark.parametrize("nested", [True, False], ids=["nested", "a name with dots"])
def test_a_commit_under_a_key_with_dots_is_found(serve: Callable[..., WandbHost], key: str, nested: bool) -> None:
    host = serve()
    config: Any = {key: SHA}
    if nested:
        config = SHA
        for part in reversed(key.split(".")):
            config = {part: config}
    host.server.store.add_run("sandbox", "digits", name="c", config=config, summary={"acc": 1})
    host.server.store.add_run("sandbox", "digits", name="recorded", commit=SHA)
    host.server.store.add_run("sandbox", "digits", name="other", config={"x": 1})
    project = project_of(host)
    query = RunQuery(commit=SHA, commit_config_key=key)
    assert {run.id for run in project.find(query, None, RunKeys()).candidates} == {"c", "recorded"}
    assert {run.id for run in project.states(query)} == {"c", "recorded"}
    baselines = RunQuery(states=("finished",), any_of=(RunQuery(tags=("x",)), query), stop_after=5)
    assert {run.id for run in project.find(RunQuery(run_ids=("other",)), baselines, RunKeys()).baselines} == {
        "c", "recorded",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["config.a.b", "config.a.b.value"])
def test_a_filter_by_a_key_with_dots_that_finds_nothing_is_explained(host: WandbHost, path: str) -> None:
    host.server.lack()
    project = project_of(host)
    assert project.find(RunQuery(tracker_filter={"$and": [{path: 1}, {"config.lr.value": 1}]}), None, KEYS).candidates == ()
    (note,) = project.notes
    assert path in note
    assert "config.lr" not in note


def test_a_list_without_a_cursor_for_its_next_page_is_no_whole_list(serve: Callable[..., WandbHost]) -> None:
    host = serve(lacks=("Project.runs(after)",))
    for index in range(1001):
        host.server.store.add_run("sandbox", "digits", name=f"run{index}")
    with pytest.raises(Unavailable, match=r"more pages of Project\.runs"):
        project_of(host).find(RunQuery(states=("finished",)), None, KEYS)


def test_an_empty_end_cursor_is_replaced_by_the_last_edges(serve: Callable[..., WandbHost]) -> None:
    host = serve(quirks=Quirks(end_cursors=False))
    for index in range(1001):
        host.server.store.add_run("sandbox", "digits", name=f"run{index}")
    assert len(project_of(host).find(RunQuery(states=("finished",)), None, KEYS).candidates) == 1001


def test_at_most_eight_histories_of_a_run_are_read_at_once(host: WandbHost) -> None:
    host.server.lack()
    host.server.requests.clear()
    run = host.server.store.project("sandbox", "digits").runs["c0"]
    run.history = [{"_step": step, **{f"m{index}": step for index in range(9)}} for step in range(3)]
    curves = [f"m{index}" for index in range(9)]
    project = project_of(host)
    runs = project.find(RunQuery(run_ids=("c0", "c1")), None, KEYS).candidates
    details = project.details(DetailsQuery(curves_of=tuple(run.id for run in runs), curves=tuple(curves)))
    assert sorted(details["c0"].curves) == sorted(details["c1"].curves) == curves
    assert len(details["c0"].curves["m8"]) == 3
    assert details["c1"].curves["m8"] == []
    assert [exchange.operation for exchange in host.server.requests] == ["MlopsRuns", "MlopsHistory", "MlopsHistory"]
    assert project.notes == ()


@pytest.mark.parametrize("holder", ["config", "wandbConfig"])
def test_directions_are_found_wherever_a_server_holds_them(serve: Callable[..., WandbHost], holder: str) -> None:
    host = serve(quirks=Quirks(metric_settings=(holder,)))
    host.server.store.add_run("sandbox", "digits", config={"_wandb": {"m": [{"1": "x", "8": 2}, {"1": "y", "7": [1]}]}})
    (run,) = project_of(host).find(RunQuery(states=("finished",)), None, KEYS).candidates
    assert run.directions == {"x": "max", "y": "min"}


# Where the server cannot select


@pytest.mark.parametrize("key", ["git.sha", "env.GITHUB_SHA", "args.repo.sha"])
def test_beyond_a_bounded_search_nested_commits_are_found_and_the_rest_is_a_doubt(
    serve: Callable[..., WandbHost], key: str
) -> None:
    host = serve()
    nested: Any = SHA
    for part in reversed(key.split(".")):
        nested = {part: nested}
    for index, (name, config, commit) in enumerate(
        [("flat", {key: SHA}, ""), ("nested", nested, ""), ("recorded", {}, SHA),
         *((str(n), {}, OTHER) for n in range(1000)),
         ("new flat", {key: SHA}, ""), ("new nested", nested, "")]
    ):  # fmt: skip
        created = CREATED + timedelta(minutes=index)
        host.server.store.add_run("sandbox", "digits", name=name, created=created, config=config, commit=commit)
    query = RunQuery(commit=SHA, commit_config_key=key)
    found = project_of(host, max_searched=1000).find(query, None, RunKeys())
    assert {run.id for run in found.candidates} == {"new flat", "new nested", "nested", "recorded"}
    (doubt,) = found.doubts
    assert f"for {key} as such a name only the newest 1000 runs were searched" in doubt
    assert {run.id for run in project_of(host, max_searched=1000).states(query)} == {run.id for run in found.candidates}
    host.server.lack("Project.runs(filters)")
    found = project_of(host, max_searched=1000).find(query, None, RunKeys())
    assert {run.id for run in found.candidates} == {"new flat", "new nested"}
    (doubt,) = found.doubts
    assert "only 1000 runs of the project were searched" in doubt


@pytest.mark.parametrize(
    ("given", "logged", "selected"),
    [
        ("3", 3, True), ("3", "3", True), ("3", 3.0, True), ("3", 4, False), ("1.5", 1.5, True), ("1.5", "1.5", True),
        ("v3", "v3", True), ("v3", 3, False), ("1", True, False), ("NaN", "NaN", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("lacking", [(), ("Project.runs(filters)",)], ids=["filtered by W&B", "selected here"])
def test_a_config_value_is_given_as_text(
    serve: Callable[..., WandbHost], given: str, logged: Any, selected: bool, lacking: tuple[str, ...]
) -> None:
    host = serve(lacks=lacking)
    host.server.store.add_run("sandbox", "digits", name="r", config={"secondary_sha": logged})
    found = project_of(host).find(RunQuery(config={"secondary_sha": given}), None, RunKeys()).candidates
    assert bool(found) is selected
