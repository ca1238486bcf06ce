"""The registries in the input `registries` of docker-publish: where the image is copied to, and whether each login works."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_actions.core import shell
from mlops_actions.core.errors import Refused, Unavailable
from mlops_actions.core.image_name import HOST
from mlops_actions.core.parsers import yaml_value
from mlops_actions.core.registries import canonical, known
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.ports import RegistryApi
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import ActionStep, WorkflowFile, secrets_in

INPUT = "registries"
_CHECK = Checker("registry")


@dataclass(frozen=True)
class OtherRegistry:
    """An entry of the input. `push` is `true`, the path of a repository, or empty where the entry only signs in.

    `password` is an expression where only a job can evaluate it.
    """

    host: str
    username: str = ""
    password: str = field(default="", repr=False)
    push: str = ""

    @property
    def has_login(self) -> bool:
        """Whether the entry names a login; without one, the job's cloud credentials count, or none."""
        return bool(self.username)

    def path(self, own_path: str) -> str:
        """Return where the image is copied to; `own_path` is its path in its own registry."""
        return own_path if self.push == "true" else self.push


def of(step: ActionStep, scope: Scope) -> list[OtherRegistry] | None:
    """Return the entries of a step's input; None where only a job can read it."""
    evaluated = scope.known(step, INPUT)
    text = step.inputs.get(INPUT, "") if evaluated is None else evaluated
    return _entries(text) if text.strip() else []


def logins(file: WorkflowFile, context: Mapping[str, str], job_token: str) -> dict[str, tuple[str, str]]:
    """Return user and password by host, as a job's steps get them. The job's token is no login of another's registry."""
    found: dict[str, tuple[str, str]] = {}
    for step in file.steps("docker-publish"):
        for entry in _entries(step.value(INPUT, context)) or ():
            is_kept_back = entry.password == job_token and not known(entry.host).takes_job_token
            if entry.username and entry.password and not is_kept_back:
                found.setdefault(entry.host, (entry.username, entry.password))
    return found


def plain_http(file: WorkflowFile, context: Mapping[str, str]) -> frozenset[str]:
    """Return the hosts that a job's steps ask in plain HTTP (`insecure-registries`)."""
    words = (word for step in file.steps("docker-publish") for word in step.words("insecure-registries", context))
    return frozenset(_host(word) for word in words)


def login(
    entry: OtherRegistry, step: ActionStep, scope: Scope, connect: Callable[[str, bool], RegistryApi]
) -> Iterator[HealthCheck]:
    """Ask a registry that the step only signs in to; no repository is needed, since `GET /v2/` takes the login."""
    asked = f"GET https://{entry.host}/v2/"
    api = connect(entry.host, not entry.has_login)
    refusal = ""
    asks_for_login = False
    try:
        asks_for_login = api.sign_in()
    except Unavailable as error:
        yield _CHECK.fails("reachable", asked, error.cause, remedy=f"curl -sSI {shell.word(f'https://{entry.host}/v2/')}")
        return
    except Refused as error:
        refusal = error.cause
    yield _CHECK.ok("reachable", asked, f"{entry.host} answers")
    remedy = _renewal(entry, step, scope)
    if not entry.has_login:
        yield _CHECK.skipped("login", f"'{INPUT}' has no login for {entry.host}")
    elif api.is_anonymous and scope.is_job and not entry.password:
        yield _CHECK.fails("login", asked, f"the password for {entry.host} in '{INPUT}' is empty", remedy=remedy)
    elif api.is_anonymous:
        yield _CHECK.unknown("login", asked, f"there is no login for {entry.host} here", remedy=remedy)
    elif refusal:
        yield _CHECK.fails("login", asked, refusal, remedy=remedy)
    elif not asks_for_login:
        yield _CHECK.unknown("login", asked, f"{entry.host} answers without a login")
    else:
        yield _CHECK.ok("login", asked, f"{entry.host} accepts the login")


def unread(scope: Scope) -> HealthCheck:
    """Say that only a job can read the input."""
    return _CHECK.unknown(INPUT, f"the input '{INPUT}'", "only a job can evaluate it", remedy=scope.gh("secret list"))


def _entries(text: str) -> list[OtherRegistry] | None:
    """Read the mapping. What docker-publish refuses is left out, since its own error names it: no value is sent anywhere."""
    try:
        document = yaml_value(text, scalars_as_text=True)
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    entries = []
    for name, value in document.items():
        host = _host(str(name))
        if HOST.fullmatch(host) and (value in ("", None) or isinstance(value, dict)):
            entries.append(_entry(host, value or {}))
    return entries


def _host(name: str) -> str:
    return canonical(re.sub(r"^https?://", "", name.strip().lower()).partition("/")[0])


def _entry(host: str, value: Mapping[str, Any]) -> OtherRegistry:
    parts = {key: str(value.get(key) or "").strip() for key in ("username", "password", "push")}
    push = "" if parts["push"].lower() == "false" else parts["push"].strip("/").lower()
    return OtherRegistry(host, parts["username"], parts["password"], push)


def _renewal(entry: OtherRegistry, step: ActionStep, scope: Scope) -> str:
    """Return how the login is renewed: in a job by the secret of this very entry, where the file names it there."""
    written = next((one for one in _entries(step.inputs.get(INPUT, "")) or () if one.host == entry.host), None)
    names = secrets_in(written.password) if written else ()
    if scope.is_job and names:
        return scope.gh(f"secret set {names[0]}")
    return scope.renewal(step, INPUT, f"docker login {shell.operand(entry.host)}")
