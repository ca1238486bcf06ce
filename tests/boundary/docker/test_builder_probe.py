"""Whether a BuildKit answers, over TCP, TLS and a socket; what is said of one that does not, and how soon."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mlops_actions.boundary import builder_probe
from mlops_actions.boundary.builder_probe import BuilderAddress, await_builder
from mlops_actions.core.errors import BadInput
from tests.support.certificates import Certificates, of_an_authority
from tests.support.greeting import SETTINGS, greeting

NO_TLS: Mapping[str, Path] = {}
ALERT = bytes((0x15, 3, 1, 0, 2, 2, 22))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return of_an_authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def server_tls(certificates: Certificates) -> ssl.SSLContext:
    """A server that trusts only clients of its own authority, as buildkitd does with `tlscacert`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates.authority))
    context.load_cert_chain(certificates.certificate, certificates.key)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def files_of(certificates: Certificates) -> dict[str, Path]:
    return {"cacert": certificates.authority, "cert": certificates.certificate, "key": certificates.key}


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, and nobody else takes meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_a_builder_that_answers_is_not_waited_for(tmp_path: Path) -> None:
    for path in (None, tmp_path / "buildkit.sock"):
        with greeting(socket_path=path) as address:
            began = time.monotonic()
            await_builder(BuilderAddress(address, NO_TLS))
            assert time.monotonic() - began < 2


def test_a_builder_is_asked_with_the_client_s_certificate(certificates: Certificates, server_tls: ssl.SSLContext) -> None:
    with greeting(tls=server_tls) as address:
        await_builder(BuilderAddress(address, files_of(certificates)))


@pytest.mark.parametrize(
    ("answer", "cause", "remedy"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "what listens there is no BuildKit", "check 'builder'"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "what listens there is no BuildKit", "check 'builder'"),
        (bytes(9), "what listens there is no BuildKit", "check 'builder'"),
        (SETTINGS[:8], "what listens there is no BuildKit", "check 'builder'"),
        (ALERT, "it asks for TLS", "BUILDER_NODE_0_AUTH_TLS_CACERT"),
        (b"", "it closes the connection", "BUILDER_NODE_0_AUTH_TLS_CACERT"),
    ],
)
def test_another_answer_is_reported_at_once(answer: bytes, cause: str, remedy: str) -> None:
    with (
        greeting(answer) as address,
        pytest.raises(BadInput, match=rf"BuildKit at {address} does not answer: {cause}") as error,
    ):
        await_builder(BuilderAddress(address, NO_TLS), patience=60)
    assert remedy in error.value.remedy


def test_the_server_s_certificate_must_be_trusted(
    certificates: Certificates, server_tls: ssl.SSLContext, tmp_path: Path
) -> None:
    other = of_an_authority(tmp_path)
    given = {**files_of(certificates), "cacert": other.authority}
    with greeting(tls=server_tls) as address, pytest.raises(BadInput, match="its certificate is not trusted") as error:
        await_builder(BuilderAddress(address, given), patience=60)
    assert "BUILDER_NODE_0_AUTH_TLS_CACERT" in error.value.remedy


@pytest.mark.parametrize("wrong", ["missing", "other"])
def test_the_client_s_certificate_must_be_accepted(
    certificates: Certificates, server_tls: ssl.SSLContext, tmp_path: Path, wrong: str
) -> None:
    """TLS 1.3 refuses it only after the handshake has ended for the client."""
    other = of_an_authority(tmp_path)
    given = {"cacert": certificates.authority}
    if wrong == "other":
        given |= {"cert": other.certificate, "key": other.key}
    with greeting(tls=server_tls) as address, pytest.raises(BadInput, match=r"does not answer: ") as error:
        await_builder(BuilderAddress(address, given), patience=60)
    assert "BUILDER_NODE_0_AUTH_TLS_CACERT" in error.value.remedy


