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
from mlops_actions.docker_publish.revision import Revision
from mlops_actions.docker_publish.tags.legacy_tags import GprTags, PublishDockerTags
from mlops_actions.docker_publish.tags.rules import RuleTags, Tags

SHA = "0123456789abcdef0123456789abcdef01234567"
DEFAULT = ("sha", "branch", "semver", "latest")
NOW = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)
ON_MAIN = Revision(sha=SHA, ref="refs/heads/main", default_branch="main", now=NOW)


def tags_of(rules: Sequence[str], revision: Revision) -> Tags:
    return RuleTags(tuple(rules)).tags(revision)


def on(ref: str, *versions: str, pr: int | None = None, fork: bool | None = None, default: str = "main") -> Revision:
    return Revision(sha=SHA, ref=ref, default_branch=default, now=NOW, pull_request=pr, from_fork=fork, versions=versions)


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
    (DEFAULT, on("refs/heads/feature", pr=7), ["0123456789ab", "feature"]),
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
    (("a b", "xäy", "_x"), ON_MAIN, ["a-b", "x-y", "_x"]),
    ((".hidden", "-dash"), ON_MAIN, ["hidden", "dash"]),
    (("owner/x:1",), ON_MAIN, ["owner-x-1"]),
    (("x" * 200,), ON_MAIN, ["x" * 128]),
    (("a\nb",), ON_MAIN, ["a-b"]),
    (("--push",), ON_MAIN, ["push"]),
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
    (("sha", "tag"), on("refs/tags/v1", pr=7), ["0123456789ab", "v1"]),
    (("sha", "branch"), on("refs/heads/main", pr=7, fork=True), ["0123456789ab"]),
    (("sha", "branch"), on("refs/heads/release", pr=7, fork=True), ["0123456789ab"]),
    (("sha", "branch", "latest"), on("refs/heads/trunk", pr=7, default="trunk"), ["0123456789ab"]),
    (("pr", "latest"), on("refs/heads/main", pr=3), ["pr-3"]),
    (("sha", "pr"), on("refs/pull/x/merge"), ["0123456789ab"]),
    (("sha", "pr"), on("refs/pull/99999999999/merge"), ["0123456789ab"]),
    # texts that look like a rule or a reference
    (("latest,",), ON_MAIN, ["latest"]),
    (("Latest",), ON_MAIN, ["Latest"]),
    (("sha ",), ON_MAIN, ["sha"]),
    (("ctx-mine",), ON_MAIN, ["ctx-mine"]),
    (("@sha256:abc",), ON_MAIN, ["sha256-abc"]),
    (("../../x",), ON_MAIN, ["x"]),
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
    with pytest.raises(BadInput, match="not a rule of this action") as error:
        tags_of([rule], ON_MAIN)
    assert "semver" in error.value.remedy


@pytest.mark.parametrize("rule", ["///", "...", "é", "-"])
def test_a_literal_without_a_valid_character_is_an_error(rule: str) -> None:
    with pytest.raises(BadInput, match="no tag can be made"):
        tags_of([rule], ON_MAIN)


def test_a_literal_in_the_form_of_a_fingerprint_is_an_error() -> None:
    with pytest.raises(BadInput, match="which this action keeps"):
        tags_of(["ctx-" + "0" * 64], ON_MAIN)


def test_rules_that_yield_no_tag_are_an_error_that_names_the_ref() -> None:
    with pytest.raises(BadInput, match=r"refs/heads/feature") as error:
        tags_of(["latest"], on("refs/heads/feature"))
    assert "'sha'" in error.value.remedy


def test_changed_and_omitted_tags_are_noted() -> None:
    assert "made valid" in " ".join(tags_of(["branch"], on("refs/heads/a/b")).notes)
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
