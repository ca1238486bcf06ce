"""The examples of each supported version of Argo, with that version's definition of workflows in a real API server.

Each version has two sets: the minimal one takes every field, the full one holds Argo's schema. What argo-submit takes, and
only that, passes a dry run of the server; each difference has its reason in `examples/differences.py`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from mlops_actions.core.types import Json
from tests.e2e.cluster.binaries import Binaries
from tests.e2e.cluster.containers import Containers
from tests.e2e.cluster.real import ARGO, PATIENCE, PAUSE, RealCluster
from tests.e2e.examples import submission
from tests.e2e.examples.differences import (
    INVALID_DEFINITIONS,
    NOT_SUBMITTED,
    ONCE_CORRECT,
    REFUSED,
    REFUSED_BY_DEFINITIONS,
    REFUSED_OF_OLDER,
)
from tests.e2e.examples.manifests import NEWEST, OLDER, Example, examples, module_of

PLACE = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/workflows.argoproj.io"
UNKNOWN = 'unknown field "spec.templates[0].inputs.artifacts[0].plugin" (Argo 4.0 has it; the cluster\'s Argo may be older)'
DECODING = 'Workflow in version "v1alpha1" cannot be handled as a Workflow: strict decoding error'
NEWER_FIELD = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: newer-}
spec:
  entrypoint: main
  templates:
  - name: main
    inputs: {artifacts: [{name: data, path: /data, plugin: {name: example, key: data, configuration: none}}]}
    container: {image: example.test/image}
"""
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.fixture(scope="module")
def idle_cluster(cluster_programs: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """A cluster of its own, whose definition of workflows the tests replace, and whose controller does not run."""
    directory = tmp_path_factory.mktemp("versions")
    directory.chmod(0o700)
    with RealCluster(cluster_programs, directory).running(Containers()) as cluster, cluster.without_controller():
        yield cluster


@pytest.mark.parametrize("size", ["minimal", "full"])
@pytest.mark.parametrize("version", [NEWEST, *OLDER])
def test_the_examples_are_taken_with_the_definitions_of_their_version(
    idle_cluster: RealCluster, version: str, size: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if reasons := INVALID_DEFINITIONS.get((version, size)):
        with pytest.raises(httpx.HTTPStatusError) as refusal:
            _install(idle_cluster, version, size)
        assert [reason for reason in reasons if reason not in str(refusal.value)] == []
        return
    _install(idle_cluster, version, size)
    known = _examples(version)
    submission.apply_templates(idle_cluster, known)
    submitted = [one for one in known if one.kind not in NOT_SUBMITTED]
    refused: dict[str, str] = {}
    for number, example in enumerate(submitted):
        job, inputs = submission.job_of(idle_cluster, example, tmp_path / f"job-{number}")
        if job.run(**inputs, dry_run="true", idempotency="none"):
            refused[example.name] = job.error
        else:
            assert "a dry run of the cluster" in job.result["checked"][-1], job.log
    with capsys.disabled():
        print(f"\nargo {version}, {size} definitions: submitted {len(submitted)}, taken {len(submitted) - len(refused)}")
    expected = {name: text for name, text in REFUSED.items() if version == NEWEST or name not in ONCE_CORRECT}
    expected |= {**REFUSED_OF_OLDER.get(version, {}), **REFUSED_BY_DEFINITIONS.get((version, size), {})}
    assert {name: text for name, text in expected.items() if text not in refused.get(name, "")} == {}
    assert refused.keys() == expected.keys(), refused


@pytest.mark.parametrize(
    ("size", "strict", "code", "said"),
    [
        ("minimal", "true", 0, ""),
        ("minimal", "false", 0, ""),
        ("full", "true", 2, f"::error title=argo-submit::the cluster does not know a field (400): {DECODING}: {UNKNOWN}"),
        ("full", "false", 0, f"::warning title=argo-submit::the cluster warns: {UNKNOWN}"),
    ],
)
def test_a_field_that_the_definition_lacks_is_named(
    idle_cluster: RealCluster, size: str, strict: str, code: int, said: str, tmp_path: Path
) -> None:
    """The field is Argo 4.0's, the definition is 3.7's."""
    _install(idle_cluster, "v3.7.6", size)
    job, inputs = submission.job_of(idle_cluster, Example("newer.yaml", NEWER_FIELD, {"kind": "Workflow"}), tmp_path)
    assert job.run(**inputs, dry_run="true", strict=strict) == code
    assert said in job.log
    assert ("unknown field" in job.log) == bool(said)


@cache
def _examples(version: str) -> list[Example]:
    return examples(version)


@cache
def _definition(version: str, size: str) -> Json:
    path = module_of(version) / "manifests" / "base" / "crds" / size / "argoproj.io_workflows.yaml"
    definition: Json = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return definition


def _install(cluster: RealCluster, version: str, size: str) -> None:
    """Replace the definition of workflows, and return when the API server validates by the new one.

    Raises httpx.HTTPStatusError where the server refuses it.
    """
    mark = f"{version}-{size}"
    if mark in _columns(cluster):
        return
    spec = _definition(version, size)["spec"]
    # Listings have the columns of the definition that the server uses now: a column of the test's own tells which that is.
    column = {"name": mark, "type": "string", "jsonPath": ".metadata.name"}
    versions = [{**one, "additionalPrinterColumns": [column]} for one in spec["versions"]]
    deadline = time.monotonic() + PATIENCE
    conflict = True
    while conflict:  # the API server's own controllers write its status
        present = cluster.connection.call("GET", PLACE)
        answer = cluster.connection.call("PUT", PLACE, {**present, "spec": {**spec, "versions": versions}}, accept=(409,))
        conflict = answer.get("code") == 409
        assert time.monotonic() < deadline, answer
    while mark not in _columns(cluster):
        assert time.monotonic() < deadline, f"the API server does not use the definition {mark}"
        time.sleep(PAUSE)


def _columns(cluster: RealCluster) -> list[Any]:
    listing = cluster.connection.call("GET", f"{ARGO}/workflows", form=TABLE)
    return [column["name"] for column in listing["columnDefinitions"]]
