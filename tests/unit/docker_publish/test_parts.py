"""The smaller pure parts: commit and ref, paths, options, cache, credentials, progress, fingerprint."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.boundary.git import Checkout
from mlops_actions.core.errors import BadInput
from mlops_actions.core.event import read
from mlops_actions.docker_publish import cache, credentials, dockerignore, fingerprint, options, plan, workspace
from mlops_actions.docker_publish.names import ImageName
from mlops_actions.docker_publish.progress import Progress
from mlops_actions.docker_publish.subject import pull_request_of, subject_of
from tests.actions.docker_publish.conftest import COMMITTED, SHA, make_context, make_inputs

OTHER = "f" * 40
NOW = datetime(2026, 11, 23, tzinfo=UTC)
NAME = ImageName("ghcr.io", "octo/app")


def checkout(sha: str = SHA, branch: str = "", tags: tuple[str, ...] = (), pulls: tuple[str, ...] = ()) -> Checkout:
    return Checkout(sha, branch, tags, pulls, COMMITTED)


SUBJECTS: list[tuple[dict[str, str], Checkout | None, str, str]] = [
    # inputs, checkout, sha, ref (the event: a push of SHA to main)
    ({}, checkout(branch="main"), SHA, "refs/heads/main"),
    ({}, checkout(), SHA, "refs/heads/main"),
    ({}, None, SHA, "refs/heads/main"),
    ({}, checkout(OTHER, branch="feature"), OTHER, "refs/heads/feature"),
    ({}, checkout(OTHER), OTHER, ""),
    ({}, checkout(OTHER, tags=("refs/tags/v1",)), OTHER, "refs/tags/v1"),
    ({}, checkout(OTHER, tags=("refs/tags/v1", "refs/tags/v2")), OTHER, ""),
    ({}, checkout(OTHER, tags=("refs/tags/v1",), pulls=("refs/pull/7/merge",)), OTHER, "refs/pull/7/merge"),
    ({"INPUT_SHA": OTHER}, checkout(branch="main"), OTHER, ""),
    ({"INPUT_SHA": OTHER, "INPUT_REF": "feature"}, checkout(), OTHER, "refs/heads/feature"),
    ({"INPUT_NAME": "a/b"}, checkout(OTHER, branch="feature"), SHA, "refs/heads/main"),
]


@pytest.mark.parametrize(("given", "found", "sha", "ref"), SUBJECTS)
def test_which_commit_and_ref(given: dict[str, str], found: Checkout | None, sha: str, ref: str, tmp_path: Path) -> None:
    inputs = make_inputs(given if "INPUT_NAME" in given else {"INPUT_IMAGE": "a", **given})
    event = read("push", {"repository": {"default_branch": "main"}})
    subject = subject_of(inputs, make_context(tmp_path), event, found, NOW)
    assert (subject.sha, subject.ref, subject.default_branch) == (sha, ref, "main")


@pytest.mark.parametrize("given", [{"INPUT_IMAGE": "a"}, {"INPUT_NAME": "a/b"}])
def test_a_comment_s_own_commit_is_never_trusted(given: dict[str, str], tmp_path: Path) -> None:
    person = {"login": "mona", "type": "User"}
    payload: dict[str, Any] = {"issue": {"number": 7, "pull_request": {}}, "comment": {"id": 1, "body": "", "user": person}}
    event = read("issue_comment", payload)
    assert pull_request_of(event) == (7, None)
    assert subject_of(make_inputs(given), make_context(tmp_path), event, checkout(OTHER), NOW).sha == OTHER
    with pytest.raises(BadInput):
        subject_of(make_inputs(given), make_context(tmp_path), event, None, NOW)


def test_a_dispatch_may_name_a_pull_request() -> None:
    assert pull_request_of(read("workflow_dispatch", {"inputs": {"pr-number": "12"}})) == (12, None)
    assert pull_request_of(read("workflow_dispatch", {"inputs": {"pr-number": "x"}})) == (None, None)
    assert pull_request_of(read("push", {})) == (None, None)


def test_paths_stay_in_the_workspace(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "Dockerfile").write_text("FROM scratch\n")
    (root / "Dockerfile").write_text("FROM scratch\n")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "Linked").symlink_to(tmp_path / "secret" / "Dockerfile")
    (root / "loop").symlink_to("loop")
    assert workspace.folder(root, "sub", "context") == root.resolve() / "sub"
    assert workspace.file(root, "sub/../Dockerfile", "file") == root.resolve() / "Dockerfile"
    for path in ("..", "link", "/etc", "sub/../../secret"):
        with pytest.raises(BadInput, match="leads out of the workspace"):
            workspace.folder(root, path, "context")
    for path in ("Linked", "link/Dockerfile", "/etc/passwd", "../secret/Dockerfile"):
        with pytest.raises(BadInput, match="leads out of the workspace"):
            workspace.file(root, path, "file")
    for path in ("missing", "sub", "nul\0", "x" * 5000):
        with pytest.raises(BadInput, match="input 'file'"):
            workspace.file(root, path, "file")
    for path in ("missing", "Dockerfile", "loop"):
        with pytest.raises(BadInput, match="input 'context'"):
            workspace.folder(root, path, "context")
    for path in ("https://github.com/octo/app.git", "git@github.com:octo/app", "ssh://x"):
        with pytest.raises(BadInput, match="is an address"):
            workspace.folder(root, path, "context")


def test_an_empty_workspace_asks_for_a_checkout(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as error:
        workspace.file(tmp_path, "Dockerfile", "file")
    assert "actions/checkout" in error.value.remedy


def test_allowed_options() -> None:
    text = (
        "--no-cache --pull=true --add-host a:1.2.3.4 --shm-size=1g --network none --build-context x=docker-image://alpine:3"
    )
    expected = (
        "--no-cache", "--pull=true", "--add-host=a:1.2.3.4", "--shm-size=1g", "--network=none",
        "--build-context=x=docker-image://alpine:3",
    )  # fmt: skip
    assert options.parse(text) == (expected, ())
    assert options.parse("--target train --build-arg A=1") == (("--target=train",), ())
    assert options.parse("--compress --rm")[0] == ()
    assert len(options.parse("--compress --rm")[1]) == 2


@pytest.mark.parametrize(
    "text",
    [
        "--output=type=local,dest=/", "-o x", "--push", "--load", "--allow security.insecure", "--metadata-file=/x",
        "--iidfile x",
        "--builder x", "--secret id=x,src=/etc/shadow", "--ssh default", "--cache-to type=local,dest=/", "-f /etc/passwd",
        "--build-context x=/etc", "--build-context x=../..", "--network=container:x", "--cgroup-parent x", "/etc", "--", "-",
        "--add-host --push", "--shm-size", "--target --push", "--build-arg",
        "--build-arg 1=x", "--build-arg=--push", "--label x=y", "'--no-cache --push'", "--no-cache=x", "'unbalanced",
    ],
)  # fmt: skip
def test_every_other_option_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="build-options"):
        options.parse(text)


GHA = {"ACTIONS_RUNTIME_TOKEN": "t", "ACTIONS_RESULTS_URL": "https://results.example/"}


@pytest.mark.parametrize(
    ("wanted", "environ", "exports", "kind"),
    [
        ("auto", GHA, True, "gha"), ("auto", GHA, False, "inline"), ("auto", {}, True, "registry"),
        ("auto", {}, False, "inline"), ("gha", GHA, True, "gha"), ("registry", {}, True, "registry"),
        ("inline", {}, False, "inline"), ("none", GHA, True, "none"),
    ],
)  # fmt: skip
def test_the_cache_is_chosen(wanted: str, environ: dict[str, str], exports: bool, kind: str) -> None:
    chosen = cache.choose(wanted, NAME, environ, exports=exports, pushes=True, has_latest=True)
    assert chosen.kind == kind
    assert chosen.reason


def test_a_cache_that_cannot_be_had_is_an_error() -> None:
    for wanted in ("gha", "registry"):
        with pytest.raises(BadInput, match="classic image store"):
            cache.choose(wanted, NAME, GHA, exports=False, pushes=True, has_latest=True)
    with pytest.raises(BadInput, match="no cache service"):
        cache.choose("gha", NAME, {}, exports=True, pushes=True, has_latest=True)


def test_a_cache_is_written_only_with_the_right_to_push() -> None:
    for wanted in ("registry", "inline"):
        arguments = cache.choose(wanted, NAME, {}, exports=True, pushes=False, has_latest=True).arguments
        assert not any(argument.startswith("--cache-to") for argument in arguments)
    assert cache.choose("inline", NAME, {}, exports=True, pushes=False, has_latest=False).arguments == ()


@pytest.mark.parametrize(
    ("host", "server", "sent"),
    [
        ("ghcr.io", "https://github.com", True),
        ("docker.io", "https://github.com", False),
        ("ghcr.io.evil.example", "https://github.com", False),
        ("evil.github.com", "https://github.com", False),
        ("containers.ghe.example", "https://ghe.example", True),
        ("evilghe.example", "https://ghe.example", False),
    ],
)
def test_the_job_s_token_goes_to_github_alone(host: str, server: str, sent: bool) -> None:
    inputs = make_inputs(image="a", username="octo", password="ghs_1", github_token="ghs_1")
    signed = credentials.choose(inputs, host, server)
    assert (signed.password == "ghs_1") is sent
    assert "ghs_1" not in repr(signed)
    own = make_inputs(image="a", username="octo", password="mine", github_token="ghs_1")
    assert credentials.choose(own, host, server).password == "mine"


@pytest.mark.parametrize("host", ["europe-docker.pkg.dev", "gcr.io", "eu.gcr.io"])
def test_google_s_registries_are_known(host: str) -> None:
    assert credentials.is_google(host)
    assert not any(credentials.is_google(other) for other in (host + ".attacker.example", "not" + host[:4], "ghcr.io"))


@pytest.mark.parametrize("key", ["PATH", "DOCKER_HOST", "DOCKER_CONFIG", "LD_PRELOAD", "BUILDX_BUILDER"])
def test_a_build_argument_cannot_redirect_docker(key: str) -> None:
    with pytest.raises(BadInput, match=f"sets {key}"):
        plan.build_arguments(make_inputs(image="a", build_args=f"{key}=x"), {})


def test_a_secret_that_is_not_there_is_an_error() -> None:
    with pytest.raises(BadInput, match="names TOKEN") as error:
        plan.secret_values(make_inputs(image="a", secrets="TOKEN"), {})
    assert "secrets.TOKEN" in error.value.remedy


def progress_of(text: str) -> Progress:
    progress = Progress()
    for line in text.strip().splitlines():
        progress.line(line.strip())
    return progress


def test_progress_is_grouped_and_counted() -> None:
    progress = Progress()
    lines = [
        ('#0 building with "default" instance using docker driver', "prepare"),
        ("#1 [internal] load build definition from Dockerfile", "prepare"),
        ("#4 [base 1/2] FROM docker.io/library/base:1", "stage base"),
        ("#4 CACHED", "stage base"),
        ("#5 [base 2/2] RUN one", "stage base"),
        ("#5 CACHED", "stage base"),
        ("#6 [linux/arm64 final 1/1] RUN two", "stage linux/arm64 final"),
        ("#6 0.100 #5 ERROR: a program's own words", "stage linux/arm64 final"),
        ("#6 DONE 0.1s", "stage linux/arm64 final"),
        ("#7 [2/2] COPY a b", "build"),
        ("#7 DONE 0.0s", "build"),
        ("#8 exporting to image", "export"),
        ("#9 pushing ghcr.io/octo/app:1 with docker", "push"),
    ]
    assert [progress.line(text) for text, _ in lines] == [group for _, group in lines]
    assert progress.cached_by_stage == {"stage base": (1, 1), "stage linux/arm64 final": (0, 1), "build": (0, 1)}
    assert progress.failed is None


def test_the_place_that_newer_buildkits_tell() -> None:
    progress = progress_of("""
        #5 [2/2] RUN exit 3
        #5 ERROR: process "/bin/sh -c exit 3" did not complete successfully: exit code: 3
        ------
        > [2/2] RUN exit 3:
        ------
        Dockerfile:7
        --------------------
        ERROR: failed to solve: process "/bin/sh -c exit 3" did not complete successfully: exit code: 3
    """)
    assert progress.failing_line == 7
    assert progress.failed is not None
    assert not progress.failed_to_push


def test_a_cache_that_cannot_be_read_is_no_failure() -> None:
    progress = progress_of("""
        #3 importing cache manifest from ghcr.io/octo/app:latest
        #3 ERROR: not found
        #9 exporting to image
        #9 pushing layers
        #9 ERROR: failed to push ghcr.io/octo/app: connection reset
    """)
    assert progress.failed is not None
    assert "connection reset" in progress.failed.error
    assert progress.failed_to_push


def hashed(folder: Path, patterns: str = "") -> str:
    return fingerprint.hash_context(folder, dockerignore.parse(patterns))


def test_a_context_s_hash_knows_everything_that_reaches_a_build(tmp_path: Path) -> None:
    folder = tmp_path / "context"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_text("content")
    seen = {hashed(folder)}
    (folder / "a" / "b" / "file").write_text("CONTENT")
    seen.add(hashed(folder))
    (folder / "a" / "b" / "file").rename(folder / "a" / "file")
    seen.add(hashed(folder))
    (folder / "a" / "file").chmod(0o700)
    seen.add(hashed(folder))
    (folder / "link").symlink_to("a/file")
    seen.add(hashed(folder))
    (folder / "link").unlink()
    (folder / "link").symlink_to("a")
    seen.add(hashed(folder))
    (folder / "link").unlink()
    (folder / "link").write_text("a")
    seen.add(hashed(folder))
    (folder / os.fsdecode(b"\xff")).write_text("")
    seen.add(hashed(folder))
    assert len(seen) == 8
    before = hashed(folder)
    os.utime(folder / "a" / "file", (1, 1))
    assert hashed(folder) == before


def test_what_is_taken_back_in_counts(tmp_path: Path) -> None:
    folder = tmp_path / "context"
    (folder / "data" / "keep").mkdir(parents=True)
    (folder / "data" / "drop").write_text("1")
    (folder / "data" / "keep" / "file").write_text("1")
    patterns = "data\n!data/keep"
    first = hashed(folder, patterns)
    (folder / "data" / "drop").write_text("2")
    assert hashed(folder, patterns) == first
    (folder / "data" / "keep" / "file").write_text("2")
    assert hashed(folder, patterns) != first


def test_no_two_trees_run_together(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    (one / "a").write_text("xb")
    (two / "ax").write_text("b")
    assert hashed(one) != hashed(two)


def test_the_dockerfile_s_own_ignore_file_wins(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("a")
    (tmp_path / "gpu.Dockerfile").write_text("")
    assert fingerprint.read_ignore(tmp_path, tmp_path / "gpu.Dockerfile").excludes("a")
    (tmp_path / "gpu.Dockerfile.dockerignore").write_text("b")
    found = fingerprint.read_ignore(tmp_path, tmp_path / "gpu.Dockerfile")
    assert (found.excludes("a"), found.excludes("b")) == (False, True)
