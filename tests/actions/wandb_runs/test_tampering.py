"""Each tampering of a statement is caught by `mlops-actions verify` with the policy that a release would use.

One statement is written by the action about two candidates and two baselines on the sandbox's W&B, with an image in its
registry. Each case changes what a forger would change, consistently where the forger can.
"""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import urllib3

from mlops_actions.core.types import Json
from mlops_actions.verify import command
from mlops_actions.verify.checks import Pins
from mlops_sandbox.github import GitHubServer
from mlops_sandbox.host import Host
from mlops_sandbox.registry import Account, Registry
from tests.actions.wandb_runs.step import OTHER, SHA, WandbStep
from tests.actions.wandb_runs.test_statement import PASSWORD, USER, Images, sha256
from tests.support.forking import Forker
from tests.support.wandb import WandbHost

SCHEMA = Path(__file__).parents[3] / "docs" / "schemas" / "predicate.json"
GATES = ("acc >= baseline - 1%", "loss <= 0.2")
POLICY = f"""\
checks:
  [repository, commit, project, pull-request, job, workflow, subjects, image, tracker, runs, clean, metrics, datasets,
   candidates, judged, baselines, gates, model, files]
gates: {json.dumps(GATES)}
baseline-tags: [production]
select-by: acc:max
"""


@dataclass
class Release:
    """The statement as it was written, and what a release knows without it."""

    step: WandbStep
    images: Images
    statement: Json
    folder: Path

    def verify(self, text: str, *, policy: str = "", pinned: bool = True) -> tuple[int, str]:
        """Verify a document; return the exit code, and all that is printed."""
        file, rules = self.folder / "statement.json", self.folder / "policy.yml"
        file.write_text(text)
        rules.write_text(POLICY)
        pins = Pins(
            image=self.images.of(SHA), sha=SHA, repository="octo/digits", project="sandbox/digits", pull_request="7",
            job="77", workflow_uid="0b5a-1",
        )  # fmt: skip
        environ = {
            "HOME": str(self.folder), "WANDB_API_KEY": self.step.server.api_key, "WANDB_BASE_URL": self.step.wandb.url,
            "REGISTRY": self.images.host, "REGISTRY_USERNAME": USER, "REGISTRY_PASSWORD": PASSWORD,
        }  # fmt: skip
        out = io.StringIO()
        with redirect_stderr(out):
            code = command.main(file, pins if pinned else Pins(), environ, out, policy=policy or str(rules))
        return code, out.getvalue()


def log(step: WandbStep) -> None:
    """Two candidates of the commit, two baselines, a run of another commit; the best candidate has data and a model."""
    best = step.candidate("c1", commit=SHA, age=5, summary={"acc": 0.95, "loss": 0.125})
    step.candidate("c2", commit=SHA, age=6, summary={"acc": 0.94, "loss": 0.1})
    step.baseline("b1", commit=OTHER, age=60, tags=["production"], summary={"acc": 0.955, "loss": 0.2})
    step.baseline("b2", commit=OTHER, age=90, tags=["production"], summary={"acc": 0.9, "loss": 0.3})
    step.baseline("b3", commit=OTHER, age=95, tags=["old"], summary={"acc": 0.5, "loss": 0.9})
    store = step.server.store
    project = store.project("sandbox", "digits")
    best.inputs.append(store.add_artifact(project.collection("digits", "dataset"), "4f2a"))
    store.add_artifact(project.collection("digits", "dataset"), "0000")
    contents = {"model.pt": b"the weights", "labels.txt": b"0 1 2"}
    store.add_artifact(project.collection("digits-model", "model"), "d1", run=best, contents=contents)


def write_statement(step: WandbStep, images: Images, folder: Path, **changed: str) -> Release:
    given = {
        "sha": SHA, "metrics": "acc:max, loss", "gates": "\n".join(GATES), "baseline_tags": "production",
        "select_by": "acc:max", "statement": "true", "image": images.of(SHA), "workflow_uid": "0b5a-1", "pr_number": "7",
    }  # fmt: skip
    assert step.run(**{name: value for name, value in {**given, **changed}.items() if value}) == 0, step.log
    statement = json.loads((step.workspace / step.outputs()["statement"]).read_text())
    return Release(step, images, statement, folder)