def test_certificates_for_a_builder_without_tls_are_said(certificates: Certificates) -> None:
    with greeting(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address, pytest.raises(BadInput, match="it speaks no TLS"):
        await_builder(BuilderAddress(address, files_of(certificates)), patience=60)


@pytest.mark.parametrize("name", ["cacert", "cert", "key"])
def test_certificates_that_cannot_be_read_are_reported(certificates: Certificates, tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.pem").write_text("not a certificate\n")
    given = {**files_of(certificates), name: tmp_path / "broken.pem"}
    with pytest.raises(BadInput, match=r"certificates for the BuildKit at tcp://127.0.0.1:1 cannot be read"):
        await_builder(BuilderAddress("tcp://127.0.0.1:1", given), patience=60)


@pytest.mark.parametrize("address", ["tcp://buildkit", "tcp://buildkit:0", "tcp://buildkit:x", "tcp://[::1", "tcp://:1234"])
def test_an_address_without_host_and_port_is_refused(address: str) -> None:
    with pytest.raises(BadInput, match="input 'builder'"):
        await_builder(BuilderAddress(address, NO_TLS), patience=60)


def test_a_socket_without_a_builder_is_reported_at_once(tmp_path: Path) -> None:
    dead = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as once:
        once.bind(str(dead))
    for path, cause in ((tmp_path / "none.sock", "No such file"), (dead, "Connection refused")):
        began = time.monotonic()
        with pytest.raises(BadInput, match=cause):
            await_builder(BuilderAddress(f"unix://{path}", NO_TLS))
        assert time.monotonic() - began < 4


def test_a_socket_that_a_neighbour_makes_late_is_waited_for(tmp_path: Path) -> None:
    """A sidecar in the same pod."""
    said: list[str] = []
    ended = threading.Event()

    def start() -> None:
        with greeting(socket_path=tmp_path / "buildkit.sock"):
            ended.wait(60)

    timer = threading.Timer(0.7, start)
    timer.start()
    await_builder(BuilderAddress(f"unix://{tmp_path}/buildkit.sock", NO_TLS), patience=60, say=said.append)
    ended.set()
    timer.join()
    assert len(said) == 1


def test_a_builder_that_is_not_there_is_reported_in_time(closed_port: int) -> None:
    said: list[str] = []
    began = time.monotonic()
    with pytest.raises(BadInput, match="does not answer: Connection refused"):
        await_builder(BuilderAddress(f"tcp://127.0.0.1:{closed_port}", NO_TLS), say=said.append)
    assert 3 < time.monotonic() - began < builder_probe.DEFAULT_PATIENCE + 1
    assert said == []


def test_a_name_that_is_unknown_has_the_remedy_of_a_builder() -> None:
    with pytest.raises(BadInput, match=r"BuildKit at tcp://buildkit\.invalid:1234 does not answer") as error:
        await_builder(BuilderAddress("tcp://buildkit.invalid:1234", NO_TLS), patience=0.1)
    assert "'builder-timeout'" in error.value.remedy


def test_a_builder_that_starts_late_is_waited_for_and_that_is_said() -> None:
    """A pod that starts: nobody listens at first."""
    said: list[str] = []
    listener: list[socket.socket] = []

    def start() -> None:
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        listener.append(server)
        connection = server.accept()[0]
        connection.recv(1 << 12)
        connection.sendall(SETTINGS)

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        timer = threading.Timer(1.0, start)
        timer.start()
        await_builder(BuilderAddress(f"tcp://127.0.0.1:{port}", NO_TLS), patience=60, say=said.append)
    listener[0].close()
    assert said == [f"the BuildKit at tcp://127.0.0.1:{port} does not answer yet (Connection refused): waiting up to 60 s"]


def test_a_builder_that_answers_late_is_waited_for_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder_probe, "FIRST_WORD", 0.1)
    said: list[str] = []
    with greeting(after=1.0) as address:
        await_builder(BuilderAddress(address, NO_TLS), say=said.append)
    assert said == [f"the BuildKit at {address} does not answer yet: waiting up to 30 s"]


def test_a_builder_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder_probe, "_SILENCE", 0.3)
    with greeting(None) as address, pytest.raises(BadInput, match="accepts the connection and sends nothing for"):
        await_builder(BuilderAddress(address, NO_TLS), patience=0.2)


def test_what_is_quick_is_not_said() -> None:
    said: list[str] = []
    with builder_probe.said_when_long(said.append, "x"):
        pass
    time.sleep(0.05)
    assert said == []
