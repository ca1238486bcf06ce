"""GitHub's published webhook examples: our payloads have their shape, and chatops works on payloads derived from them."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.core.callback import EVENT_TYPE, CallBack
from mlops_actions.core.types import Json
from mlops_sandbox.github import Delivery, GitHubServer
from tests.actions.chatops.step import ChatopsStep
from tests.support.call_backs import submitting_run
from tests.support.payloads import VARIANTS, Sample, make_sample
from tests.support.step import cold

PACKAGE = "@octokit/webhooks-examples@7.6.1"
EVENTS = (
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "repository_dispatch",
    "workflow_dispatch",
)
# GitHub's API lost it after the examples were collected; its schema of today does not have it.
GONE = {"has_downloads"}
# What an example has because somebody was assigned, a label was set or an App was told: state, not shape.
STATE = {
    *("assignee", "assignees", "custom_properties", "installation", "labels"),
    *("milestone", "organization", "requested_reviewers", "requested_teams"),
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[Json]]:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: it brings GitHub's published examples")
    folder = tmp_path_factory.mktemp("examples")
    done = subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, capture_output=True, text=True, check=True)
    with tarfile.open(folder / done.stdout.split()[-1]) as archive:
        index = archive.extractfile("package/api.github.com/index.json")
        assert index is not None
        return {entry["name"]: entry["examples"] for entry in json.load(index)}


@pytest.fixture
def github() -> Iterator[GitHubServer]:
    server = GitHubServer()
    with server.serve():
        yield server


def shape(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every path of a document with the kind of what is there; the items of a list share one path."""
    if path:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        yield path, "number" if number else type(value).__name__
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from shape(inner, (*path, key))
    elif isinstance(value, list):
        for inner in value:
            yield from shape(inner, (*path, "[]"))


def kinds(documents: list[Json]) -> dict[tuple[str, ...], set[str]]:
    found: dict[tuple[str, ...], set[str]] = {}
    for document in documents:
        for path, kind in shape(document):
            found.setdefault(path, set()).add(kind)
    return found


@pytest.mark.parametrize("event", EVENTS)
def test_our_payloads_have_the_shape_of_the_examples(event: str, published: Mapping[str, list[Json]]) -> None:
    ours = [delivery.payload for make in VARIANTS.values() if (delivery := make()).event == event]
    compared = 0
    for action in {payload.get("action") for payload in ours}:
        own = kinds([payload for payload in ours if payload.get("action") == action])
        # A dispatch's action is its author's word.
        named = [one for one in published[event] if event.endswith("dispatch") or one.get("action") == action]
        theirs = kinds(named)
        for path in set.intersection(*(set(kinds([one])) for one in named)) if named else ():
            if (GONE | STATE).intersection(path):
                continue
            assert path in own or path[0] == "client_payload", f"{event} {action}: no {'.'.join(path)}"
            known = theirs[path] | {"NoneType"}
            assert theirs[path] == {"NoneType"} or own.get(path, set()) <= known, f"{event} {action}: {'.'.join(path)}"
            compared += 1
    assert compared > 100


def _called_back(sample: Sample) -> Delivery[Any]:
    call_back = CallBack(sample.pull.head_sha, 1, 7, "train", "Succeeded")
    submitting_run(sample.repository, call_back)
    return sample.repository.dispatch(EVENT_TYPE, call_back.payload(), by="maintainer")


# Who and what it is about: the only things taken from a delivery of the stand-in. The rest is the example's own.
IDENTITY = (
    "sender", "repository.id", "repository.full_name", "repository.default_branch", "action", "inputs", "client_payload",
    "issue.number", "issue.pull_request", "label.name",
    "comment.id", "comment.body", "comment.user", "comment.created_at",
    "comment.commit_id", "comment.original_commit_id",
    "review.id", "review.body", "review.user", "review.submitted_at", "review.commit_id",
    "pull_request.number", "pull_request.state", "pull_request.user", "pull_request.head.ref", "pull_request.head.sha",
    "pull_request.head.repo.id", "pull_request.head.repo.full_name", "pull_request.base.ref", "pull_request.base.sha",
    "pull_request.base.repo.id", "pull_request.base.repo.full_name",
)  # fmt: skip
DELIVERIES: dict[str, tuple[str, Callable[[Sample], Delivery[Any]]]] = {
    "issue_comment": ("created", lambda sample: sample.pull.comment("/train lr=3e-3", by="maintainer")),
    "pull_request": ("labeled", lambda sample: sample.pull.label("train", by="maintainer")),
    "pull_request_review": ("submitted", lambda sample: sample.pull.review("COMMENTED", by="maintainer", body="/train")),
    "pull_request_review_comment": ("created", lambda sample: sample.pull.review_comment("/train", by="maintainer")),
    "workflow_dispatch": (
        "",
        lambda sample: sample.repository.workflow_dispatch(
            {"command": f"/train sha={sample.pull.head_sha}", "pr-number": "1"}, by="maintainer"
        ),
    ),
    "repository_dispatch": ("", _called_back),
}


def derived(example: Json, delivery: Delivery[Any]) -> Json:
    """An example, about the stand-in's pull request."""
    made = copy.deepcopy(example)
    for path in IDENTITY:
        *parents, last = path.split(".")
        source, target = delivery.payload, made
        for parent in parents:
            source, target = source.get(parent) or {}, target.get(parent) or {}
        if last in source and (not parents or target):
            target[last] = source[last]
    return made


@pytest.mark.parametrize("event", EVENTS)
def test_chatops_works_on_what_derives_from_the_examples(
    event: str, published: Mapping[str, list[Json]], github: GitHubServer, tmp_path: Path
) -> None:
    action, deliver = DELIVERIES[event]
    examples = [one for one in published[event] if not action or one["action"] == action]
    assert examples
    delivery = deliver(make_sample(github))
    inputs = {"commands": "train: {label: train, params: {lr: {type: float}}}", "conclude": "false"}
    for example in examples:
        payload = derived(example, delivery)
        assert payload != delivery.payload
        ran = ChatopsStep(github, tmp_path, execute=cold).run(Delivery(event, payload, None), inputs)
        assert (ran.exit_code, ran.outputs["triggered"]) == (0, "true"), ran.log
