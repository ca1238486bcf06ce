"""What argo-submit says of a manifest is held to `argo lint --offline`: on Argo's own examples, and on changed ones.

Argo-submit never refuses what Argo takes, and refuses whatever Argo's controller cannot decode. A rule that Argo's linter
alone knows may be missed; the test prints how often.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlops_actions.argo_submit import manifest
from mlops_actions.argo_submit.documents import parse
from mlops_actions.argo_submit.lint import workflow as lint
from mlops_actions.core.errors import BadInput
from mlops_actions.core.types import Json
from tests.e2e import manifest_mutations

_TOOLS = Path(__file__).parents[2] / "tools" / "e2e" / "cluster"
# MANIFEST_MUTATIONS=2400 looks further; each manifest is a process of argo.
_NUMBER = int(os.environ.get("MANIFEST_MUTATIONS", "400"))
_DECODING = ("cannot unmarshal", "unknown field", "strict decoding", "failed to parse", "quantities must match")


@pytest.fixture(scope="module")
def argo() -> str:
    if shutil.which("go") is None:
        pytest.skip("there is no Go to build the command argo with")
    done = subprocess.run([_TOOLS / "argo-server.sh"], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        pytest.skip("the command argo cannot be built here")
    return done.stdout.strip()


@pytest.fixture(scope="module")
def seeds() -> list[tuple[str, Json]]:
    """Argo's examples, from the module that the command is built from."""
    listed = ["go", "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-workflows/v4"]
    done = subprocess.run(listed, cwd=_TOOLS / "argo", stdout=subprocess.PIPE, text=True, check=True)
    return manifest_mutations.examples(Path(done.stdout.strip()) / "examples")


def test_argos_own_examples_are_accepted(argo: str, seeds: list[tuple[str, Json]], tmp_path: Path) -> None:
    assert len(seeds) > 100
    for name, verdict, _ in _verdicts(argo, iter(seeds), tmp_path):
        assert verdict == ("", ""), name


def test_changed_examples_are_refused_where_argo_refuses_them(
    argo: str, seeds: list[tuple[str, Json]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts: Counter[str] = Counter()
    wrong, missed = [], []
    for name, (ours, theirs), document in _verdicts(argo, manifest_mutations.mutated(seeds, _NUMBER, 20261128), tmp_path):
        counts[f"ours {'refuses' if ours else 'accepts'}, argo {'refuses' if theirs else 'accepts'}"] += 1
        if ours and not theirs:
            wrong.append((name, ours, document["spec"]))
        if theirs and not ours:
            missed.append((name, theirs))
    with capsys.disabled():
        print(f"\nmanifest lint: {dict(counts)}")
        for name, theirs in missed:
            print(f"  argo alone refuses {name}: {theirs[-160:]}")
    assert wrong == []
    assert [entry for entry in missed if any(text in entry[1] for text in _DECODING)] == []
    assert len(missed) <= _NUMBER // 50
    assert counts["ours accepts, argo accepts"] > _NUMBER // 10
    assert counts["ours refuses, argo refuses"] > _NUMBER // 3


def _verdicts(
    argo: str, documents: Iterator[tuple[str, Json]], directory: Path
) -> Iterator[tuple[str, tuple[str, str], Json]]:
    """Yield each name and document, with what argo-submit and argo say of it; empty where they accept it."""

    def ask(entry: tuple[int, tuple[str, Json]]) -> tuple[str, tuple[str, str], Json]:
        number, (name, document) = entry
        text = json.dumps(document)
        path = directory / f"{number}.json"
        path.write_text(text, encoding="utf-8")
        argv = [argo, "lint", "--offline", "--output", "simple", "--no-color", str(path)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
        return name, (_ours(text), (done.stdout + done.stderr).strip() if done.returncode else ""), document

    with ThreadPoolExecutor(4) as executor:
        yield from executor.map(ask, enumerate(documents))


def _ours(text: str) -> str:
    try:
        document = manifest.select(parse(text, ""))
        workflow = manifest.to_workflow(document).workflow
        problems = lint.problems(workflow)
    except BadInput as error:
        return error.cause
    return manifest.invalid(document, workflow["spec"], problems).cause if problems else ""
