"""Inputs as the runner passes them, older names, and invalid values."""

from __future__ import annotations

import pytest

from mlops_actions.core.declare import declared_inputs, input_variable
from mlops_actions.core.errors import BadInput, BadInputs
from mlops_actions.core.render import action_yml
from mlops_actions.docker_publish import legacy
from mlops_actions.docker_publish.inputs import ACTION, Inputs
from mlops_actions.docker_publish.policy import PublishPolicy
from mlops_actions.docker_publish.tags.legacy_tags import GprTags, PublishDockerTags
from tests.support.docker_publish import make_inputs

CONTRACT = {
    "image", "registry", "username", "password", "sha", "ref", "context", "file", "target", "build-args", "secrets",
    "labels", "secret-files", "ssh", "platforms", "tags", "push", "skip-unchanged", "max-age", "force", "cache-salt",
    "cache", "provenance", "sbom", "builder", "build-options", "retries",
}  # fmt: skip
LEGACY = {
    "image_name": "image", "name": "image", "build_context": "context",
    "dockerfile_path": "file", "dockerfile": "file", "buildargs": "build-args", "no_push": "push",
    "buildoptions": "build-options", "branch_tag": "branch-tag", "tag_names": "tag-names", "tag_semver": "tag-semver",
    "default_branch": "default-branch",
}  # fmt: skip


def test_every_input_of_the_contract_is_declared() -> None:
    entries = {entry.name: entry for entry in declared_inputs(Inputs)}
    assert entries.keys() >= CONTRACT
    assert {"tag", "snapshot", "workdir"} <= entries.keys()
    assert {alias.name: name for name, entry in entries.items() for alias in entry.legacy} == LEGACY


def test_no_two_inputs_share_a_variable() -> None:
    names = [
        input_variable(name)
        for entry in declared_inputs(Inputs)
        for name in (entry.name, *(alias.name for alias in entry.legacy))
    ]
    assert len(names) == len(set(names))


def test_the_action_file_is_rendered() -> None:
    import yaml

    parsed = yaml.safe_load(action_yml(ACTION))
    assert parsed["inputs"]["password"]["default"] == "${{ github.token }}"
    assert parsed["inputs"]["username"]["default"] == "${{ github.actor }}"
    assert parsed["inputs"]["image"]["required"] is False
    assert parsed["outputs"].keys() >= {"digest", "ref", "IMAGE_SHA_NAME", "IMAGE_URL", "snapshot-tag"}


def test_defaults_fill_in_the_inputs() -> None:
    inputs = make_inputs(image="app")
    assert inputs.tags == ("sha", "branch", "semver", "latest")
    assert (inputs.context, inputs.file, inputs.cache, inputs.retries) == (".", None, "auto", 3)
    assert (inputs.skip_unchanged, inputs.push, inputs.provenance, inputs.sbom) == (True, None, "false", "false")
    assert legacy.resolve(inputs, "octo/app").policy == PublishPolicy()


def test_legacy_values_keep_their_meaning() -> None:
    environ = {"INPUT_NAME": "owner/app", "INPUT_NO_PUSH": "true", "INPUT_BUILDARGS": "A,B=2", "INPUT_CACHE": "true"}
    inputs = make_inputs(environ)
    assert inputs.push is False
    assert inputs.build_args == {"A": None, "B": "2"}
    assert inputs.cache == "inline"
    assert isinstance(legacy.resolve(inputs, "octo/app").tag_scheme, PublishDockerTags)
    gpr_inputs = make_inputs({"INPUT_IMAGE_NAME": "app"})
    assert isinstance(legacy.resolve(gpr_inputs, "octo/app").tag_scheme, GprTags)
    assert make_inputs({"INPUT_NAME": "a/b", "INPUT_CACHE": "false"}).cache == "none"


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({}, "input 'image' is required"),
        ({"INPUT_IMAGE": "a", "INPUT_NAME": "b"}, "two names for one thing"),
        ({"INPUT_IMAGE": "a", "INPUT_PUSH": "yes"}, "must be true or false"),
        ({"INPUT_IMAGE": "a", "INPUT_PUSH": "true", "INPUT_NO_PUSH": "true"}, "two names for one thing"),
        ({"INPUT_IMAGE": "a", "INPUT_SHA": "abc"}, "full commit SHA"),
        ({"INPUT_IMAGE": "a", "INPUT_REF": "a b"}, "branch or a full ref"),
        ({"INPUT_IMAGE": "a", "INPUT_CACHE": "s3"}, "must be one of auto, gha"),
        ({"INPUT_IMAGE": "a", "INPUT_PROVENANCE": "max"}, "mode=max"),
        ({"INPUT_IMAGE": "a", "INPUT_RETRIES": "11"}, "between 0 and 10"),
        ({"INPUT_IMAGE": "a", "INPUT_BUILD-ARGS": "--x=1"}, "'--x', which is not a valid name"),
        ({"INPUT_IMAGE": "a", "INPUT_BUILD-ARGS": "A=1\nA=2"}, "gives a key twice"),
        ({"INPUT_IMAGE": "a", "INPUT_SECRETS": 'a,src=/etc/shadow="x"'}, "input 'secrets' has a line"),
        ({"INPUT_IMAGE": "a", "INPUT_SECRET-FILES": "id"}, "without a path"),
        ({"INPUT_IMAGE": "a", "INPUT_SSH": "default,x=/run"}, "input 'ssh'"),
        ({"INPUT_IMAGE": "a", "INPUT_PLATFORMS": "linux/amd64;rm"}, "input 'platforms'"),
        ({"INPUT_IMAGE": "a", "INPUT_TARGET": "a b"}, "input 'target'"),
    ],
)
def test_an_invalid_input_is_reported_with_a_remedy(environ: dict[str, str], reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as error:
        make_inputs(environ)
    assert error.value.remedy


def test_all_problems_are_reported_together() -> None:
    with pytest.raises(BadInputs) as error:
        make_inputs(image="a", platforms="x", target="a b")
    assert len(error.value.problems) == 2


def test_a_secret_is_never_shown() -> None:
    inputs = make_inputs(image="a", password="p4ssw0rd", secrets="TOKEN=s3cret", github_token="ghs_x")
    assert not any(secret in repr(inputs) for secret in ("p4ssw0rd", "s3cret", "ghs_x"))
    with pytest.raises(BadInput) as error:
        make_inputs(image="a", secrets="s3cret value")
    assert "s3cret" not in str(error.value)
