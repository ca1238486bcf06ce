"""wandb-runs takes its baselines from the commits of the base branch, as GitHub knows them.

The history: `m1 … m3` on `main`, where the branch of the pull request left it; `m4` came later. `w1` and `w2` are a branch
that was merged into `main` by the commit `merge`, on which `after` was made.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from mlops_sandbox.github import PullRequest
from tests.actions.wandb_runs.step import OTHER, WandbStep
from tests.support.result_schemas import check_result

SHAS = {name: f"{number:x}" * 40 for number, name in enumerate(("m1", "m2", "m3", "m4", "w1", "w2", "after", "head"), 1)}
BASELINE = "acc >= baseline"
LoggedRun = Mapping[str, Any]


@dataclass
class World:
    """The step with its repository; `shas` are the commits by name."""

    step: WandbStep
    shas: dict[str, str]
    pull: PullRequest

    def log(self, name: str, of: str, **more: Any) -> Any:
        sha = self.shas[of]
        return self.step.candidate(name, **{"commit": sha, **more, "config": {"github_sha": sha, **more.get("config", {})}})

    def push_event(self, commit: str) -> None:
        """Make the step one of a push of this commit."""
        path = self.step.workspace.parent / "event.json"
        path.write_text(json.dumps({"after": self.shas[commit], "repository": {"default_branch": "main"}}))
        self.step.environ |= {"GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(path)}

    def grant(self, **permissions: str) -> None:
        rights = {name.replace("_", "-"): level for name, level in permissions.items()}
        self.step.environ["INPUT_GITHUB-TOKEN"] = self.step.github.workflow_token(self.step.repository, rights).value

    def summary(self) -> str:
        """Return the report as a reader sees it."""
        return html.unescape(self.step.summary()).replace("\\", "")

    def calls(self) -> list[str]:
        return [f"{exchange.method} {exchange.route}" for exchange in self.step.github.exchanges if exchange.route]


@pytest.fixture
def world(step: WandbStep) -> World:
    repository = step.repository
    shas = dict(SHAS)
    for name in ("m1", "m2"):
        repository.push("main", by="ada", sha=shas[name])
    for name in ("w1", "w2"):
        repository.push("wip", by="ada", sha=shas[name])
    repository.push("main", by="ada", sha=shas["m3"])
    pull = repository.open_pull_request(by="ada", head="topic", sha=shas["head"])
    repository.push("main", by="ada", sha=shas["m4"])
    shas["merge"] = repository.merge_commit("main", shas["w2"], by="ada").sha
    repository.push("main", by="ada", sha=shas["after"])
    found = World(step, shas, pull)
    found.grant(contents="read", pull_requests="write", checks="write")
    step.github.exchanges.clear()
    return found


@dataclass(frozen=True)
class Case:
    """`runs` are logged by commit, newest first; `baselines` are the ids of those that the report compares with."""

    name: str
    runs: Mapping[str, LoggedRun | list[LoggedRun]] = field(default_factory=dict)
    of: str = "head"
    inputs: Mapping[str, str] = field(default_factory=dict)
    code: int = 0
    gate: str = "passed"
    baselines: tuple[str, ...] = ()
    place: str | None = None
    says: tuple[str, ...] = ()
    prepare: Callable[[World], object] | None = None


def acc(value: float, **more: Any) -> LoggedRun:
    return {"summary": {"acc": value}, **more}


PREVIOUS = {"baseline": "previous"}
WHERE_IT_LEFT = "3333333, where the branch left main"
CASES = [
    Case("the runs of the merge base", {"m3": acc(0.8), "m2": acc(0.95)}, baselines=("m3",), place=WHERE_IT_LEFT),
    Case(
        "not those of a later commit of the base", {"m4": acc(0.99), "m3": acc(0.8)}, baselines=("m3",), place=WHERE_IT_LEFT
    ),
    Case(
        "without runs there, the nearest commit before",
        {"m2": acc(0.8), "m1": acc(0.95)},
        baselines=("m2",),
        place="2222222, 1 commit before the branch left main",
    ),
    Case(
        "two commits before",
        {"m1": acc(0.8)},
        baselines=("m1",),
        place="1111111, 2 commits before the branch left main",
        says=("baselines of 1111111, 2 commits before the branch left main",),
    ),
    Case(
        "an older commit's newer run is no nearer",
        {"m3": acc(0.8, age=50), "m2": acc(0.95, age=1)},
        baselines=("m3",),
        place=WHERE_IT_LEFT,
    ),
    *(
        Case(
            f"a {state} run of the merge base is no baseline",
            {"m3": acc(0.95, state=state), "m2": acc(0.8)},
            baselines=("m2",),
            place="2222222, 1 commit before the branch left main",
        )
        for state in ("running", "failed", "crashed", "killed", "preempted")
    ),
    Case(
        "all runs of the commit, the best of them by the metric is the bar",
        {"m3": [acc(0.7), acc(0.85), acc(0.8)]},
        baselines=("m3", "m3-1", "m3-2"),
        place=WHERE_IT_LEFT,
        says=("against the bar [m3-1]", "the best of 3 baselines by acc"),
    ),
    Case(
        "no more of them than max-baselines",
        {"m3": [acc(0.7), acc(0.99)]},
        inputs={"max_baselines": "1"},
        baselines=("m3",),
        place=WHERE_IT_LEFT,
    ),
    Case(
        "a run that only claims the commit is one of it",
        {"m3": acc(0.8, commit="")},
        baselines=("m3",),
        place=WHERE_IT_LEFT,
    ),
    Case(
        "a run whose recorded commit is another one counts for neither",
        {"m3": acc(0.99, commit=OTHER), "m2": acc(0.8)},
        baselines=("m2",),
        place="2222222, 1 commit before the branch left main",
        says=("contradiction: run m3 is no baseline: W&B recorded another commit than the config names",),
    ),
    Case(
        "contradicted baselines alone are none, whatever no-baseline says",
        {"m3": acc(0.5, commit=OTHER)},
        inputs={"no_baseline": "pass"},
        code=1,
        gate="failed",
        says=("run m3 is no baseline",),
    ),
    Case(
        "without any run the gate fails", code=1, gate="failed", says=("No run of any of the commits of main has finished",)
    ),
    Case(
        "without any run the gate passes where the user chose that",
        inputs={"no_baseline": "pass"},
        says=(
            "⚪ not judged",
            "The gate was not judged: there is no baseline",
            "⚪ No gate was judged for `8888888`: there is no",
        ),
    ),
    Case(
        "a worse candidate than the merge base's run fails",
        {"m3": acc(0.95)},
        code=1,
        gate="failed",
        baselines=("m3",),
        place=WHERE_IT_LEFT,
    ),
    Case(
        "merged into the base branch: where the branch left it",
        {"m3": acc(0.8), "w2": acc(0.95)},
        baselines=("m3",),
        place=WHERE_IT_LEFT,
        prepare=lambda world: world.step.repository.merge_commit("main", world.shas["head"], by="ada"),
    ),
    Case(
        "another base branch of the pull request",
        {"m1": acc(0.8), "m3": acc(0.95)},
        baselines=("m1",),
        place="1111111, where the branch left release",
        prepare=lambda world: _on_release(world),
    ),
    Case(
        "previous: on a branch the same as the merge base",
        {"m3": acc(0.8)},
        inputs=PREVIOUS,
        baselines=("m3",),
        place=WHERE_IT_LEFT,
    ),
    Case(
        "previous: of a push to the base, the commit before",
        {"m2": acc(0.8), "m3": acc(0.9), "m1": acc(0.95)},
        of="m3",
        inputs=PREVIOUS,
        baselines=("m2",),
        place="2222222, the commit before on main",
    ),
    Case(
        "previous: two commits before",
        {"m1": acc(0.8)},
        of="m3",
        inputs=PREVIOUS,
        baselines=("m1",),
        place="1111111, 2 commits before on main",
    ),
    Case(
        "previous: the base branch's own states come before what was merged into it",
        {"w2": acc(0.95), "m2": acc(0.8)},
        of="after",
        inputs=PREVIOUS,
        baselines=("m2",),
        place="2222222, 4 commits before on main",
    ),
    Case(
        "previous: a merged head, where the base branch itself is never trained",
        {"w2": acc(0.8), "w1": acc(0.95)},
        of="after",
        inputs=PREVIOUS,
        baselines=("w2",),
        place="6666666, which was merged into main before",
    ),
    Case(
        "merge-base: of a push to the base, the commit before",
        {"m2": acc(0.8)},
        of="m3",
        baselines=("m2",),
        place="2222222, the commit before on main",
    ),
]


def _on_release(world: World) -> None:
    repository = world.step.repository
    repository.set_branch(
        "release", world.shas["m1"], actor=world.pull.user, kind="branch_creation", at=world.pull.created_at
    )
    world.pull.base_ref, world.pull.base_sha = "release", world.shas["m1"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_baselines_are_those_of_the_nearest_commit(world: World, case: Case) -> None:
    if case.prepare:
        case.prepare(world)
    world.log("candidate", case.of, summary={"acc": 0.9})
    for commit, runs in case.runs.items():
        for index, run in enumerate(runs if isinstance(runs, list) else [runs]):
            world.log(f"{commit}-{index}" if index else commit, commit, **{"age": 10 + index, **run})
    world.push_event(case.of)
    given = {"baseline": "merge-base", "gates": BASELINE, "metrics": "acc:max", **case.inputs}
    pull = {"pr_number": world.pull.number} if case.of == "head" else {}
    assert world.step.run(sha=world.shas[case.of], **given, **pull) == case.code, world.step.log
    result = check_result("wandb-runs", world.step.outputs()["result"])
    assert (result["gate"], result["baseline-place"]) == (case.gate, case.place)
    assert tuple(run["id"] for run in result["baselines"]) == case.baselines
    for text in case.says:
        assert text in world.summary()


def test_github_is_asked_for_three_pages_and_the_tracker_once(world: World) -> None:
    for number in range(400):
        world.step.repository.push("long", by="ada", sha=f"{number + 1000:040x}")
    world.step.repository.set_branch(
        "main", world.step.repository.branches["long"], actor=world.pull.user, kind="push", at=world.pull.created_at
    )
    world.shas |= {"far": f"{1050:040x}", "near": f"{1390:040x}", "tip": world.step.repository.branches["main"]}
    world.log("candidate", "tip", summary={"acc": 0.9})
    world.log("too-far", "far", summary={"acc": 0.5})
    world.push_event("tip")
    world.step.github.exchanges.clear()
    given = {"sha": world.shas["tip"], "baseline": "previous", "gates": BASELINE}
    assert world.step.run(**given) == 1
    assert "No run of the 299 nearest commits of main has finished" in world.step.summary()
    asked = [call for call in world.calls() if call.endswith("/commits")]
    assert len(asked) <= 4
    world.log("near", "near", summary={"acc": 0.5})
    world.step.server.requests.clear()
    assert world.step.run(**given) == 0, world.step.log
    runs = [request for request in world.step.server.requests if "MlopsRuns" in str(request.body)]
    assert len(runs) == 1, "one request for both lists, whatever the number of commits"


@pytest.mark.parametrize(
    ("rights", "code", "why"),
    [
        ({"pull_requests": "write"}, 3, "give the job 'permissions: { contents: read }'"),
        ({"contents": "read"}, 3, "give the job 'permissions: { pull-requests: read }'"),
    ],
    ids=["no contents", "no pull requests"],
)
@pytest.mark.parametrize("policy", ["fail", "pass", "neutral"])
def test_what_github_refuses_is_no_absence_of_baselines(
    world: World, rights: dict[str, str], code: int, why: str, policy: str
) -> None:
    world.step.repository.private = True
    world.grant(**rights)
    world.log("candidate", "head")
    given = {"baseline": "merge-base", "no_baseline": policy, "gates": BASELINE, "pr_number": world.pull.number}
    assert world.step.run(sha=world.shas["head"], **given) == code, world.step.log
    outputs = world.step.outputs()
    assert (outputs["gate"], outputs["num-baselines"], outputs["num-candidates"]) == ("failed", "0", "1")
    last = world.step.log.splitlines()[-1]
    assert "input 'baseline': which commits come before 8888888 is not known: GitHub refused" in last
    assert why in last
    assert "There is nothing to compare with" in world.step.summary()
    assert world.step.rows(), "the report and its files are written all the same"


@pytest.mark.parametrize("status", [502, 500])
def test_github_that_does_not_answer_ends_the_step_after_the_report(world: World, status: int) -> None:
    world.step.github.faults.answer("GET /repos/*/*/compare/**", status)
    world.log("candidate", "head")
    assert world.step.run(sha=world.shas["head"], baseline="merge-base", pr_number=world.pull.number, metrics="acc") == 4
    assert world.step.outputs()["gate"] == "none"
    assert "There is nothing to compare with" in world.step.summary()


def test_an_unknown_commit_is_refused_with_the_remedy(world: World) -> None:
    world.shas["unknown"] = "e" * 40
    world.log("candidate", "unknown")
    assert world.step.run(sha="e" * 40, baseline="previous") == 3
    assert "which commits come before eeeeeee is not known" in world.step.log


REFUSED = [
    ({"baseline": "merge-base", "baseline_tags": "b"}, "'baseline-tags' names other baselines"),
    ({"baseline": "previous", "BASELINE_TAGS": "['b']"}, "'baseline-tags' names other baselines"),
    ({"baseline": "previous", "baseline_sha": OTHER}, "'baseline-sha' names other baselines"),
    ({"baseline": "merge-base", "sha": "", "group": "g"}, "needs 'sha'"),
    ({"baseline": "merge-base", "sha": "", "FILTER_GITHUB_SHA": "v1"}, "needs 'sha'"),
    ({"baseline": "merge-base", "github_token": ""}, "needs 'github-token'"),
    ({"baseline": "merge-base", "max_baselines": "0"}, "'max-baselines' is 0"),
    ({"baseline": "nearest"}, "baseline"),
    ({"no_baseline": "pass"}, "no input selects baselines"),
    ({"no_baseline": "neutral", "gates": BASELINE}, "no input selects baselines"),
    ({"no_baseline": "pass", "baseline_tags": "b", "max_baselines": "0"}, "no input selects baselines"),
    ({"no_baseline": "skip", "baseline_tags": "b"}, "no-baseline"),
    ({"require": "same-data"}, "'baseline: merge-base'"),
]


@pytest.mark.parametrize(("inputs", "why"), REFUSED, ids=lambda value: str(value))
def test_contradictory_inputs_are_refused_by_name(world: World, inputs: dict[str, str], why: str) -> None:
    assert world.step.run(**{"sha": world.shas["head"], **inputs}) == 2, world.step.log
    assert why in world.step.log
    assert not world.step.server.requests, "nothing was started"


# The first pull request

FIRST: list[tuple[str, str, LoggedRun, str, int, str, str]] = [
    # name, gates, candidate, no-baseline, exit code, gate, check run
    ("fail is the default", BASELINE, acc(0.9), "", 1, "failed", "failure"),
    ("fail", BASELINE, acc(0.9), "fail", 1, "failed", "failure"),
    ("pass", BASELINE, acc(0.9), "pass", 0, "passed", "success"),
    ("neutral", BASELINE, acc(0.9), "neutral", 0, "neutral", "neutral"),
    ("pass, and a number passes", f"{BASELINE}\nacc > 0.5", acc(0.9), "pass", 0, "passed", "success"),
    ("pass, and a number fails", f"{BASELINE}\nacc > 0.95", acc(0.9), "pass", 1, "failed", "failure"),
    ("neutral, and a number passes", f"{BASELINE}\nacc > 0.5", acc(0.9), "neutral", 0, "neutral", "neutral"),
    ("neutral, and a number fails", f"{BASELINE}\nacc > 0.95", acc(0.9), "neutral", 1, "failed", "failure"),
    ("only numbers", "acc > 0.5", acc(0.9), "neutral", 0, "passed", "success"),
    *(
        (f"{reference}, {policy}", f"acc >= baseline.{reference} - 1%", acc(0.9), policy, 0, gate, check)
        for reference in ("best", "mean", "latest")
        for policy, gate, check in (("pass", "passed", "success"), ("neutral", "neutral", "neutral"))
    ),
    ("a candidate without the metric, pass", BASELINE, {"summary": {}}, "pass", 1, "failed", "failure"),
    ("a candidate without the metric, neutral", BASELINE, {"summary": {"acc": "NaN"}}, "neutral", 1, "failed", "failure"),
    ("no finished candidate, pass", BASELINE, acc(0.9, state="failed"), "pass", 1, "failed", "failure"),
    ("no finished candidate, neutral", BASELINE, acc(0.9, state="crashed"), "neutral", 1, "failed", "failure"),
]


@pytest.mark.parametrize("case", FIRST, ids=[case[0] for case in FIRST])
def test_a_first_pull_request_is_judged_as_the_user_decides(world: World, case: tuple[Any, ...]) -> None:
    _, gates, candidate, policy, code, gate, check = case
    world.log("candidate", "head", **candidate)
    given = {"baseline_tags": "baseline", "gates": gates, "check_name": "metrics", "no_baseline": policy}
    assert world.step.run(sha=world.shas["head"], **given) == code, world.step.log
    assert world.step.outputs()["gate"] == gate
    assert check_result("wandb-runs", world.step.outputs()["result"])["gate"] == gate
    (sent,) = world.step.github.requests("POST /repos/*/*/check-runs")
    assert sent.body["conclusion"] == check
    is_any_judged = "acc >" in gates.replace("acc >=", "")
    mark = {"passed": "✅" if is_any_judged else "⚪", "failed": "❌", "neutral": "⚪"}[gate]
    assert world.step.summary().startswith(f"### {mark} ")


def test_neutral_promotes_nothing_and_attests_nothing(world: World) -> None:
    world.log("candidate", "head", summary={"acc": 0.9})
    given = {"baseline_tags": "baseline", "gates": BASELINE, "no_baseline": "neutral", "metrics": "acc"}
    assert world.step.run(sha=world.shas["head"], **given, promote_alias="production", statement="true") == 0, world.step.log
    outputs = world.step.outputs()
    assert (outputs["gate"], outputs["promoted"], outputs.get("statement", "")) == ("neutral", "", "")
    assert "No verdict on `8888888`: there is no baseline" in world.step.summary()
    assert "production" in world.step.summary(), "it says that nothing was promoted"


@pytest.mark.parametrize("policy", ["pass", "neutral"])
def test_baselines_without_the_metric_are_no_first_pull_request(world: World, policy: str) -> None:
    world.log("candidate", "head", summary={"acc": 0.9})
    world.log("old", "m1", tags=["baseline"], summary={"loss": 1})
    given = {"baseline_tags": "baseline", "gates": BASELINE, "no_baseline": policy}
    assert world.step.run(sha=world.shas["head"], **given) == 1
    assert "no baseline has a finite value of acc" in world.step.summary()


# Which runs count


def test_an_offline_run_that_was_uploaded_while_it_trained_is_said_first(world: World) -> None:
    world.log("candidate", "head", summary={"acc": 0.9})
    offline = {"_wandb": {"t": {"3": [4]}}}
    world.log("early", "head", state="failed", config=offline, summary={"acc": 0.5, "_runtime": 9.5})
    world.log("failed", "head", state="failed", config=offline, summary={"acc": 0.5, "_runtime": 9})
    assert world.step.run(sha=world.shas["head"], gates="acc > 0.5") == 0, world.step.log
    doubts = [line for line in world.summary().splitlines() if line.startswith("> ⚠️")]
    assert "early (failed). Upload again what has ended." in " ".join(doubts)
    assert " failed (" not in " ".join(doubts)


def test_a_bar_from_a_dirty_tree_is_said_first(world: World) -> None:
    world.log("candidate", "head", summary={"acc": 0.9})
    run = world.log("m3", "m3", summary={"acc": 0.8})
    run.files["diff.patch"] = world.step.server.store.new_blob()
    world.step.server.store.blobs[run.files["diff.patch"]] = b"--- a/train.py"
    given = {"baseline": "merge-base", "gates": BASELINE, "pr_number": world.pull.number}
    assert world.step.run(sha=world.shas["head"], **given, metrics="acc") == 0, world.step.log
    assert "m3, the only baseline, is from a tree with uncommitted changes" in world.summary()


@pytest.mark.parametrize("aggregate", ["none", "group"])
def test_a_contradicted_candidate_is_shown_and_never_judged(world: World, aggregate: str) -> None:
    world.log("honest", "head", summary={"acc": 0.6})
    world.log("other", "head", commit=OTHER, summary={"acc": 0.99})
    given = {"gates": "acc > 0.9", "metrics": "acc:max", "aggregate": aggregate}
    assert world.step.run(sha=world.shas["head"], **given) == 1, world.step.log
    outputs = world.step.outputs()
    assert (outputs["best-run-id"], outputs["num-candidates"]) == ("honest", "2")
    assert "not counted" in world.step.summary()
