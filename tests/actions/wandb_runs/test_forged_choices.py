"""What a statement chooses, and a forger with it: `mlops-actions verify` compares each choice with the policy or with W&B.

Each test writes a statement on the sandbox's W&B, changes the records there or the statement, and verifies it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from mlops_sandbox.host import Host
from mlops_sandbox.registry import Account, Registry
from tests.actions.wandb_runs.step import OTHER, SHA, WandbStep
from tests.actions.wandb_runs.test_statement import PASSWORD, USER, Images
from tests.actions.wandb_runs.test_tampering import (
    BAR,
    BY_COMMIT,
    GATES,
    POLICY,
    SECOND,
    Change,
    P,
    Release,
    all_of,
    drop,
    log,
    put,
    write_statement,
)

BEST_GATES = ("acc >= baseline.best - 1%", "loss <= baseline.best")
CANDIDATE = {"acc": 0.99, "loss": 0.5}


@pytest.fixture(scope="module")
def images() -> Iterator[Images]:
    registry = Registry(challenge="basic", accounts={USER: Account(PASSWORD)})
    with Host(registry.app) as host, urllib3.PoolManager() as http:
        yield Images(host.url, http)


def verify(made: Release, policy: str = POLICY, *, pinned: bool = True) -> tuple[int, str]:
    rules = made.folder / "rules.yml"
    rules.write_text(policy)
    return made.verify(json.dumps(made.statement), policy=str(rules), pinned=pinned)


def runs(step: WandbStep) -> dict[str, Any]:
    found: dict[str, Any] = step.server.store.project("sandbox", "digits").runs
    return found


# Which commit a run is of


def claim_another_commit(name: str) -> Callable[[WandbStep], None]:
    def change(step: WandbStep) -> None:
        runs(step)[name].config["github_sha"] = OTHER

    return change


def log_a_claimed_candidate(step: WandbStep) -> None:
    """The best candidate is one of the commit by its config alone."""
    step.candidate("c3", age=4, summary=CANDIDATE)


KEY = "predicate/candidates/query/commitConfigKey"
OF_COMMITS: list[tuple[str, Callable[[WandbStep], None], Change, list[str]]] = [
    ("the judged run's config", claim_another_commit("c1"), all_of(), ["runs (✗)", "candidates (✗)", "judged (✗)"]),
    ("another candidate's config", claim_another_commit("c2"), all_of(), ["candidates (✗)"]),
    ("a candidate by its config", log_a_claimed_candidate, all_of(), ["candidates (✗)"]),
    ("such a candidate, hidden by another key", log_a_claimed_candidate, put(KEY, "nothing"), ["candidates (–)"]),
    ("such a candidate, hidden without a key", log_a_claimed_candidate, drop(KEY), ["candidates (–)"]),
    (
        "such a candidate, hidden by the id of the judged run",
        log_a_claimed_candidate,
        all_of(put("predicate/candidates/query", {"runIds": ["c1"]}), put("predicate/candidates/runs", ["c1"])),
        ["candidates (–)"],
    ),
]


@pytest.mark.parametrize(
    ("change", "forge", "missed"), [case[1:] for case in OF_COMMITS], ids=[case[0] for case in OF_COMMITS]
)
def test_a_run_is_of_the_commit_by_its_record_and_by_the_key_of_the_policy(
    step: WandbStep, images: Images, tmp_path: Path, change: Callable[[WandbStep], None], forge: Change, missed: list[str]
) -> None:
    log(step)
    made = write_statement(step, images, tmp_path)
    change(step)
    forge(made.statement)
    code, output = verify(made)
    assert code == 1, output
    conclusion = output.splitlines()[-1]
    assert all(check in conclusion for check in missed), output


def test_a_seed_of_another_commit_is_no_seed_of_the_judged_group(step: WandbStep, images: Images, tmp_path: Path) -> None:
    for seed, accuracy in enumerate((0.95, 0.955, 0.952)):
        step.candidate(f"c{seed}", group="wide", commit=SHA, age=5, config={"seed": seed}, summary={"acc": accuracy})
    given = {"gates": "acc >= 0.9", "aggregate": "group", "baseline_tags": "", "metrics": "acc:max", "select_by": ""}
    made = write_statement(step, images, tmp_path, **given)
    wanted = "clean,metrics,datasets,judged,gates"
    code, output = made.verify(json.dumps(made.statement), policy=wanted, pinned=False)
    assert code == 0, output
    claim_another_commit("c2")(step)
    code, output = made.verify(json.dumps(made.statement), policy=wanted, pinned=False)
    assert code == 1, output
    assert "✗ run c2: its config names another commit in 'github_sha'" in output
    assert "runs (✗), candidates (✗), judged (✗)" in output


@pytest.mark.parametrize(("key", "code"), [("git.sha", 0), ("", 1)], ids=["named", "not named"])
def test_a_policy_names_another_key_of_the_commit(
    step: WandbStep, images: Images, tmp_path: Path, key: str, code: int
) -> None:
    log(step)
    for run in runs(step).values():
        run.config["git"] = {"sha": run.config.pop("github_sha")}
    given = {"sha_config_key": "git.sha", "baseline_tags": "", "baseline_sha": OTHER}
    made = write_statement(step, images, tmp_path, **given)
    checks = f"checks: [{BY_COMMIT.replace(',', ', ')}]\nselect-by: acc:max\n"
    found, output = verify(made, checks + (f"sha-config-key: {key}\n" if key else ""), pinned=False)
    assert found == code, output
    for name in ("candidates", "baselines"):
        says = f"– {name}: the stated query looks for the commit in the config key 'git.sha', the policy says 'github_sha'"
        assert (says in output) is not bool(key), output


# Which baseline is the best one


def log_a_better_baseline(made: Release) -> None:
    """The best baseline by accuracy is none by loss; the statement names it, as it must."""
    made.step.baseline("b4", commit=OTHER, age=70, tags=["production"], summary={"acc": 0.99, "loss": 0.25})
    better = {"id": "b4", "url": "", "commit": OTHER, "metrics": {"acc": 0.99, "loss": 0.25}}
    made.statement[P]["baselines"]["groups"].insert(1, [better])


LOSS = {"metric": "loss", "direction": "min"}
NO_METRIC, BY_LOSS = drop("predicate/baselines/by"), put("predicate/baselines/by", LOSS)
ONLY_C1 = all_of(drop("predicate/candidates/by"), NO_METRIC)
BARS: list[tuple[str, Change, str, str]] = [
    ("by the metric of the policy", all_of(), "acc:max", "✗ gate acc >= baseline.best - 1%: it requires 0.9801"),
    ("by another metric", BY_LOSS, "acc:max", "by loss:min, not by acc:max"),
    ("by no metric", NO_METRIC, "acc:max", "by no metric, not by acc:max"),
    ("by another metric than the candidate", BY_LOSS, "", "the candidate was chosen by acc:max, the best baseline by loss"),
    ("by no metric, unlike the candidate", NO_METRIC, "", "the candidate was chosen by acc:max, the best baseline by no"),
    ("both by no metric", ONLY_C1, "", "acc:max chooses the best baseline, but the statement names no metric"),
    ("both by another metric", all_of(BY_LOSS, put("predicate/candidates/by", LOSS)), "", "name one in the policy with"),
]


@pytest.mark.parametrize(("forge", "select_by", "line"), [bar[1:] for bar in BARS], ids=[bar[0] for bar in BARS])
def test_the_best_baseline_is_not_chosen_by_the_statement_alone(
    step: WandbStep, images: Images, tmp_path: Path, forge: Change, select_by: str, line: str
) -> None:
    log(step)
    made = write_statement(step, images, tmp_path, gates="\n".join(BEST_GATES))
    policy = POLICY.replace(json.dumps(GATES), json.dumps(BEST_GATES))
    policy = policy.replace("select-by: acc:max", f"select-by: {select_by}" if select_by else "")
    code, output = verify(made, policy)
    assert code == 0, output
    log_a_better_baseline(made)
    forge(made.statement)
    code, output = verify(made, policy)
    assert code == 1, output
    assert line in output
    assert " gates (" in output.splitlines()[-1]


# What the judged candidate was chosen among


def test_a_policy_that_says_how_the_candidate_was_chosen_needs_the_candidates(
    step: WandbStep, images: Images, tmp_path: Path
) -> None:
    log(step)
    made = write_statement(step, images, tmp_path)
    policy = "checks: [runs, metrics]\nselect-by: acc:max\njudge: best\n"
    assert verify(made, policy)[0] == 0
    # The better candidate is not named, and the other one is judged.
    made.statement[P].update(runs=[SECOND], gates=[])
    made.statement[P]["candidates"]["runs"] = ["c2"]
    code, output = verify(made, policy)
    assert code == 1, output
    assert "✓ judged: c2 is the only candidate that finished" in output
    assert output.splitlines()[-1].endswith(": candidates (✗)"), output


@pytest.mark.parametrize(("aggregate", "code"), [("group", 1), ("none", 0)])
def test_a_policy_says_whether_groups_were_compared(
    step: WandbStep, images: Images, tmp_path: Path, aggregate: str, code: int
) -> None:
    """The best seed of a group passes a gate more easily than the group's mean."""
    log(step)
    made = write_statement(step, images, tmp_path)
    found, output = verify(made, f"{POLICY}aggregate: {aggregate}\n")
    assert found == code, output
    assert ("✗ judged: c1 was chosen among single runs, not among groups" in output) is bool(code)


