"""The verifier's parts: credentials, documents and exit codes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.core.errors import Refused, Unavailable
from mlops_actions.core.statement import PREDICATE_TYPE, STATEMENT_TYPE
from mlops_actions.verify import document
from mlops_actions.verify.checks import Check
from mlops_actions.verify.command import credentials, printable
from mlops_actions.verify.run import Verification


def docker_configuration(folder: Path, **auths: str) -> dict[str, str]:
    entries = {host: {"auth": base64.b64encode(login.encode()).decode()} for host, login in auths.items()}
    (folder / "config.json").write_text(json.dumps({"auths": entries}))
    return {"DOCKER_CONFIG": str(folder)}


def test_credentials_go_only_to_their_registry(tmp_path: Path) -> None:
    environ = {"REGISTRY_USERNAME": "u", "REGISTRY_PASSWORD": "p"}
    assert credentials("ghcr.io", environ) == ("u", "p"), "the suite's default registry"
    assert credentials("registry.evil.example", environ) is None
    assert credentials("ghcr.io", {**environ, "REGISTRY": "registry.example"}) is None
    docker = docker_configuration(tmp_path, **{"registry.example": "name:pass:word"})
    assert credentials("registry.example", docker) == ("name", "pass:word")
    assert credentials("ghcr.io", docker) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"auths": 1}', '{"auths": {"ghcr.io": {"auth": "%%%"}}}', '{"auths": {"ghcr.io": {}}}']
)
def test_a_docker_configuration_without_credentials_gives_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert credentials("ghcr.io", {"DOCKER_CONFIG": str(tmp_path)}) is None
    assert credentials("ghcr.io", {}) is None


STATEMENT: dict[str, Any] = {
    "_type": STATEMENT_TYPE,
    "subject": [{"name": "x", "digest": {"sha256": "1" * 64}}],
    "predicateType": PREDICATE_TYPE,
    "predicate": {
        "commit": {"repository": "https://github.com/acme/digits", "sha": "a" * 40},
        "tracker": {"server": "https://wandb.ai", "project": "acme/digits"},
        "runs": [{"id": "c1", "commit": "a" * 40, "metrics": {}}],
    },
}


def enveloped(kind: str = "application/vnd.in-toto+json") -> dict[str, str]:
    return {"payloadType": kind, "payload": base64.b64encode(json.dumps(STATEMENT).encode()).decode()}


@pytest.mark.parametrize(
    ("text", "signed"),
    [
        (json.dumps(STATEMENT), False),
        (json.dumps(STATEMENT, indent=2), False),
        (json.dumps(enveloped()), True),
        (json.dumps({"dsseEnvelope": enveloped()}) + "\n", True),
    ],
    ids=["statement", "indented", "envelope", "line of bundles"],
)
def test_statement_envelope_and_bundle_are_read(text: str, signed: bool) -> None:
    subjects, training, in_envelope = document.read(text)
    assert (subjects[0]["name"], training.runs[0].id, in_envelope) == ("x", "c1", signed)


def test_a_file_with_several_bundles_is_refused() -> None:
    line = json.dumps({"dsseEnvelope": enveloped()})
    with pytest.raises(ValueError, match="a file with one of its lines"):
        document.read(f"{line}\n{line}\n")


def test_an_envelope_of_another_type_is_refused() -> None:
    with pytest.raises(ValueError, match="payloadType"):
        document.read(json.dumps(enveloped("text/plain")))


def test_a_failed_check_decides_the_exit_code_before_an_error() -> None:
    verification = Verification([Check(True, "a"), Check(None, "b")])
    assert verification.exit_code == 0
    verification.errors += [Unavailable("x", "y"), Refused("x", "y")]
    assert verification.exit_code == 4
    verification.checks.append(Check(False, "c"))
    assert verification.exit_code == 1


def test_control_characters_are_not_printed() -> None:
    assert printable("a\x1b[2J\u202eb\nc\r") == "a\ufffd[2J\ufffdb\ufffdc\ufffd"