@pytest.fixture(scope="module")
def release(
    wandb_host: WandbHost, github: GitHubServer, forker: Forker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Release]:
    registry = Registry(challenge="basic", accounts={USER: Account(PASSWORD)})
    with Host(registry.app) as host, urllib3.PoolManager() as http:
        images = Images(host.url, http)
        step = WandbStep.begin(wandb_host, github, forker, tmp_path_factory.mktemp("step"))
        log(step)
        yield write_statement(step, images, tmp_path_factory.mktemp("release"))


def test_the_true_statement_fulfils_the_policy(release: Release) -> None:
    code, output = release.verify(json.dumps(release.statement))
    assert code == 0, output
    assert "✗" not in output
    assert "✓ policy: all 20 required checks hold" in output
    for line in (
        "✓ candidates: the tracker has these 2 runs of the commit, and no others",
        "✓ judged: by acc:max the best of 2 candidates has 0.95, and c1 has 0.95",
        "✓ baselines: the tracker selects the 2 that the statement names",
        "✓ baseline b1: acc is 0.955",
        "✓ gate acc >= baseline - 1%: 0.95 against 0.94545",
        "✓ required-gates: the statement holds loss <= 0.2",
        f"✓ file model.pt: sha256:{sha256(b'the weights')}",
    ):
        assert line in output, output


def test_the_predicate_has_the_published_schema(release: Release) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(release.statement["predicate"])
    for name in schema["required"]:
        without = {key: value for key, value in release.statement["predicate"].items() if key != name}
        assert not validator.is_valid(without), name


Change = Callable[[Json], Any]


def put(path: str, value: Any) -> Change:
    """Replace one value."""

    def change(statement: Json) -> None:
        *parents, last = [int(part) if part.isdigit() else part for part in path.split("/")]
        place: Any = statement
        for part in parents:
            place = place[part]
        place[last] = value

    return change


def drop(path: str) -> Change:
    """Remove one value."""

    def change(statement: Json) -> None:
        *parents, last = [int(part) if part.isdigit() else part for part in path.split("/")]
        place: Any = statement
        for part in parents:
            place = place[part]
        del place[last]

    return change


def all_of(*changes: Change) -> Change:
    """Change several values together."""

    def change(statement: Json) -> None:
        for each in changes:
            each(statement)

    return change


LONG_AGO = "2020-01-01T00:00:00+00:00"
P, RUN = "predicate", "predicate/runs/0"
GATE, BAR = "predicate/gates/0", "predicate/baselines/groups"
INVENTED = {"rule": "loss <= 1", "value": 0.125, "required": 1}
SECOND = {
    "id": "c2", "url": "", "commit": SHA, "uncommittedChanges": False, "metrics": {"acc": 0.94, "loss": 0.1}, "datasets": [],
}  # fmt: skip
OLD = {"id": "b3", "url": "", "commit": OTHER, "metrics": {"acc": 0.5, "loss": 0.9}}
FIRST_FILE = "predicate/model/files/0/digest/sha256"
CANDIDATES, BASELINES = "predicate/candidates/query", "predicate/baselines/query"
# The strongest baseline is left out, and the bar is what the others give.
WEAK = (drop(f"{BAR}/0"), put(f"{GATE}/required", 0.891))
# Conditions that wandb-runs writes into neither of the two queries, or into the other one alone.
TAGGED = {"tags": ["production"]}
ODD_CONDITIONS: list[tuple[str, str, Any]] = [
    (BASELINES, "trackerFilter", {"summary_metrics.acc": {"$lt": 0.92}}),
    (BASELINES, "runIds", ["b2"]),
    (BASELINES, "config", {"lr": "0.2"}),
    (BASELINES, "group", "weak"),
    (BASELINES, "sweep", "weak"),
    (BASELINES, "tags", ["production"]),
    (BASELINES, "commit", OTHER),
    (BASELINES, "commits", [OTHER]),
    (BASELINES, "commitConfigKey", "github_sha"),
    (BASELINES, "states", []),
    (BASELINES, "states", ["finished", "crashed"]),
    (BASELINES, "stopAfter", 1),
    (BASELINES, "stopAfter", 0),
    (BASELINES, "anyOf", []),
    (BASELINES, "anyOf", [{}]),
    (BASELINES, "anyOf", [TAGGED, TAGGED]),
    (BASELINES, "anyOf", [{**TAGGED, "runIds": ["b2"]}]),
    (BASELINES, "anyOf", [{**TAGGED, "commit": OTHER, "commitConfigKey": "github_sha"}]),
    (BASELINES, "anyOf", [{"anyOf": [TAGGED], "group": "weak"}]),
    (CANDIDATES, "runIds", ["c1", "c2"]),
    (CANDIDATES, "states", ["finished"]),
    (CANDIDATES, "tags", ["best"]),
    (CANDIDATES, "commits", [SHA]),
    (CANDIDATES, "commit", OTHER),
    (CANDIDATES, "config", {"lr": "0.1"}),
    (CANDIDATES, "stopAfter", 1),
    (CANDIDATES, "anyOf", [{"runIds": ["c1"]}]),
]


