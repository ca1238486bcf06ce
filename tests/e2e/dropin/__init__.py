"""Workflow files as users of the replaced actions have them, and a repository of such a user for act to run them in.

The files name the replaced actions. What runs is the file with their `uses:` replaced, and nothing else: see `moved`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.act import SUITE, Act, WorkflowRun
from tests.e2e.publishing import git

HERE = Path(__file__).parent
REPLACED = {
    "machine-learning-apps/actions-chatops": "chatops",
    "machine-learning-apps/actions-chatops-deprecated": "chatops",
    "machine-learning-apps/gke-argo": "argo-submit",
    "machine-learning-apps/actions-argo": "argo-submit",
    "machine-learning-apps/wandb-action": "wandb-runs",
    "machine-learning-apps/gpr-docker-publish": "docker-publish",
    "elgohr/Publish-Docker-Github-Action": "docker-publish",
}
_USES = re.compile(r"^(?P<before>[ -]*uses: )(?P<action>[\w.-]+/[\w.-]+)@\S+$", re.MULTILINE)


def moved(workflow: str) -> str:
    """Return a workflow's text with the replaced actions' `uses:` replaced; everything else stays to the letter."""

    def replaced(line: re.Match[str]) -> str:
        action = REPLACED.get(line["action"])
        return f"{line['before']}{SUITE}/actions/{action}@v1" if action else line[0]

    text = (HERE / f"{workflow}.yml").read_text()
    made = _USES.sub(replaced, text)
    changed = [(old, new) for old, new in zip(text.splitlines(), made.splitlines(), strict=True) if old != new]
    assert changed, f"{workflow} uses none of the replaced actions"
    assert all("uses: " in old and "uses: " in new for old, new in changed)
    return made


@dataclass
class OldRepository:
    """A git repository whose workflows were moved, and what its runs are given beside an event."""

    act: Act
    origin: Path
    name: str = "octo-org/digits"
    actor: str = "maintainer"
    env: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, act: Act, origin: Path, workflows: Iterable[str], files: Mapping[str, str] | None = None) -> OldRepository:
        """Make one with a first commit on `main`."""
        origin.mkdir(parents=True)
        git(origin, "init", "--quiet", "--initial-branch", "main")
        # act's checkout fetches commits by their SHA.
        git(origin, "config", "uploadpack.allowAnySHA1InWant", "true")
        made = cls(act, origin)
        made.commit({f".github/workflows/{name}.yml": moved(name) for name in workflows} | dict(files or {}))
        return made

    def commit(self, files: Mapping[str, str], message: str = "Change something") -> str:
        """Commit files on the current branch; returns the commit's SHA."""
        for name, text in files.items():
            path = self.origin / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git(self.origin, "add", ".")
        git(self.origin, "commit", "--quiet", "--message", message)
        return self.head

    @property
    def head(self) -> str:
        """The SHA of what is checked out."""
        return git(self.origin, "rev-parse", "HEAD")

    def run(
        self,
        workflow: str,
        event_name: str,
        event: Mapping[str, Any],
        *,
        act: Mapping[str, Any] | None = None,
        branch: str = "main",
        succeeds: bool = True,
    ) -> WorkflowRun:
        """Run one of the workflows; `act` are further options of `Act.run`."""
        # act takes the checked out branch, whatever the payload says.
        env = {**self.env, "GITHUB_REF": str(event["ref"])} if "ref" in event else self.env
        run = self.act.run(
            self.origin,
            f".github/workflows/{workflow}.yml",
            event_name=event_name,
            event=event,
            repository=self.name,
            branch=branch,
            actor=self.actor,
            env=env,
            secrets=self.secrets,
            **(act or {}),
        )
        assert (run.exit_code == 0) is succeeds, run.transcript
        return run

    def push(self, workflow: str, ref: str = "refs/heads/main", **options: Any) -> WorkflowRun:
        """Run a workflow as on a push to a ref."""
        payload = {"ref": ref, "after": self.head, "repository": {"full_name": self.name, "default_branch": "main"}}
        return self.run(workflow, "push", payload, **options)


def printed(run: WorkflowRun, step: str) -> dict[str, str]:
    """What a step of the user's own printed as `name=value` lines."""
    lines = (line.partition("=") for line in run.step(step).log.splitlines())
    return {name: value for name, separator, value in lines if separator}
