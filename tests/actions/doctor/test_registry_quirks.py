"""Doctor's checks of registries that differ from distribution: what a quirk does not break stays `ok`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from mlops_actions.argo_submit.read_manifest import read_manifest
from mlops_actions.boundary.doctor.log import QuietLog
from mlops_actions.boundary.doctor.registry import connect
from mlops_actions.doctor import registry as checks
from mlops_actions.doctor.checks import HealthCheck
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import parse
from mlops_sandbox.host import Host
from mlops_sandbox.registry import Account, Registry
from mlops_sandbox.registry.store import StoredManifest
from tests.actions.doctor.world import no_github
from tests.actions.odd_answers import test_docker_publish
from tests.support.registries import PASSWORD, USER

FILE = """
on: push
jobs:
  publish:
    steps:
      - uses: octo-org/mlops-actions/actions/docker-publish@v1
        with: {image: model, registry: "HOST"}
"""


@pytest.fixture
def served() -> Iterator[tuple[Registry, str]]:
    registry = Registry(challenge="bearer", accounts={USER: Account(PASSWORD)})
    with Host(registry.app) as host:
        yield registry, host.url.partition("//")[2]


def ask(host: str) -> dict[str, HealthCheck]:
    environ = {"REGISTRY": host, "REGISTRY_USERNAME": USER, "REGISTRY_PASSWORD": PASSWORD}
    scope = Scope(
        workflow=parse(FILE.replace("HOST", host), "mlops.yml"),
        repository="octo-org/digits",
        context={},
        read=str,
        read_manifest=read_manifest,
        try_writes=True,
    )
    found = checks.check(
        scope,
        lambda name, anonymous: connect(name, environ, QuietLog(environ), anonymous=anonymous),
        no_github,
        pulls_with_secret=False,
        cloud_token=str,
    )
    return {check.name: check for check in found}


@pytest.mark.parametrize(
    "quirks",
    [
        {"challenge": "basic first"},
        {"challenge": "bearer first"},
        {"challenge": "two headers"},
        {"challenge": "unquoted"},
        {"redirect_writes": "path"},
        {"redirect_writes": "address"},
        {"upload_location": "path", "upload_state": False},
        {"token_fields": ("access_token",)},
        {"token_requests": 1},
        {"tags_page": 1, "tags_link": "other scheme"},
    ],
    ids=str,
)
def test_a_registry_that_differs_is_in_place(served: tuple[Registry, str], quirks: dict[str, Any]) -> None:
    registry, host = served
    for name, value in quirks.items():
        setattr(registry.quirks, name, value)
    assert {name: check.status.value for name, check in ask(host).items()} == {
        "reachable": "ok",
        "login": "ok",
        "pull": "skipped",
        "push": "ok",
    }


def test_a_registry_that_redirects_uploads_to_another_host_is_named(served: tuple[Registry, str]) -> None:
    registry, host = served
    registry.quirks.redirect_writes = "http://127.0.0.2:9"
    push = ask(host)["push"]
    assert push.status.value == "fails"
    assert "redirects writes to http://127.0.0.2:9" in push.answer
    assert "give that host as 'registry'" in push.remedy


def rights(calls: Iterable[tuple[str, str]]) -> set[str]:
    """Return the rights that calls take, by method and path: to read an image is to pull, everything else is to push."""
    of_images = [method for method, path in calls if path.startswith("/v2/") and path != "/v2/"]
    return {"pull" if method in ("GET", "HEAD") else "push" for method in of_images}


def test_doctor_asks_for_each_right_that_docker_publish_uses(served: tuple[Registry, str]) -> None:
    registry, host = served
    index = "application/vnd.oci.image.index.v1+json"
    stored = StoredManifest(f'{{"schemaVersion": 2, "mediaType": "{index}", "manifests": []}}'.encode(), index)
    registry.store.put_manifest("model", "latest", stored)
    assert {check.status.value for check in ask(host).values()} == {"ok"}
    used = rights(call.route.split(" ", 1) for call in test_docker_publish.CALLS)  # type: ignore[misc]
    assert used == rights((entry.method, entry.path) for entry in registry.log) == {"pull", "push"}
