"""Every shape of the starter: each cluster, with and without controls, with the repository's own manifest."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
import yaml

from mlops_actions.argo_submit.read_manifest import read_manifest
from mlops_actions.core.types import Json
from mlops_actions.doctor.job_rights import missing
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import parse
from mlops_actions.pipeline import steps
from mlops_actions.starter.answers import Answers, command_parameters, scalar
from mlops_actions.starter.questions import CLUSTERS
from mlops_actions.starter.render import CLOUD_VARIABLES, DEPLOY, DOCTOR, RBAC, WORKFLOW, files

ROOT = Path(__file__).parents[3]
CONTROLS = ("status, stop, retry", "status", "stop", "retry", "none")
SHAPES = list(product(CLUSTERS, CONTROLS, (False, True)))


def shape(cluster: str, controls: str, is_server: bool) -> dict[str, str]:
    answers = Answers(
        image="digits", project="octo/digits", cluster=cluster, controls=controls, is_enterprise_server=is_server,
        manifest="argo/train.yaml", dockerfile="docker/train.Dockerfile", labels=("a b", "c: d", "e"),
        wandb_secret="TRACKER", kubeconfig_secret="CLUSTER", parameters={},
    )  # fmt: skip
    return files(answers)


def jobs(text: str) -> dict[str, Json]:
    return dict(yaml.safe_load(text)["jobs"])


@pytest.mark.parametrize(("cluster", "controls", "is_server"), SHAPES)
def test_every_shape_is_whole(cluster: str, controls: str, is_server: bool) -> None:
    rendered = shape(cluster, controls, is_server)
    assert [path for path, text in rendered.items() if "@@" in text or re.search(r"[ \t]$", text, re.MULTILINE)] == []
    for path in (WORKFLOW, DOCTOR, DEPLOY):
        scope = Scope(
            workflow=parse(rendered[path], path), repository="o/d", context={}, read=str, read_manifest=read_manifest
        )
        for checked in scope.workflow.jobs:
            assert missing(checked, scope, "none") == {}, (path, checked.name)
        for name, job in jobs(rendered[path]).items():
            ids = {step["id"] for step in job["steps"] if "id" in step}
            assert set(re.findall(r"\bsteps\.(\w+)\.", yaml.safe_dump(job))) <= ids, (path, name)
            wanted = set(re.findall(r"\bneeds\.listen\.outputs\.([\w-]+)", yaml.safe_dump(job)))
            if name != "listen" and path != DOCTOR:
                assert wanted <= jobs(rendered[path])["listen"]["outputs"].keys(), (path, name)
            for step in job["steps"]:
                assert_inputs(step)
    assert ("deployment" in jobs(rendered[DEPLOY])["deploy"]["environment"]) is not is_server
    assert "queue: max" not in rendered[WORKFLOW] + rendered[DEPLOY] or not is_server


def assert_inputs(step: Json) -> None:
    found = re.fullmatch(r"machine-learning-apps/mlops-actions/(actions/[a-z-]+)@v1", str(step["uses"]))
    if found:
        metadata = yaml.safe_load((ROOT / found[1] / "action.yml").read_text())
        assert set(step["with"]) <= set(metadata["inputs"]), found[1]


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_without_controls_two_jobs_suffice(cluster: str) -> None:
    two = jobs(shape(cluster, "none", False)[WORKFLOW])
    assert list(two) == ["listen", "train"]
    assert [step["uses"].partition("@")[0].rpartition("/")[2] for step in two["listen"]["steps"]] == ["chatops"]
    assert "secrets." not in yaml.safe_dump(two["listen"])
    last = two["train"]["steps"][-1]
    assert (last["if"], last["with"]["mode"]) == ("always()", "finish")


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_a_cloud_s_cluster_needs_an_identity_and_no_kubeconfig(cluster: str) -> None:
    rendered = shape(cluster, "stop", False)
    mlops, cloud = jobs(rendered[WORKFLOW]), cluster != "kubeconfig"
    assert [name for name, job in mlops.items() if "id-token" in job["permissions"]] == (
        ["train", "control"] if cloud else []
    )
    assert ("CLUSTER" in rendered[WORKFLOW].replace("_CLUSTER", "")) is not cloud
    assert ("mlops/kubeconfig.sh" in rendered) is not cloud
    kinds = [(one["kind"], one["metadata"]["name"]) for one in yaml.safe_load_all(rendered[RBAC])]
    assert (("ServiceAccount", "mlops-submitter") in kinds) is not cloud
    assert ("Role", "mlops-submitter") in kinds
    submits = [step for job in mlops.values() for step in job["steps"] if "/argo-submit@" in step["uses"]]
    for step in submits:
        for name, variable in CLOUD_VARIABLES.get(cluster, {}).items():
            assert step["with"][name] == f"${{{{ vars.{variable} }}}}"
    for path, job in ((WORKFLOW, "train"), (WORKFLOW, "control"), (DOCTOR, "doctor")):
        signs_in = [step for step in jobs(rendered[path])[job]["steps"] if step["uses"].startswith("google-github-actions/")]
        assert len(signs_in) == (cluster == "gke")


DECLARED = {
    "image": "", "sha": "", "repo": None, "lr": "1e-3", "small": "0.00001", "whole": "-3", "tiny": ".5", "on": "true",
    "name": "it's", "long": "x" * 500, "line": "a\nb", "must": None, "_x": "1", "9": "1", "a.b": "1", "octal": "010",
    "huge": "1e99", "least": "-2.5E-99", "signed": "1e+5",
}  # fmt: skip


def test_parameters_of_a_manifest_become_parameters_that_chatops_takes() -> None:
    found = command_parameters(DECLARED)
    text = "train:\n  params:\n" + "".join(f"    {scalar(name)}: {declaration}\n" for name, declaration in found.items())
    next(entry for entry in steps.inputs() if entry.name == "commands").parse(text)
    assert yaml.safe_load(text)["train"]["params"] == {
        "lr": {"type": "float", "default": 0.001},
        "small": {"type": "float", "default": 0.00001},
        "whole": {"type": "int", "default": -3},
        "tiny": {"type": "float", "default": 0.5},
        "on": {"type": "bool", "default": True},
        "name": {"type": "str", "default": "it's"},
        "must": {"type": "str", "required": True},
        "octal": {"type": "str", "default": "010"},
        "huge": {"type": "float", "default": 1e99},
        "least": {"type": "float", "default": -2.5e-99},
        "signed": {"type": "float", "default": 100000.0},
    }
