"""A workflow written for wandb-action, and the scripts that read its report, with nothing but `uses:` replaced."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from mlops_sandbox.github import GitHubServer, PullRequest
from mlops_sandbox.host import Host
from mlops_sandbox.wandb import WandbServer
from tests.e2e.act import Act
from tests.e2e.dropin import HERE, OldRepository

FILES = {f"ci/{name}": (HERE / name).read_text() for name in ("called_back.py", "results.py")}
BASELINES = 12
COLUMNS = (
    "run.url,run.name,run.tags,run.id,run.entity,run.project,github_sha,run.description,"
    "accuracy,loss,best_val_acc,_runtime,_secondary_sha,_frozen,__eval.category"
)


@dataclass
class TrackedRepository:
    """The old repository, the pull request of the trained commit, and the file that its workflow keeps."""

    old: OldRepository
    pull: PullRequest
    kept_csv: Path


@pytest.fixture
def repository_with_runs(act: Act, tmp_path: Path) -> Iterator[TrackedRepository]:
    old = OldRepository.make(act, tmp_path / "origin", ["wandb-action"], FILES)
    github, wandb = GitHubServer(), WandbServer()
    with github.serve(), Host(wandb.app) as tracker:
        repository = github.repository(old.name, sha=old.head)
        pull = repository.open_pull_request(by="maintainer", head="schedule", sha="a" * 40)
        pull.label("Full Test Pending", by="maintainer")
        fill(wandb, pull.head_sha)
        old.env |= {"GITHUB_API_URL": github.api_url, "GITHUB_SERVER_URL": github.origin, "WANDB_BASE_URL": tracker.url}
        old.secrets |= {
            "GITHUB_TOKEN": github.workflow_token(repository, "write-all").value,
            "WANDB_API_KEY": wandb.api_key,
            "WANDB_ENTITY": "sandbox",
            "WANDB_PROJECT": "digits",
        }
        kept_csv = tmp_path / "kept_csv.csv"
        old.env["ARTIFACTS"] = str(kept_csv)
        yield TrackedRepository(old, pull, kept_csv)


def fill(wandb: WandbServer, sha: str) -> None:
    """Log two finished candidates, one with the baselines' tag, a crashed one, and more than ten baselines."""
    now = wandb.store.now()
    for number, tags in ((1, ["test"]), (2, ["baseline", "test"])):
        wandb.store.add_run(
            "sandbox", "digits",
            name=f"candidate-{number}", created=now - timedelta(minutes=number), tags=tags,
            config={"github_sha": sha, "secondary_sha": f"data-{number}", "frozen": number == 1},
            summary={"accuracy": 0.9 + number / 1000, "loss": 0.1234567, "_runtime": 61.5},
        )  # fmt: skip
    wandb.store.add_run("sandbox", "digits", name="lost", state="crashed", config={"github_sha": sha})
    for number in range(BASELINES):
        wandb.store.add_run(
            "sandbox", "digits",
            name=f"baseline-{number}", created=now - timedelta(days=number + 1),
            tags=["reference"] if number == 0 else ["baseline"],
            config={"github_sha": "b" * 40}, summary={"accuracy": 0.8, "loss": 0.5, "best_val_acc": 1},
        )  # fmt: skip


def test_report_and_outputs_are_those_of_the_replaced_action(repository_with_runs: TrackedRepository) -> None:
    callback = {
        "sha": repository_with_runs.pull.head_sha,
        "pr_num": repository_with_runs.pull.number,
        "conclusion": "success",
    }
    run = repository_with_runs.old.run(
        "wandb-action", "repository_dispatch", {"action": str(callback), "client_payload": {}}
    )
    for step in ("wandb", "told", "narrowed", "single", "held"):
        assert run.step(step).outcome == "success", run.transcript
    assert repository_with_runs.pull.label_names == ["Full Test Complete"]
    (table,) = (comment.body for comment in repository_with_runs.pull.comments)
    rows = table.splitlines()[4:]
    assert len(rows) == 2 + BASELINES
    assert rows[0].startswith("| **candidate** | **[candidate-1](")
    assert rows[0].endswith("| **test** | **aaaaaaa** | **0.901** | **0.123** | **yes** |")
    assert rows[1].endswith("| **baseline+test** | **aaaaaaa** | **0.902** | **0.123** | **no** |")
    assert rows[2].startswith("| baseline | [baseline-0](")
    assert rows[2].endswith("| reference | bbbbbbb | 0.8 | 0.5 | no |")

    text = repository_with_runs.kept_csv.read_text()
    assert text.splitlines()[0] == COLUMNS
    first, *_ = csv.DictReader(io.StringIO(text))
    assert first["run.tags"] == "['test']"
    assert (first["accuracy"], first["best_val_acc"], first["_runtime"]) == ("0.901", "", "61.5")
    assert (first["_secondary_sha"], first["_frozen"]) == ("data-1", "True")
