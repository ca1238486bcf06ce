"""Argo's own examples to their ends: argo-submit reports the phase, outputs and failed nodes that the controller recorded.

All of them run, save those that argo-submit and Argo refuse, and those that never end. Their containers run nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cluster.binaries import Binaries
from tests.e2e.cluster.containers import Containers
from tests.e2e.cluster.real import ARGO, NAMESPACE, RealCluster
from tests.e2e.examples.differences import NOT_RUN, NOT_SUBMITTED, REFUSED
from tests.e2e.examples.ends import Follower
from tests.e2e.examples.manifests import NEWEST, examples
from tests.e2e.examples.node import ScriptedNode

# Where the objects go that the examples use.
PLACES = {
    "WorkflowTemplate": f"{ARGO}/workflowtemplates",
    "ClusterWorkflowTemplate": "/apis/argoproj.io/v1alpha1/clusterworkflowtemplates",
    "CronWorkflow": f"{ARGO}/cronworkflows",
    "ConfigMap": f"/api/v1/namespaces/{NAMESPACE}/configmaps",
    "PersistentVolumeClaim": f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims",
}


@pytest.fixture(scope="module")
def scripted_cluster(cluster_programs: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """A cluster of its own that holds every object of the examples, and whose containers run nothing."""
    directory = tmp_path_factory.mktemp("ends")
    directory.chmod(0o700)
    known = examples(NEWEST)
    images = {image: ["/scripted"] for example in known for image in _values_of(example.document, "image")}
    with RealCluster(cluster_programs, directory).running(Containers(), ScriptedNode, images) as cluster:
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
        cluster.connection.apply(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", account)
        for example in known:
            document = example.document
            if example.kind == "CronWorkflow":
                document = {**document, "spec": {**document["spec"], "suspend": True}}
            if example.kind in PLACES:
                cluster.connection.apply(PLACES[example.kind], document)
        yield cluster


def test_what_is_reported_of_the_examples_is_what_the_controller_recorded(
    scripted_cluster: RealCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    submitted = [one for one in examples(NEWEST) if one.kind not in NOT_SUBMITTED and one.name not in REFUSED]
    chosen = [one for one in submitted if one.name not in NOT_RUN]
    assert len(chosen) == len(submitted) - len(NOT_RUN), "each of NOT_RUN is an example"
    began = time.monotonic()
    ended = Follower(scripted_cluster, tmp_path).follow(chosen)
    differences = {name: found for name, one in ended.items() if (found := list(one.differences()))}
    with capsys.disabled():
        phases = dict(Counter(one.step.outputs.get("phase") for one in ended.values()))
        failed = sum(len(one.step.result["failed-nodes"]) for one in ended.values())
        seconds = time.monotonic() - began
        print(f"\nexamples run: {len(ended)} of {len(submitted)}, {phases}, failed nodes {failed}, in {seconds:.0f} s")
    assert differences == {}


def _values_of(document: Any, key: str) -> Iterator[str]:
    """Yield the texts that a document has under a key, at any depth."""
    if isinstance(document, list):
        for one in document:
            yield from _values_of(one, key)
    elif isinstance(document, dict):
        if isinstance(document.get(key), str):
            yield document[key]
        for one in document.values():
            yield from _values_of(one, key)