def an_hour_ago(statement: Json) -> None:
    """Claim a time before the strongest baseline, and before the judged run."""
    statement[P]["evaluatedAt"] = (datetime.now(UTC) - timedelta(minutes=70)).isoformat(timespec="seconds")


# What was changed · the change · the check that does not hold any more (empty: it is no statement, exit 2).
TAMPERINGS: list[tuple[str, Change, str]] = [
    ("a lowered bar", put(f"{GATE}/required", 0.5), "gates"),
    ("a lowered bar in the rule", all_of(put(f"{GATE}/rule", "acc >= 0.5"), put(f"{GATE}/required", 0.5)), "required-gates"),
    ("a wider tolerance",
     all_of(put(f"{GATE}/rule", "acc >= baseline - 50%"), put(f"{GATE}/required", 0.4775)), "required-gates"),
    ("the other way round", put(f"{GATE}/rule", "acc <= baseline - 1%"), "gates"),
    ("an invented gate", lambda s: s[P]["gates"].append(INVENTED), "required-gates"),
    ("an invented gate of an unknown metric",
     lambda s: s[P]["gates"].append({"rule": "f1 >= 0.9", "value": 0.99, "required": 0.9}), "gates"),
    ("a removed gate", drop("predicate/gates/1"), "required-gates"),
    ("all gates removed", put("predicate/gates", []), "gates"),
    ("a changed value of a gate", put(f"{GATE}/value", 0.99), "gates"),
    ("a changed metric", all_of(put(f"{RUN}/metrics/acc", 0.99), put(f"{GATE}/value", 0.99)), "metrics"),
    ("an invented metric", put(f"{RUN}/metrics/f1", 0.99), "metrics"),
    ("a dirty tree that is not known", put(f"{RUN}/uncommittedChanges", None), "clean"),
    ("a dirty tree", put(f"{RUN}/uncommittedChanges", True), "clean"),
    ("another job of the repository", lambda s: s[P].update(job=s[P]["job"].replace("/77", "/78")), "job"),
    ("a job of another repository", lambda s: s[P].update(job=s[P]["job"].replace("octo/digits", "eve/digits")), "job"),
    ("no job", drop("predicate/job"), "job"),
    ("a removed candidate", put("predicate/candidates/runs", ["c1"]), "candidates"),
    ("the latest candidate instead of the best",
     all_of(put("predicate/candidates/judge", "latest"), drop("predicate/candidates/by")), "judged"),
    ("no rule that chose", drop("predicate/candidates/by"), "judged"),
    ("a removed candidate and an earlier time",
     all_of(put("predicate/candidates/runs", ["c1"]), put("predicate/evaluatedAt", LONG_AGO)), "candidates"),
    ("an earlier time", put("predicate/evaluatedAt", LONG_AGO), "baselines"),
    ("a removed candidate and a narrower query",
     all_of(put("predicate/candidates/runs", ["c1"]), put("predicate/candidates/query", {"runIds": ["c1"]})), "candidates"),
    ("no candidates", drop("predicate/candidates"), "candidates"),
    ("another candidate", put("predicate/runs", [SECOND]), "judged"),
    ("another way to choose", put("predicate/candidates/by", {"metric": "loss", "direction": "min"}), "judged"),
    ("the other direction", put("predicate/candidates/by/direction", "min"), "judged"),
    ("another run", put(f"{RUN}/id", "b1"), "runs"),
    ("a run that does not exist", put(f"{RUN}/id", "zzz"), "runs"),
    ("another commit of the run", put(f"{RUN}/commit", OTHER), "runs"),
    ("another commit", all_of(put("predicate/commit/sha", OTHER), put(f"{RUN}/commit", OTHER)), "commit"),
    ("another repository", put("predicate/commit/repository", "https://github.com/eve/digits"), "repository"),
    ("a repository whose address ends alike",
     put("predicate/commit/repository", "https://github.com/eve/octo/digits"), "repository"),
    ("a repository in the query of an address",
     put("predicate/commit/repository", "https://evil.example/?/octo/digits"), "repository"),
    ("another pull request", put("predicate/commit/pullRequest", 8), "pull-request"),
    ("no pull request", drop("predicate/commit/pullRequest"), "pull-request"),
    ("another workflow", put("predicate/workflow/uid", "0b5a-2"), "workflow"),
    ("another image",
     all_of(put("predicate/image/digest/sha256", "0" * 64), put("subject/0/digest/sha256", "0" * 64)), "image"),
    ("another name of the image",
     all_of(put("predicate/image/name", "ghcr.io/eve/x"), put("subject/0/name", "ghcr.io/eve/x")), "image"),
    ("no image", all_of(drop("predicate/image"), drop("subject/0")), "image"),
    ("another model", put("predicate/model/digest/wandb", "d2"), "model"),
    ("another version of the model", put("predicate/model/name", "sandbox/digits/digits-model:v1"), "model"),
    ("no model", all_of(drop("predicate/model"), lambda s: s.update(subject=s["subject"][:1])), "model"),
    ("another file", all_of(put(FIRST_FILE, "0" * 64), put("subject/1/digest/sha256", "0" * 64)), "files"),
    ("a file less", all_of(drop("predicate/model/files/0"), drop("subject/1")), "files"),
    ("a file more",
     lambda s: s[P]["model"]["files"].append({"path": "x", "size": 1, "digest": {"sha256": "0" * 64}}), "files"),
    ("another name of a file", put("predicate/model/files/1/path", "weights.pt"), "files"),
    ("no file", put("predicate/model/files", []), "files"),
    ("another subject", put("subject/1/digest/sha256", "0" * 64), "subjects"),
    ("a subject more", lambda s: s["subject"].append({"name": "eve.pt", "digest": {"sha256": "0" * 64}}), "subjects"),
    ("swapped data",
     put(f"{RUN}/datasets", [{"name": "digits:v1", "type": "dataset", "digest": {"wandb": "0000"}}]), "datasets"),
    ("another digest of the data", put(f"{RUN}/datasets/0/digest/wandb", "0000"), "datasets"),
    ("hidden data", put(f"{RUN}/datasets", []), "datasets"),
    ("a removed baseline", all_of(drop(f"{BAR}/0"), put(f"{GATE}/required", 0.9 - 0.009)), "baselines"),
    ("another baseline",
     all_of(put(BAR, [[OLD]]), put(f"{GATE}/required", 0.495), put("predicate/baselines/query/anyOf", [{"tags": ["old"]}])),
     "required-gates"),
    ("a baseline's value", all_of(put(f"{BAR}/0/0/metrics/acc", 0.5), put(f"{GATE}/required", 0.891)), "baselines"),
    ("a baseline's commit", put(f"{BAR}/0/0/commit", SHA), "baselines"),
    ("a candidate as baseline",
     put(f"{BAR}/1/0", {key: SECOND[key] for key in ("id", "url", "commit", "metrics")}), "baselines"),
    ("a baseline's metric that is left out",
     all_of(drop(f"{BAR}/0/0/metrics/acc"), put(f"{GATE}/required", 0.891)), "baselines"),
    ("a metric that is left out", drop(f"{RUN}/metrics/loss"), "metrics"),
    ("another order of the baselines", lambda s: s[P]["baselines"]["groups"].reverse(), "baselines"),
    ("baselines as one group",
     all_of(lambda s: s[P]["baselines"].update(groups=[[run for group in s[P]["baselines"]["groups"] for run in group]]),
            put(f"{GATE}/required", 0.918225)), "baselines"),
    ("a baseline that is called a candidate",
     all_of(*WEAK, put("predicate/candidates/runs", ["c1", "c2", "b1"])), "baselines"),
    ("a removed baseline and an earlier time", all_of(*WEAK, an_hour_ago), "runs"),
    ("another key of the commit", put(f"{CANDIDATES}/commitConfigKey", "nothing"), "candidates"),
    ("no key of the commit", drop(f"{CANDIDATES}/commitConfigKey"), "candidates"),
    ("a limit that leaves a baseline out", all_of(put("predicate/baselines/limit", 1), drop(f"{BAR}/1")), "baselines"),
    ("a lower limit of baselines", all_of(put("predicate/baselines/limit", 0), put(BAR, [])), "gates"),
    ("no baselines", drop("predicate/baselines"), "baselines"),
    ("another server", put("predicate/tracker/server", "https://tracker.evil.example"), "tracker"),
    ("another project", put("predicate/tracker/project", "sandbox/elsewhere"), "project"),
    ("another type of predicate", put("predicateType", "https://slsa.dev/provenance/v1"), ""),
    ("another type of statement", put("_type", "https://in-toto.io/Statement/v0.1"), ""),
    ("an unknown condition", put("predicate/candidates/query", {"commit": SHA, "archived": True}), ""),
    ("a run named twice as a candidate", put("predicate/candidates/runs", ["c1", "c1"]), ""),
    ("a value that is no number", put(f"{GATE}/required", "0.5"), ""),
    *(("a condition: " + place.split("/")[1] + f", {name}: {value}", put(f"{place}/{name}", value), place.split("/")[1])
      for place, name, value in ODD_CONDITIONS),
]  # fmt: skip


