"""A step of wandb-runs on the stand-ins for W&B and GitHub: the logged runs, the inputs, and the record of the step."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from mlops_sandbox.github import GitHubServer, PullRequest, Repository
from mlops_sandbox.runner.environment import input_variable
from mlops_sandbox.wandb import WandbServer
from tests.support.forking import Forker
from tests.support.step import LocalRunner, Step, StepRecord
from tests.support.wandb import WandbHost

SHA, OTHER = "a" * 40, "b" * 40
NOW = datetime.now(UTC)


@dataclass
class WandbStep:
    """Both stand-ins, a workspace, and the environment of one step."""

    wandb: WandbHost
    github: GitHubServer
    repository: Repository
    pull: PullRequest
    forker: Forker
    runner: LocalRunner
    environ: dict[str, str] = field(default_factory=dict)
    log: str = ""

    @classmethod
    def begin(
        cls, wandb_host: WandbHost, github: GitHubServer, forker: Forker, tmp_path: Path, *, keep: bool = False
    ) -> Self:
        """Reset both stand-ins (`keep` keeps the logged runs), and open a pull request whose head is `SHA`."""
        if not keep:
            wandb_host.server.clear()
        github.repositories.clear()
        github.exchanges.clear()
        repository = github.repository("octo/digits")
        pull = repository.open_pull_request(by="ada", sha=SHA)
        token = github.workflow_token(repository, {"pull-requests": "write", "checks": "write"})
        runner = LocalRunner(tmp_path, "octo/digits")
        environ = {
            **runner.variables(),
            "INPUT_PROJECT": "sandbox/digits",
            "INPUT_API-KEY": wandb_host.server.api_key,
            "INPUT_BASE-URL": wandb_host.url,
            "INPUT_GITHUB-TOKEN": token.value,
            "GITHUB_API_URL": github.api_url,
            "GITHUB_SERVER_URL": github.origin,
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_RUN_ID": "77",
        }
        return cls(wandb_host, github, repository, pull, forker, runner, environ)

    @property
    def server(self) -> WandbServer:
        return self.wandb.server

    @property
    def workspace(self) -> Path:
        return self.runner.workspace

    def run(self, **inputs: Any) -> int:
        """Run the action as a process; a name's `_` stands for `-`, and in capitals it is a legacy name as it is."""
        given = {name if name.isupper() else name.replace("_", "-"): str(value) for name, value in inputs.items()}
        event_name = self.environ["GITHUB_EVENT_NAME"]
        # An input of the call replaces the one of the environment, whose names are variables already.
        variables = {input_variable(name): value for name, value in given.items()}
        step = Step("wandb-runs", event_name=event_name, environ={**self.environ, **variables})
        record = self.runner.run(step, self.forker.run)
        self.log = record.log
        return record.exit_code

    @property
    def record(self) -> StepRecord:
        """What the last stage left; its exit code is not known here."""
        return self.runner.record("wandb-runs", 0, self.log)

    def outputs(self) -> Mapping[str, str]:
        return self.record.outputs

    def summary(self) -> str:
        return self.record.summary.replace("\u00a0", " ")

    def comments(self) -> list[str]:
        return [comment.body.replace("\u00a0", " ") for comment in self.pull.comments]

    def rows(self) -> list[dict[str, str]]:
        with (self.workspace / "wandb_report.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def candidate(self, name: str = "c1", **more: Any) -> Any:
        return self._run(name, {"github_sha": SHA, "lr": 0.1}, **more)

    def baseline(self, name: str = "b1", **more: Any) -> Any:
        return self._run(name, {"github_sha": OTHER, "lr": 0.2}, **{"tags": ["baseline"], **more})

    def _run(self, name: str, claimed: dict[str, Any], *, age: int = 0, **more: Any) -> Any:
        """Log a run that is `age` minutes old and was heard of two minutes ago."""
        # Not NOW: after some minutes of other tests a run that went on would count as crashed. Not just now: the action
        # would wait for metrics that its summary lacks.
        heard = datetime.now(UTC) - timedelta(minutes=2)
        given = {"summary": {"acc": 0.9}, "created": NOW - timedelta(minutes=age), "heartbeat": heard, **more}
        given["config"] = {**claimed, **more.get("config", {})}
        return self.server.store.add_run("sandbox", "digits", name=name, **given)
