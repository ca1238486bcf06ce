"""The checks of a step of argo-submit that need no request: what its inputs and the files of the checkout tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlops_actions.core import shell
from mlops_actions.core.errors import ActionError
from mlops_actions.core.parsers import yaml_value
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.cluster import manifest_of
from mlops_actions.doctor.manifest import file_of
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import ActionStep

_CHECK = Checker("cluster")
_MAX_PATH = 200  # a longer text is the base64 of a kubeconfig
# With these a kubeconfig gets a token of the job, which goes to the server that the file names.
_IDENTITIES = ("oidc-audience", "aws-role", "azure-client-id", "google-credentials", "google-identity-provider")


def check(scope: Scope, step: ActionStep) -> Iterator[HealthCheck]:
    """Ask about one use of argo-submit."""
    yield from _artifacts(scope, step)
    yield from _kubeconfig(scope, step)
    for path, manifest in manifest_of(scope, step).items():
        if isinstance(manifest, ActionError):
            continue
        for text in manifest.left_out:
            look = f"kubectl diff -f {shell.word(file_of(path))}"
            yield _CHECK.unknown("other documents", f"read {path}", text, remedy=look)


def _artifacts(scope: Scope, step: ActionStep) -> Iterator[HealthCheck]:
    if not scope.given(step, "artifacts") or scope.given(step, "argo-server") is not False:
        return
    yield _CHECK.fails(
        "artifacts",
        "the inputs 'artifacts' and 'argo-server'",
        "nothing comes into the workspace, since only the Argo Server reads the storage",
        remedy="give 'argo-server', or leave 'artifacts' out: the summary names bucket and key",
    )


def _kubeconfig(scope: Scope, step: ActionStep) -> Iterator[HealthCheck]:
    """Repeat argo-submit's rule: a pull request must not choose the server that gets a token of the job."""
    path = (scope.known(step, "kubeconfig") or "").strip()
    if not path or "\n" in path or len(path) > _MAX_PATH:
        return
    try:
        text = scope.read(path)
    except ActionError:  # no file of the checkout: an earlier step writes it, or the input holds the kubeconfig itself
        return
    if not _gets_a_token(text) and not any(scope.given(step, name) for name in _IDENTITIES):
        return
    asked = f"does git track {path}?"
    if reason := scope.why_committed(path):
        yield _CHECK.fails(
            "kubeconfig",
            asked,
            f"the file chooses the server that gets a token of the job, and {reason}",
            remedy=f"git rm --cached {shell.operand(path)}  # and let an earlier step write it",
        )
    else:
        yield _CHECK.ok("kubeconfig", asked, "no")


def _gets_a_token(text: str) -> bool:
    """Tell whether a user of a kubeconfig has a login that the file itself does not hold."""
    try:
        document: Any = yaml_value(text)
    except ValueError:
        return False
    users = document.get("users") if isinstance(document, dict) else None
    entries = [one.get("user") for one in users if isinstance(one, dict)] if isinstance(users, list) else []
    return any(isinstance(user, dict) and ("exec" in user or "tokenFile" in user) for user in entries)
