"""Keys of a workflow file that github.com knows and a GitHub Enterprise Server may not: it refuses the whole file."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_actions.core.github_cli import is_enterprise_server
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.scope import Scope

_CHECK = Checker("github")


def check(scope: Scope) -> Iterator[HealthCheck]:
    """Check the file for such keys where the repository is on a GitHub Enterprise Server."""
    if not is_enterprise_server(scope.host):
        return
    asked = f"the keys of {scope.workflow.path}"
    if keys := scope.workflow.recent_keys:
        text = f"{', '.join(keys)}: a server that does not know a key runs nothing of the file"
        yield _CHECK.unknown("syntax", asked, text, remedy="take these keys out of the file, unless your server knows them")
    else:
        yield _CHECK.ok("syntax", asked, "there is none that only github.com knows")
