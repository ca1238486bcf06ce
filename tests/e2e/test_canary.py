"""The canary's workflow files under act, with the sandbox's GitHub as their API: what act can show, and what it cannot."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from canary.assumptions import ASSUMPTIONS
from canary.probes import POST_STEPS_CHECK
from mlops_sandbox.github import GitHubServer, PullRequest, Repository
from tests.e2e.act import SUITE, Act, WorkflowRun
from tests.e2e.docker_daemon import Docker
from tests.support.git import commit

ROOT = Path(__file__).parents[2]
WORKFLOWS = ".github/workflows"
NAME = "octo-org/suite"
LOGIN = "canary-owner"
RUN = "4711"
PERMISSIONS = {"contents": "read", "pull-requests": "write", "issues": "write", "checks": "write"}
# Their commands start runs of other workflow files: act runs the file that it is given, and no other.
LEFT_OUT = {"queue-single", "queue-max", "post-steps", "reference"}
# By the assumption's key; what is missing cannot be seen under act.
SEEN = {
    "known-label": ("✅ holds", "`200`"),
    "new-label-refused": ("❌ false", "`200`"),  # act gives each job the same token, whatever its permissions
    "new-label": ("✅ holds", "`200`"),
    "check-run": ("✅ holds", "`[201, 200]`"),
    "details-url": ("✅ holds", "`replaced`"),
    "activity": ("✅ holds", "`0.0`"),
    "masked-output": ("❌ false", '`{"a":1}`'),  # act drops no output
    "plain-output": ("✅ holds", "`plain`"),
    "output-size": ("✅ holds", "`whole`"),
    "closed-head": ("✅ holds", "`kept`"),
}


@dataclass
class World:
    """A repository with the canary's files, on the sandbox's GitHub and in the folder `origin`."""

    github: GitHubServer
    origin: Path
    repository: Repository = field(init=False)

    def __post_init__(self) -> None:
        tools = self.origin / "tools" / "canary"
        shutil.copytree(ROOT / "tools" / "canary", tools, ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", str(self.origin)], check=True)
        self.repository = self.github.repository(NAME, sha=commit(self.origin, {"README.md": "The suite.\n"}, "Add tools"))
        self.repository.collaborator(LOGIN, "admin")

    def run(self, act: Act, text: str, event_name: str, event: Mapping[str, Any]) -> WorkflowRun:
        """Run a workflow file of this text; all its jobs have one token with the permissions of all."""
        path = f"{WORKFLOWS}/canary-under-act.yml"
        commit(self.origin, {path: text}, "Change the workflow")
        return act.run(
            self.origin,
            path,
            event_name=event_name,
            event=event,
            repository=NAME,
            actor=LOGIN,
            env={
                "GITHUB_API_URL": self.github.api_url,
                "GITHUB_SERVER_URL": self.github.origin,
                "GITHUB_RUN_ID": RUN,
            },
            secrets={
                "GITHUB_TOKEN": self.github.workflow_token(self.repository, PERMISSIONS).value,
                "CANARY_TOKEN": self.github.user_token(LOGIN).value,
            },
            variables={"CANARY_LOGIN": LOGIN},
        )

    def pull(self) -> PullRequest:
        """Open the pull request that commands are given on."""
        opened = self.repository.open_pull_request(by=LOGIN)
        self.github.clock.catch_up()
        return opened

    def say(self, act: Act, text: str, body: str, *, pull: PullRequest, by: str = LOGIN) -> WorkflowRun:
        """Comment, and run a workflow file of this text on it."""
        delivery = pull.comment(body, by=by)
        return self.run(act, text, delivery.event, delivery.payload)


@pytest.fixture
def world(github: GitHubServer, tmp_path: Path) -> World:
    return World(github, tmp_path / "origin")


@pytest.fixture
def bare_act(docker: Docker, checkout: Path, tmp_path: Path) -> Act:
    """Runs workflow files that use none of the suite's actions, which would need their images."""
    root = tmp_path / "bare-act"
    root.mkdir()
    return Act(docker, {}, checkout, root, leaves_out_queue=False)


