"""The statement's form: a written statement is read again, and any other document is read or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core.statement import ArtifactDescriptor, Image, PassedGate, TrainedRun, Training, parse_image
from mlops_actions.core.statement_reader import read

SHA = "a" * 40
DATASET = ArtifactDescriptor(name="digits:v0", type="dataset", algorithm="wandb", digest="4f2a")
MODEL = ArtifactDescriptor(name="acme/digits/digits-model:v3", type="model", algorithm="wandb", digest="9c1d")
FULL = Training(
    repository="https://github.com/acme/digits",
    sha=SHA,
    server="https://wandb.ai",
    project="acme/digits",
    runs=(TrainedRun("c1", "https://wandb.ai/c1", SHA, {"acc": 0.975}, (DATASET,)),),
    pull_request=7,
    image=Image("ghcr.io/acme/digits", "1" * 64),
    model=MODEL,
    workflow_uid="0b5a-1",
    workflow_url="https://argo.example/workflows/ml/digits-1",
    gates=(PassedGate("acc >= 0.9", 0.975, 0.9),),
    job="https://github.com/acme/digits/actions/runs/1",
)
BARE = Training(
    repository="https://github.com/acme/digits",
    sha=SHA,
    server="https://wandb.ai",
    project="acme/digits",
    runs=(TrainedRun(id="c1", url="", commit=SHA, metrics={}),),
)


@pytest.mark.parametrize("training", [FULL, BARE], ids=["full", "bare"])
def test_a_written_statement_is_read_unchanged(training: Training) -> None:
    statement = json.loads(json.dumps(training.statement()))
    if training is BARE:
        statement["subject"] = [{"name": "x", "digest": {}}]
    assert read(statement)[1] == training


def test_unknown_facts_are_left_out() -> None:
    assert set(BARE.document()) == {"commit", "tracker", "runs", "gates"}
    assert BARE.document()["commit"] == {"repository": "https://github.com/acme/digits", "sha": SHA}
    assert BARE.subjects() == []


def test_unknown_keys_are_ignored() -> None:
    statement = FULL.statement()
    statement["predicate"]["energy"] = {"kWh": 3}
    statement["subject"][0]["annotations"] = {"a": 1}
    assert read(statement)[1] == FULL


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        (f"ghcr.io/acme/digits@sha256:{'1' * 64}", "ghcr.io/acme/digits"),
        (f"127.0.0.1:5000/digits@sha256:{'1' * 64}", "127.0.0.1:5000/digits"),
        (f"digits@sha256:{'1' * 64}", "digits"),
        (f"a.b/c__d/e-f.g@sha256:{'0' * 64}", "a.b/c__d/e-f.g"),
        ("ghcr.io/acme/digits", ""),
        ("ghcr.io/acme/digits:latest", ""),
        (f"ghcr.io/acme/digits:latest@sha256:{'1' * 64}", ""),
        (f"ghcr.io/acme/digits@sha256:{'1' * 63}", ""),
        (f"ghcr.io/acme/digits@sha256:{'G' * 64}", ""),
        (f"ghcr.io/acme/../digits@sha256:{'1' * 64}", ""),
        (f"ghcr.io/acme//digits@sha256:{'1' * 64}", ""),
        (f"https://ghcr.io/digits@sha256:{'1' * 64}", ""),
        (f"user:pw@ghcr.io/digits@sha256:{'1' * 64}", ""),
        (f"ghcr.io/acme/digits@sha256:{'1' * 64}\n", ""),
        (f"ghcr.io/acme/digits?x@sha256:{'1' * 64}", ""),
    ],
)
def test_only_a_name_with_a_digest_is_an_image(reference: str, name: str) -> None:
    parsed = parse_image(reference)
    assert (parsed.name if parsed else "") == name
    assert parsed is None or str(parsed) == reference


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FULL.document(), JSON)), st.sampled_from(["", *FULL.document()]))
def test_any_document_is_read_or_refused(changed: dict[str, Any], removed: str) -> None:
    statement = json.loads(json.dumps(FULL.statement()))
    statement["predicate"] |= changed
    statement["predicate"].pop(removed, None)
    try:
        _, training = read(statement)
    except ValueError:
        return
    assert read({**training.statement(), "subject": statement["subject"]})[1] == training
