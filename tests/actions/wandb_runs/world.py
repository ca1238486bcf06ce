"""One step of wandb-runs between the two stand-ins: what is logged, who asks, what comes of it."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from mlops_sandbox.github import GitHubServer, PullRequest, Repository
from mlops_sandbox.wandb import WandbServer
from tests.support.forking import Forker
from tests.support.wandb import Served

SHA, OTHER = "a" * 40, "b" * 40
NOW = datetime.now(UTC)


@dataclass
class World:
    """Both stand-ins, a workspace, and the runner's environment of one step."""

    wandb: Served
    github: GitHubServer
    repository: Repository
    pull: PullRequest
    workspace: Path
    forker: Forker
    environ: dict[str, str] = field(default_factory=dict)
    log: str = ""

    @classmethod
    def begin(cls, served: Served, github: GitHubServer, forker: Forker, tmp_path: Path, *, keep: bool = False) -> Self:
        """Set both stand-ins back (with `keep` not what was logged), and open a pull request whose head is `SHA`."""
        if not keep:
            served.server.clear()
        github.repositories.clear()
        github.exchanges.clear()
        repository = github.repository("octo/digits")
        pull = repository.open_pull_request(by="ada", sha=SHA)
        workspace = tmp_path / "workspace"
        workspace.mkdir()
        event = tmp_path / "event.json"
        event.write_text("{}")
        token = github.workflow_token(repository, {"pull-requests": "write", "checks": "write"})
        environ = {
            "INPUT_PROJECT": "sandbox/digits",
            "INPUT_API-KEY": served.server.api_key,
            "INPUT_BASE-URL": served.url,
            "INPUT_GITHUB-TOKEN": token.value,
            "GITHUB_REPOSITORY": "octo/digits",
            "GITHUB_API_URL": github.api_url,
            "GITHUB_SERVER_URL": github.origin,
            "GITHUB_WORKSPACE": str(workspace),
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_RUN_ID": "77",
            "GITHUB_OUTPUT": str(tmp_path / "file_output"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "file_summary"),
        }
        return cls(served, github, repository, pull, workspace, forker, environ)

    @property
    def server(self) -> WandbServer:
        return self.wandb.server

    def run(self, **inputs: Any) -> int:
        """Run the action as a process; a name's `_` stands for `-`, and in capitals it is a legacy name as it is."""
        for path in self.workspace.parent.glob("file_*"):
            path.unlink()
        given = {
            "INPUT_" + (name if name.isupper() else name.upper().replace("_", "-")): str(value)
            for name, value in inputs.items()
        }
        log = self.workspace.parent / "log"
        code = self.forker.run(["wandb-runs"], {**self.environ, **given}, log, folder=self.workspace)
        self.log = log.read_text()
        return code

    def outputs(self) -> dict[str, str]:
        """Read the outputs as the runner does: `name<<delimiter`, lines, the delimiter."""
        path = self.workspace.parent / "file_output"
        text = path.read_text() if path.exists() else ""
        return {found[1]: found[3] for found in re.finditer(r"(?ms)^(\S+)<<(\S+)\n(.*?)\n\2$", text)}

    def summary(self) -> str:
        return (self.workspace.parent / "file_summary").read_text().replace("\u00a0", " ")

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
        """Log a run that is `age` minutes old and was heard of just now."""
        heard = datetime.now(UTC)  # not NOW: after some minutes of other tests a run that went on would count as crashed
        given = {"summary": {"acc": 0.9}, "created": NOW - timedelta(minutes=age), "heartbeat": heard, **more}
        given["config"] = {**claimed, **more.get("config", {})}
        return self.server.store.add_run("sandbox", "digits", name=name, **given)
