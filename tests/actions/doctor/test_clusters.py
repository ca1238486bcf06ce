"""Doctor asks a cloud's cluster by the cloud's API, and a cluster behind an Argo Server by that server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from mlops_actions.boundary.cluster.gke import ENDPOINT_VARIABLE
from mlops_sandbox.cluster import SUBMITTER
from mlops_sandbox.cluster.access import rule
from mlops_sandbox.identity.azure import TENANT
from tests.actions.doctor.faults.breakage import Breakage
from tests.actions.doctor.faults.other_clusters import (
    ARGO_SERVER,
    TEMPLATES,
    breakages_on_gke,
    connect_by,
    through_argo_server,
)
from tests.actions.doctor.test_faults import named_and_mended
from tests.actions.doctor.world import World
from tests.support.cluster_certificates import Certificate, for_loopback
from tests.support.gke_platform import Platform, account_key
from tests.support.identity_platform import APPLICATION, AUDIENCE, REGION, ROLE, SUBSCRIPTION, IdentityPlatform


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return for_loopback(tmp_path_factory.mktemp("certificate"), "gke")


@pytest.fixture
def platform(world: World, certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """Let the workflow file name a cluster on GKE instead of a kubeconfig."""
    monkeypatch.setenv("NO_GCE_CHECK", "true")  # there is no metadata server
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    made = Platform(world.cluster, certificate, tmp_path)
    with made.api, made.host:
        made.describe()
        connect_by(world, "          gke-cluster: train\n          gke-location: europe-west1\n")
        world.environ.pop("KUBECONFIG")
        world.environ |= {ENDPOINT_VARIABLE: made.host.url, "GOOGLE_CREDENTIALS": account_key(made)}
        yield made


def names(breakage: Breakage) -> str:
    return breakage.name


@pytest.mark.parametrize("breakage", TEMPLATES, ids=names)
def test_a_template_is_asked_for(world: World, breakage: Breakage) -> None:
    named_and_mended(world, breakage)


def test_nothing_fails_through_a_healthy_argo_server(world: World) -> None:
    through_argo_server(world)
    diagnosed = world.ask()
    assert diagnosed.named("fails") == set(), diagnosed.text
    checks = {name for group, name in diagnosed.named("ok") if group == "cluster"}
    assert checks >= {"reachable", "credentials", "Argo Workflows", "may get workflows", "may create workflows", "dry run"}
    unknown = {name for group, name in diagnosed.named("cannot be told") if group == "cluster"}
    assert unknown >= {"may watch workflows", "may patch workflows", "may get pods/log", "secret wandb"}


def test_documents_that_are_not_submitted_are_named(world: World) -> None:
    world.write(
        "workflow.yaml", world.files["workflow.yaml"] + "\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
    )
    diagnosed = world.ask("--only", "cluster")
    assert diagnosed.named("fails") == set(), diagnosed.text
    assert ("cluster", "other documents") in diagnosed.named("cannot be told")
    assert "ConfigMap stands beside the Workflow and is not submitted" in diagnosed.text


@pytest.mark.parametrize("breakage", ARGO_SERVER, ids=names)
def test_a_fault_behind_an_argo_server_is_named(world: World, breakage: Breakage) -> None:
    through_argo_server(world)
    named_and_mended(world, breakage)


def test_the_argo_token_goes_only_to_the_server_that_the_person_named(world: World) -> None:
    through_argo_server(world)
    del world.environ["ARGO_SERVER"]
    world.ask("--only", "cluster")
    assert world.cluster.requests == []


def test_nothing_fails_on_a_healthy_cluster_on_gke(world: World, platform: Platform) -> None:
    diagnosed = world.ask()
    assert diagnosed.named("fails") == set(), diagnosed.text
    assert ("cluster", "may create workflows") in diagnosed.named("ok")
    assert not any(token in diagnosed.text for token in platform.google.tokens)


GKE_FAULTS = [
    "no such cluster",
    "no location",
    "a project of somebody else",
    "an endpoint that the cluster has not",
    "credentials that Google refuses",
    "no credentials",
    "may not create workflows",
]


@pytest.mark.parametrize("name", GKE_FAULTS)
def test_a_fault_of_a_cluster_on_gke_is_named(world: World, platform: Platform, name: str) -> None:
    breakages = {breakage.name: breakage for breakage in breakages_on_gke(platform)}
    assert list(breakages) == GKE_FAULTS
    named_and_mended(world, breakages[name])


EKS = f"          eks-cluster: train\n          eks-region: {REGION}\n          aws-role: {ROLE}\n"
AKS = (
    f"          aks-cluster: train\n          aks-resource-group: ml\n          aks-subscription: {SUBSCRIPTION}\n"
    f"          azure-client-id: {APPLICATION}\n          azure-tenant-id: {TENANT}\n"
)
AUDIENCE_ALONE = f"          oidc-audience: {AUDIENCE}\n"


@pytest.fixture
def identity(
    world: World, certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[IdentityPlatform]:
    """Let doctor run in a job that has an identity token."""
    with IdentityPlatform(world.cluster, certificate, tmp_path) as made:
        kubeconfig = tmp_path / "without-user"
        kubeconfig.write_text(made.kubeconfig(None))
        world.environ |= {**made.environ, "GITHUB_ACTIONS": "true", "KUBECONFIG": str(kubeconfig)}
        for name, value in made.environ.items():  # botocore reads the process' own
            monkeypatch.setenv(name, value)
        yield made


@pytest.mark.parametrize("inputs", [EKS, AKS, AUDIENCE_ALONE], ids=["EKS", "AKS", "audience"])
def test_nothing_fails_on_a_cluster_that_takes_the_job_s_identity(
    world: World, identity: IdentityPlatform, inputs: str
) -> None:
    connect_by(world, inputs)
    diagnosed = world.ask("--only", "cluster")
    assert diagnosed.named("fails") == set(), diagnosed.text
    assert ("cluster", "may create workflows") in diagnosed.named("ok")
    issued = [*identity.issuer.tokens, *identity.azure.tokens]
    assert not any(token in diagnosed.text for token in issued)


@pytest.mark.parametrize(
    ("inputs", "change", "remedy"),
    [
        (EKS, lambda it: it.aws.roles.clear(), "check 'aws-role'"),
        (EKS, lambda it: it.aws.describers.clear(), "eks:DescribeCluster"),
        (EKS, lambda it: it.aws.clusters.clear(), "check 'eks-cluster' and 'eks-region'"),
        (AKS, lambda it: it.azure.applications.clear(), "check 'azure-client-id'"),
        (AKS, lambda it: it.azure.kubeconfigs.clear(), "check 'aks-cluster'"),
        (AUDIENCE_ALONE, lambda it: setattr(it.issuer, "refuses", 403), "id-token: write"),
    ],
    ids=["role", "describe", "EKS cluster", "application", "AKS cluster", "permission"],
)
def test_a_fault_of_a_login_by_identity_is_named(
    world: World, identity: IdentityPlatform, inputs: str, change: Callable[[IdentityPlatform], None], remedy: str
) -> None:
    connect_by(world, inputs)
    change(identity)
    diagnosed = world.ask("--only", "cluster")
    assert ("cluster", "connection") in diagnosed.named("fails"), diagnosed.text
    assert remedy in diagnosed.text


@pytest.mark.parametrize("inputs", [AKS, AUDIENCE_ALONE], ids=["AKS", "audience"])
def test_a_person_is_told_that_only_a_job_can_sign_in(world: World, inputs: str) -> None:
    connect_by(world, inputs)
    diagnosed = world.ask("--only", "cluster")
    assert diagnosed.named("fails") == set(), diagnosed.text
    assert ("cluster", "cluster") in diagnosed.named("cannot be told")


def test_doctor_acts_as_the_user_that_the_kubeconfig_names(world: World, tmp_path: Path) -> None:
    token = world.cluster.access.grant("robot", [rule("users", "impersonate")])
    config = yaml.safe_load(Path(world.environ["KUBECONFIG"]).read_text())
    config["users"][0]["user"] = {"token": token, "as": "nobody"}
    path = tmp_path / "acting"
    path.write_text(yaml.safe_dump(config))
    world.environ["KUBECONFIG"] = str(path)
    diagnosed = world.ask("--only", "cluster")
    assert ("cluster", "may create workflows") in diagnosed.named("fails")
    world.cluster.add_user("nobody", SUBMITTER)
    assert ("cluster", "may create workflows") in world.ask("--only", "cluster").named("ok")
