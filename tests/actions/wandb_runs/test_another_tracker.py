"""Action and verifier with another tracker than W&B: an adapter is all that a tracker needs."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlops_actions.boundary.clock import SystemClock
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.boundary.workspace import WorkspaceFiles
from mlops_actions.core import statement_reader
from mlops_actions.core.context import Context
from mlops_actions.core.declare import read
from mlops_actions.core.errors import Refused
from mlops_actions.core.outcome import Outcome
from mlops_actions.core.runs import (
    Artifact,
    ArtifactFile,
    DetailsQuery,
    LoggedModel,
    Run,
    RunDetails,
    RunKeys,
    RunQuery,
    Sweep,
    TrackerInfo,
    TrackerResult,
    matches_pattern,
)
from mlops_actions.verify.ports import Ports as VerifierPorts
from mlops_actions.verify.run import Request, Verification, verify
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.ports import Ports, Tracker
from mlops_actions.wandb_runs.run import run as run_action
from tests.support.result_schemas import check_result
from tests.support.step import LocalRunner, Step

SHA, OTHER = "a" * 40, "b" * 40
DATASET = Artifact(name="digits", version=0, type="dataset", digest="4f2a")
MODEL_FILE = ArtifactFile(path="model.pt", size=5, sha256="5" * 64)
MODEL = Artifact(name="digits-model", version=3, type="model", digest="9c1d")


class LedgerProject:
    """A project of a tracker that keeps its runs in memory; it implements `Tracker`."""

    def __init__(self, *runs: Run) -> None:
        self.runs = runs
        self.aliases: dict[str, str] = {}

    @property
    def info(self) -> TrackerInfo:
        return TrackerInfo(
            name="Ledger",
            server_url="https://ledger.example",
            project_url="https://ledger.example/acme/digits",
            digest_algorithm="ledger",
        )

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    def native_query(self, query: RunQuery) -> str:
        return repr(query)

    def find(self, candidates: RunQuery, baselines: RunQuery | None, keys: RunKeys) -> TrackerResult:
        chosen = self.states(baselines) if baselines else ()
        return TrackerResult(self._with_keys(self.states(candidates), keys), self._with_keys(chosen, keys))

    def _with_keys(self, runs: Sequence[Run], keys: RunKeys) -> tuple[Run, ...]:
        return tuple(
            replace(
                run,
                config={key: value for key, value in run.config.items() if key in keys.config},
                summary={key: value for key, value in run.summary.items() if self._is_asked(key, keys)},
            )
            for run in runs
        )

    def _is_asked(self, key: str, keys: RunKeys) -> bool:
        return key in keys.summary or any(matches_pattern(key, pattern) for pattern in keys.summary_patterns)

    def states(self, candidates: RunQuery) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if self._matches(run, candidates))

    def _matches(self, run: Run, query: RunQuery) -> bool:
        conditions = (
            not query.run_ids or run.id in query.run_ids,
            not query.states or run.state in query.states,
            not query.any_commit or {run.commit, run.config.get(query.commit_config_key)} & set(query.any_commit),
            all(run.config.get(key) == value for key, value in query.config.items()),
            not query.group or run.group == query.group,
            not query.tags or bool(set(query.tags) & set(run.tags)),
            not query.any_of or any(self._matches(run, alternative) for alternative in query.any_of),
        )
        return all(conditions)

    def details(self, query: DetailsQuery) -> Mapping[str, RunDetails]:
        known = RunDetails(datasets=(DATASET,), has_uncommitted_changes=False)
        return dict.fromkeys((*query.datasets, *query.uncommitted_changes), known)

    def sweep(self, sweep_id: str) -> Sweep | None:
        return Sweep(sweep_id, "a search", "https://ledger.example/s", "acc", "max", ("lr",)) if sweep_id == "s1" else None

    def models(self, run: Run) -> tuple[LoggedModel, ...]:
        return (LoggedModel(MODEL),)

    def files(self, artifact: Artifact, max_bytes: int) -> tuple[ArtifactFile, ...]:
        return (MODEL_FILE,)

    def promote(self, run: Run, model: Artifact, alias: str) -> None:
        self.aliases[alias] = f"{model.label} of {run.id}"


def logged(run_id: str, acc: float, sha: str, *tags: str) -> Run:
    return Run(
        id=run_id,
        name=run_id,
        state="finished",
        url=f"https://ledger.example/acme/digits/{run_id}",
        entity="acme",
        project="digits",
        tags=tags,
        commit=sha,
        created=datetime(2026, 1, 1, tzinfo=UTC),
        config={"github_sha": sha},
        summary={"acc": acc, "ignored": 1},
    )


@pytest.fixture
def tracker() -> LedgerProject:
    return LedgerProject(logged("c1", 0.95, SHA), logged("c2", 0.9, SHA), logged("b1", 0.93, OTHER, "baseline"))


@pytest.fixture
def runner(tmp_path: Path) -> LocalRunner:
    return LocalRunner(tmp_path, "acme/digits")


def run(tracker: Tracker, runner: LocalRunner, **inputs: str) -> Outcome:
    given = {"project": "acme/digits", "sha": SHA, "metrics": "acc:max", "baseline-tags": "baseline"}
    step = Step("wandb-runs", inputs={**given, **{name.replace("_", "-"): value for name, value in inputs.items()}})
    environ = runner.prepare(step)
    ports = Ports(
        tracker=tracker,
        publisher=None,
        workspace=WorkspaceFiles(runner.workspace),
        runner=GitHubRunner(environ, io.StringIO()),
        clock=SystemClock(),
    )
    return run_action(read(Inputs, environ), Context.from_environ(environ), None, ports)


def test_the_report_compares_the_trackers_runs_and_names_it(tracker: LedgerProject, runner: LocalRunner) -> None:
    outcome = run(tracker, runner, gates="acc >= baseline", require="finished, verified, same-data, clean")
    assert outcome.error is None
    assert (outcome.outputs["best-run-id"], outcome.outputs["num-baselines"]) == ("c1", "1")
    assert (outcome.outputs["gate"], outcome.outputs["requirements"]) == ("passed", "passed")
    check_result("wandb-runs", json.dumps({"schema": 1, **outcome.result}))
    report = (runner.workspace / outcome.outputs["markdown"]).read_text()
    assert "✅ recorded by Ledger for all 2 candidates" in report
    assert "W&B" not in report


def test_an_accepted_candidate_is_promoted_in_the_tracker(tracker: LedgerProject, runner: LocalRunner) -> None:
    outcome = run(tracker, runner, gates="acc >= baseline", promote_alias="production")
    assert outcome.outputs["promoted"] == "digits-model:v3"
    assert tracker.aliases == {"production": "digits-model:v3 of c1"}


@pytest.mark.parametrize(
    ("inputs", "promoted"),
    [
        ({"judge": "best"}, "c1"),
        ({"judge": "latest"}, "c2"),
        ({"judge": "all"}, "c1"),
        ({"select_by": "ignored:max", "judge": "best"}, "c2"),
    ],
    ids=["the best", "the latest", "the best of all that passed", "the best by another metric: of equal ones the newest"],
)
def test_what_was_judged_is_what_is_promoted(runner: LocalRunner, inputs: dict[str, str], promoted: str) -> None:
    tracker = LedgerProject(logged("c2", 0.9, SHA), logged("c1", 0.95, SHA), logged("b1", 0.93, OTHER, "baseline"))
    outcome = run(tracker, runner, gates="acc >= 0.8", promote_alias="production", **inputs)
    assert outcome.error is None
    assert tracker.aliases == {"production": f"digits-model:v3 of {promoted}"}


def test_all_are_judged_and_the_best_is_stated_with_its_own_numbers(runner: LocalRunner) -> None:
    tracker = LedgerProject(logged("c2", 0.9, SHA), logged("c1", 0.95, SHA))
    outcome = run(tracker, runner, gates="acc >= 0.8", statement="true", judge="all", baseline_tags="")
    assert outcome.error is None
    assert (outcome.outputs["judged-run-id"], outcome.outputs["best-run-id"]) == ("c2", "c1")
    document = json.loads((runner.workspace / outcome.outputs["statement"]).read_text())
    assert verified(tracker, document).exit_code == 0
    assert [gate["value"] for gate in document["predicate"]["gates"]] == [0.95]


def test_a_pattern_shows_what_the_trackers_runs_have(tracker: LedgerProject, runner: LocalRunner) -> None:
    outcome = run(tracker, runner, metrics="a*:max, ig*")
    assert [metric["name"] for metric in json.loads(json.dumps(outcome.result))["metrics"]] == ["acc", "ignored"]


def verified(tracker: LedgerProject, document: object) -> Verification:
    def no_registry(host: str) -> None:
        raise Refused(f"the test asks no registry, but {host} was asked", "")

    subjects, training = statement_reader.read(document)
    ports = VerifierPorts(registry=no_registry, tracker=lambda _: tracker)  # type: ignore[arg-type]
    return verify(subjects, training, Request(), ports, signed=False)


def test_a_statement_has_the_trackers_digests_and_is_verified_by_them(tracker: LedgerProject, runner: LocalRunner) -> None:
    outcome = run(tracker, runner, gates="acc >= 0.9", statement="true")
    assert outcome.error is None
    document = json.loads((runner.workspace / outcome.outputs["statement"]).read_text())
    assert document["subject"] == [{"name": "acme/digits/digits-model:v3/model.pt", "digest": {"sha256": "5" * 64}}]
    texts = [check.text for check in verified(tracker, document).checks if check.holds]
    assert "run c1: it used digits:v0 (ledger:4f2a)" in texts
    assert "model acme/digits/digits-model:v3: one of the runs logged it, with the digest ledger:9c1d" in texts
    verification = verified(tracker, document)
    assert verification.exit_code == 0, verification.checks
    tracker.runs = (logged("c1", 0.5, SHA),)
    assert verified(tracker, document).exit_code == 1
