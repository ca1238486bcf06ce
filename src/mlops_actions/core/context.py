"""The default environment variables of a workflow run, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_actions.core.errors import BadInput


@dataclass(frozen=True)
class Context:
    """The default variables of a workflow run. Every address comes from here, so GitHub Enterprise Server works.

    `sha` and `ref` are the event's; on `issue_comment` they are the default branch's, never the PR's. `workflow_ref` is the
    path of the workflow file and its ref: `octo-org/digits/.github/workflows/mlops.yml@refs/heads/main`.
    """

    repository: str
    event_name: str
    event_path: Path
    workspace: Path
    sha: str
    ref: str
    actor: str
    triggering_actor: str
    run_id: str
    run_attempt: int
    job: str
    step: str
    workflow: str
    server_url: str
    api_url: str
    graphql_url: str
    temp: Path
    workflow_ref: str = ""

    @property
    def owner(self) -> str:
        """The repository's owner."""
        return self.repository.partition("/")[0]

    @property
    def repository_name(self) -> str:
        """The repository's name without its owner."""
        return self.repository.partition("/")[2]

    @property
    def run_url(self) -> str:
        """The page of this workflow run."""
        return f"{self.runs_url}{self.run_id}"

    @property
    def runs_url(self) -> str:
        """The address of a workflow run, without the run's id at its end."""
        return f"{self.server_url}/{self.repository}/actions/runs/"

    @property
    def workflow_path(self) -> str:
        """The path of the workflow file, such as `.github/workflows/mlops.yml`; empty where the server does not tell it."""
        path, _, _ = self.workflow_ref.partition("@")
        return path.removeprefix(f"{self.repository}/") if path.startswith(f"{self.repository}/") else ""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Context:
        """Read the variables that the runner sets; raises BadInput where GITHUB_REPOSITORY is missing or malformed."""
        repository = environ.get("GITHUB_REPOSITORY", "")
        if repository.count("/") != 1:
            raise BadInput(
                f"GITHUB_REPOSITORY must be owner/name, not {repository!r}",
                "run this as a step of a GitHub workflow; outside of one, set the runner's default variables",
            )
        attempt = environ.get("GITHUB_RUN_ATTEMPT", "1")
        return cls(
            repository=repository,
            event_name=environ.get("GITHUB_EVENT_NAME", ""),
            event_path=Path(environ.get("GITHUB_EVENT_PATH", "")),
            workspace=Path(environ.get("GITHUB_WORKSPACE") or "."),
            sha=environ.get("GITHUB_SHA", ""),
            ref=environ.get("GITHUB_REF", ""),
            actor=environ.get("GITHUB_ACTOR", ""),
            # GITHUB_ACTOR started the first run. Who runs the job again is unknown where the server sets no such variable.
            triggering_actor=environ.get("GITHUB_TRIGGERING_ACTOR")
            or (environ.get("GITHUB_ACTOR", "") if attempt in ("", "1") else ""),
            run_id=environ.get("GITHUB_RUN_ID", ""),
            run_attempt=int(attempt) if attempt.isascii() and attempt.isdigit() else 1,
            job=environ.get("GITHUB_JOB", ""),
            step=environ.get("GITHUB_ACTION", ""),
            workflow=environ.get("GITHUB_WORKFLOW", ""),
            server_url=(environ.get("GITHUB_SERVER_URL") or "https://github.com").rstrip("/"),
            api_url=(environ.get("GITHUB_API_URL") or "https://api.github.com").rstrip("/"),
            graphql_url=(environ.get("GITHUB_GRAPHQL_URL") or "https://api.github.com/graphql").rstrip("/"),
            temp=Path(environ.get("RUNNER_TEMP") or "/tmp"),  # noqa: S108
            workflow_ref=environ.get("GITHUB_WORKFLOW_REF", ""),
        )