@pytest.mark.parametrize(("change", "check"), [case[1:] for case in TAMPERINGS], ids=[case[0] for case in TAMPERINGS])
def test_a_tampering_is_caught(release: Release, change: Change, check: str) -> None:
    statement = copy.deepcopy(release.statement)
    change(statement)
    assert statement != release.statement
    code, output = release.verify(json.dumps(statement))
    if not check:
        assert code == 2, output
        return
    assert code in (1, 3), output
    (conclusion,) = [line for line in output.splitlines() if line.startswith("✗ policy: ")]
    assert f" {check} (" in conclusion, output


@pytest.mark.parametrize(
    ("key", "twice"),
    [
        ("_type", '"_type": "https://in-toto.io/Statement/v0", '),
        ("predicate", '"predicate": {}, '),
        ("subject", '"subject": [], '),
    ],
    ids=str,
)
def test_a_key_that_stands_twice_is_refused(release: Release, key: str, twice: str) -> None:
    # Two readers could each take another of the two values.
    text = json.dumps(release.statement)
    code, output = release.verify("{" + twice + text[1:])
    assert code == 2, output
    assert f"the key '{key}' twice" in output


def test_a_server_may_be_written_in_another_way(release: Release) -> None:
    """Statements may be older than the name, the port or the slash that the environment has now."""
    statement = copy.deepcopy(release.statement)
    address = statement["predicate"]["tracker"]["server"]
    put("predicate/tracker/server", f"{address.upper()}/")(statement)
    code, output = release.verify(json.dumps(statement))
    assert code == 0, output


