"""Kubeconfigs: formats, contexts, refusals, secrets."""

from __future__ import annotations

import base64
import copy
from collections.abc import Mapping

import pytest
import yaml

from mlops_actions.boundary.cluster import kubeconfig
from mlops_actions.boundary.cluster.logins import AKS_SERVER, AwsLogin, AzureLogin, GoogleLogin, Login
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
    assert selected.login == GoogleLogin()
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
    "args": ["get-token", "--login", "workloadidentity", "--server-id", AKS_SERVER],
}
ROLE = "arn:aws:iam::111122223333:role/ci"


def plugin(command: str, args: str, **env: str) -> dict[str, object]:
    return {"command": command, "args": args.split(), "env": [{"name": name, "value": value} for name, value in env.items()]}


def with_user(user: Mapping[str, object]) -> dict[str, object]:
    return {**copy.deepcopy(CONFIG), "users": [{"name": "u", "user": user}]}


@pytest.mark.parametrize(
    ("given", "login"),
    [
        (EKS, AwsLogin("training", "eu-west-1")),
        (AKS, AzureLogin(mode="workloadidentity")),
        (
            plugin("/usr/local/bin/aws", f"eks get-token --cluster-name=c --role-arn {ROLE}", AWS_PROFILE="ci"),
            AwsLogin("c", role=ROLE, profile="ci"),
        ),
        (plugin("aws", "eks get-token --cluster-id 0f", AWS_REGION="us-west-2"), AwsLogin("0f", "us-west-2")),
        (
            plugin("aws", "eks get-token --cluster-name c", AWS_ACCESS_KEY_ID="AK", AWS_SECRET_ACCESS_KEY="s3cret"),
            AwsLogin("c", keys=("AK", "s3cret", "")),
        ),
        (
            plugin("aws-iam-authenticator", f"token -i c -r {ROLE} --region eu-west-1 -e x -s night"),
            AwsLogin("c", "eu-west-1", ROLE, external_id="x", session_name="night"),
        ),
        (plugin("aws-iam-authenticator.exe", "token --cluster-id c --cache"), AwsLogin("c")),
        # The application of these modes is one of Microsoft's for people, which cannot sign in a job.
        (
            plugin("kubelogin", "get-token --login devicecode --server-id s --client-id people --tenant-id t"),
            AzureLogin(server_id="s", mode="devicecode", tenant_id="t"),
        ),
        (plugin("kubelogin", "get-token"), AzureLogin(mode="devicecode")),
        (plugin("kubelogin", "get-token -l msi --client-id app"), AzureLogin(mode="msi", client_id="app")),
        (
            plugin("kubelogin", "get-token -l spn --client-id app -t t", AZURE_CLIENT_SECRET="s3cret"),
            AzureLogin(mode="spn", client_id="app", tenant_id="t", secret="s3cret"),
        ),
        (
            plugin("kubelogin", "get-token -l workloadidentity --environment AzureUSGovernmentCloud", AZURE_TENANT_ID="t"),
            AzureLogin(mode="workloadidentity", tenant_id="t", cloud="us"),
        ),
        (
            plugin("kubelogin", "get-token -l workloadidentity --authority-host https://login.chinacloudapi.cn/"),
            AzureLogin(mode="workloadidentity", cloud="china"),
        ),
    ],
)
def test_a_kubeconfig_of_a_cloud_s_cluster_is_used_without_its_program(given: dict[str, object], login: Login) -> None:
    selected = kubeconfig.select_context(with_user({"exec": given}), None, "it")
    assert selected.login == login
    assert selected.config["users"][0]["user"] == {}


