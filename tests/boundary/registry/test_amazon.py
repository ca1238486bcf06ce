"""Passwords of Amazon ECR, signed for the sandbox's AWS, which checks each signature anew."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from mlops_actions.boundary.registry import amazon
from mlops_actions.boundary.registry.cloud_token import cloud_token
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.core import registries
from mlops_actions.core.errors import ActionError, BadInput, Refused, Unavailable
from mlops_sandbox.host import Host
from mlops_sandbox.identity import Aws, Issuer
from tests.support.logs import LOG

USER = "arn:aws:iam::111122223333:user/ci"
ROLE = "arn:aws:iam::111122223333:role/ci"
ECR = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"


@dataclass
class Job:
    """AWS at an address, and the environment of a job with credentials for it."""

    aws: Aws
    environ: dict[str, str]

    def user(self) -> dict[str, str]:
        key, secret = self.aws.add_key(USER)
        return {**self.environ, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}

    def session(self) -> dict[str, str]:
        key, made, _ = self.aws.open_session(ROLE, "ci")
        keys = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": made.secret, "AWS_SESSION_TOKEN": made.token}
        return {**self.environ, **keys}


@pytest.fixture
def job() -> Iterator[Job]:
    aws = Aws(Issuer())
    aws.publishers |= {USER, ROLE}
    with Host(aws.app) as host:
        yield Job(aws, {"AWS_ENDPOINT_URL": host.url})


@pytest.mark.parametrize("kind", ["user", "session"])
def test_a_password_is_issued_to_a_signed_request(job: Job, kind: str) -> None:
    log = io.StringIO()
    environ = getattr(job, kind)()
    password = cloud_token(ECR, environ, GitHubRunner({}, log))
    assert password == job.aws.registry_passwords[-1]
    for secret in (password, environ["AWS_SECRET_ACCESS_KEY"]):
        assert f"::add-mask::{secret}\n" in log.getvalue()


def test_the_public_registry_has_a_service_of_its_own(job: Job) -> None:
    job.aws.region = "us-east-1"
    assert cloud_token("public.ecr.aws", job.user(), LOG) == job.aws.registry_passwords[-1]


@pytest.mark.parametrize(
    ("changes", "expected", "cause", "remedy"),
    [
        ({"AWS_ACCESS_KEY_ID": ""}, BadInput, "no AWS credentials", "configure-aws-credentials"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, BadInput, "no AWS credentials", "configure-aws-credentials"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong-secret"}, Refused, "SignatureDoesNotMatch", "expired or are wrong"),
        ({"AWS_ACCESS_KEY_ID": "AKIA0"}, Refused, "InvalidClientTokenId", "expired or are wrong"),
        ({"AWS_SESSION_TOKEN": "another"}, Refused, "InvalidClientTokenId", "expired or are wrong"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, Unavailable, "cannot be reached", "region"),
    ],
)
def test_a_sign_in_that_fails_names_its_cause(
    job: Job, changes: dict[str, str], expected: type[ActionError], cause: str, remedy: str
) -> None:
    with pytest.raises(expected, match=cause) as failed:
        amazon.password(ECR, {**job.user(), **changes}, LOG, pause=lambda _: None)
    assert remedy in failed.value.remedy
    assert "wrong-secret" not in str(failed.value)


def test_a_role_without_the_permission_is_told_which(job: Job) -> None:
    job.aws.publishers.clear()
    with pytest.raises(Refused, match="AccessDeniedException") as refused:
        amazon.password(ECR, job.user(), LOG, pause=lambda _: None)
    assert "ecr:GetAuthorizationToken" in refused.value.remedy


def test_another_region_is_another_signature(job: Job) -> None:
    with pytest.raises(Refused, match="SignatureDoesNotMatch"):
        amazon.password(ECR.replace("eu-west-1", "us-east-2"), job.user(), LOG, pause=lambda _: None)


@pytest.mark.parametrize(
    ("host", "api", "region"),
    [
        (ECR, "api.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
        ("111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("111122223333.dkr.ecr.us-gov-east-1.amazonaws.com", "api.ecr.us-gov-east-1.amazonaws.com", "us-gov-east-1"),
        ("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", "api.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu", "api.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ("111122223333.dkr-ecr.eu-west-1.on.aws", "api.ecr.eu-west-1.amazonaws.com", "eu-west-1"),
        ("public.ecr.aws", "api.ecr-public.us-east-1.amazonaws.com", "us-east-1"),
    ],
)
def test_each_partition_has_its_own_api(host: str, api: str, region: str) -> None:
    endpoint = amazon.endpoint_of(host)
    assert (endpoint.host, endpoint.region) == (api, region)
    assert registries.known(host).token_username == "AWS"


@pytest.mark.parametrize(
    "host",
    [
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
        "dkr.ecr.eu-west-1.amazonaws.com",
        "1.dkr.ecr.eu-west-1.amazonaws.com",
        "111122223333.dkr.ecr.eu-west-1.evil.example",
        "evil.example.dkr.ecr.eu-west-1.amazonaws.com",
        "my-bucket.s3.amazonaws.com",
        "public.ecr.aws.evil.example",
    ],
)
def test_a_host_that_only_looks_like_amazon_s_gets_no_password(host: str) -> None:
    assert not registries.known(host).token_username
    with pytest.raises(BadInput, match="no registry of Amazon"):
        amazon.password(host, {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}, LOG)