def test_a_later_candidate_and_a_later_baseline_change_nothing(release: Release) -> None:
    runs = release.step.server.store.project("sandbox", "digits").runs
    later = {"age": -60, "heartbeat": None}
    release.step.candidate("c9", commit=SHA, summary={"acc": 1.0, "loss": 0.0}, **later)
    release.step.baseline("b9", commit=OTHER, tags=["production"], summary={"acc": 0.99, "loss": 0.0}, **later)
    try:
        code, output = release.verify(json.dumps(release.statement))
        assert code == 0, output
    finally:
        del runs["c9"], runs["b9"]


def test_a_dirty_tree_that_the_statement_hides_is_caught(release: Release) -> None:
    store = release.step.server.store
    run = store.project("sandbox", "digits").runs["c1"]
    run.files["diff.patch"] = store.new_blob()
    store.blobs[run.files["diff.patch"]] = b"--- a/train.py"
    try:
        code, output = release.verify(json.dumps(release.statement))
        assert code == 1, output
        assert "✗ run c1: its source tree had uncommitted changes, the statement says that it had none" in output
        assert "do not hold: clean (✗)" in output
    finally:
        del run.files["diff.patch"]


def test_a_file_that_was_changed_in_the_storage_is_refused(release: Release) -> None:
    store = release.step.server.store
    (artifact,) = store.project("sandbox", "digits").collections["digits-model"].versions
    blob, content = artifact.files["model.pt"], store.blobs[artifact.files["model.pt"]]
    store.blobs[blob] = content[::-1]
    try:
        code, output = release.verify(json.dumps(release.statement))
        assert code == 3, output
        assert "bytes with another MD5 for 'model.pt'" in output
    finally:
        store.blobs[blob] = content