def test_the_older_provider_of_azure_is_used_without_its_program() -> None:
    config = {"apiserver-id": "server", "client-id": "people", "tenant-id": "t", "environment": "AzurePublicCloud"}
    user = {"auth-provider": {"name": "azure", "config": config}}
    assert kubeconfig.select_context(with_user(user), None, "it").login == AzureLogin(server_id="server", tenant_id="t")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (plugin("aws", "s3 rm s3://bucket"), "'s3 rm s3://bucket'"),
        (plugin("aws", "eks get-token --cluster-name c --endpoint-url https://evil.test"), "'--endpoint-url'"),
        (
            plugin("aws", "eks get-token --cluster-name c", AWS_ENDPOINT_URL="https://evil.test"),
            "'AWS_ENDPOINT_URL'",
        ),
        (plugin("aws", "eks get-token --cluster-name c", AWS_CONFIG_FILE="x"), "'AWS_CONFIG_FILE'"),
        (plugin("aws", "eks get-token"), "names no cluster"),
        (plugin("aws", "eks get-token --cluster-name"), "'--cluster-name' of 'aws' has no value"),
        (plugin("aws-iam-authenticator", "server"), "'server'"),
        (plugin("kubelogin", "convert-kubeconfig"), "'convert-kubeconfig'"),
        (plugin("kubelogin", "get-token --authority-host https://evil.test"), "'https://evil.test'"),
        (plugin("kubelogin", "get-token", AZURE_AUTHORITY_HOST="https://evil.test"), "'https://evil.test'"),
        (plugin("kubelogin", "get-token --environment Moon"), "'Moon'"),
        (plugin("kubelogin", "get-token --login magic"), "'magic'"),
        (plugin("kubelogin", "get-token --pop-enabled"), "'--pop-enabled'"),
        (plugin("kubelogin", "get-token --oidc-issuer-url https://x"), "'--oidc-issuer-url'"),
        ({"command": "aws", "args": "eks get-token"}, "malformed"),
        ({"command": "kubelogin", "env": ["A=B"]}, "malformed"),
    ],
)
def test_what_a_plug_in_is_asked_for_and_is_not_known_is_named(given: dict[str, object], named: str) -> None:
    with pytest.raises(BadInput) as caught:
        kubeconfig.select_context(with_user({"exec": given}), None, "it")
    assert named in caught.value.cause
    assert caught.value.remedy


def test_secrets_of_a_plug_in_are_found() -> None:
    user = plugin("kubelogin", "get-token --client-secret one --login spn", AZURE_CLIENT_SECRET="two", AZURE_CLIENT_ID="id")
    assert set(kubeconfig.secrets({"users": [{"user": {"exec": user}}]})) == {"one", "two"}


def test_another_user_is_impersonated() -> None:
    user = {
        "token": "t0ken",
        "as": "jörg",
        "as-uid": "7",
        "as-groups": ["ml", "night, shift"],
        "as-user-extra": {"example.com/Scopes": ["a", "b"]},
    }
    assert kubeconfig.select_context(with_user(user), None, "it").impersonation == (
        ("Impersonate-User", "jörg".encode().decode("latin-1")),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "ml"),
        ("Impersonate-Group", "night, shift"),
        ("Impersonate-Extra-example.com%2FScopes", "a"),
        ("Impersonate-Extra-example.com%2FScopes", "b"),
    )


@pytest.mark.parametrize(
    ("user", "cause"),
    [
        ({"as-groups": ["ml"]}, "'as-groups' needs 'as'"),
        ({"as-uid": "7"}, "'as-uid' needs 'as'"),
        ({"as-user-extra": {"a": ["b"]}}, "'as-user-extra' needs 'as'"),
        ({"as": "u", "as-groups": "ml"}, "'as-groups' is a list"),
        ({"as": "u", "as-user-extra": ["a"]}, "'as-user-extra' a mapping"),
        ({"as": "u", "as-user-extra": {"a": "b"}}, "'a' in 'as-user-extra' is not a list"),
        ({"as": "u\r\nX-Evil: 1"}, "Impersonate-User holds a control character"),
        ({"as": "u", "as-groups": ["a\nb"]}, "Impersonate-Group holds a control character"),
    ],
)
def test_an_impersonation_that_kubectl_would_not_send_is_refused(user: dict[str, object], cause: str) -> None:
    with pytest.raises(BadInput, match=cause):
        kubeconfig.select_context(with_user(user), None, "it")


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
