"""Where a registry is asked: HTTPS, HTTP where that is allowed, and the runner's `localhost` from a container."""

from __future__ import annotations

import pytest

from mlops_actions.boundary.registry import address
from mlops_actions.boundary.registry.address import Spoken
from mlops_actions.boundary.registry.client import BasicCredentials, RegistryClient
from mlops_actions.core.errors import Refused, Unavailable
from mlops_sandbox.host import Host
from mlops_sandbox.registry import Account, Registry
from tests.support.logs import LOG
from tests.support.registries import PASSWORD, USER

GATEWAY = "172.18.0.1"
H, T, N = Spoken.HTTP, Spoken.SOMETHING_ELSE, Spoken.NOTHING


@pytest.mark.parametrize(
    ("host", "allows_http", "spoken", "gateway", "url"),
    [
        ("r.example", False, {}, GATEWAY, "https://r.example"),
        ("r.example", False, {"r.example": H}, GATEWAY, "https://r.example"),
        ("r.example", True, {"r.example": H}, GATEWAY, "http://r.example"),
        ("r.example", True, {"r.example": T}, GATEWAY, "https://r.example"),
        ("r.example:5000", True, {"r.example:5000": H}, "", "http://r.example:5000"),
        ("r.example", True, {"r.example": N}, GATEWAY, "https://r.example"),
        ("localhost:5000", False, {"localhost:5000": H}, GATEWAY, "http://localhost:5000"),
        ("localhost:5000", False, {"localhost:5000": T}, GATEWAY, "https://localhost:5000"),
        ("localhost:5000", False, {f"{GATEWAY}:5000": H}, GATEWAY, f"http://{GATEWAY}:5000"),
        ("127.0.0.1:5000", False, {f"{GATEWAY}:5000": H}, GATEWAY, f"http://{GATEWAY}:5000"),
        ("[::1]:5000", False, {f"{GATEWAY}:5000": H}, GATEWAY, f"http://{GATEWAY}:5000"),
        ("localhost", False, {GATEWAY: H}, GATEWAY, f"http://{GATEWAY}"),
        # The certificate of a registry on localhost does not name the gateway.
        ("localhost:5000", False, {f"{GATEWAY}:5000": T}, GATEWAY, ""),
        ("localhost:5000", False, {}, GATEWAY, ""),
        ("localhost:5000", False, {}, "", ""),
    ],
)
def test_a_registry_is_asked_where_it_answers(
    host: str, allows_http: bool, spoken: dict[str, Spoken], gateway: str, url: str
) -> None:
    def find() -> str:
        return address.base_url(host, allows_http=allows_http, ask=lambda name: spoken.get(name, N), gateway=lambda: gateway)

    if url:
        assert find() == url
    else:
        with pytest.raises(Unavailable, match="nothing listens there") as refused:
            find()
        assert "ports:" in refused.value.remedy
        assert (GATEWAY in refused.value.cause) is bool(gateway)


ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010012AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
"""


@pytest.mark.parametrize(
    ("routes", "gateway"),
    [
        (ROUTES, GATEWAY),
        (ROUTES.replace("00000000\t010012AC", "000012AC\t010012AC"), ""),
        (ROUTES.replace("0003", "0001"), ""),
        ("", ""),
    ],
)
def test_the_gateway_is_that_of_the_default_route(routes: str, gateway: str) -> None:
    assert address.default_gateway(routes) == gateway


def test_nothing_on_localhost_is_said_at_once() -> None:
    """Retries, a minute apart, would not help."""
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 cannot be reached"):
        RegistryClient("127.0.0.1:1", None, LOG, retries=9, backoff=60).manifest("a/b", "v1")


@pytest.mark.parametrize("challenge", ["basic", "bearer"])
def test_a_registry_of_plain_http_is_used_where_that_is_allowed(monkeypatch: pytest.MonkeyPatch, challenge: str) -> None:
    """The registry has a name that is not loopback's; the realm of its tokens is its own address."""
    monkeypatch.setattr("mlops_actions.boundary.registry.address.is_loopback", lambda _: False)
    monkeypatch.setattr("mlops_actions.boundary.registry.client.is_loopback", lambda _: False)
    with Host(Registry(challenge=challenge, accounts={USER: Account(PASSWORD)}).app) as host:  # type: ignore[arg-type]
        name, login = host.url.removeprefix("http://"), BasicCredentials(USER, PASSWORD)
        RegistryClient(name, login, LOG, backoff=0, allows_http=True).require_push("a/b")
        with pytest.raises(Unavailable):
            RegistryClient(name, login, LOG, retries=0, backoff=0).require_push("a/b")


def test_a_realm_of_plain_http_elsewhere_gets_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlops_actions.boundary.registry.address.is_loopback", lambda _: False)
    monkeypatch.setattr("mlops_actions.boundary.registry.client.is_loopback", lambda _: False)
    registry = Registry(challenge="bearer", accounts={USER: Account(PASSWORD)})
    registry.access.realm = "http://realm.example/token"
    with Host(registry.app) as host:
        client = RegistryClient(
            host.url.removeprefix("http://"), BasicCredentials(USER, PASSWORD), LOG, backoff=0, allows_http=True
        )
        with pytest.raises(Refused, match="cannot be trusted"):
            client.require_push("a/b")
