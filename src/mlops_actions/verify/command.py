"""The command line of the verifier: the file, the credentials of the environment, and a line for each answer."""

from __future__ import annotations

import argparse
import base64
import binascii
import json
import os
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from mlops_actions.core.errors import ActionError, BadInput
from mlops_actions.core.provenance import is_sha
from mlops_actions.verify import document
from mlops_actions.verify.checks import Expected
from mlops_actions.verify.ports import Registry, Tracker
from mlops_actions.verify.run import Ports, Verified, verify

_MOST_BYTES = 16 << 20  # what actions/attest takes
_GITHUB_REGISTRY = "ghcr.io"
_HUB_KEY = "https://index.docker.io/v1/"  # under which Docker keeps the credentials of its own registry


DESCRIPTION = (
    "Reads an in-toto statement that wandb-runs wrote (or a bundle that `gh attestation download` wrote), and says line by "
    "line what holds: ✓ it does, ✗ it does not, – nothing here can tell. The registry is asked for the image and its label, "
    "the tracker for the runs, their commit, numbers, datasets and model. WANDB_API_KEY and WANDB_BASE_URL, REGISTRY, "
    "REGISTRY_USERNAME and REGISTRY_PASSWORD (else Docker's own configuration) say how. The signature is not checked: "
    "`gh attestation verify` does that."
)
_EXITS = "exit codes: 0 all holds, 1 something does not, 2 no statement, 3 not authorised or not found, 4 not available"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options; each pins what a forger would otherwise be free to choose."""
    parser.epilog = _EXITS
    parser.add_argument("file", type=Path, metavar="FILE", help="the statement")
    parser.add_argument("--image", default="", metavar="REF", help="the image it must be about: by digest, or a tag")
    parser.add_argument("--sha", default="", help="the commit it must be of")
    parser.add_argument("--repository", default="", metavar="OWNER/NAME", help="the repository it must be of (or its URL)")
    parser.add_argument("--project", default="", metavar="ENTITY/PROJECT", help="the tracker's project it must be of")


def run(options: argparse.Namespace) -> int:
    """Run the command line."""
    expected = Expected(options.image, options.sha.lower(), options.repository, options.project)
    return main(options.file, expected, os.environ)


def main(file: Path, expected: Expected, environ: Mapping[str, str], out: TextIO | None = None) -> int:
    """Verify the statement of a file; returns the exit code (0 all holds, 1 something does not, 2 to 4 as everywhere)."""
    stream = out or sys.stdout
    try:
        verified = _verify(file, expected, environ)
    except ActionError as error:
        _complain(error)
        return error.exit_code
    for line in verified.lines:
        stream.write(f"{line.mark} {printable(line.text)}\n")
    for problem in verified.errors:
        _complain(problem)
    return verified.exit_code


def _complain(error: ActionError) -> None:
    sys.stderr.write(f"error: {printable(error.cause)}\nremedy: {printable(error.remedy)}\n")


def _verify(file: Path, expected: Expected, environ: Mapping[str, str]) -> Verified:
    if expected.sha and not is_sha(expected.sha):
        raise BadInput(f"--sha is not a full commit: {expected.sha!r}", "give its 40 hexadecimal digits")
    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{str(file)!r} cannot be read: {error.strerror or error}", "name the file of a statement") from None
    try:
        if len(content) > _MOST_BYTES:
            raise ValueError("it is larger than any attestation may be")
        subjects, training, signed = document.read(content.decode("utf-8"))
    except ValueError as problem:
        raise BadInput(
            f"{str(file)!r} is not a statement about a training: {problem}",
            "give wandb-runs' output 'statement', or a bundle that `gh attestation download` wrote",
        ) from None
    return verify(subjects, training, expected, _Adapters(environ).ports(), signed=signed)


@dataclass(frozen=True)
class _Adapters:
    """How registry and tracker are reached; imported late, since a file that is no statement needs neither."""

    environ: Mapping[str, str]

    def ports(self) -> Ports:
        return Ports(self._registry, self._tracker, self._server_url)

    def _registry(self, host: str) -> Registry:
        from mlops_actions.boundary.registry.client import BasicCredentials, RegistryClient

        found = credentials(host, self.environ)
        return RegistryClient(host, BasicCredentials(*found) if found else None)

    def _tracker(self, project: str) -> Tracker:
        from mlops_actions.boundary.wandb.project import WandbProject
        from mlops_actions.boundary.wandb.server import resolve

        server = resolve(self.environ.get("WANDB_API_KEY"), self.environ.get("WANDB_BASE_URL"), self.environ)
        return WandbProject(project, server, _Quiet())

    def _server_url(self) -> str:
        from mlops_actions.boundary.wandb.server import resolve

        return resolve(self.environ.get("WANDB_API_KEY"), self.environ.get("WANDB_BASE_URL"), self.environ).app_url


def credentials(host: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the user and password of a registry: the environment's for the registry it names, else Docker's own.

    No other registry gets them, whatever a statement says where its image lies.
    """
    user, password = environ.get("REGISTRY_USERNAME", ""), environ.get("REGISTRY_PASSWORD", "")
    if user and password and host == (environ.get("REGISTRY") or _GITHUB_REGISTRY):
        return user, password
    folder = environ.get("DOCKER_CONFIG") or (f"{environ['HOME']}/.docker" if environ.get("HOME") else "")
    try:
        kept = json.loads((Path(folder) / "config.json").read_bytes())["auths"] if folder else {}
        entry = kept.get(host) or (kept.get(_HUB_KEY) if host == "docker.io" else None) or {}
        user, colon, password = base64.b64decode(entry["auth"]).decode().partition(":")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        return None
    return (user, password) if colon else None


def printable(text: str) -> str:
    """Text of one line that cannot steer a terminal: a statement's names are whoever's who wrote it."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


class _Quiet:
    """A log for the adapters: what is worth telling stands in the lines, and warnings go to the standard error."""

    def info(self, text: str) -> None: ...

    def debug(self, text: str) -> None: ...

    def notice(self, text: str, *, title: str = "", file: str = "", line: int = 0) -> None: ...

    def warning(self, text: str, *, title: str = "", file: str = "", line: int = 0) -> None:  # noqa: ARG002
        sys.stderr.write(f"warning: {printable(text)}\n")

    error = warning

    def group(self, title: str) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()

    def mask(self, secret: str) -> None: ...
