"""Debian's docker-registry (CNCF distribution) on loopback, guarded by a name and a password."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.certificates import Certificates

USERNAME = "publisher"
PASSWORD = "correct horse battery"
# What `htpasswd -nbB` makes of the two.
HTPASSWD = "publisher:$2b$04$DVD.MQyzNnsm0sHI3/kpq.gC7LDmAhu2wwPg.QHI11gVB1ObaE4X6\n"
START_TIMEOUT = 20.0

MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


@dataclass(frozen=True)
class DebianRegistry:
    """A registry that answers at `host` (`127.0.0.1:PORT`), which every daemon takes without TLS.

    `authority` is the certificate that vouches for it, where it speaks TLS; without a user name it asks for none.
    """

    host: str
    log_file: Path
    username: str = USERNAME
    password: str = field(default=PASSWORD, repr=False)
    authority: Path | None = None

    @property
    def url(self) -> str:
        """Its address, without a trailing slash."""
        return f"{'https' if self.authority else 'http'}://{self.host}"

    def log(self) -> str:
        """All that it has logged so far, one JSON object a line, each request among them."""
        return self.log_file.read_text(errors="replace")

    def requests(self) -> list[tuple[str, str, int]]:
        """Method, path and status of each request so far."""
        found = []
        for line in self.log().splitlines():
            with contextlib.suppress(ValueError):
                record = json.loads(line)
                if "http.response.status" in record:
                    status = int(record["http.response.status"])
                    found.append((record["http.request.method"], record["http.request.uri"], status))
        return found

    def digest(self, repository: str, reference: str) -> str | None:
        """The digest that a tag (or digest) stands for; None where there is no such thing."""
        try:
            with self._open("HEAD", f"/v2/{repository}/manifests/{reference}") as answer:
                return str(answer.headers["Docker-Content-Digest"])
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def manifest(self, repository: str, reference: str) -> dict[str, object]:
        """The manifest that a tag or digest stands for."""
        with self._open("GET", f"/v2/{repository}/manifests/{reference}") as answer:
            document: dict[str, object] = json.load(answer)
            return document

    def blob(self, repository: str, digest: str) -> bytes:
        """A blob's content, for example the image's configuration."""
        with self._open("GET", f"/v2/{repository}/blobs/{digest}") as answer:
            content: bytes = answer.read()
            return content

    def tags(self, repository: str) -> list[str]:
        """The repository's tags, in order; none where there is no such repository."""
        try:
            with self._open("GET", f"/v2/{repository}/tags/list") as answer:
                return sorted(json.load(answer)["tags"] or [])
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return []
            raise

    def log_in(self, directory: Path) -> Path:
        """Write the configuration of a Docker client that may pull and push; returns its directory."""
        directory.mkdir(exist_ok=True)
        auth = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        (directory / "config.json").write_text(json.dumps({"auths": {self.host: {"auth": auth}}}))
        return directory

    def _open(self, method: str, path: str) -> http.client.HTTPResponse:
        request = urllib.request.Request(self.url + path, method=method)
        token = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
        # Without these the registry answers with a manifest of its oldest kind, made up on the spot, of another digest.
        request.add_header("Accept", ", ".join(MANIFESTS))
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if self.authority:
            trusted = ssl.create_default_context(cafile=str(self.authority))
            handlers.append(urllib.request.HTTPSHandler(context=trusted))
        answer: http.client.HTTPResponse = urllib.request.build_opener(*handlers).open(request, timeout=30)
        return answer


@contextlib.contextmanager
def debian_registry(
    directory: Path, *, certificates: Certificates | None = None, guarded: bool = True, listen: str = "127.0.0.1"
) -> Iterator[DebianRegistry]:
    """Run the registry with its data and log in `directory`, on a port of the address `listen` that the system chooses.

    It speaks TLS with `certificates`, and asks for the password where it is `guarded`.
    """
    (directory / "htpasswd").write_text(HTPASSWD)
    address: dict[str, object] = {"addr": f"{listen}:0", "secret": "end to end"}
    if certificates:
        address["tls"] = {"certificate": str(certificates.certificate), "key": str(certificates.key)}
    config = {
        "version": "0.1",
        "log": {"level": "info", "formatter": "json", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}, "delete": {"enabled": True}},
        "http": address,
        **({"auth": {"htpasswd": {"realm": "end to end", "path": str(directory / "htpasswd")}}} if guarded else {}),
    }
    (directory / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    log = directory / "log.jsonl"
    setpriv = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [*setpriv, "docker-registry", "serve", str(directory / "config.yml")],
            env={}, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        user = {} if guarded else {"username": "", "password": ""}
        authority = certificates.authority if certificates else None
        yield DebianRegistry(_address(process, log), log, authority=authority, **user)
    finally:
        process.terminate()
        process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until it says where it listens."""
    deadline = time.monotonic() + START_TIMEOUT
    while not (found := re.search(r"listening on ([\d.]+:\d+|\[::\]:\d+)", text := log.read_text(errors="replace"))):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"docker-registry did not start:\n{text}")
        time.sleep(0.05)
    return found[1]
