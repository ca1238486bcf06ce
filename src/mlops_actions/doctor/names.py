"""The checks of secrets and variables: those that the workflow file names must exist. Values of secrets are never read."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_actions.core import registries
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.expressions import ALL_VARIABLES
from mlops_actions.doctor.ports import GitHubApi, pages
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.secret_lines import masks_ordinary_text, remedy, stores
from mlops_actions.doctor.workflow import secrets_in

_CHECK = Checker("github")
_OPTIONAL = "not set, and the file names what stands in for it"


def check(scope: Scope, api: GitHubApi, root: str, kind: str) -> Iterator[HealthCheck]:
    """Check the names of one kind: `secret` or `variable`."""
    wanted = scope.workflow.secrets if kind == "secret" else scope.workflow.variables
    if not wanted:
        return
    paths = [f"{root}/actions/{kind}s", f"{root}/actions/organization-{kind}s"]
    asked = " and ".join(f"GET {path}" for path in paths)
    own, shared = (pages(api, path, f"{kind}s", size=30) for path in paths)
    if own is None:
        check_kind = _passed_secrets if kind == "secret" else _passed_variables
        yield from check_kind(scope, asked)
        return
    known = {str(item["name"]).upper() for item in (*own, *(shared or ()))}
    for name in wanted:
        if name.upper() in known:
            yield _CHECK.ok(f"{kind} {name}", asked, "exists")
        elif kind == "variable" and name not in scope.workflow.required_variables:
            yield _CHECK.skipped(f"variable {name}", "not set, and no step needs it")
        elif kind == "secret" and name in _optional(scope):
            yield _CHECK.skipped(f"secret {name}", _OPTIONAL)
        else:
            yield _missing(scope, kind, name, asked, "does not exist")


def variables(repository: str, api: GitHubApi) -> dict[str, str] | None:
    """Return the variables of a repository; None where the token may not read them."""
    path = f"/repos/{repository}/actions/variables"
    shared = pages(api, f"/repos/{repository}/actions/organization-variables", "variables", size=30)
    own = pages(api, path, "variables", size=30)
    return None if own is None else {str(item["name"]): str(item["value"]) for item in (*(shared or ()), *own)}


def _optional(scope: Scope) -> frozenset[str]:
    """Return the secrets that something stands in for. The job's token is no login of another registry than GitHub's."""
    needed: set[str] = set()
    for step in scope.workflow.steps("docker-publish"):
        if scope.known(step, "registry", registries.GITHUB) not in (registries.GITHUB, None):
            needed |= set(secrets_in(step.inputs.get("password", "")))
    return scope.workflow.optional_secrets - needed


def _missing(scope: Scope, kind: str, name: str, asked: str, answer: str) -> HealthCheck:
    command = scope.gh(f"{kind} set {name}")
    if kind == "secret":
        steps = (step for job in scope.workflow.jobs for step in job.steps)
        inputs = (used for step in steps for used, text in step.inputs.items() if name in secrets_in(text))
        command = stores(next(inputs, ""), command)
    return _CHECK.fails(f"{kind} {name}", asked, answer, remedy=command)


def _passed_secrets(scope: Scope, asked: str) -> Iterator[HealthCheck]:
    """Check the secrets that the job passed on, each in the variable of its name; one that does not exist is empty there."""
    for name in scope.workflow.secrets:
        value = scope.context.get(f"secrets.{name}")
        if value is None:
            look = scope.gh("secret list")
            yield _CHECK.unknown(f"secret {name}", asked, "the token may not list secrets", remedy=look)
        elif value and masks_ordinary_text(value):
            yield _CHECK.fails(
                f"secret {name}",
                f"the job's variable {name}",
                "it has several lines, each of which GitHub masks: logs lose ordinary text, and job outputs that hold it",
                remedy=remedy(name, value, scope.gh(f"secret set {name}")),
            )
        elif value:
            yield _CHECK.ok(f"secret {name}", f"the job's variable {name}", "the job gets it")
        elif name in _optional(scope):
            yield _CHECK.skipped(f"secret {name}", _OPTIONAL)
        else:
            yield _missing(scope, "secret", name, f"the job's variable {name}", "does not exist, or is empty")


def _passed_variables(scope: Scope, asked: str) -> Iterator[HealthCheck]:
    """Check the variables that the job passed on, all of them in `DOCTOR_VARS`."""
    if ALL_VARIABLES not in scope.context:
        look = scope.gh("variable list")
        yield _CHECK.unknown("variables", asked, "the token may not list variables", remedy=look)
        return
    for name in scope.workflow.variables:
        if f"vars.{name}" in scope.context:
            yield _CHECK.ok(f"variable {name}", "the job's DOCTOR_VARS", "exists")
        elif name in scope.workflow.required_variables:
            yield _missing(scope, "variable", name, "the job's DOCTOR_VARS", "does not exist")
        else:
            yield _CHECK.skipped(f"variable {name}", "not set, and no step needs it")
