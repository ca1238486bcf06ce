"""Doctor tells whether a cluster without a login may pull from ghcr.io: by the package's visibility, else by a pull."""

from __future__ import annotations

import pytest

from mlops_actions.boundary.doctor.github import PyGithubApi
from mlops_actions.boundary.doctor.log import QuietLog
from mlops_actions.boundary.doctor.registry import connect
from mlops_actions.boundary.registry.client import RegistryClient
from mlops_actions.doctor import registry
from mlops_actions.doctor.checks import HealthCheck
from mlops_sandbox.registry.store import StoredManifest
from tests.actions.doctor.test_github_coverage import step_of
from tests.actions.doctor.world import World

MANIFEST = b'{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}'


def pull_by_the_cluster(world: World, *scopes: str) -> HealthCheck:
    """Ask about `ghcr.io/octo-org/digits/train`; the registry's stand-in stands for ghcr.io."""
    step, scope = step_of("docker-publish", {"image": "train"}, "issue_comment")
    image = registry.image_of(step, scope)
    assert image == registry.TargetImage("ghcr.io", "octo-org/digits/train")
    token = world.github.user_token("maintainer", scopes)

    def of_the_sandbox(host: str, anonymous: bool) -> RegistryClient:
        assert host == "ghcr.io"
        return connect(world.environ["REGISTRY"], world.environ, QuietLog({}), anonymous=anonymous)

    def github() -> PyGithubApi:
        return PyGithubApi.with_token(token.value, world.github.api_url)

    return registry.pull_by_the_cluster(image, of_the_sandbox, github, pulls_with_secret=False)


def publish(world: World, visibility: str) -> None:
    stored = StoredManifest(MANIFEST, "application/vnd.oci.image.index.v1+json")
    world.registry.store.put_manifest("octo-org/digits/train", "latest", stored)
    world.registry.access.anonymous_pull = visibility == "public"
    world.github.package(world.repository, "digits/train", visibility)  # type: ignore[arg-type]


ASKED = "GET /orgs/octo-org/packages/container/digits%2Ftrain"


@pytest.mark.parametrize(
    ("visibility", "scopes", "status", "asked", "answer"),
    [
        ("public", ("repo", "read:packages"), "ok", "without a login", "latest can be pulled without a login"),
        ("public", ("repo",), "ok", "without a login", "latest can be pulled without a login"),
        ("private", ("repo", "read:packages"), "fails", ASKED, "the package's visibility is 'private'"),
        ("private", ("write:packages",), "fails", ASKED, "the package's visibility is 'private'"),
        ("private", ("repo",), "fails", "without a login", "does not tell this token the package's visibility"),
    ],
)
def test_the_visibility_is_asked_where_the_token_may_ask(
    world: World, visibility: str, scopes: tuple[str, ...], status: str, asked: str, answer: str
) -> None:
    publish(world, visibility)
    check = pull_by_the_cluster(world, *scopes)
    assert (check.status.value, asked in check.asked) == (status, True)
    assert answer in check.answer
    if asked == ASKED:
        assert f"{world.github.origin}/orgs/octo-org/packages/container/digits%2Ftrain/settings" in check.remedy


def test_an_image_that_does_not_exist_yet_is_no_fault(world: World) -> None:
    world.registry.access.anonymous_pull = False
    check = pull_by_the_cluster(world, "repo", "read:packages")
    assert check.status.value == "cannot be told"


def test_a_private_package_that_is_made_public_is_in_place(world: World) -> None:
    publish(world, "private")
    assert pull_by_the_cluster(world, "read:packages").status.value == "fails"
    world.github.packages[0].visibility, world.registry.access.anonymous_pull = "public", True
    assert pull_by_the_cluster(world, "read:packages").status.value == "ok"