# What the baselines are


def test_data_that_are_known_to_differ_are_seen_without_a_word_of_them(
    step: WandbStep, images: Images, tmp_path: Path
) -> None:
    log(step)
    made = write_statement(step, images, tmp_path)
    assert verify(made)[0] == 0
    # The action writes no statement then; a forger does.
    store = step.server.store
    runs(step)["b2"].inputs.append(store.project("sandbox", "digits").collections["digits"].versions[1])
    code, output = verify(made)
    assert code == 1, output
    assert "✗ run b2: it used other data than run c1, so they do not compare" in output
    assert output.splitlines()[-1].endswith(": datasets (✗)"), output


def test_a_limit_that_lets_weak_baselines_in_is_the_policys(step: WandbStep, images: Images, tmp_path: Path) -> None:
    log(step)
    for number in range(9):
        summary = {"acc": 0.5, "loss": 0.9}
        step.baseline(f"w{number}", commit=OTHER, age=200 + number, tags=["production"], summary=summary)
    made = write_statement(step, images, tmp_path, max_baselines="20")
    code, output = verify(made)
    assert code == 1, output
    assert "– baselines: the limit of 20 lets in 1 more: name it in the policy with 'max-baselines'" in output
    assert verify(made, f"{POLICY}max-baselines: 20\n")[0] == 0
    made.statement[P]["baselines"]["groups"].pop()
    put("predicate/baselines/limit", 10)(made.statement)
    put("predicate/baselines/query/stopAfter", 10)(made.statement)
    assert verify(made)[0] == 0, "the usual limit needs no name"


