"""Calls to the daemon, over its socket and by TCP with TLS, against a small server that answers like one."""

from __future__ import annotations

import contextlib
import json
import shutil
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from mlops_actions.boundary import builder_probe
from mlops_actions.boundary.docker import DaemonFacts, DockerCommand
from mlops_actions.boundary.docker_images import ImageFacts, ImageHistory
from mlops_actions.core.errors import BadInput
from tests.support.certificates import of_an_authority

INFO = {
    "ServerVersion": "28.0.4", "OSType": "linux", "Architecture": "aarch64",
    "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"], ["odd"]],
}  # fmt: skip
IMAGE = {"Id": "sha256:1", "Size": 7, "RepoDigests": ["ghcr.io/octo/digits@sha256:2"]}
NAME = "/images/ghcr.io/octo/digits:ctx"
VERSION = "/v1.41"

ID = "sha256:" + "d" * 64


class Daemon:
    """Answers by `answers`, status and JSON for each method and path, else 404; `requests` lists the requests."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, object]] = {
            "GET /version": (200, {"ApiVersion": VERSION.removeprefix("/v")}),
            "GET /info": (200, INFO),
            f"GET {NAME}/json": (200, IMAGE),
        }
        self.requests: list[str] = []
        self.delay = 0.0  # seconds before each answer
        daemon = self

        class Handler(BaseHTTPRequestHandler):
            def address_string(self) -> str:
                return "somebody"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                time.sleep(daemon.delay)
                question = f"{self.command} {self.path.removeprefix(VERSION)}"
                if self.path == "/version":
                    question = "GET /version"
                else:
                    daemon.requests.append(question)
                status, answer = daemon.answers.get(question, (404, {"message": "no such thing"}))
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_DELETE = do_GET  # noqa: N815 - http.server's names

        self.handler = Handler


@contextlib.contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon()
    with serving(socketserver.UnixStreamServer(str(tmp_path / "docker.sock"), daemon.handler)):
        yield daemon


@pytest.fixture
def docker(tmp_path: Path) -> DockerCommand:
    command = tmp_path / "bin" / "docker"  # must be there, and does nothing: the machine need not have Docker's
    command.parent.mkdir()
    command.symlink_to("/bin/false")
    environ = {"DOCKER_HOST": f"unix://{tmp_path}/docker.sock", "PATH": str(command.parent)}
    return DockerCommand(lambda: tmp_path, environ)


def test_the_daemon_s_version_store_and_platform_are_read(daemon: Daemon, docker: DockerCommand) -> None:
    assert docker.daemon() == DaemonFacts("28.0.4", True, "linux/arm64")


def test_a_pulled_image_is_identified_by_its_digest_and_any_other_by_its_id(daemon: Daemon, docker: DockerCommand) -> None:
    assert docker.local_digest("ghcr.io/octo/digits", "ctx") == "sha256:2"
    daemon.answers[f"GET {NAME}/json"] = (200, {"Id": "sha256:1", "RepoDigests": None})
    assert docker.local_digest("ghcr.io/octo/digits", "ctx") == "sha256:1"
    assert docker.local_digest("ghcr.io/octo/digits", "missing") is None
    docker.local_digest("debian", "sha256:3")
    assert daemon.requests[-1] == "GET /images/debian%40sha256:3/json"


def test_an_image_is_described(daemon: Daemon, docker: DockerCommand) -> None:
    daemon.answers[f"GET {NAME}/json"] = (
        200,
        {
            "Id": "sha256:1",
            "Os": "linux",
            "Architecture": "arm",
            "Variant": "v7",
            "RepoDigests": ["ghcr.io/octo/digits@sha256:2", "other@sha256:3"],
            "Config": {"OnBuild": ["RUN true"]},
        },
    )
    image = docker.local_image("ghcr.io/octo/digits", "ctx")
    assert image == ImageFacts("sha256:2", ("sha256:2", "sha256:3"), "linux/arm/v7", ("RUN true",))
    assert docker.local_image("ghcr.io/octo/digits", "missing") is None


def test_an_image_that_is_there_is_named_by_its_id(daemon: Daemon, docker: DockerCommand) -> None:
    tagging = f"POST /images/{ID}/tag?tag=main&repo=ghcr.io%2Focto%2Fdigits&force=0"
    daemon.answers |= {f"GET /images/{ID}/json": (200, {"Id": ID}), tagging: (201, b"")}
    assert docker.name_image(("sha256:" + "e" * 64, ID), ["ghcr.io/octo/digits:main"]) == "named"
    assert tagging in daemon.requests


def test_names_of_another_image_are_freed(daemon: Daemon, docker: DockerCommand) -> None:
    removing = f"DELETE {NAME}?force=False&noprune=True"
    daemon.answers[removing] = (200, [{"Untagged": "x"}])
    assert docker.name_image((ID,), ["ghcr.io/octo/digits:ctx", "ghcr.io/octo/digits:main"]) == "freed"
    assert [question for question in daemon.requests if question.startswith("DELETE")] == [removing]
    assert docker.name_image((ID,), ["ghcr.io/octo/digits:main"]) == "absent"


def test_the_size_of_an_image_is_read(daemon: Daemon, docker: DockerCommand) -> None:
    assert docker.image_size("ghcr.io/octo/digits:ctx") == 7
    assert docker.image_size("ghcr.io/octo/digits:missing") is None


def test_an_image_s_history_is_read_oldest_first(daemon: Daemon, docker: DockerCommand) -> None:
    entries = [
        {"CreatedBy": "RUN make # buildkit", "Size": 5},
        {"CreatedBy": None, "Size": 0},
        {"CreatedBy": "ADD x", "Size": 7},
    ]
    image = {"Id": "sha256:1", "Os": "linux", "Architecture": "arm64", "Variant": "v8", "Config": {"Env": ["A=1"]}}
    daemon.answers |= {f"GET {NAME}/json": (200, image), "GET /images/sha256:1/history": (200, entries)}
    history = docker.image_history("ghcr.io/octo/digits:ctx")
    assert history == ImageHistory("linux/arm64/v8", (("ADD x", 7), ("", 0), ("RUN make # buildkit", 5)), ("A=1",))
    assert docker.image_history("ghcr.io/octo/digits:missing") is None


def test_an_image_gets_new_names(daemon: Daemon, docker: DockerCommand) -> None:
    daemon.answers |= {
        f"POST {NAME}/tag?tag=main&repo=ghcr.io%2Focto%2Fdigits&force=0": (201, b""),
        f"POST {NAME}/tag?tag=latest&repo=ghcr.io%2Focto%2Fdigits&force=0": (201, b""),
        f"DELETE {NAME}?force=False&noprune=True": (200, [{"Untagged": "x"}]),
    }
    names = ["ghcr.io/octo/digits:main", "ghcr.io/octo/digits:latest"]
    assert docker.retag("ghcr.io/octo/digits:ctx", names) == ""
    assert daemon.requests == [*daemon.answers][3:]


def test_a_missing_image_gets_no_names(daemon: Daemon, docker: DockerCommand) -> None:
    assert docker.retag("ghcr.io/octo/digits:ctx", ["ghcr.io/octo/digits:main"]) == ""
    assert len(daemon.requests) == 1


def test_the_daemon_s_refusal_to_tag_is_returned_and_not_raised(daemon: Daemon, docker: DockerCommand) -> None:
    question = f"POST {NAME}/tag?tag=main&repo=ghcr.io%2Focto%2Fdigits&force=0"
    daemon.answers[question] = (500, {"message": "disk\nfull"})
    assert docker.retag("ghcr.io/octo/digits:ctx", ["ghcr.io/octo/digits:main"]).endswith('("disk full")')


@pytest.mark.parametrize("answer", [(500, {"message": "x"}), (302, b""), (101, b"")])
def test_a_failing_daemon_is_reported(daemon: Daemon, docker: DockerCommand, answer: tuple[int, object]) -> None:
    daemon.answers["GET /info"] = answer
    with pytest.raises(BadInput, match="no Docker daemon answers"):
        docker.daemon()


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ((200, {"Id": "1", "State": {"Status": "exited"}}), "the container is exited"),
        ((200, {"Id": "1", "State": {"Status": "paused"}}), "the container is paused"),
        ((404, {"message": "no such container"}), "the daemon has no such container"),
    ],
)
def test_a_builder_whose_container_does_not_run_is_reported_at_once(
    daemon: Daemon, docker: DockerCommand, answer: tuple[int, object], cause: str
) -> None:
    daemon.answers["GET /containers/buildx_buildkit_x0/json"] = answer
    with pytest.raises(BadInput, match=f"in the container 'buildx_buildkit_x0' does not answer: {cause}") as error:
        docker.use_builder("docker-container://buildx_buildkit_x0")
    assert "docker/setup-buildx-action" in error.value.remedy


def test_a_daemon_that_answers_late_is_waited_for_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder_probe, "FIRST_WORD", 0.1)
    said: list[str] = []
    daemon = Daemon()
    daemon.delay = 0.4
    host = f"unix://{tmp_path}/docker.sock"
    with serving(socketserver.UnixStreamServer(str(tmp_path / "docker.sock"), daemon.handler)):
        command = DockerCommand(lambda: tmp_path, {"DOCKER_HOST": host}, say=said.append)
        assert command.daemon().version == "28.0.4"
    assert said == [f"the Docker daemon at {host} does not answer yet: waiting up to 30 s"]


@pytest.mark.parametrize("host", ["ssh://somewhere", "tcp://127.0.0.1:1", "tcp://[", "unix:///nowhere"])
def test_an_address_without_a_daemon_is_reported(tmp_path: Path, host: str) -> None:
    with pytest.raises(BadInput, match="no Docker daemon answers") as error:
        DockerCommand(lambda: tmp_path, {"DOCKER_HOST": host}).daemon()
    assert host in error.value.cause


def test_a_daemon_is_reached_over_tcp_with_certificates_on_both_sides(tmp_path: Path) -> None:
    certificates = of_an_authority(tmp_path)
    for name, path in (("ca", certificates.authority), ("cert", certificates.certificate), ("key", certificates.key)):
        shutil.copy2(path, tmp_path / f"{name}.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates.authority))
    context.load_cert_chain(certificates.certificate, certificates.key)
    context.verify_mode = ssl.CERT_REQUIRED
    server = socketserver.TCPServer(("127.0.0.1", 0), Daemon().handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    environ = {"DOCKER_HOST": f"tcp://127.0.0.1:{server.server_address[1]}"}
    with serving(server):
        with pytest.raises(BadInput):
            DockerCommand(lambda: tmp_path, environ).daemon()
        trusting = environ | {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path)}
        assert DockerCommand(lambda: tmp_path, trusting).daemon().version == "28.0.4"
