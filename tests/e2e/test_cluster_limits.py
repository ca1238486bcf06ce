"""What the sandbox does not do of what Argo does is listed, field by field: Argo's own schema says what there is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlops_sandbox.cluster.engine import support
from tests.e2e.cluster.binaries import Binaries

ARGO, KUBERNETES = "io.argoproj.workflow.v1alpha1", "io.k8s.api.core.v1"
DEFINITIONS = {
    "spec": f"{ARGO}.WorkflowSpec",
    "template": f"{ARGO}.Template",
    "container": f"{KUBERNETES}.Container",
    "script": f"{ARGO}.ScriptTemplate",
    "dag": f"{ARGO}.DAGTemplate",
    "task": f"{ARGO}.DAGTask",
    "step": f"{ARGO}.WorkflowStep",
    "suspend": f"{ARGO}.SuspendTemplate",
    "retryStrategy": f"{ARGO}.RetryStrategy",
    "backoff": f"{ARGO}.Backoff",
    "podGC": f"{ARGO}.PodGC",
    "env": f"{KUBERNETES}.EnvVar",
    "valueFrom of env": f"{KUBERNETES}.EnvVarSource",
    "envFrom": f"{KUBERNETES}.EnvFromSource",
    "parameter": f"{ARGO}.Parameter",
    "valueFrom": f"{ARGO}.ValueFrom",
    "artifact": f"{ARGO}.Artifact",
}
# Small things that the engine obeys whole; no list names their fields.
WHOLE = {
    "ContinueOn": {"error", "failed"},
    "Sequence": {"count", "end", "format", "start"},
    "TemplateRef": {"clusterScope", "name", "template"},
    "WorkflowTemplateRef": {"clusterScope", "name"},
    "Arguments": {"artifacts", "parameters"},
    "Inputs": {"artifacts", "parameters"},
}


@pytest.fixture(scope="module")
def definitions(cluster_programs: Binaries) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(cluster_programs.schema.read_text())["definitions"]
    return schema


def test_the_lists_are_of_everything_that_the_sandbox_looks_into() -> None:
    assert set(support.SUPPORTED) == set(DEFINITIONS)
    assert set(support.UNSUPPORTED) <= set(DEFINITIONS)


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_every_field_is_obeyed_without_effect_or_refused(definitions: dict[str, Any], kind: str) -> None:
    known = set(definitions[DEFINITIONS[kind]]["properties"])
    obeyed, refused = set(support.SUPPORTED[kind].split()), set(support.UNSUPPORTED.get(kind, "").split())
    without_effect = set(support.IGNORED.split()) & known
    assert obeyed | without_effect | refused == known
    assert len(obeyed) + len(without_effect) + len(refused) == len(known), "a field is on two lists"


def test_nothing_is_said_to_be_without_effect_that_is_not_there(definitions: dict[str, Any]) -> None:
    known = {field for name in DEFINITIONS.values() for field in definitions[name]["properties"]}
    assert set(support.IGNORED.split()) <= known


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_obeyed_whole_has_no_other_fields(definitions: dict[str, Any], name: str) -> None:
    assert set(definitions[f"{ARGO}.{name}"]["properties"]) == WHOLE[name]
