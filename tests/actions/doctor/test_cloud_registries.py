"""Doctor's checks of the job's cloud credentials, for registries that the workflow file gives no login for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_actions.argo_submit.read_manifest import read_manifest
from mlops_actions.boundary.doctor.log import QuietLog
from mlops_actions.boundary.registry.cloud_token import cloud_token
from mlops_actions.doctor import cloud_registries, registry
from mlops_actions.doctor.checks import HealthCheck
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import parse
from tests.boundary.registry.test_google import federated, google

GOOGLE, AMAZON, AZURE = "europe-docker.pkg.dev", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "acmemodels.azurecr.io"
NO_CLOUD = {"HOME": "/nowhere", "AWS_EC2_METADATA_DISABLED": "true", "NO_GCE_CHECK": "true"}


def scope_of(inputs: str, *, is_job: bool) -> Scope:
    lines = "".join(f"          {line}\n" for line in inputs.splitlines())
    steps = f"      - uses: octo-org/x/actions/docker-publish@v1\n        with:\n{lines}"
    file = parse(f"on: push\njobs:\n  publish:\n    steps:\n{steps}", "mlops.yml")
    return Scope(
        workflow=file, repository="octo-org/digits", context={}, read=str, read_manifest=read_manifest, is_job=is_job
    )


def hosts(scope: Scope) -> list[str]:
    images = [registry.image_of(step, scope) for step in scope.workflow.steps("docker-publish")]
    return cloud_registries.hosts(scope, lambda number: image.host if (image := images[number]) else "")


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (f"image: {GOOGLE}/p/r/a", [GOOGLE]),
        (f"image: {AMAZON}/a", [AMAZON]),
        (f"image: {AZURE}/a", [AZURE]),
        ("image: octo/a", []),
        (f"image: {GOOGLE}/p/r/a\npassword: ${{{{ secrets.KEY }}}}", []),
        (f"image: {GOOGLE}/p/r/a\npassword: ''", [GOOGLE]),
        (f"image: octo/a\nregistries: |\n  {AMAZON}: {{push: true}}\n  {AZURE}:", [AMAZON, AZURE]),
        (f"image: octo/a\nregistries: |\n  {AMAZON}: {{username: u, password: p}}", []),
        (f"image: {AMAZON}/a\nregistries: |\n  {AMAZON}: {{username: u, password: p}}", []),
        (f"image: {AMAZON}/a\nregistries: |\n  {AMAZON}:", [AMAZON]),
        (f"image: ${{{{ inputs.image }}}}\nregistries: |\n  {AZURE}:", [AZURE]),
        ("image: octo/a\nregistries: |\n  nvcr.io:", []),
    ],
)
def test_the_registries_that_get_a_token_are_those_of_clouds_without_a_login(inputs: str, expected: list[str]) -> None:
    assert hosts(scope_of(inputs, is_job=True)) == expected


def check(host: str, environ: dict[str, str], *, is_job: bool = True) -> HealthCheck:
    scope = scope_of(f"image: {host}/p/r/a", is_job=is_job)
    (found,) = cloud_registries.check([host], scope, lambda name: cloud_token(name, environ, QuietLog(environ)))
    return found


@pytest.mark.parametrize(
    ("host", "cause", "remedy"),
    [
        (AMAZON, "no AWS credentials", "aws-actions/configure-aws-credentials"),
        (AZURE, "no Azure credentials", "AZURE_CLIENT_ID"),
        (GOOGLE, "no usable credentials for Google", "google-github-actions/auth"),
    ],
)
def test_a_job_without_credentials_of_the_cloud_is_told_its_remedy(
    host: str, cause: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in NO_CLOUD.items():
        monkeypatch.setenv(name, value)
    found = check(host, NO_CLOUD)
    assert (found.name, found.status.value) == ("cloud credentials", "fails")
    assert cause in found.answer
    assert remedy in found.remedy


def test_a_person_is_told_that_only_a_job_has_them() -> None:
    found = check(AMAZON, {}, is_job=False)
    assert (found.status.value, found.remedy) == ("cannot be told", f"docker login {AMAZON}")


@pytest.fixture
def identity(tmp_path: Path) -> Iterator[dict[str, str]]:
    with google() as (url, _):
        path = tmp_path / "gha-creds-0123456789abcdef.json"
        path.write_text(json.dumps(federated(url)))
        yield {**NO_CLOUD, "GOOGLE_APPLICATION_CREDENTIALS": str(path)}


def test_credentials_that_give_a_password_are_told_without_it(identity: dict[str, str]) -> None:
    found = check(GOOGLE, identity)
    assert (found.status.value, found.answer) == ("ok", f"they give a password for {GOOGLE}")
    assert "ya29" not in repr(found)