def source(name: str, *changes: tuple[str, str]) -> str:
    """Return the text of a workflow file with each change made; fail where there is nothing to change."""
    text = (ROOT / WORKFLOWS / name).read_text()
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    return text


def without(text: str, left_out: set[str]) -> str:
    """Return a workflow file's text without some of its jobs."""
    document = yaml.safe_load(text)
    document["on"] = document.pop(True)  # what YAML 1.1 reads `on` as
    document["jobs"] = {name: job for name, job in document["jobs"].items() if name not in left_out}
    for job in document["jobs"].values():
        if isinstance(job.get("needs"), list):
            job["needs"] = [name for name in job["needs"] if name not in left_out]
    return str(yaml.safe_dump(document, sort_keys=False))


def test_the_report_shows_what_act_and_the_sandbox_can_show(world: World, bare_act: Act) -> None:
    text = without(source("canary.yml"), LEFT_OUT)
    run = world.run(bare_act, text, "workflow_dispatch", {})
    assert run.exit_code == 0, run.transcript[-5000:]
    assert set(run.jobs.values()) == {"success"}
    rows = [line.split("|")[1:4] for line in run.step("report").summary.splitlines() if line.startswith("| ")][2:]
    seen = {text.strip(): (verdict.strip(), value.strip()) for text, verdict, value in rows}
    # The stand-in's activity is there at once, give or take the machine's load.
    activity = next(one.text for one in ASSUMPTIONS if one.key == "activity")
    assert float(seen[activity][1].strip("`")) < 60
    seen[activity] = (seen[activity][0], "`0.0`")
    assert seen == {one.text: SEEN.get(one.key, ("➖ not seen", "")) for one in ASSUMPTIONS}
    assert [pull.state for pull in world.repository.pulls] == ["closed"]
    assert world.repository.branches.keys() == {"main"}


def test_act_refuses_a_file_with_a_queue(world: World, bare_act: Act) -> None:
    run = world.say(bare_act, source("canary-queue.yml"), f"/queue-max {RUN} 1", pull=world.pull())
    assert run.exit_code == 1
    assert run.steps == {}
    assert "Unknown Property queue" in run.transcript


@pytest.mark.parametrize(
    ("by", "body", "worked"),
    [(LOGIN, f"/queue-max {RUN} 1", True), (LOGIN, "Looks good to me.", False), ("stranger", f"/queue-max {RUN} 1", False)],
)
def test_without_the_queue_the_command_works_for_the_canary_alone(
    world: World, bare_act: Act, by: str, body: str, worked: bool
) -> None:
    text = source("canary-queue.yml", ("      queue: max\n", ""), ("sleep 60", "sleep 0"))
    run = world.say(bare_act, text, body, pull=world.pull(), by=by)
    assert run.exit_code == 0, run.transcript
    assert run.jobs == ({"queue-max": "success"} if worked else {})


def test_act_refuses_a_step_that_names_its_own_repository(world: World, bare_act: Act) -> None:
    run = world.say(bare_act, source("canary-reference.yml"), f"/reference {RUN} 1", pull=world.pull())
    assert (run.exit_code, run.jobs) == (1, {"reference": "failure"})
    assert "Actual '$/actions/chatops'" in run.transcript


def test_with_the_repository_written_out_the_command_is_read(world: World, act: Act) -> None:
    text = source("canary-reference.yml", ("$/actions/chatops", f"{SUITE}/actions/chatops@v1"))
    run = world.say(act, text, f"/reference {RUN} 1", pull=world.pull())
    assert run.exit_code == 0, run.transcript
    assert run.step("command").outputs["command"] == "reference"


def test_under_act_the_post_step_of_a_composite_action_concludes_nothing(world: World, act: Act) -> None:
    """Its post stage has no state: it does not know of the check run."""
    text = source("canary-command.yml", ("uses: ./", f"uses: {SUITE}@v1"))
    run = world.say(act, text, f"/post-steps {RUN} 1", pull=world.pull())
    assert run.exit_code == 0, run.transcript
    assert run.step("command").outputs["chatops-command"] == "post-steps"
    (check,) = world.repository.check_runs.values()
    assert (check.name, check.status) == (POST_STEPS_CHECK, "in_progress")
