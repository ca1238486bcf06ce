"""Kubeconfigs: formats, contexts, refusals, secrets."""

from __future__ import annotations

import base64
import copy

import pytest
import yaml

from mlops_actions.boundary.cluster import kubeconfig
from mlops_actions.core.errors import BadInput

CONFIG = {
    "apiVersion": "v1", "kind": "Config", "current-context": "one",
    "clusters": [{"name": "c1", "cluster": {"server": "https://one.test"}}, {"name": "c2", "cluster": {"server": "https://two"}}],
    "users": [{"name": "u", "user": {"token": "t0ken"}}],
    "contexts": [
        {"name": "one", "context": {"cluster": "c1", "user": "u", "namespace": "ml"}},
        {"name": "two", "context": {"cluster": "c2", "user": "u"}},
        {"name": "broken", "context": {"cluster": "c3", "user": "u"}},
    ],
}  # fmt: skip
TEXT = yaml.safe_dump(CONFIG)


def test_yaml_and_base64_are_distinguished_from_a_path() -> None:
    assert kubeconfig.inline(TEXT) == TEXT
    encoded = base64.b64encode(TEXT.encode()).decode()
    assert kubeconfig.inline(encoded) == TEXT
    wrapped = "\n".join(encoded[start : start + 76] for start in range(0, len(encoded), 76))
    assert kubeconfig.inline(wrapped) == TEXT
    assert kubeconfig.inline("/home/me/.kube/config") is None
    assert kubeconfig.inline("kubeconfig") is None


def test_one_context_is_selected() -> None:
    selected = kubeconfig.select_context(CONFIG, None, "it")
    assert (selected.server, selected.namespace) == ("https://one.test", "ml")
    assert len(selected.config["clusters"]) == 1
    assert kubeconfig.select_context(CONFIG, "two", "it").server == "https://two"


@pytest.mark.parametrize(
    ("context", "problem"),
    [("three", "it has no context 'three'"), ("broken", "it names the cluster 'c3', but has no such entry")],
)
def test_a_missing_entry_is_named(context: str, problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        kubeconfig.select_context(CONFIG, context, "it")


def test_without_a_current_context_the_choices_are_listed() -> None:
    with pytest.raises(BadInput) as caught:
        kubeconfig.select_context({**CONFIG, "current-context": ""}, None, "it")
    assert caught.value.remedy == "give 'kube-context', one of: one, two, broken"


@pytest.mark.parametrize(
    "user", [{"exec": {"command": "sh", "args": ["-c", "id"]}}, {"auth-provider": {"config": {"cmd-path": "x"}}}]
)
def test_programs_are_not_run(user: dict[str, object]) -> None:
    config = copy.deepcopy(CONFIG)
    config["users"] = [{"name": "u", "user": user}]
    with pytest.raises(BadInput, match="program"):
        kubeconfig.select_context(config, None, "it")


@pytest.mark.parametrize(
    "user",
    [
        {"exec": {"command": "/opt/sdk/bin/gke-gcloud-auth-plugin"}},
        {"auth-provider": {"name": "gcp", "config": {"cmd-path": "/opt/sdk/bin/gcloud", "access-token": "old"}}},
    ],
)
def test_googles_library_replaces_gcloud(user: dict[str, object]) -> None:
    config = copy.deepcopy(CONFIG)
    config["users"] = [{"name": "u", "user": user}]
    selected = kubeconfig.select_context(config, None, "it")
    assert selected.by_google
    assert selected.config["users"][0]["user"] == {}


# What `aws eks update-kubeconfig` and `kubelogin convert-kubeconfig` write: the user has no token, only a program.
EKS = {
    "apiVersion": "client.authentication.k8s.io/v1beta1",
    "command": "aws",
    "args": ["--region", "eu-west-1", "eks", "get-token", "--cluster-name", "training", "--output", "json"],
}
AKS = {
    "apiVersion": "client.authentication.k8s.io/v1beta1",
    "command": "kubelogin",
    "args": ["get-token", "--login", "workloadidentity", "--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630"],
}


@pytest.mark.parametrize(
    ("plugin", "named"),
    [
        pytest.param(
            EKS, "aws", marks=pytest.mark.xfail(strict=True, raises=BadInput, reason="argo-submit: EKS without a key")
        ),
        pytest.param(
            AKS, "kubelogin", marks=pytest.mark.xfail(strict=True, raises=BadInput, reason="argo-submit: AKS without a key")
        ),
    ],
)
def test_a_kubeconfig_of_a_cloud_s_cluster_is_used_without_its_program(plugin: dict[str, object], named: str) -> None:
    config = copy.deepcopy(CONFIG)
    config["users"] = [{"name": "u", "user": {"exec": plugin}}]
    assert named not in str(kubeconfig.select_context(config, None, "it").config["users"])


@pytest.mark.parametrize("text", ["- a", "words", "clusters: 3", "clusters: [{}]", "{"])
def test_an_invalid_kubeconfig_is_refused_without_quoting_it(text: str) -> None:
    secret = "s3cret-token"
    with pytest.raises(BadInput) as caught:
        kubeconfig.parse(f"{text} #{secret}", "it")
    assert secret not in str(caught.value)


def test_the_first_entry_of_several_files_counts() -> None:
    other = copy.deepcopy(CONFIG)
    other["clusters"] = [
        {"name": "c1", "cluster": {"server": "https://other"}},
        {"name": "c9", "cluster": {"server": "https://n"}},
    ]
    whole = kubeconfig.merged([CONFIG, other])
    assert [entry["name"] for entry in whole["clusters"]] == ["c1", "c2", "c9"]
    assert whole["clusters"][0]["cluster"]["server"] == "https://one.test"


def test_secrets_are_found_encoded_and_decoded() -> None:
    key = base64.b64encode(b"PRIVATE").decode()
    secrets = list(kubeconfig.secrets({"users": [{"user": {"token": "t0ken", "client-key-data": key, "password": "pw"}}]}))
    assert secrets == ["t0ken", key, "PRIVATE", "pw"]
