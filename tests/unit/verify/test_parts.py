"""The verifier's parts: credentials, documents and exit codes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.core.errors import ActionError, Refused, Unavailable
from mlops_actions.core.runs import RunQuery
from mlops_actions.core.statement import (
    PREDICATE_TYPE,
    STATEMENT_TYPE,
    Baselines,
    PassedGate,
    StatedRun,
    TrainedRun,
    Training,
)
from mlops_actions.verify import document
from mlops_actions.verify.checks import Check
from mlops_actions.verify.command import credentials, printable
from mlops_actions.verify.gate_checks import check_gates
from mlops_actions.verify.policy import GATES, IMAGE, RUNS, Policy
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


CODES: list[tuple[str, list[Check], set[str], int]] = [
    ("all hold", [Check(RUNS, True, ""), Check(IMAGE, True, "")], set(), 0),
    (
        "what is not required may be unknown",
        [Check(RUNS, True, ""), Check(IMAGE, True, ""), Check(GATES, None, "")],
        set(),
        0,
    ),
    ("what is not required may fail", [Check(RUNS, True, ""), Check(IMAGE, True, ""), Check(GATES, False, "")], set(), 0),
    ("one line of a check fails", [Check(RUNS, True, ""), Check(RUNS, False, ""), Check(IMAGE, True, "")], set(), 1),
    ("one line is unknown", [Check(RUNS, True, ""), Check(RUNS, None, ""), Check(IMAGE, True, "")], set(), 1),
    ("a check has no line", [Check(RUNS, True, "")], set(), 1),
    ("an error prevents the rest of a check", [Check(RUNS, True, ""), Check(IMAGE, True, "")], {RUNS}, 4),
    ("an error prevents another check", [Check(RUNS, True, ""), Check(IMAGE, True, "")], {GATES}, 0),
    ("a failure comes before an error", [Check(RUNS, True, ""), Check(IMAGE, False, "")], {RUNS}, 1),
]


@pytest.mark.parametrize(("checks", "prevented", "code"), [case[1:] for case in CODES], ids=[case[0] for case in CODES])
def test_the_exit_code_is_that_of_the_required_checks(checks: list[Check], prevented: set[str], code: int) -> None:
    errors: list[ActionError] = [Unavailable("x", "y"), Refused("x", "y")] if prevented else []
    assert Verification(checks, (RUNS, IMAGE), errors, prevented).exit_code == code


def test_control_characters_are_not_printed() -> None:
    assert printable("a\x1b[2J\u202eb\nc\r") == "a\ufffd[2J\ufffdb\ufffdc\ufffd"


RECOMPUTED = [
    ("acc >= baseline.mean", 0.8, 0.8, (0.8, 0.8, 0.8)),
    ("acc >= baseline.mean * 3", 1.0, 1.0, (0.0, 0.0, 1.0)),
    ("acc >= baseline.latest + 0.1", 0.3, 0.3, (0.2,)),
    ("acc >= baseline * 1.1", 0.11, 0.11, (0.1,)),
    ("acc <= 0.3", 0.30000000000000004, 0.3, ()),
]


@pytest.mark.parametrize(("rule", "value", "required", "baselines"), RECOMPUTED, ids=[case[0] for case in RECOMPUTED])
def test_gates_are_computed_as_the_action_computes_them(
    rule: str, value: float, required: float, baselines: tuple[float, ...]
) -> None:
    groups = tuple((StatedRun(f"b{index}", "", "", {"acc": each}),) for index, each in enumerate(baselines))
    training = Training(
        repository="https://github.com/acme/digits",
        sha="a" * 40,
        server="https://wandb.ai",
        project="acme/digits",
        runs=(TrainedRun("c1", "", "a" * 40, {"acc": value}),),
        gates=(PassedGate(rule, value, required),),
        baselines=Baselines(RunQuery(), 10, groups, None),
    )
    (check,) = check_gates(training, Policy())
    assert check.holds, check.text
