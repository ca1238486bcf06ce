"""Doctor asks a cluster on GKE by Google's API, and a cluster behind an Argo Server by that server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_actions.boundary.cluster.gke import ENDPOINT_VARIABLE
from tests.actions.doctor.faults import Breakage
from tests.actions.doctor.faults_of_clusters import ARGO_SERVER, KUBECONFIG, TEMPLATES, breakages_on_gke, through_argo_server
from tests.actions.doctor.test_faults import named_and_mended
from tests.actions.doctor.world import World
from tests.support.cluster_certificates import Certificate, for_loopback
from tests.support.gke_platform import Platform, account_key


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
        world.replace(KUBECONFIG, "          gke-cluster: train\n          gke-location: europe-west1\n")
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
