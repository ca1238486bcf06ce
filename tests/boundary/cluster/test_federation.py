"""Odd answers of GitHub's issuer, of AWS and of Azure: each is an error with a remedy."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlops_actions.boundary.cluster import aks, eks, oidc
from mlops_actions.boundary.cluster.logins import AwsLogin
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.core.errors import ActionError
from mlops_sandbox.cluster import Cluster, LocalImage, ProcessExecutor
from mlops_sandbox.identity.azure import TENANT
from tests.actions.odd_answers.answers import NO_CONTENT, ODD, OF_THE_BODY
from tests.support.cluster_certificates import for_loopback
from tests.support.identity_platform import APPLICATION, AUDIENCE, REGION, ROLE, SUBSCRIPTION, IdentityPlatform


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityPlatform]:
    directory = tmp_path_factory.mktemp("identity")
    with (
        Cluster(ProcessExecutor({"": LocalImage()})) as cluster,
        IdentityPlatform(cluster, for_loopback(directory, "identity"), directory) as made,
    ):
        yield made


def by_identity(platform: IdentityPlatform, runner: GitHubRunner) -> None:
    oidc.log_in(AUDIENCE, platform.environ, runner, no_pause)


def by_aws(platform: IdentityPlatform, runner: GitHubRunner) -> None:
    eks.connect(AwsLogin("train", REGION), ROLE, platform.environ, runner, no_pause)


def by_azure(platform: IdentityPlatform, runner: GitHubRunner) -> None:
    application = aks.AzureApplication(APPLICATION, TENANT)
    aks.connect(aks.AksCluster("train", "ml", SUBSCRIPTION), application, platform.environ, runner, no_pause)


def no_pause(_seconds: float) -> None:
    pass


@pytest.mark.parametrize(
    ("host", "route", "connect", "accepted"),
    [
        ("github", "GET /token", by_identity, ["as HTML"]),
        ("aws", "POST /", by_aws, ["as HTML"]),
        ("aws", "GET /clusters/**", by_aws, ["as HTML"]),
        ("azure", "POST /*/oauth2/v2.0/token", by_azure, []),
        ("azure", "POST /subscriptions/**", by_azure, ["as HTML"]),
    ],
)
def test_an_odd_answer_is_an_error_with_a_remedy(
    platform: IdentityPlatform,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    host: str,
    route: str,
    connect: Callable[[IdentityPlatform, GitHubRunner], None],
    accepted: list[str],
) -> None:
    for name, value in platform.environ.items():  # botocore reads the process' own
        monkeypatch.setenv(name, value)
    interceptor, taken, unclear = platform.interceptors[host], [], []
    for name, change in {**ODD, **NO_CONTENT, **OF_THE_BODY}.items():
        interceptor.arm(route, change)
        try:
            connect(platform, GitHubRunner({"RUNNER_TEMP": str(tmp_path)}, io.StringIO()))
        except ActionError as error:
            unclear += [] if error.cause and error.remedy and "\n" not in error.cause else [name]
        else:
            taken.append(name)
        assert interceptor.changed, name
    interceptor.disarm()
    assert unclear == []
    assert taken == accepted
