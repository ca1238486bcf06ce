"""Argo's own examples, all of them: argo-submit takes and refuses what `argo submit` does, and sends what it sends.

Every difference has its reason in `examples/differences.py`; one that no longer exists fails, too.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.core.types import Json
from tests.e2e.cluster import access
from tests.e2e.cluster.binaries import Binaries
from tests.e2e.cluster.containers import Containers
from tests.e2e.cluster.real import RealCluster
from tests.e2e.examples import submission
from tests.e2e.examples.differences import CRON, FROM, NOT_SUBMITTED, REFUSED, SENT
from tests.e2e.examples.manifests import NEWEST, Example, argo, examples

OURS = "mlops-actions.dev/"
_OF_THE_SERVER = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
Difference = tuple[str, object, object]


@pytest.fixture(scope="module")
def idle_cluster(cluster_programs: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """A cluster of its own that holds every template of the examples, and whose controller does not run."""
    directory = tmp_path_factory.mktemp("examples")
    directory.chmod(0o700)
    with RealCluster(cluster_programs, directory).running(Containers()) as cluster, cluster.without_controller():
        submission.apply_templates(cluster, examples(NEWEST))
        yield cluster


def test_the_examples_are_taken_and_sent_as_by_the_command_line(
    idle_cluster: RealCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = examples(NEWEST)
    submitted = [one for one in known if one.kind not in NOT_SUBMITTED]
    expected = _sent_by_argo(submitted, idle_cluster, tmp_path)
    refused: dict[str, str] = {}
    differences: dict[str, set[str]] = {}
    for number, example in enumerate(submitted):
        job, inputs = submission.job_of(idle_cluster, example, tmp_path / f"job-{number}")
        code = job.run(**inputs, wait="false", idempotency="none")
        if code:
            assert code == 2, job.log
            refused[example.name] = job.error
            continue
        sent = idle_cluster.workflow(job.outputs["workflow-name"])
        assert example.name in expected, example.name
        if found := {place for place, _, _ in _differences(_sent(sent), _sent(expected[example.name]))}:
            differences[example.name] = found
    with capsys.disabled():
        print(
            f"\nexamples of argo {NEWEST}: {len(known)}, submitted {len(submitted)}, taken {len(submitted) - len(refused)}"
        )
    assert {name: text for name, text in REFUSED.items() if text not in refused.get(name, "")} == {}
    assert refused.keys() == REFUSED.keys(), refused
    explained = {
        one.name: _explained(one)
        for one in submitted
        if one.name in expected and one.name not in refused and _explained(one)
    }
    assert differences == explained


def _explained(example: Example) -> set[str]:
    places = {"WorkflowTemplate": FROM, "ClusterWorkflowTemplate": FROM, "CronWorkflow": CRON}.get(example.kind, {})
    with_arguments = bool(example.document["spec"].get("arguments"))
    return {place for place in places if place != ".spec.arguments" or with_arguments} | {*SENT.get(example.name, {})}


def _sent_by_argo(submitted: list[Example], cluster: RealCluster, directory: Path) -> dict[str, Json]:
    """Return what `argo submit` sends, by the example's name; without those that it refuses."""
    program, kubeconfig = argo(NEWEST), str(cluster.kubeconfig(access.ADMIN))
    environment = {"KUBECONFIG": kubeconfig, "PATH": os.defpath, "HOME": str(directory)}

    def submit(*arguments: str) -> list[Json] | None:
        command = [program, "submit", "--dry-run", "--output", "json", "--loglevel", "error", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return _documents(done.stdout) if done.returncode == 0 else None

    paths: dict[str, str] = {}
    for number, example in enumerate(submitted):
        if example.kind == "Workflow":
            paths[example.name] = str(directory / f"{number}.yaml")
            Path(paths[example.name]).write_text(example.text, encoding="utf-8")
    # One process for all that it takes; what it refuses is asked for by itself.
    taken = [name for name in paths if name not in REFUSED]
    together = submit(*(paths[name] for name in taken))
    assert together is not None, "argo refuses a workflow that argo-submit should take"
    assert len(together) == len(taken)
    found = dict(zip(taken, together, strict=True))
    alone = {name: [path] for name, path in paths.items() if name in REFUSED}
    alone |= {one.name: ["--from", submission.template_of(one)] for one in submitted if one.kind != "Workflow"}
    for name, arguments in alone.items():
        if answer := submit(*arguments):
            found[name] = answer[0]
    return found


def _documents(text: str) -> list[Json]:
    """Return the JSON documents of a text that holds one after the other."""
    decoder, found, text = json.JSONDecoder(), [], text.strip()
    while text:
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:].strip()
    return found


def _sent(workflow: Json) -> Json:
    """Return a workflow as it was sent: without what the server and argo-submit add, and without empty values."""
    metadata = {name: value for name, value in workflow["metadata"].items() if name not in _OF_THE_SERVER}
    if metadata.get("generateName"):
        metadata.pop("name", None)
    for name in ("labels", "annotations"):
        metadata[name] = {key: text for key, text in (metadata.get(name) or {}).items() if not key.startswith(OURS)}
    sent: Json = _without_empty({**workflow, "metadata": metadata, "status": None})
    return sent


def _without_empty(value: Any) -> Any:
    """Argo's own types write every field: `{}` and `null` stand for one that is not there."""
    if isinstance(value, list):
        return [_without_empty(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {key: _without_empty(one) for key, one in value.items()}
    return {key: one for key, one in found.items() if one not in (None, {}, [], "")}


def _differences(ours: Any, theirs: Any, place: str = "") -> Iterator[Difference]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}):
            yield from _differences(ours.get(key), theirs.get(key), f"{place}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _differences(one, other, f"{place}[{number}]")
    elif ours != theirs:
        yield place, ours, theirs
