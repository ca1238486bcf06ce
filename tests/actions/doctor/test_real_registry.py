"""The checks of the registry on Debian's docker-registry, where it is installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_actions.argo_submit.read_manifest import read_manifest
from mlops_actions.boundary.doctor.log import QuietLog
from mlops_actions.boundary.doctor.registry import connect
from mlops_actions.doctor import registry
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import parse
from tests.actions.doctor.world import no_cloud, no_github
from tests.support.registries import DEBIAN_REGISTRY, PASSWORD, USER, start

FILE = """
on: push
jobs:
  publish:
    steps:
      - uses: octo-org/mlops-actions/actions/docker-publish@v1
        with: {image: model, registry: "HOST"}
"""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    if shutil.which(DEBIAN_REGISTRY) is None:
        pytest.skip("docker-registry is not installed")
    with start("debian", "basic", tmp_path) as url:
        yield url.partition("//")[2]


def statuses(host: str, password: str) -> dict[str, str]:
    environ = {"REGISTRY": host, "REGISTRY_USERNAME": USER, "REGISTRY_PASSWORD": password}
    workflow = parse(FILE.replace("HOST", host), "mlops.yml")
    scope = Scope(
        workflow=workflow, repository="octo-org/digits", context={}, read=str, read_manifest=read_manifest, try_writes=True
    )
    checks = registry.check(
        scope,
        lambda name, anonymous: connect(name, environ, QuietLog(environ), anonymous=anonymous),
        no_github,
        pulls_with_secret=False,
        cloud_token=no_cloud,
    )
    return {check.name: check.status.value for check in checks}


def test_a_real_registry_takes_the_login_and_an_upload(host: str) -> None:
    assert statuses(host, PASSWORD) == {"reachable": "ok", "login": "ok", "pull": "skipped", "push": "ok"}


@pytest.mark.parametrize(
    ("push", "paths"),
    [("", ["model"]), ("false", ["model"]), ("true", ["model", "model"]), ("team/copy", ["model", "team/copy"])],
)
def test_a_registry_that_the_image_is_copied_to_is_asked_too(host: str, push: str, paths: list[str]) -> None:
    entry = f"{{username: u, password: '${{{{ secrets.REGISTRY }}}}', push: '{push}'}}"
    file = FILE.replace('registry: "HOST"', f'registry: "{host}", registries: "{host}: {entry}"')
    environ = {"REGISTRY": host, "REGISTRY_USERNAME": USER, "REGISTRY_PASSWORD": PASSWORD}
    scope = Scope(
        workflow=parse(file, "mlops.yml"), repository="octo-org/digits", context={}, read=str, read_manifest=read_manifest
    )
    checks = registry.check(
        scope,
        lambda name, anonymous: connect(name, environ, QuietLog(environ), anonymous=anonymous),
        no_github,
        pulls_with_secret=False,
        cloud_token=no_cloud,
    )
    logins = [check for check in checks if check.name == "login"]
    assert [check.asked for check in logins] == [f"GET https://{host}/v2/{path}/tags/list" for path in paths]
    assert {check.status.value for check in logins} == {"ok"}


def test_a_real_registry_refuses_a_wrong_password(host: str) -> None:
    assert statuses(host, "wrong") == {"reachable": "ok", "login": "fails"}
