"""`mlops-actions demo` from beginning to end, as a process, with local processes in the place of containers."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mlops_sandbox import demo as demo_command
from mlops_sandbox.demo import repository
from mlops_sandbox.demo.story import APPROVED_COMMAND, COMMAND, MISSPELLED, SECOND_COMMAND
from tests.support import demo

pytestmark = pytest.mark.timeout(630)

_STEERING = ("/status", "/stop", "/retry", "/approve")
# What no log, page or file may show: tokens of the GitHub stand-in, and the heads of its authorisation.
SECRET = re.compile(r"gh[sp]_[0-9a-f]{36}")


class Opened(HTMLParser):
    """Collects what a page loads when it is opened, its ids, and where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        loads = {"script": "src", "img": "src", "iframe": "src", "link": "href"}.get(tag)
        for name, value in attrs:
            if name == loads and value and not value.startswith("data:"):
                self.addresses.append(value)
            elif name == "id" and value:
                self.ids.append(value)
            elif name == "href" and tag == "a" and value:
                self.links.append(value)


@dataclass(frozen=True)
class Played:
    """A demo that has ended."""

    exit_code: int
    output: str
    directory: Path

    def read(self, name: str) -> str:
        return (self.directory / name).read_text(encoding="utf-8")

    @property
    def outputs(self) -> dict[str, dict[str, str] | None]:
        outputs: dict[str, dict[str, str] | None] = json.loads(self.read("outputs.json"))
        return outputs

    def of(self, action: str) -> dict[str, str]:
        outputs = self.outputs[action]
        assert outputs is not None
        return outputs


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    directory = tmp_path_factory.mktemp("demo")
    done = demo.play(directory / "output")
    return Played(done.returncode, done.stdout, directory / "output")


def test_the_demo_succeeds_and_says_that_there_are_no_containers(played: Played) -> None:
    assert played.exit_code == 0, played.output
    assert re.search(r"Without containers \((no Docker daemon answers|there is no docker command)\)", played.output)


def test_doctor_finds_nothing_that_fails(played: Played) -> None:
    last = played.output.rpartition("mlops-actions doctor asks")[2]
    assert re.search(r"of [0-9]+ checks nothing fails", last)
    assert {row.split()[-1] for row in re.findall(r"^ +(?:GitHub|Registry|Cluster|W&B|Runner) .*", last, re.MULTILINE)} == {
        "0"
    }
    assert "✗" not in last


def test_the_demo_ends_with_its_figures_and_the_address_of_its_page(played: Played) -> None:
    figures, page = played.output.rstrip().splitlines()[-2:]
    assert "from the first push to the last check" in played.output.rpartition("Open this page")[2]
    assert figures
    assert page.strip() == f"✓ {played.directory / 'index.html'} ({(played.directory / 'index.html').as_uri()})"


def test_verify_confirms_the_statement_of_the_deployed_model(played: Played) -> None:
    statement = json.loads(played.read("wandb_statement.json"))
    assert statement["predicate"]["commit"]["sha"] == played.of("chatops")["sha"]
    verified = played.output.rpartition("$ mlops-actions verify")[2]
    assert re.search(r"✓ candidates: the tracker has these 4 runs of the commit", verified)
    assert re.search(r"✓ policy: all [0-9]+ required checks hold", verified)


def test_gates_refuse_to_deploy_a_weak_run(played: Played) -> None:
    transcript = played.read("pr.md").replace("\u00a0", " ")
    assert len(re.findall(r"^> /deploy \w+$", transcript, re.MULTILINE)) == 2
    assert "gates failed: nothing is promoted" in played.output
    assert "`production`: Active" in transcript


def test_the_page_tells_the_whole_story(played: Played) -> None:
    page = Opened()
    page.feed(played.read("index.html"))
    page.close()
    sections = ["short", "pull-request", "states", "workflow", "image", "provenance", "doctor", "next"]
    assert [name for name in page.ids if name in sections] == sections
    assert page.addresses == [], "it loads nothing"
    files = {link for link in page.links if not link.startswith("#")}
    assert {"pr.html", "outputs.json", "wandb_statement.json", "logs/train.log", "logs/refused-3.log"} <= files
    assert [name for name in files if not (played.directory / name).is_file()] == [], "each link leads somewhere"
    assert [link for link in page.links if link.startswith("#") and link[1:] not in page.ids] == []


def test_every_actions_outputs_are_written_and_flow_from_one_to_the_next(played: Played) -> None:
    assert list(played.outputs) == ["chatops", "docker-publish", "argo-submit", "wandb-runs"]
    chatops, workflow, report = played.of("chatops"), played.of("argo-submit"), played.of("wandb-runs")
    assert json.loads(chatops["params"]) == {"lr": 0.003, "epochs": 20, "approval": True}
    assert played.outputs["docker-publish"] is None
    assert workflow["phase"] == "Succeeded"
    assert json.loads(workflow["outputs"])["test-accuracy"]
    assert (report["num-candidates"], report["num-finished"], report["complete"]) == ("2", "2", "true")
    assert (report["verified"], report["same-data"], report["gate"]) == ("true", "true", "passed")
    assert int(report["num-baselines"]) == 2