def test_without_pins_and_policy_what_a_forger_chose_is_left_open(release: Release) -> None:
    code, output = release.verify(json.dumps(release.statement), policy="subjects,runs,metrics,gates", pinned=False)
    assert code == 0, output
    assert "– commit: " in output
    assert "– files: not read, since the policy does not ask for them" in output
    code, output = release.verify(json.dumps(release.statement), policy="commit,runs", pinned=False)
    assert code == 1
    assert "✗ policy: 1 of 2 required checks do not hold: commit (–)" in output


SCENES: list[tuple[str, dict[str, str], str]] = [
    ("best of the baselines", {"gates": "acc >= baseline.best - 1%"}, "0.95 against 0.94545"),
    ("mean of the baselines", {"gates": "acc >= baseline.mean"}, "0.95 against 0.9275"),
    ("latest of the baselines", {"gates": "acc >= baseline.latest - 0.01"}, "0.95 against 0.945"),
    ("each candidate", {"gates": "acc >= 0.9", "judge": "all"}, "0.95 against 0.9"),
    ("the latest candidate", {"gates": "acc >= 0.9", "judge": "latest"}, "0.95 against 0.9"),
    ("groups", {"gates": "acc >= baseline - 3%", "aggregate": "group"}, "0.95 against"),
    (
        "baselines by commit",
        {"gates": "acc >= baseline - 1%", "baseline_tags": "", "baseline_sha": OTHER},
        "0.95 against 0.94545",
    ),
    ("one run", {"gates": "acc >= 0.9", "run_id": "c1"}, "0.95 against 0.9"),
]


@pytest.mark.parametrize(("given", "line"), [scene[1:] for scene in SCENES], ids=[scene[0] for scene in SCENES])
def test_what_the_action_writes_is_verified(release: Release, given: dict[str, str], line: str) -> None:
    inputs = {
        "sha": SHA, "metrics": "acc:max, loss", "baseline_tags": "production", "statement": "true",
        "image": release.images.of(SHA), **given,
    }  # fmt: skip
    assert release.step.run(**inputs) == 0, release.step.log
    text = (release.step.workspace / "wandb_statement.json").read_text()
    by_id = "run_id" in given
    wanted = f"subjects,image,tracker,clean,metrics,datasets,{'' if by_id else 'judged,'}baselines,gates,model,files"
    code, output = release.verify(text, policy=wanted, pinned=False)
    assert code == 0, output
    assert line in output
    # A run that was chosen by its id says nothing of the other candidates.
    assert ("– candidates: the stated query leaves out c2" in output) == by_id, output


def test_the_limit_of_baselines_is_the_policys(release: Release, tmp_path: Path) -> None:
    rules, statement = tmp_path / "limit.yml", copy.deepcopy(release.statement)
    rules.write_text("checks: [baselines]\nmax-baselines: 10\n")
    assert release.verify(json.dumps(statement), policy=str(rules), pinned=False)[0] == 0
    all_of(put("predicate/baselines/limit", 1), put(f"{BASELINES}/stopAfter", 1), drop(f"{BAR}/1"))(statement)
    code, output = release.verify(json.dumps(statement), policy=str(rules), pinned=False)
    assert code == 1
    assert "✗ required-gates: at most 1 baselines were selected, not at most 10" in output
    rules.write_text("checks: [baselines]\nmax-baselines: 1\n")
    code, output = release.verify(json.dumps(statement), policy=str(rules), pinned=False)
    assert code == 0, output


HIDDEN: list[tuple[str, dict[str, Any], str]] = [
    ("it is of the commit by the beginning of its name in the config", {"config": {"github_sha": SHA[:10]}}, "omits c2"),
    ("it was started after the time that a forger states", {"age": 1}, "says that c1 ended before"),
]


