"""Each stage of a connection that fails is told apart, and a proxy's login is not shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mlops_actions.boundary.doctor.network import reach
from mlops_actions.core.errors import Unavailable
from mlops_actions.doctor.ports import Endpoint, Stage
from tests.boundary.http.recorder import Recorder, Reply
from tests.support.certificates import Certificates, of_an_authority
from tests.support.cluster_certificates import for_loopback

FAR = Endpoint(url="https://api.test")
FAR_PLAIN = Endpoint(url="http://api.test")


@pytest.fixture
def proxy() -> Iterator[Recorder]:
    with Recorder() as server:
        yield server


@pytest.fixture
def files(tmp_path: Path) -> Certificates:
    return of_an_authority(tmp_path)


@pytest.fixture
def trusted(files: Certificates) -> Iterator[Endpoint]:
    with Recorder(files.certificate, files.key) as server:
        yield Endpoint(url=server.url, authority=files.authority.read_text())


def test_a_connection_tells_the_address_and_the_time(trusted: Endpoint) -> None:
    route = reach(trusted, {})
    assert (route.failed, route.proxy_setting) == (None, "")
    assert route.detail.startswith("127.0.0.1 in ")
    assert route.detail.endswith(" ms")


def test_the_environments_authority_is_trusted(trusted: Endpoint, files: Certificates) -> None:
    own = replace(trusted, authority="")
    assert reach(own, {}).failed is Stage.AUTHORITY
    assert reach(own, {"REQUESTS_CA_BUNDLE": str(files.authority)}).failed is None
    assert reach(replace(own, verified=False), {}).failed is None


def test_a_file_of_authorities_that_cannot_be_read_is_told(trusted: Endpoint) -> None:
    route = reach(replace(trusted, authority=""), {"SSL_CERT_FILE": "/nowhere/authorities.pem"})
    assert route.failed is Stage.AUTHORITY
    assert route.detail.startswith("the certificate authorities cannot be read")


def test_a_certificate_for_another_name_is_told(trusted: Endpoint) -> None:
    by_name = replace(trusted, url=trusted.url.replace("127.0.0.1", "localhost"))
    for endpoint in (replace(trusted, server_name="other.test"), by_name):
        route = reach(endpoint, {})
        assert route.failed is Stage.TLS
        assert route.detail.endswith("is for another name")


def test_an_expired_certificate_is_told(tmp_path: Path) -> None:
    made = for_loopback(tmp_path, "expired", lifetime=timedelta(minutes=-1))
    with Recorder(made.certificate, made.key) as server:
        route = reach(Endpoint(url=server.url, authority=made.certificate.read_text()), {})
    assert (route.failed, route.detail) == (Stage.TLS, "the certificate of 127.0.0.1 has expired")


def test_a_server_without_tls_is_told(proxy: Recorder) -> None:
    route = reach(Endpoint(url=f"https://{proxy.address}"), {})
    assert route.failed is Stage.TLS
    assert route.detail.startswith(f"TLS with {proxy.address} does not begin")


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 70 + ".test"])
def test_a_name_that_does_not_resolve_is_told(host: str) -> None:
    route = reach(Endpoint(url=f"https://{host}"), {})
    assert route.failed is Stage.NAME
    assert host in route.detail


@pytest.mark.parametrize(("endpoint", "method"), [(FAR, "CONNECT"), (FAR_PLAIN, "HEAD")])
def test_a_proxy_gets_its_login_and_the_answer_does_not_show_it(proxy: Recorder, endpoint: Endpoint, method: str) -> None:
    scheme = endpoint.url.partition(":")[0]
    proxy.replies.append(Reply(407))
    route = reach(endpoint, {f"{scheme.upper()}_PROXY": f"http://user:pass@{proxy.address}"})
    assert route.failed is Stage.PROXY_LOGIN
    assert route.detail == f"the proxy {proxy.address} ({scheme.upper()}_PROXY) refuses the login that is given"
    assert proxy.requests[0].method == method
    assert proxy.requests[0].headers["proxy-authorization"] == "Basic dXNlcjpwYXNz"


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ("http://127.0.0.1:1", "127.0.0.1:1 takes no connection: Connection refused"),
        ("http://nowhere.invalid:3128", "the name nowhere.invalid does not resolve"),
    ],
)
def test_a_proxy_that_cannot_be_reached_is_told(value: str, detail: str) -> None:
    route = reach(FAR, {"https_proxy": value})
    assert (route.failed, route.proxy_setting) == (Stage.PROXY, "https_proxy")
    assert detail in route.detail


def test_a_server_that_is_no_proxy_is_told(trusted: Endpoint) -> None:
    address = trusted.url.partition("//")[2]
    assert reach(FAR, {"https_proxy": f"http://{address}"}).failed is Stage.PROXY


def test_the_server_behind_a_proxy_is_asked_for_tls(proxy: Recorder) -> None:
    proxy.replies.append(Reply(200))
    route = reach(FAR, {"https_proxy": proxy.url})
    assert (route.failed, route.proxy_setting) == (Stage.TLS, "https_proxy")


def test_a_plain_proxy_in_between_is_shown(proxy: Recorder) -> None:
    route = reach(FAR_PLAIN, {"http_proxy": proxy.url})
    assert route.failed is None
    assert route.detail.startswith(f"through the proxy {proxy.address} (http_proxy) in ")


def test_the_proxy_of_a_kubeconfig_wins(proxy: Recorder) -> None:
    route = reach(replace(FAR, proxy=proxy.url), {"https_proxy": "http://127.0.0.1:1"})
    assert (route.failed, route.proxy_setting) == (Stage.PROXY, "proxy-url")
    assert len(proxy.requests) == 1


@pytest.mark.parametrize("url", ["https://", "ftp://api.test", "https://api.test:port"])
def test_an_address_that_is_none_cannot_be_told(url: str) -> None:
    with pytest.raises(Unavailable, match="its address is no address of http or https"):
        reach(Endpoint(url=url), {})


def test_a_proxy_of_another_kind_cannot_be_told() -> None:
    with pytest.raises(Unavailable, match="the proxy of https_proxy is no address of http or https"):
        reach(FAR, {"https_proxy": "socks5://127.0.0.1:1080"})