def test_the_table_compares_candidates_with_baselines_and_shows_their_commits(played: Played) -> None:
    rows = list(csv.DictReader(played.read("wandb_report.csv").splitlines()))
    by_kind = {kind: [row for row in rows if row["__eval.category"] == kind] for kind in ("candidate", "baseline")}
    assert {row["github_sha"] for row in by_kind["candidate"]} == {played.of("chatops")["sha"]}
    assert {row["github_sha"] for row in by_kind["baseline"]} == {played.of("chatops")["base-sha"]}
    # Training is real: twice the epochs, thrice the rate and four times the units tell on the hold-out set.
    worst = min(float(row["test_accuracy"]) for row in by_kind["candidate"])
    assert worst > max(float(row["test_accuracy"]) for row in by_kind["baseline"])
    assert worst > 0.9


def test_the_pull_request_shows_the_commands_the_refusals_and_the_report(played: Played) -> None:
    transcript = played.read("pr.md")
    assert COMMAND in transcript
    assert MISSPELLED in transcript
    assert "learning-rate" in transcript
    for run in json.loads(played.of("wandb-runs")["result"]).get("candidates", []):
        assert run["id"] in transcript
    assert played.of("argo-submit")["workflow-name"] in played.output


def test_a_training_is_stopped_given_again_and_approved_while_another_one_waits(played: Played) -> None:
    transcript = played.read("pr.md").replace("\u00a0", " ")
    lines = [line.removeprefix("> ") for line in transcript.splitlines()]
    commands = [line for line in lines if line in (*_STEERING, COMMAND, APPROVED_COMMAND, SECOND_COMMAND)]
    assert commands == [COMMAND, APPROVED_COMMAND, "/status", "/stop", "/retry", SECOND_COMMAND, "/status", "/approve"]
    assert transcript.count("runs \\(job Train\\)") == 2, "at each /status"
    assert transcript.count("waits in the queue \\(job Train\\)") == 1
    assert "its run was cancelled" in re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", transcript)
    assert transcript.count("commented, marked as outdated") == 3, (
        "of the one that was stopped, of the one before the last, and of the deployment that was refused"
    )
    assert transcript.count("**`/train` succeeded**") == 1
    assert "**`/approve` succeeded**" in transcript


def test_the_report_is_complete(played: Played) -> None:
    transcript, report = played.read("pr.md"), json.loads(played.of("wandb-runs")["result"])
    assert all(gate["passed"] for gate in report["gate-results"])
    assert "xychart-beta" in transcript
    assert "recorded by W&B for all 4 candidates" in transcript, "two of each training"
    assert "the same for all runs" in transcript
    assert [data["name"] for data in report["data"]["candidates"]] == ["digits"]
    assert "check 'metrics': success" in played.output


def test_the_best_runs_model_is_deployed_and_the_pull_request_shows_it(played: Played) -> None:
    transcript, best = played.read("pr.md").replace("\u00a0", " "), played.of("wandb-runs")["best-run-id"]
    assert f"/deploy {best}" in transcript
    assert f"All 2 gates passed for run `{best}`" in transcript
    assert re.search(r"\*\*Promoted:\*\* `digits-model:v\d+` is now `production`", transcript)
    assert "🚀 `production`: Active" in transcript
    assert "environment 'production': Active" in played.output


def test_the_page_needs_no_other_file_and_no_network(played: Played) -> None:
    page = Opened()
    page.feed(played.read("pr.html"))
    page.close()
    assert page.addresses == []
    assert COMMAND in played.read("pr.html")


def test_no_result_contains_a_secret(played: Played) -> None:
    assert not SECRET.search(played.output)
    for path in played.directory.rglob("*"):
        assert path.is_dir() or not SECRET.search(path.read_text(encoding="utf-8"))


def test_a_training_that_fails_fails_the_demo_and_shows_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "digits"
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    subprocess.run(["cp", "-r", str(repository.EXAMPLE), str(broken)], check=True)
    (broken / "preprocess.py").write_text("raise SystemExit('the data has moved')\n")
    monkeypatch.setattr(repository, "EXAMPLE", broken)

    assert demo_command.run(tmp_path / "output") == 1

    output = capsys.readouterr().out
    assert "the data has moved" in output
    assert "The demo failed: the run baseline ended with failure" in output


def test_outside_of_a_checkout_the_error_says_where_to_run_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.setattr(repository, "EXAMPLE", tmp_path / "nowhere")
    assert demo_command.run(tmp_path / "output") == 1
    assert "is missing: run the demo from a checkout of the suite" in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_demo_with_exit_code_130_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    private = tmp_path / "private"
    private.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "mlops_actions", "demo", "--output", str(tmp_path / "output")],
        env={**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock", "TMPDIR": str(private)},
        stdout=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "── Run the workflow on the cluster" in line:
                break
        demo.send_signal(number)
        rest = demo.stdout.read()
    assert demo.returncode == 130, rest
    assert "Interrupted." in rest
    assert list(private.iterdir()) == []