@pytest.mark.parametrize(("hidden", "says"), [case[1:] for case in HIDDEN], ids=[case[0] for case in HIDDEN])
def test_a_hidden_candidate_is_found(step: WandbStep, hidden: dict[str, Any], says: str) -> None:
    now = datetime.now(UTC)
    step.candidate("c1", commit=SHA, age=60, summary={"acc": 0.95, "_timestamp": now.timestamp() - 120})
    step.candidate("c2", commit=SHA, **{"age": 50, "summary": {"acc": 0.99}, **hidden})
    image = f"ghcr.io/acme/digits@sha256:{'0' * 64}"
    given = {"gates": "acc >= 0.9", "statement": "true", "image": image, "judge": "latest"}
    assert step.run(sha=SHA, **given) == 0, step.log
    statement = json.loads((step.workspace / step.outputs()["statement"]).read_text())
    assert set(statement[P]["candidates"]["runs"]) == {"c1", "c2"}
    # What a forger changes: another run was judged, and the better one did not exist.
    run: Json = {"id": "c1", "url": "", "commit": SHA, "uncommittedChanges": None, "metrics": {"acc": 0.95}, "datasets": []}
    statement[P]["runs"], statement[P]["candidates"]["runs"] = [run], ["c1"]
    statement[P]["gates"] = [{"rule": "acc >= 0.9", "value": 0.95, "required": 0.9}]
    if "age" in hidden:
        statement[P]["evaluatedAt"] = (now - timedelta(minutes=30)).isoformat(timespec="seconds")
    file, out = step.workspace / "forged.json", io.StringIO()
    file.write_text(json.dumps(statement))
    environ = {"HOME": str(step.workspace), "WANDB_API_KEY": step.server.api_key, "WANDB_BASE_URL": step.wandb.url}
    assert command.main(file, Pins(), environ, out, policy="candidates,judged") == 1
    assert says in out.getvalue(), out.getvalue()


# The checks that are not about a pinned value, or about what the policy names.
BY_COMMIT = "subjects,image,tracker,runs,clean,metrics,datasets,candidates,judged,baselines,gates,model,files"


@pytest.mark.parametrize("mode", ["merge-base", "previous"])
def test_baselines_of_a_commit_are_verified_from_end_to_end(
    step: WandbStep, release: Release, tmp_path: Path, mode: str
) -> None:
    """The same runs, with the baselines of the commit where the branch left main: three, one of them without the tag."""
    log(step)
    step.github.repositories.clear()
    repository = step.github.repository("octo/digits")
    repository.push("main", by="ada", sha=OTHER)
    pull = repository.open_pull_request(by="ada", head="topic", sha=SHA)
    rights = {"contents": "read", "pull-requests": "write", "checks": "write"}
    step.environ["INPUT_GITHUB-TOKEN"] = step.github.workflow_token(repository, rights).value
    made = write_statement(step, release.images, tmp_path, baseline=mode, baseline_tags="", pr_number=str(pull.number))
    baselines = made.statement["predicate"]["baselines"]
    assert baselines["query"]["commits"][0] == OTHER
    assert [run["id"] for group in baselines["groups"] for run in group] == ["b1", "b2", "b3"]
    code, output = made.verify(json.dumps(made.statement), policy=BY_COMMIT, pinned=False)
    assert code == 0, output
    assert "✓ baselines: the tracker selects the 3 that the statement names" in output
    rules, checks = tmp_path / "commit.yml", f"checks: [{BY_COMMIT.replace(',', ', ')}]\n"
    for text, expected in (
        (f"baseline-sha: {OTHER}", 0),
        (f"baseline-sha: {'c' * 40}", 1),
        ("baseline-tags: [production]", 1),
    ):
        rules.write_text(checks + text)
        code, output = made.verify(json.dumps(made.statement), policy=str(rules), pinned=False)
        assert code == expected, output
        assert f"{'✗' if expected else '✓'} required-gates: baselines were selected by {OTHER}" in output
    del baselines["groups"][-1]
    code, output = made.verify(json.dumps(made.statement), policy=BY_COMMIT, pinned=False)
    assert code == 1, output
    assert "– baselines: the tracker also selects b3 now" in output
