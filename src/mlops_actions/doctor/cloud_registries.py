"""Registries of clouds without a login in the workflow file: do the job's own credentials for the cloud give one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlops_actions.core import shell
from mlops_actions.core.errors import ActionError
from mlops_actions.core.registries import known
from mlops_actions.doctor import other_registries
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.scope import Scope

_CHECK = Checker("registry")


def hosts(scope: Scope, own_host: Callable[[int], str]) -> list[str]:
    """List the registries that steps of docker-publish sign in to with a token of the job's cloud credentials.

    `own_host` returns the registry of a step's own image by the step's number; empty where only a job can tell it.
    """
    found: list[str] = []
    for number, step in enumerate(scope.workflow.steps("docker-publish")):
        others = other_registries.of(step, scope) or []
        own = own_host(number)
        has_login = scope.given(step, "password") is not False or any(one.host == own and one.has_login for one in others)
        found += [] if has_login else [own]
        found += [one.host for one in others if not one.has_login]
    return [host for host in dict.fromkeys(found) if known(host).token_username]


def check(names: list[str], scope: Scope, token: Callable[[str], str]) -> Iterator[HealthCheck]:
    """Ask the cloud of each registry for its password."""
    for host in names:
        asked = f"a password for {host}, by the job's credentials for its cloud"
        if not scope.is_job:
            login = f"docker login {shell.operand(host)}"
            yield _CHECK.unknown("cloud credentials", asked, "only a job has them", remedy=login)
            continue
        try:
            token(host)
        except ActionError as error:
            yield _CHECK.fails("cloud credentials", asked, error.cause, remedy=error.remedy)
        else:
            yield _CHECK.ok("cloud credentials", asked, f"they give a password for {host}")
