"""Older names of inputs, resolved into today's inputs, a tag scheme and a policy."""

from __future__ import annotations

import pytest

from mlops_actions.core.errors import BadInput
from mlops_actions.docker_publish import legacy
from mlops_actions.docker_publish.policy import PublishPolicy
from mlops_actions.docker_publish.tags.legacy_tags import GprTags, PublishDockerTags
from mlops_actions.docker_publish.tags.rules import RuleTags
from tests.support.docker_publish import make_inputs

REPOSITORY = "octo/digits"


def test_today_s_name_has_the_default_policy_and_the_rules_in_order() -> None:
    inputs = make_inputs(image="app", tags="sha, branch", branch_tag="true", snapshot="true", tag="mine")
    resolved = legacy.resolve(inputs, REPOSITORY)
    assert resolved.inputs == inputs
    assert resolved.policy == PublishPolicy()
    assert resolved.tag_scheme == RuleTags(("sha", "branch", "branch", "snapshot", "mine"))
    assert str(resolved.image.name) == "ghcr.io/octo/digits/app"


def test_full_references_may_name_each_registry_that_the_image_is_pushed_to() -> None:
    registries = "docker.io: {username: a, password: b, push: account/app}\nquay.io: {username: a, password: b}"
    tags = "sha\nghcr.io/octo/digits/app:1.2\naccount/app:1.2\ndocker.io/account/app:latest"
    scheme = legacy.resolve(make_inputs(image="app", tags=tags, registries=registries), REPOSITORY).tag_scheme
    assert scheme == RuleTags(("sha",), references=("1.2", "latest"))
    for tag in ("quay.io/octo/digits/app:1", "docker.io/octo/digits/app:1"):
        with pytest.raises(BadInput, match="no tag of the image"):
            legacy.resolve(make_inputs(image="app", tags=tag, registries=registries), REPOSITORY)


def test_gpr_docker_publish_s_name_brings_its_behaviour() -> None:
    inputs = make_inputs({"INPUT_IMAGE_NAME": "app", "INPUT_TAG": "mine", "INPUT_BRANCH_TAG": "true", "INPUT_TAGS": "a,b"})
    resolved = legacy.resolve(inputs, REPOSITORY)
    assert resolved.tag_scheme == GprTags(tag="mine", branch_tag=True, literals=("a", "b"))
    assert resolved.policy == PublishPolicy(
        default_dockerfile="Dockerfile", prefers_event_commit=True, loads_reused_image=True
    )


def test_publish_docker_s_name_brings_its_behaviour() -> None:
    inputs = make_inputs({"INPUT_NAME": "octo/app:1", "INPUT_TAG_SEMVER": "true", "INPUT_DEFAULT_BRANCH": "trunk"})
    resolved = legacy.resolve(inputs, REPOSITORY)
    assert str(resolved.image.name) == "docker.io/octo/app"
    assert resolved.tag_scheme == PublishDockerTags(name_tag="1", tag_semver=True, default_branch="trunk")
    assert resolved.policy == PublishPolicy(
        prefers_event_commit=True, uses_started_builder=True, loads_reused_image=True, digest_includes_name=True
    )


@pytest.mark.parametrize("name", ["INPUT_IMAGE_NAME", "INPUT_NAME"])
@pytest.mark.parametrize(
    ("given", "cache", "skip_unchanged"),
    [
        ({}, "none", False),
        ({"INPUT_CACHE": "true"}, "inline", True),
        ({"INPUT_CACHE": "false"}, "none", False),
        ({"INPUT_CACHE": "registry"}, "registry", True),
        ({"INPUT_SKIP-UNCHANGED": "true"}, "none", True),
        ({"INPUT_CACHE": "true", "INPUT_SKIP-UNCHANGED": "false"}, "inline", False),
    ],
)
def test_older_names_cache_and_reuse_on_request_only(
    name: str, given: dict[str, str], cache: str, skip_unchanged: bool
) -> None:
    inputs = legacy.resolve(make_inputs({name: "octo/app", **given}), REPOSITORY).inputs
    assert (inputs.cache, inputs.skip_unchanged) == (cache, skip_unchanged)
