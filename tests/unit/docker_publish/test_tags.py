"""Tag rules: a revision → its tags, in order."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core.errors import BadInput
from mlops_actions.core.image_name import ImageName
from mlops_actions.docker_publish.revision import Revision
from mlops_actions.docker_publish.tags import entries
from mlops_actions.docker_publish.tags.legacy_tags import GprTags, PublishDockerTags
from mlops_actions.docker_publish.tags.rules import RuleTags
from mlops_actions.docker_publish.tags.scheme import Tags

SHA = "0123456789abcdef0123456789abcdef01234567"
DEFAULT = ("sha", "branch", "semver", "latest")
NOW = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
ON_MAIN = Revision(sha=SHA, ref="refs/heads/main", default_branch="main", now=NOW)


def tags_of(rules: Sequence[str], revision: Revision) -> Tags:
    return RuleTags(tuple(rules)).tags(revision)


def on(ref: str, *versions: str, pr: int | None = None, fork: bool | None = None, default: str = "main") -> Revision:
    return Revision(sha=SHA, ref=ref, default_branch=default, now=NOW, pull_request=pr, from_fork=fork, versions=versions)


AFTER_A_PULL_REQUEST = dataclasses.replace(ON_MAIN, follows_pull_request=True)


MODERN = [
    # rules, revision, tags
    (DEFAULT, on("refs/heads/main"), ["0123456789ab", "main", "latest"]),
    (DEFAULT, on("refs/heads/master"), ["0123456789ab", "master"]),
    (DEFAULT, on("refs/heads/master", default="master"), ["0123456789ab", "master", "latest"]),
    (DEFAULT, on("refs/heads/main", default=""), ["0123456789ab", "main"]),
    (DEFAULT, on("refs/heads/feature/x_#1"), ["0123456789ab", "feature-x_-1"]),
    (DEFAULT, on(""), ["0123456789ab"]),
    (DEFAULT, on("refs/tags/v1.2.3"), ["0123456789ab", "1.2.3", "1.2", "1", "latest"]),
    (DEFAULT, on("refs/tags/1.2.3"), ["0123456789ab", "1.2.3", "1.2", "1", "latest"]),
    (DEFAULT, on("refs/tags/v0.1.0"), ["0123456789ab", "0.1.0", "0.1", "0", "latest"]),
    (DEFAULT, on("refs/tags/v1.2.3-rc1"), ["0123456789ab", "1.2.3-rc1"]),
    (DEFAULT, on("refs/tags/v1.2.3-rc.1"), ["0123456789ab", "1.2.3-rc.1"]),
    (DEFAULT, on("refs/tags/v1.2.3+build.7"), ["0123456789ab", "1.2.3-build.7", "latest"]),
    (DEFAULT, on("refs/tags/nightly"), ["0123456789ab"]),
    (DEFAULT, on("refs/tags/v1.2"), ["0123456789ab"]),
    (DEFAULT, on("refs/tags/v01.2.3"), ["0123456789ab"]),
    # versions that the registry has already
    (("semver", "latest"), on("refs/tags/v1.2.3", "1.2.2", "1.1.9", "0.9.0"), ["1.2.3", "1.2", "1", "latest"]),
    (("semver", "latest"), on("refs/tags/v1.2.3", "1.2.4"), ["1.2.3"]),
    (("semver", "latest"), on("refs/tags/v1.2.3", "1.3.0"), ["1.2.3", "1.2"]),
    (("semver", "latest"), on("refs/tags/v1.2.3", "2.0.0"), ["1.2.3", "1.2", "1"]),
    (("semver", "latest"), on("refs/tags/v1.2.3", "2.0.0-rc1", "2.0"), ["1.2.3", "1.2", "1", "latest"]),
    (("semver", "latest"), on("refs/tags/v1.2.3", "1.2.3", "v1.2.3"), ["1.2.3", "1.2", "1", "latest"]),
    (("semver", "latest"), on("refs/tags/v1.10.0", "1.9.0"), ["1.10.0", "1.10", "1", "latest"]),
    (("semver", "latest"), on("refs/tags/v1.9.0", "1.10.0"), ["1.9.0", "1.9"]),
    (("semver", "latest"), on("refs/tags/v1.2.3", "2026", "nightly", "ctx-0"), ["1.2.3", "1.2", "1", "latest"]),
    # pull requests
    (DEFAULT, on("refs/pull/7/merge", pr=7), ["0123456789ab"]),
    (("sha", "pr", "latest"), on("refs/pull/7/merge"), ["0123456789ab", "pr-7"]),
    (("pr",), on("refs/pull/7/head"), ["pr-7"]),
    (("pr",), on("refs/heads/feature", pr=12), ["pr-12"]),
    (("sha", "pr"), on("refs/heads/main"), ["0123456789ab"]),
    (DEFAULT, on("refs/heads/feature", pr=7), ["0123456789ab"]),
    (DEFAULT, on("refs/heads/feature", pr=7, fork=True), ["0123456789ab"]),
    (DEFAULT, on("refs/heads/main", pr=7), ["0123456789ab"]),
    (DEFAULT, on("refs/heads/main", pr=7, fork=False), ["0123456789ab"]),
    (("sha", "latest"), on("refs/heads/main", pr=7), ["0123456789ab"]),
    (("sha", "semver", "latest"), on("refs/tags/v9.9.9", pr=7), ["0123456789ab"]),
    # the other rules
    (("sha-long",), ON_MAIN, [SHA]),
    (("tag",), on("refs/tags/v1.2.3"), ["v1.2.3"]),
    (("tag",), on("refs/tags/release/2026"), ["release-2026"]),
    (("sha", "tag"), ON_MAIN, ["0123456789ab"]),
    (("date",), ON_MAIN, ["20261123"]),
    (("snapshot",), ON_MAIN, ["20261123040506012345"]),
    (("sha", "sha", "0123456789ab"), ON_MAIN, ["0123456789ab"]),
    # literals
    (("stable",), ON_MAIN, ["stable"]),
    (("Stable_1.0",), ON_MAIN, ["Stable_1.0"]),
    (("_x", "x" * 128), ON_MAIN, ["_x", "x" * 128]),
    (("branch",), on("refs/heads/a//b"), ["a-b"]),
    (("branch",), on("refs/heads/dependabot/pip/x-1.2"), ["dependabot-pip-x-1.2"]),
    (("branch",), on("refs/heads/" + "y" * 300), ["y" * 128]),
    (("branch",), on("refs/heads/UPPER"), ["UPPER"]),
    (("branch",), on("refs/heads/a@b+c"), ["a-b-c"]),
    (("branch",), on("refs/heads/$(id)`x`"), ["id-x"]),
    (("branch",), on("refs/heads/ünïcode/ß"), ["n-code"]),
    (("branch",), on("refs/heads/-x"), ["x"]),
    (("branch",), on("refs/heads/refs/heads/x"), ["refs-heads-x"]),
    (("branch", "latest"), on("refs/heads/ctx-branch", default="ctx-branch"), ["ctx-branch", "latest"]),
    # pre-releases, builds and git tags that are no version
    (("semver", "latest"), on("refs/tags/v1.0.0-0"), ["1.0.0-0"]),
    (("semver", "latest"), on("refs/tags/v1.0.0-alpha.beta.1"), ["1.0.0-alpha.beta.1"]),
    (("semver",), on("refs/tags/v1.0.0-x-y-z.4+b"), ["1.0.0-x-y-z.4-b"]),
    (("sha", "semver"), on("refs/tags/1.2.3.4"), ["0123456789ab"]),
    (("sha", "semver"), on("refs/tags/release-1.2.3"), ["0123456789ab"]),
    (("sha", "semver"), on("refs/tags/vv1.2.3"), ["0123456789ab"]),
    (("sha", "semver", "latest"), on("refs/tags/v1.2.3-"), ["0123456789ab"]),
    (("sha", "semver"), on("refs/heads/v1.2.3"), ["0123456789ab"]),
    (("semver", "latest"), on("refs/tags/v0.0.0"), ["0.0.0", "0.0", "0", "latest"]),
    (("semver", "latest"), on("refs/tags/v10.20.30", "9.99.99"), ["10.20.30", "10.20", "10", "latest"]),
    (("semver", "latest"), on("refs/tags/v1.2.3", "v1.2.4"), ["1.2.3"]),
    (("semver", "latest"), on("refs/tags/v1.2.3", "1.2.4-rc1"), ["1.2.3", "1.2", "1", "latest"]),
    (("semver", "latest"), on("refs/tags/v2.0.0", "3.0.0", "2.1.0"), ["2.0.0", "2.0"]),
    (("semver", "latest"), on("refs/tags/v1.2.3-rc1", "1.2.2"), ["1.2.3-rc1"]),
    (("latest",), on("refs/tags/v1.2.3", "1.2.3+late"), ["latest"]),
    (("latest", "sha"), on("refs/tags/not-a-version"), ["0123456789ab"]),
    # a pull request with the name of a trusted ref
    (("sha", "tag"), on("refs/tags/v1", pr=7), ["0123456789ab"]),
    (("sha", "branch"), on("refs/heads/main", pr=7, fork=True), ["0123456789ab"]),
    (("sha", "branch"), on("refs/heads/release", pr=7, fork=True), ["0123456789ab"]),
    (("sha", "branch", "latest"), on("refs/heads/trunk", pr=7, default="trunk"), ["0123456789ab"]),
    (("pr", "latest"), on("refs/heads/main", pr=3), ["pr-3"]),
    (("sha", "pr"), on("refs/pull/x/merge"), ["0123456789ab"]),
    (("sha", "pr"), on("refs/pull/99999999999/merge"), ["0123456789ab"]),
    # texts that look like a rule or a reference
    (("Latest",), ON_MAIN, ["Latest"]),
    (("ctx-mine",), ON_MAIN, ["ctx-mine"]),
    (("date", "date"), ON_MAIN, ["20261123"]),
    (("snapshot", "sha-long", "sha"), ON_MAIN, ["20261123040506012345", SHA, "0123456789ab"]),
]


@pytest.mark.parametrize(("rules", "revision", "expected"), MODERN)
def test_rules_choose_the_tags(rules: tuple[str, ...], revision: Revision, expected: list[str]) -> None:
    assert list(tags_of(rules, revision).names) == expected


GPR = [
    # revision, tag, branch_tag, tags (gpr-docker-publish: SHA, latest, and one more)
    (ON_MAIN, "", False, ["0123456789ab", "latest"]),
    (ON_MAIN, "mine", False, ["0123456789ab", "latest", "mine"]),
    (ON_MAIN, "mine", True, ["0123456789ab", "latest", "mine"]),
    (ON_MAIN, "", True, ["0123456789ab", "latest", "main"]),
    (on("refs/heads/feature/x"), "", True, ["0123456789ab", "latest", "x"]),
    (on("refs/heads/feature"), "", False, ["0123456789ab", "latest"]),
    (on("refs/tags/v1"), "", True, ["0123456789ab", "latest", "v1"]),
    (on("refs/pull/7/merge", pr=7), "", True, ["0123456789ab", "pr-7"]),
    (on("refs/pull/7/merge", pr=7), "", False, ["0123456789ab"]),
    (ON_MAIN, "bad tag", False, ["0123456789ab", "latest", "bad-tag"]),
    (ON_MAIN, "latest", False, ["0123456789ab", "latest"]),
    (on("refs/heads/feature/x_#1"), "", True, ["0123456789ab", "latest", "x_-1"]),
    (on("refs/tags/release/2026.1"), "", True, ["0123456789ab", "latest", "2026.1"]),
    (on(""), "", True, ["0123456789ab", "latest"]),
    (on("refs/heads/x", pr=7), "mine", True, ["0123456789ab", "mine"]),
]


@pytest.mark.parametrize(("revision", "tag", "branch_tag", "expected"), GPR)
def test_gpr_docker_publish_tags_are_kept(revision: Revision, tag: str, branch_tag: bool, expected: list[str]) -> None:
    assert list(GprTags(tag, branch_tag).tags(revision).names) == expected


PUBLISH_DOCKER = [
    # revision, scheme, tags (Publish-Docker-Github-Action)
    (ON_MAIN, PublishDockerTags(), ["latest"]),
    (on("refs/heads/master"), PublishDockerTags(), ["latest"]),
    (on("refs/heads/main"), PublishDockerTags(default_branch="trunk"), ["main"]),
    (on("refs/heads/trunk"), PublishDockerTags(default_branch="trunk"), ["latest"]),
    (on("refs/heads/feature/x"), PublishDockerTags(), ["feature-x"]),
    (on("refs/heads/release/1"), PublishDockerTags(tag_names=True), ["release-1"]),
    (on("refs/heads/x_#1"), PublishDockerTags(), ["x_-1"]),
    (on("refs/pull/7/merge", pr=7), PublishDockerTags(), [SHA]),
    (on("refs/tags/v1.2.3"), PublishDockerTags(), ["latest"]),
    (on("refs/tags/nightly"), PublishDockerTags(), ["latest"]),
    (on("refs/tags/v1.2.3-rc1"), PublishDockerTags(), ["v1.2.3-rc1"]),
    (on("refs/tags/v1.2.3", "2.0.0"), PublishDockerTags(), ["v1.2.3"]),
    (on("refs/tags/v1.2.3"), PublishDockerTags(tag_names=True), ["v1.2.3"]),
    (on("refs/tags/release/1"), PublishDockerTags(tag_names=True), ["release-1"]),
    (on("refs/tags/v1.2.3"), PublishDockerTags(tag_semver=True), ["1.2.3", "1.2", "1"]),
    (on("refs/tags/1.2.3"), PublishDockerTags(tag_semver=True), ["1.2.3", "1.2", "1"]),
    (on("refs/tags/v1.2.3-beta"), PublishDockerTags(tag_semver=True), ["1.2.3-beta"]),
    (on("refs/tags/v1.2.3-rc1"), PublishDockerTags(tag_semver=True), ["1.2.3-rc1"]),
    (on("refs/tags/v1.2.3-beta.1"), PublishDockerTags(tag_semver=True), ["1.2.3-beta.1"]),
    (on("refs/tags/v1.2.3", "1.3.0"), PublishDockerTags(tag_semver=True), ["1.2.3", "1.2"]),
    (on("refs/tags/nightly"), PublishDockerTags(tag_semver=True), ["latest"]),
    (on("refs/tags/nightly"), PublishDockerTags(tag_semver=True, tag_names=True), ["nightly"]),
    (ON_MAIN, PublishDockerTags(tags_input="a,b c"), ["a", "b", "c"]),
    (ON_MAIN, PublishDockerTags(tags_input="latest"), ["latest"]),
    (ON_MAIN, PublishDockerTags(tags_input="sha,branch"), ["sha", "branch"]),
    (ON_MAIN, PublishDockerTags(name_tag="x"), ["x"]),
    (ON_MAIN, PublishDockerTags(name_tag="x", tags_input="a"), ["a"]),
    (ON_MAIN, PublishDockerTags(snapshot=True), ["latest", "20261123040506012345"]),
    (on("refs/heads/x"), PublishDockerTags(tags_input="a", snapshot=True), ["a", "20261123040506012345"]),
    (on(""), PublishDockerTags(), [SHA]),
    (on("refs/heads/main", pr=7), PublishDockerTags(), [SHA]),
    (on("refs/heads/release/1"), PublishDockerTags(default_branch="release-1"), ["latest"]),
    (on("refs/heads/main"), PublishDockerTags(tag_names=True, tag_semver=True), ["latest"]),
    (on("refs/tags/v2.0.0", "1.9.9"), PublishDockerTags(), ["latest"]),
    (on("refs/tags/v1.2.3+b"), PublishDockerTags(tag_semver=True), ["1.2.3-b"]),
    (on("refs/tags/v1.2"), PublishDockerTags(tag_semver=True), ["latest"]),
    (on("refs/pull/7/merge", pr=7), PublishDockerTags(tags_input="pr"), ["pr"]),
]


@pytest.mark.parametrize(("revision", "scheme", "expected"), PUBLISH_DOCKER)
def test_publish_docker_tags_are_kept(revision: Revision, scheme: PublishDockerTags, expected: list[str]) -> None:
    assert list(scheme.tags(revision).names) == expected


@pytest.mark.parametrize("rule", ["type=sha", "type=semver,pattern={{version}}", "pattern={{major}}", "suffix=-x"])
def test_another_action_s_syntax_is_an_error(rule: str) -> None:
    for read in (lambda: entries.check([rule]), lambda: tags_of([rule], ON_MAIN)):
        with pytest.raises(BadInput, match="not a rule of this action") as error:
            read()
        assert "semver" in error.value.remedy
        assert "metadata-action" in error.value.remedy


NO_TAGS = [
    # an entry, and why it cannot be a tag
    ("///", "holds '///'"),
    ("...", "begins with"),
    ("é", "holds 'é'"),
    ("-", "begins with"),
    ("a b", "holds ' '"),
    ("xäy", "holds 'ä'"),
    (".hidden", "begins with"),
    ("-dash", "begins with"),
    ("--push", "begins with"),
    ("feature/x", "holds '/'"),
    ("x" * 129, "has 129 characters"),
    ("latest,", "holds ','"),
    ("sha ", "holds ' '"),
    ("../../x", "holds '/'"),
    ("a+b", "holds '+'"),
    ("a\nb", "holds"),
    ("$(id)", "holds '$('"),
    ("v*.*", "pattern"),
    ("a b*", "pattern"),
    ("{{nothing}}", "'nothing' is unknown"),
    ("{{branch}} x", "cannot be read"),
    ("{{", "cannot be read"),
    ("x{{sha}", "cannot be read"),
    ("{{date 'DD/MM'}}", "format 'DD/MM'"),
    ("{{date 'x'}}", "format 'x'"),
    ("{{sha 'x'}}", "format 'x'"),
]


@pytest.mark.parametrize(("entry", "reason"), NO_TAGS)
def test_an_entry_that_cannot_be_a_tag_is_refused_with_the_reason(entry: str, reason: str) -> None:
    with pytest.raises(BadInput, match=re.escape(reason)) as error:
        entries.check([entry])
    assert error.value.exit_code == 2
    assert error.value.remedy


IMAGE = ImageName("ghcr.io", "octo/digits/app")


@pytest.mark.parametrize(
    ("reference", "image", "tag"),
    [
        ("ghcr.io/octo/digits/app:pr-7", IMAGE, "pr-7"),
        ("ghcr.io/Octo/Digits/app:1.2", IMAGE, "1.2"),
        ("localhost:5000/octo/app:x", ImageName("localhost:5000", "octo/app"), "x"),
        ("account/app:latest", ImageName("docker.io", "account/app"), "latest"),
        ("docker.io/account/app:latest", ImageName("docker.io", "account/app"), "latest"),
        ("index.docker.io/account/app:latest", ImageName("docker.io", "account/app"), "latest"),
    ],
)
def test_a_full_reference_is_the_tag_that_it_holds(reference: str, image: ImageName, tag: str) -> None:
    assert entries.is_reference(reference)
    assert entries.tag_of(reference, [image]) == tag


@pytest.mark.parametrize(
    "reference",
    [
        "ghcr.io/octo/digits/other:pr-7",
        "docker.io/octo/digits/app:x",
        "octo/digits/app:x",
        "app:x",
        "ghcr.io/octo/digits/app:",
        "ghcr.io/octo/digits/app:x@sha256:" + "0" * 64,
        "ghcr.io/octo/digits/app:ctx-" + "0" * 64,
        "ghcr.io/octo/digits/app:a b",
        "localhost:5000/octo/app",
        "@sha256:abc",
    ],
)
def test_a_reference_to_another_image_is_refused(reference: str) -> None:
    with pytest.raises(BadInput, match="input 'tags'"):
        entries.tag_of(reference, [IMAGE])


NEWER = [
    # rules, revision, tags: versions in the git tags of machine-learning repositories
    (("trainer-v*", "latest"), on("refs/tags/trainer-v1.2.3"), ["1.2.3", "1.2", "1", "latest"]),
    (("trainer-*",), on("refs/tags/trainer-v1.2.3"), ["1.2.3", "1.2", "1"]),
    (("trainer/v*",), on("refs/tags/trainer/v1.2.3"), ["1.2.3", "1.2", "1"]),
    (("v*-trainer",), on("refs/tags/v1.2.3-trainer"), ["1.2.3", "1.2", "1"]),
    (("sha", "trainer-v*", "latest"), on("refs/tags/serving-v1.2.3"), ["0123456789ab"]),
    (("sha", "trainer-v*", "latest"), on("refs/tags/trainer-vX"), ["0123456789ab"]),
    (("sha", "trainer-v*"), on("refs/heads/trainer-v1.2.3"), ["0123456789ab"]),
    (("sha", "trainer-v*", "latest"), on("refs/tags/trainer-v1.2.3", pr=7), ["0123456789ab"]),
    (("trainer-v*", "latest"), on("refs/tags/trainer-v1.2.3", "1.3.0"), ["1.2.3", "1.2"]),
    (("v*", "latest"), on("refs/tags/v1.2.3rc1"), ["1.2.3rc1"]),
    (("v*", "latest"), on("refs/tags/v1.2.3a1.dev4"), ["1.2.3a1.dev4"]),
    (("v*", "latest"), on("refs/tags/v1.2.3.dev4"), ["1.2.3.dev4"]),
    (("v*", "latest"), on("refs/tags/v1.2.3.post1", "1.2.3"), ["1.2.3.post1", "1.2", "1", "latest"]),
    (("v*", "latest"), on("refs/tags/v1.2.3", "1.2.3.post1"), ["1.2.3"]),
    (("v*", "latest"), on("refs/tags/v1.2.3+cu121"), ["1.2.3-cu121", "latest"]),
    (("v*", "latest"), on("refs/tags/v1.2.3.4"), ["1.2.3.4", "1.2.3", "1.2", "1", "latest"]),
    (("*", "latest"), on("refs/tags/2026.11"), ["2026.11", "2026", "latest"]),
    (("*", "latest"), on("refs/tags/2026.11", "2026.12", "20261123"), ["2026.11"]),
    (("*", "latest"), on("refs/tags/2026.11", "2026.9", "2026", "1.2.3"), ["2026.11", "2026", "latest"]),
    (("*",), on("refs/tags/2026.01.05"), ["2026.01.05", "2026.01", "2026"]),
    (("sha", "*"), on("refs/tags/20261123"), ["0123456789ab"]),
    (("sha", "semver"), on("refs/tags/2026.11"), ["0123456789ab"]),
    (("semver", "trainer-v*"), on("refs/tags/v2.0.0"), ["2.0.0", "2.0", "2"]),
    (("semver", "trainer-v*"), on("refs/tags/trainer-v2.0.0"), ["2.0.0", "2.0", "2"]),
    # templates
    (("{{branch}}-{{sha}}",), on("refs/heads/a/b"), ["a-b-0123456789ab"]),
    (("cuda-{{sha}}",), on(""), ["cuda-0123456789ab"]),
    (("sha", "{{branch}}"), on("refs/tags/v1"), ["0123456789ab"]),
    (("{{date 'YYYYMMDD'}}-{{sha}}",), ON_MAIN, ["20261123-0123456789ab"]),
    (("{{ date 'YY.MM.DD_HH-mm-ss' }}",), ON_MAIN, ["26.11.23_04-05-06"]),
    (("nightly-{{date}}",), ON_MAIN, ["nightly-20261123"]),
    (("v{{version}}",), on("refs/tags/v1.2.3-rc.1"), ["v1.2.3-rc.1"]),
    (("v{{major}}.{{minor}}", "v{{major}}"), on("refs/tags/v1.2.3"), ["v1.2", "v1"]),
    (("v{{major}}.{{minor}}", "v{{major}}"), on("refs/tags/v1.2.3", "1.3.0"), ["v1.2"]),
    (("sha", "v{{major}}"), on("refs/tags/v1.2.3-rc1"), ["0123456789ab"]),
    (("v{{major}}.{{minor}}.{{patch}}",), on("refs/tags/v1.2.3"), ["v1.2.3"]),
    (("{{raw}}", "{{tag}}"), on("refs/tags/v1.2.3"), ["v1.2.3"]),
    (("trainer-v*", "t{{major}}"), on("refs/tags/trainer-v1.2.3"), ["1.2.3", "1.2", "1", "t1"]),
    (("pr-{{pr_number}}-cpu",), on("refs/pull/7/merge", pr=7), ["pr-7-cpu"]),
    (("x-{{branch}}",), on("refs/heads/" + "y" * 300), ["x-" + "y" * 126]),
    (("{{branch}}-{{sha}}",), on("refs/heads/" + "y" * 300), ["y" * 115 + "-0123456789ab"]),
    (("sha", "{{branch}}"), on("refs/heads/latest"), ["0123456789ab"]),
    (("sha", "v{{branch}}"), on("refs/heads/1.2.3"), ["0123456789ab"]),
    (("sha", "x-{{branch}}", "{{date}}", "{{version}}"), on("refs/heads/x", pr=7), ["0123456789ab"]),
    # branches that are called like a release, a commit, a pull request, a day
    (DEFAULT, on("refs/heads/latest"), ["0123456789ab"]),
    (DEFAULT, on("refs/heads/latest", default="latest"), ["0123456789ab", "latest"]),
    (DEFAULT, on("refs/heads/latest-cuda"), ["0123456789ab"]),
    (DEFAULT, on("refs/heads/v1.2.3"), ["0123456789ab"]),
    (DEFAULT, on("refs/heads/1.2"), ["0123456789ab"]),
    (DEFAULT, on("refs/heads/v1"), ["0123456789ab"]),
    (DEFAULT, on("refs/heads/1.2.3-cuda"), ["0123456789ab"]),
    (DEFAULT, on("refs/heads/1.2.3rc1"), ["0123456789ab"]),
    (DEFAULT, on("refs/heads/trainer-v1.2.3"), ["0123456789ab"]),
    (DEFAULT, on("refs/heads/refs/tags/v1.2.3"), ["0123456789ab", "refs-tags-v1.2.3"]),
    (DEFAULT, on("refs/heads/pr-8"), ["0123456789ab"]),
    (DEFAULT, on("refs/heads/" + "a" * 12), ["0123456789ab"]),
    (DEFAULT, on("refs/heads/20261124"), ["0123456789ab"]),
    (DEFAULT, on("refs/heads/1.2-cuda"), ["0123456789ab"]),
    (DEFAULT, on("refs/heads/v2026.11_gpu"), ["0123456789ab"]),
    (DEFAULT, on("refs/heads/12-fix-it"), ["0123456789ab", "12-fix-it"]),
    (DEFAULT, on("refs/heads/release-1.2"), ["0123456789ab", "release-1.2"]),
    (DEFAULT, on("refs/heads/1.x"), ["0123456789ab", "1.x"]),
    (DEFAULT, on("refs/heads/ü"), ["0123456789ab"]),
    # git tags that are called like the branch
    (("sha", "tag"), on("refs/tags/latest"), ["0123456789ab"]),
    (("sha", "tag"), on("refs/tags/main"), ["0123456789ab"]),
    # the code of a pull request, however the workflow started
    (("stable", "sha"), on("refs/pull/7/merge", pr=7), ["0123456789ab"]),
    (("stable",), on("refs/pull/7/merge", pr=7), ["0123456789ab"]),
    (("stable", "latest", "date", "pr"), on("refs/heads/main", pr=7), ["pr-7"]),
    (("pr-7", "PR7-cpu", "x-0123456", "pr-77"), on("refs/pull/7/merge", pr=7), ["pr-7", "PR7-cpu", "x-0123456"]),
    ((*DEFAULT, "stable"), AFTER_A_PULL_REQUEST, ["0123456789ab"]),
    (("tag", "semver", "latest"), dataclasses.replace(on("refs/tags/v9.9.9"), follows_pull_request=True), ["0123456789ab"]),
    # merge queues
    ((*DEFAULT, "pr"), on(f"refs/heads/gh-readonly-queue/main/pr-7-{SHA}", pr=7), ["0123456789ab", "pr-7"]),
    ((*DEFAULT, "stable"), on(f"refs/heads/gh-readonly-queue/main/pr-7-{SHA}"), ["0123456789ab"]),
]


@pytest.mark.parametrize(("rules", "revision", "expected"), NEWER)
def test_entries_choose_the_tags(rules: tuple[str, ...], revision: Revision, expected: list[str]) -> None:
    entries.check(rules)
    assert list(tags_of(rules, revision).names) == expected


AFFIXED = [
    # prefix, suffix, rules, revision, tags
    ("", "-cuda", DEFAULT, ON_MAIN, ["0123456789ab-cuda", "main-cuda", "latest-cuda"]),
    ("gpu-", "", DEFAULT, ON_MAIN, ["gpu-0123456789ab", "gpu-main", "gpu-latest"]),
    ("gpu-", "-cu12", ("stable", "pr"), ON_MAIN, ["gpu-stable-cu12"]),
    (
        "",
        "-cuda",
        DEFAULT,
        on("refs/tags/v1.2.3"),
        [f"{tag}-cuda" for tag in ("0123456789ab", "1.2.3", "1.2", "1", "latest")],
    ),
    ("", "-cuda", ("semver", "latest"), on("refs/tags/v1.2.3", "1.3.0-cuda"), ["1.2.3-cuda", "1.2-cuda"]),
    ("", "-cuda", ("semver",), on("refs/tags/v1.2.3", "1.3.0", "1.4.0-rocm"), ["1.2.3-cuda", "1.2-cuda", "1-cuda"]),
    ("", "", ("semver",), on("refs/tags/v1.2.3", "1.3.0-cuda"), ["1.2.3", "1.2", "1"]),
    ("", "-cuda", ("snapshot",), ON_MAIN, ["20261123040506012345-cuda"]),
    ("", "-cuda", ("stable",), on("refs/pull/7/merge", pr=7), ["0123456789ab-cuda"]),
    ("", "-cuda", ("branch",), on("refs/heads/" + "y" * 300), ["y" * 123 + "-cuda"]),
    ("", "-cuda", ("{{branch}}-{{sha}}",), on("refs/heads/" + "y" * 300), ["y" * 110 + "-0123456789ab-cuda"]),
]


@pytest.mark.parametrize(("prefix", "suffix", "rules", "revision", "expected"), AFFIXED)
def test_prefix_and_suffix_keep_variants_apart(
    prefix: str, suffix: str, rules: tuple[str, ...], revision: Revision, expected: list[str]
) -> None:
    tags = RuleTags(rules, prefix=prefix, suffix=suffix).tags(revision)
    assert list(tags.names) == expected
    assert tags.snapshot in ("", *tags.names)


def test_a_full_reference_is_taken_as_it_stands() -> None:
    scheme = RuleTags(("sha",), references=("sha", "pr-7"), suffix="-cuda")
    assert scheme.tags(ON_MAIN).names == ("0123456789ab-cuda", "sha", "pr-7")
    assert scheme.tags(on("refs/pull/7/merge", pr=7)).names == ("0123456789ab-cuda", "pr-7")


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        (on("refs/tags/v1.2.3"), ["1.2.3", "v1.2", "1", "latest"]),
        (on("refs/tags/v1.2.3", "1.2.3", "1.1.9", "0.9.0"), ["1.2.3", "v1.2", "1", "latest"]),
        (on("refs/tags/v1.2.3", "1.2.4"), ["1.2.3"]),
        (on("refs/tags/v1.2.3", "1.3.0", "1.3.0rc1"), ["1.2.3", "v1.2"]),
        (on("refs/tags/v1.2.3", "2.0.0"), ["1.2.3", "v1.2", "1"]),
        (on("refs/tags/v1.2.3", "2.0.0-rc.1"), ["1.2.3", "v1.2", "1", "latest"]),
        (on("refs/tags/nightly", "2.0.0"), ["1.2.3", "v1.2", "1", "latest"]),
    ],
)
def test_full_references_that_follow_releases_do_not_go_back(revision: Revision, expected: list[str]) -> None:
    scheme = RuleTags((), references=("1.2.3", "v1.2", "1", "latest"))
    assert list(scheme.tags(revision).names) == expected
    assert RuleTags((), references=("latest",)).tags(revision).names == (
        ("latest",) if "latest" in expected else ("0123456789ab",)
    )
    assert scheme.needs_versions(revision) is (revision.git_tag != "nightly")


def test_an_image_that_is_not_pushed_may_have_any_literal_tag() -> None:
    scheme = RuleTags(("test", "latest"))
    assert scheme.tags(on("refs/pull/7/merge", pr=7), pushes=False).names == ("test",)


@pytest.mark.parametrize(
    ("rules", "revision", "notice"),
    [
        (("branch",), on("refs/heads/a/b"), "branch 'a/b' has the tag 'a-b'"),
        (("tag",), on("refs/tags/a/b"), "git tag 'a/b' has the tag 'a-b'"),
        (
            ("sha", "branch"),
            on("refs/heads/v1.2.3"),
            "no tag 'v1.2.3' for branch 'v1.2.3': a tag of this form stands for a release",
        ),
        (("sha", "branch"), on("refs/heads/ü"), "no tag for branch 'ü'"),
        (("sha", "stable"), on("refs/pull/7/merge", pr=7), "no tag 'stable': the code of a pull request"),
    ],
)
def test_a_changed_or_refused_name_is_said_on_the_run_s_page(
    rules: tuple[str, ...], revision: Revision, notice: str
) -> None:
    tags = tags_of(rules, revision)
    assert notice in " ".join(tags.notices)
    assert set(tags.notices) <= set(tags.notes)


LEGACY_OF_PULL_REQUESTS = [
    # scheme, revision, tags, a notice: what the older inputs do for the code of a pull request
    (GprTags("mine"), on("refs/pull/7/merge", pr=7), ["0123456789ab", "mine"], "moves the tag 'mine'"),
    (GprTags("latest"), on("refs/pull/7/merge", pr=7), ["0123456789ab"], "no tag 'latest'"),
    (GprTags("1.2"), on("refs/pull/7/merge", pr=7), ["0123456789ab"], "no tag '1.2'"),
    (GprTags("pr-7"), on("refs/pull/7/merge", pr=7), ["0123456789ab", "pr-7"], ""),
    (GprTags(branch_tag=True), AFTER_A_PULL_REQUEST, ["0123456789ab"], ""),
    (PublishDockerTags(tags_input="latest"), on("refs/heads/main", pr=7), [SHA], "no tag 'latest'"),
    (PublishDockerTags(tags_input="x,v1.2.3"), on("refs/heads/main", pr=7), ["x"], "no tag 'v1.2.3'"),
    (PublishDockerTags(name_tag="stable"), on("refs/heads/main", pr=7), ["stable"], "moves the tag 'stable'"),
    (PublishDockerTags(), on("refs/tags/v1.2.3", pr=7), [SHA], ""),
    (PublishDockerTags(), AFTER_A_PULL_REQUEST, [SHA], ""),
    (PublishDockerTags(), on("refs/heads/latest"), [SHA], "no tag 'latest' for branch"),
    (PublishDockerTags(), on("refs/heads/v1.2.3"), [SHA], "no tag 'v1.2.3' for branch"),
    (GprTags(branch_tag=True), on("refs/heads/x/v1.2.3"), ["0123456789ab", "latest"], "no tag 'v1.2.3' for branch"),
]


@pytest.mark.parametrize(("scheme", "revision", "expected", "notice"), LEGACY_OF_PULL_REQUESTS)
def test_older_inputs_move_no_release_for_a_pull_request(
    scheme: GprTags | PublishDockerTags, revision: Revision, expected: list[str], notice: str
) -> None:
    tags = scheme.tags(revision)
    assert list(tags.names) == expected
    assert notice in " ".join(tags.notices)
    assert bool(notice) == bool(tags.notices)


def test_a_literal_in_the_form_of_a_fingerprint_is_an_error() -> None:
    with pytest.raises(BadInput, match="which this action keeps"):
        tags_of(["ctx-" + "0" * 64], ON_MAIN)


def test_rules_that_yield_no_tag_are_an_error_that_names_the_ref() -> None:
    with pytest.raises(BadInput, match=r"refs/heads/feature") as error:
        tags_of(["latest"], on("refs/heads/feature"))
    assert "'sha'" in error.value.remedy


def test_changed_and_omitted_tags_are_noted() -> None:
    assert "pre-release" in " ".join(tags_of(DEFAULT, on("refs/tags/v1.0.0-rc1")).notes)
    assert "newer 1.3.0" in " ".join(tags_of(DEFAULT, on("refs/tags/v1.2.0", "1.3.0")).notes)
    assert "pull request" in " ".join(tags_of(DEFAULT, on("refs/pull/7/merge")).notes)


def test_the_registry_is_asked_for_versions_only_where_a_release_needs_them() -> None:
    assert RuleTags(DEFAULT).needs_versions(on("refs/tags/v1.2.3"))
    assert not RuleTags(DEFAULT).needs_versions(on("refs/tags/v1.2.3-rc1"))
    assert not RuleTags(DEFAULT).needs_versions(ON_MAIN)
    assert not RuleTags(("sha",)).needs_versions(on("refs/tags/v1.2.3"))
    assert PublishDockerTags().needs_versions(on("refs/tags/v1.2.3"))
    assert not PublishDockerTags(tags_input="x").needs_versions(on("refs/tags/v1.2.3"))
    assert not PublishDockerTags(tag_names=True).needs_versions(on("refs/tags/v1.2.3"))


@given(st.text(min_size=1), st.sampled_from(["refs/heads/", "refs/tags/", "refs/pull/"]))
def test_any_ref_yields_valid_tags_or_an_error(name: str, prefix: str) -> None:
    revision = dataclasses.replace(ON_MAIN, ref=prefix + name)
    try:
        names = tags_of(("sha", "branch", "tag", "semver", "pr"), revision).names
    except BadInput:
        return
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", tag) for tag in names)