def test_a_baseline_of_a_commit_that_its_config_contradicts_is_none(step: WandbStep, images: Images, tmp_path: Path) -> None:
    log(step)
    runs(step)["b1"].config["github_sha"] = "c" * 40
    made = write_statement(step, images, tmp_path, baseline_tags="", baseline_sha=OTHER)
    assert [run["id"] for group in made.statement[P]["baselines"]["groups"] for run in group] == ["b2", "b3"]
    code, output = made.verify(json.dumps(made.statement), policy=BY_COMMIT, pinned=False)
    assert code == 0, output
    # b3 alone would be a lower bar.
    drop(f"{BAR}/0")(made.statement)
    put("predicate/gates/0/required", 0.495)(made.statement)
    code, output = made.verify(json.dumps(made.statement), policy=BY_COMMIT, pinned=False)
    assert code == 1, output
    assert "– baselines: the tracker also selects b2 now" in output


# What selected the baselines, what the policy names, and whether it holds.
BY_SHA, BY_TAG = {"baseline_tags": "", "baseline_sha": OTHER}, {"baseline_tags": "production"}
SELECTIONS: list[tuple[str, dict[str, str], str, int]] = [
    ("by the commit", BY_SHA, f"baseline-sha: {OTHER}", 0),
    ("by another commit", BY_SHA, f"baseline-sha: {'c' * 40}", 1),
    ("by the commit, not by a tag", BY_SHA, "baseline-tags: [production]", 1),
    ("by the commit, without a tag", BY_SHA, f"baseline-tags: [production]\nbaseline-sha: {OTHER}", 1),
    ("by a tag, not by the commit", BY_TAG, f"baseline-sha: {OTHER}", 1),
    ("by both", {**BY_SHA, **BY_TAG}, f"baseline-tags: [production]\nbaseline-sha: {OTHER}", 0),
    ("by both, not by the tag alone", {**BY_SHA, **BY_TAG}, "baseline-tags: [production]", 1),
    ("by both, not by the commit alone", {**BY_SHA, **BY_TAG}, f"baseline-sha: {OTHER}", 1),
]


@pytest.mark.parametrize(("given", "named", "code"), [one[1:] for one in SELECTIONS], ids=[one[0] for one in SELECTIONS])
def test_the_policy_names_what_selected_the_baselines(
    step: WandbStep, images: Images, tmp_path: Path, given: dict[str, str], named: str, code: int
) -> None:
    log(step)
    made = write_statement(step, images, tmp_path, gates="acc >= baseline - 1%", **given)
    found, output = verify(made, f"checks: [required-gates]\n{named}\n")
    assert found == code, output
    assert (" required-gates (✗)" in output.splitlines()[-1]) is bool(code), output
