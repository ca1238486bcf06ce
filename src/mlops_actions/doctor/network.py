"""The checks of the network: can each system be reached from this machine, and which stage fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from mlops_actions.core import shell
from mlops_actions.core.concurrent import gather
from mlops_actions.core.errors import ActionError
from mlops_actions.doctor.checks import Checker, HealthCheck, Status
from mlops_actions.doctor.ports import Endpoint, Route, RunnerApi, Stage

_CHECK = Checker("runner")
_NAMES = {"github": "GitHub", "registry": "registry", "cluster": "cluster", "wandb": "W&B"}
_CERTIFICATE = "openssl x509 -noout -subject -issuer -dates -ext subjectAltName"


@dataclass(frozen=True)
class Routes:
    """The checks of the network, and the groups whose systems cannot be reached, so that one fault names one check."""

    checks: tuple[HealthCheck, ...]
    unreachable: frozenset[str]

    def left_out(self, group: str) -> HealthCheck | None:
        """Return the one check of a group that is not asked, since none of its systems can be reached; else None."""
        if group not in self.unreachable:
            return None
        return Checker(group).skipped("connection", f"see '{_name(group)}' in the group Runner")

    def __add__(self, other: Routes) -> Routes:
        return Routes((*self.checks, *other.checks), self.unreachable | other.unreachable)


NOT_ASKED = Routes((), frozenset())


def check(systems: Iterable[tuple[str, Callable[[], Endpoint]]], runner: RunnerApi) -> Routes:
    """Connect to all systems at once; `systems` gives each one's group and what tells its address."""
    calls = {key: partial(_check, key[0], find, runner) for key, find in _numbered(systems)}
    found = [(group, outcome) for (group, _), outcome in gather(calls).items() if isinstance(outcome, HealthCheck)]
    found.sort(key=lambda pair: list(_NAMES).index(pair[0]))
    distinct = {(group, outcome.asked or outcome.answer): outcome for group, outcome in found}
    reached = {group for (group, _), outcome in distinct.items() if outcome.status is not Status.FAILS}
    return Routes(tuple(distinct.values()), frozenset({group for group, _ in found} - reached))


def _numbered(
    systems: Iterable[tuple[str, Callable[[], Endpoint]]],
) -> Iterable[tuple[tuple[str, int], Callable[[], Endpoint]]]:
    return (((group, number), find) for number, (group, find) in enumerate(systems))


def _name(group: str) -> str:
    return f"network to {_NAMES[group]}"


def _check(group: str, find: Callable[[], Endpoint], runner: RunnerApi) -> HealthCheck:
    name = _name(group)
    try:
        endpoint = find()
    except Exception as error:  # noqa: BLE001 - the system's own group shows the fault
        reason = error.cause if isinstance(error, ActionError) else type(error).__name__
        return _CHECK.skipped(name, f"the address is not known: {reason}")
    url = urlsplit(endpoint.url)
    address = f"{url.scheme}://{url.netloc.rpartition('@')[2]}"
    asked = f"connect to {address}"
    try:
        route = runner.reach(endpoint)
    except ActionError as error:
        return _CHECK.unknown(name, asked, error.cause, remedy=error.remedy)
    if route.failed is None:
        return _CHECK.ok(name, asked, route.detail)
    return _CHECK.fails(name, asked, route.detail, remedy=_remedy(group, address, route, is_job=runner.is_job))


def _remedy(group: str, address: str, route: Route, *, is_job: bool) -> str:
    url, failed = urlsplit(address), route.failed
    host = url.hostname or ""
    if failed is Stage.NAME:
        return f"nslookup {shell.word(host)}"
    if failed is Stage.PROXY:
        return f"correct {route.proxy_setting}, or add {host} to no_proxy"
    if failed is Stage.PROXY_LOGIN:
        return f"write the login into {route.proxy_setting}: http://USER:PASSWORD@PROXY:PORT"
    if failed is Stage.AUTHORITY and group == "cluster":
        return (
            "give its authority in the kubeconfig (certificate-authority-data); for an Argo Server, in the input 'argo-ca'"
        )
    if failed is Stage.AUTHORITY:
        setting = "add to the job: env: { REQUESTS_CA_BUNDLE: FILE }" if is_job else "export REQUESTS_CA_BUNDLE=FILE"
        return f"{setting}  # PEM: in one file the authorities of the system and that of {shell.word(host)}"
    if failed is Stage.SILENCE:
        port = url.port or (443 if url.scheme == "https" else 80)
        look = f"curl -v --connect-timeout 10 {shell.word(address)}"
        return f"{look}  # let this machine reach port {port} of {shell.word(host)}, or set a proxy"
    if failed is Stage.TLS:
        server = url.netloc if url.port else f"{url.netloc}:443"
        return f"openssl s_client -connect {shell.word(server)} -servername {shell.word(host)} </dev/null | {_CERTIFICATE}"
    return f"curl -v {shell.word(address)}"
