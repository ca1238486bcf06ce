"""The commit, ref and pull request of an image."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.core.checkout import Checkout
from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.event import Event, read
from mlops_actions.docker_publish import legacy
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.revision import Revision, revision_of
from tests.support.docker_publish import COMMITTED, SHA, make_context, make_inputs

OTHER = "f" * 40
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def checkout(sha: str = SHA, **refs: Any) -> Checkout:
    return Checkout(sha, committed=COMMITTED, **refs)


REVISIONS: list[tuple[dict[str, str], Checkout | None, str, str]] = [
    # inputs, checkout, sha, ref (the event: a push of SHA to main)
    ({}, checkout(branch="main"), SHA, "refs/heads/main"),
    ({}, checkout(), SHA, "refs/heads/main"),
    ({}, None, SHA, "refs/heads/main"),
    ({}, checkout(OTHER, branch="feature"), OTHER, "refs/heads/feature"),
    ({}, checkout(OTHER), OTHER, ""),
    ({}, checkout(OTHER, tags=("refs/tags/v1",)), OTHER, "refs/tags/v1"),
    ({}, checkout(OTHER, tags=("refs/tags/v1", "refs/tags/v2")), OTHER, ""),
    ({}, checkout(OTHER, tags=("refs/tags/v1",), pull_request_refs=("refs/pull/7/merge",)), OTHER, "refs/pull/7/merge"),
    ({"INPUT_SHA": OTHER}, checkout(branch="main"), OTHER, ""),
    ({"INPUT_SHA": OTHER, "INPUT_REF": "feature"}, checkout(), OTHER, "refs/heads/feature"),
    ({"INPUT_NAME": "a/b"}, checkout(OTHER, branch="feature"), SHA, "refs/heads/main"),
]


def revision(
    inputs: Inputs,
    context: Context,
    event: Event | None,
    checked_out: Checkout | None,
    *,
    prefers_event_commit: bool = False,
) -> Revision:
    return revision_of(inputs, context, event, checkout=checked_out, now=NOW, prefers_event_commit=prefers_event_commit)


@pytest.mark.parametrize(("given", "checked_out", "sha", "ref"), REVISIONS)
def test_the_commit_and_ref_are_those_of_inputs_checkout_and_event_in_this_order(
    given: dict[str, str], checked_out: Checkout | None, sha: str, ref: str, tmp_path: Path
) -> None:
    inputs = make_inputs(given if "INPUT_NAME" in given else {"INPUT_IMAGE": "a", **given})
    event = read("push", {"repository": {"default_branch": "main"}})
    policy = legacy.resolve(inputs, "octo/app").policy
    decided = revision(inputs, make_context(tmp_path), event, checked_out, prefers_event_commit=policy.prefers_event_commit)
    assert (decided.sha, decided.ref, decided.default_branch) == (sha, ref, "main")


@pytest.mark.parametrize("prefers_event_commit", [False, True])
def test_the_commit_of_a_comment_s_event_is_never_used(prefers_event_commit: bool, tmp_path: Path) -> None:
    person = {"login": "mona", "type": "User"}
    payload: dict[str, Any] = {"issue": {"number": 7, "pull_request": {}}, "comment": {"id": 1, "body": "", "user": person}}
    event, inputs, context = read("issue_comment", payload), make_inputs(image="a"), make_context(tmp_path)
    decided = revision(inputs, context, event, checkout(OTHER), prefers_event_commit=prefers_event_commit)
    assert (decided.sha, decided.pull_request, decided.from_fork) == (OTHER, 7, None)
    with pytest.raises(BadInput):
        revision(inputs, context, event, None, prefers_event_commit=prefers_event_commit)


RUN = {"head_sha": SHA, "pull_requests": [], "event": "push", "head_repository": {"id": 1}}


@pytest.mark.parametrize(
    ("name", "payload", "expected"),
    [
        ("workflow_run", {"workflow_run": RUN}, False),
        ("workflow_run", {"workflow_run": RUN | {"event": "schedule"}}, False),
        ("workflow_run", {"workflow_run": RUN | {"event": "pull_request"}}, True),
        ("workflow_run", {"workflow_run": RUN | {"event": "pull_request_target"}}, True),
        ("workflow_run", {"workflow_run": RUN | {"event": "pull_request_review"}}, True),
        ("workflow_run", {"workflow_run": RUN | {"event": "issue_comment"}}, True),
        ("workflow_run", {"workflow_run": RUN | {"event": "merge_group"}}, True),
        ("workflow_run", {"workflow_run": RUN | {"head_repository": {"id": 2}}}, True),
        ("workflow_run", {"workflow_run": RUN | {"pull_requests": [{"number": 7}]}}, True),
        ("workflow_run", {"workflow_run": None}, False),
        ("workflow_dispatch", {"inputs": {"pr": "7"}}, True),
        ("repository_dispatch", {"client_payload": {"pr": 7}}, True),
        ("workflow_dispatch", {"inputs": {}}, False),
        ("push", {}, False),
        ("schedule", {}, False),
    ],
)
def test_the_code_of_a_pull_request_is_known_by_every_event(
    name: str, payload: dict[str, Any], expected: bool, tmp_path: Path
) -> None:
    event = read(name, payload | {"repository": {"id": 1, "default_branch": "main"}})
    assert revision(make_inputs(image="a"), make_context(tmp_path), event, checkout()).is_pull_request is expected


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("refs/pull/7/merge", True),
        ("refs/pull/7/head", True),
        (f"refs/heads/gh-readonly-queue/main/pr-7-{SHA}", True),
        ("refs/heads/pull/7/merge", False),
        ("refs/heads/refs/pull/7/merge", False),
        ("refs/tags/v1", False),
    ],
)
def test_the_code_of_a_pull_request_is_known_by_its_ref(ref: str, expected: bool, tmp_path: Path) -> None:
    context = make_context(tmp_path, GITHUB_REF=ref)
    assert revision(make_inputs(image="a"), context, None, None).is_pull_request is expected


@pytest.mark.parametrize(
    ("given", "event_ref", "ref"),
    [
        ("refs/tags/v9.9.9", "refs/heads/refs/tags/v9.9.9", "refs/heads/refs/tags/v9.9.9"),
        ("refs/tags/v9.9.9", "refs/heads/main", "refs/tags/v9.9.9"),
        ("refs/tags/v9.9.9", "refs/tags/v9.9.9", "refs/tags/v9.9.9"),
        ("main", "refs/heads/main", "refs/heads/main"),
    ],
)
def test_a_branch_that_is_called_like_a_full_ref_stays_a_branch(
    given: str, event_ref: str, ref: str, tmp_path: Path
) -> None:
    context = make_context(tmp_path, GITHUB_REF=event_ref)
    assert revision(make_inputs(image="a", ref=given), context, None, None).ref == ref


@pytest.mark.parametrize(
    ("name", "payload", "number"),
    [
        ("workflow_dispatch", {"inputs": {"pr-number": "12"}}, 12),
        ("workflow_dispatch", {"inputs": {"pr-number": "#12"}}, 12),
        ("workflow_dispatch", {"inputs": {"pr-number": "x"}}, None),
        ("repository_dispatch", {"client_payload": {"pr-number": 12}}, 12),
        ("merge_group", {"merge_group": {"head_ref": f"refs/heads/gh-readonly-queue/main/pr-12-{SHA}"}}, 12),
        ("workflow_run", {"workflow_run": {"head_sha": SHA, "pull_requests": [{"number": 12}]}}, 12),
        ("push", {}, None),
    ],
)
def test_the_pull_request_is_the_event_s(name: str, payload: dict[str, Any], number: int | None, tmp_path: Path) -> None:
    decided = revision(make_inputs(image="a"), make_context(tmp_path), read(name, payload), checkout())
    assert decided.pull_request == number
