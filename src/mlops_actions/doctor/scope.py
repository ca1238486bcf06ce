"""What a run of doctor is about: the workflow file, the repository, and what the options allow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mlops_actions.core import github_cli
from mlops_actions.core.errors import ActionError
from mlops_actions.core.types import Json
from mlops_actions.doctor import secret_lines
from mlops_actions.doctor.expressions import TokenOwner, token_owner
from mlops_actions.doctor.workflow import ActionStep, WorkflowFile, secrets_in


class ReadManifest(Protocol):
    """Reads a manifest as a step of argo-submit does; raises BadInput."""

    def __call__(self, text: str, file: str, *, strict: bool, entrypoint: str) -> tuple[Json, tuple[str, ...]]:
        """Return the workflow, and a warning for each document that is left out; `file` is empty for an inline manifest."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """`context` holds what expressions can name (`vars.X`, `github.actor`); `read` returns a file of the checkout.

    `read_manifest` returns the workflow that argo-submit makes of a manifest, and raises what argo-submit refuses.

    `why_committed` tells why a commit may have brought a file of the checkout; it is empty where an earlier step wrote it.

    `app_key` is the private key of the GitHub App that a person gave. `host` is the server, as `gh` names it. `is_job` tells
    whether doctor runs as a job.
    """

    workflow: WorkflowFile
    repository: str
    context: Mapping[str, str]
    read: Callable[[str], str]
    read_manifest: ReadManifest
    why_committed: Callable[[str], str] = lambda _path: ""
    commit: str = ""
    app_key: str = field(default="", repr=False)
    host: str = github_cli.GITHUB
    is_job: bool = False
    has_identity_token: bool = False
    try_writes: bool = False

    def gh(self, command: str, repository: str = "") -> str:
        """Return a command of `gh` about a repository (this one), e.g. `gh secret list -R octo-org/digits`."""
        return f"gh {command} {github_cli.flag(repository or self.repository, self.host)}"

    def gh_api(self, arguments: str) -> str:
        """Return a command that sends a request to this server's API."""
        return f"gh api{github_cli.on(self.host)} {arguments}"

    def value(self, step: ActionStep, name: str, default: str = "") -> str:
        """Return an input of a step with its expressions evaluated."""
        return step.value(name, self.context, default)

    def known(self, step: ActionStep, name: str, default: str = "") -> str | None:
        """Return an input of a step with its expressions evaluated; None where only a job can evaluate it."""
        return step.known(name, self.context, default)

    def given(self, step: ActionStep, name: str) -> bool | None:
        """Tell whether an input is given, and is neither empty nor `false`; None where only a job can tell."""
        value = self.known(step, name)
        return None if value is None else value.strip().lower() not in ("", "false")

    def token_owner(self, step: ActionStep, name: str = "github-token") -> TokenOwner:
        """Tell whose token a step uses."""
        return token_owner(step.inputs.get(name, ""), step.env, self.context)

    def values(self, action: str, name: str, default: str = "") -> list[str]:
        """Return the different values that the steps of an action give an input, without empty ones."""
        found = (self.value(step, name, default) for step in self.workflow.steps(action))
        return list(dict.fromkeys(value for value in found if value))

    def words(self, action: str, *names: str) -> list[str]:
        """Return the different words that the steps of an action give some inputs."""
        found = (word for step in self.workflow.steps(action) for name in names for word in step.words(name, self.context))
        return list(dict.fromkeys(found))

    def lines(self, action: str, *names: str) -> list[str]:
        """Return the different lines that the steps of an action give some inputs."""
        found = (line for step in self.workflow.steps(action) for name in names for line in step.lines(name, self.context))
        return list(dict.fromkeys(found))

    def renewal(self, step: ActionStep, name: str, command: str) -> str:
        """Return how whoever runs doctor renews a credential: a person by a command, a job by the secret in an input."""
        if not self.is_job:
            return command
        if names := secrets_in(step.inputs.get(name, "")):
            return secret_lines.stores(name, self.gh(f"secret set {names[0]}"))
        return f"correct the input '{name}' of job '{step.job}'"

    def workflow_of(self, step: ActionStep, text: str, file: str) -> tuple[Json, tuple[str, ...]]:
        """Return the workflow that a step makes of a manifest, and what it leaves out; raises BadInput."""
        strict = self.value(step, "strict", "true").strip().lower() != "false"
        start = self.value(step, "workflow-entrypoint") or self.value(step, "entrypoint")
        return self.read_manifest(text, file, strict=strict, entrypoint=start)

    def texts(self, paths: Iterable[str]) -> dict[str, str | ActionError]:
        """Read files of the checkout; a file that cannot be read is its error."""
        texts: dict[str, str | ActionError] = {}
        for path in paths:
            try:
                texts[path] = self.read(path)
            except ActionError as error:
                texts[path] = error
        return texts
