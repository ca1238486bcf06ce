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
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops_actions.argo_submit import manifest
from mlops_actions.argo_submit.documents import parse
from mlops_actions.argo_submit.lint import workflow as lint
from mlops_actions.core.errors import BadInput
from mlops_actions.core.types import Json
from tests.e2e import manifest_mutations
from tests.e2e.examples import manifests

# MANIFEST_MUTATIONS=2400 looks further; each manifest is a process of argo.
_NUMBER = int(os.environ.get("MANIFEST_MUTATIONS", "400"))
# MANIFEST_VERSIONS=v3.7.6,v3.6.10 compares with older versions too; each takes minutes to build the first time.
_VERSIONS = (manifests.NEWEST, *filter(None, os.environ.get("MANIFEST_VERSIONS", "").split(",")))
# The API server refuses this example, which argo lint accepts offline: a label's value ends in '-'.
_REFUSED_BY_KUBERNETES = ("fun-with-gifs.yaml",)
_DECODING = ("cannot unmarshal", "unknown field", "strict decoding", "failed to parse", "quantities must match")


@dataclass(frozen=True)
class Line:
    """The command `argo` of a version, and that version's own examples."""

    program: str
    seeds: list[tuple[str, Json]]


@pytest.fixture(scope="module", params=_VERSIONS)
def line(request: pytest.FixtureRequest) -> Line:
    if shutil.which("go") is None:
        pytest.skip("there is no Go to build the command argo with")
    version = str(request.param)
    try:
        program = manifests.argo(version)
    except subprocess.CalledProcessError:
        pytest.skip(f"the command argo {version} cannot be built here")
    examples = manifest_mutations.examples(manifests.module_of(version) / "examples")
    return Line(program, [seed for seed in examples if seed[0] not in _REFUSED_BY_KUBERNETES])


def test_argos_own_examples_are_accepted(line: Line, tmp_path: Path) -> None:
    assert len(line.seeds) > 100
    for name, (ours, theirs), _ in _verdicts(line.program, iter(line.seeds), tmp_path):
        assert (ours, theirs) == ("", "") or theirs, name


def test_changed_examples_are_refused_where_argo_refuses_them(
    line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts: Counter[str] = Counter()
    wrong, missed = [], []
    for name, (ours, theirs), document in _verdicts(
        line.program, manifest_mutations.mutated(line.seeds, _NUMBER, 20261128), tmp_path
    ):
        counts[f"ours {'refuses' if ours else 'accepts'}, argo {'refuses' if theirs else 'accepts'}"] += 1
        if ours and not theirs:
            wrong.append((name, ours, document["spec"]))
        if theirs and not ours:
            missed.append((name, theirs))
    with capsys.disabled():
        print(f"\nmanifest lint ({line.program}): {dict(counts)}")
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
