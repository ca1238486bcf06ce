"""Webhook payloads for tests, derived from the state of a GitHub stand-in rather than kept as files.

`VARIANTS` names one delivery for every situation the actions tell apart; each is built anew when called, has every
field that GitHub's schema requires, and is held against that schema in `tests/standins/github`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_sandbox.github import Delivery, GitHubServer, PullRequest, Repository

COMMAND = "/train lr=3e-4"


@dataclass
class Scene:
    """A repository with a writer, a maintainer, an outsider and a pull request by the writer."""

    github: GitHubServer
    repository: Repository
    pull: PullRequest


def scene(github: GitHubServer | None = None, *, draft: bool = False) -> Scene:
    """Set the scene, on a server of its own or on the given one."""
    github = github or GitHubServer()
    repository = github.repository("octo-org/digits")
    for login, role in {"writer": "write", "maintainer": "maintain", "triager": "triage"}.items():
        repository.collaborator(login, role)
    github.user("outsider")
    pull = repository.open_pull_request(by="writer", head="schedule", title="A schedule", body="Why.", draft=draft)
    return Scene(github, repository, pull)


def fork_scene(github: GitHubServer | None = None, *, deleted: bool = False) -> Scene:
    """The same with a pull request from an outsider's fork, which may be gone since."""
    it = scene(github)
    fork = it.github.fork(it.repository, by="outsider")
    it.pull = it.repository.open_pull_request(by="outsider", fork=fork, head="change")
    if deleted:
        fork.delete()
    return it


def write_event(delivery: Delivery[Any], path: Path) -> Path:
    """Write a payload where a runner puts it, and return that path."""
    path.write_text(json.dumps(delivery.payload), encoding="utf-8")
    return path


def _comment(body: str = COMMAND, *, by: str = "maintainer") -> Delivery[Any]:
    return scene().pull.comment(body, by=by)


def _comment_on_draft() -> Delivery[Any]:
    return scene(draft=True).pull.comment(COMMAND, by="maintainer")


def _comment_on_closed() -> Delivery[Any]:
    pull = scene().pull
    pull.close(by="writer")
    return pull.comment(COMMAND, by="maintainer")


def _comment_on_merged() -> Delivery[Any]:
    pull = scene().pull
    pull.merge(by="maintainer")
    return pull.comment(COMMAND, by="maintainer")


def _comment_on_issue() -> Delivery[Any]:
    return scene().repository.open_issue(by="outsider").comment(COMMAND, by="maintainer")


def _edited(by: str) -> Delivery[Any]:
    pull = scene().pull
    return pull.edit_comment(pull.comment("Looks good.", by="outsider").subject, COMMAND, by=by)


def _labeled() -> Delivery[Any]:
    return scene().pull.label("train", by="maintainer")


def _unlabeled() -> Delivery[Any]:
    pull = scene().pull
    pull.label("train", by="maintainer")
    return pull.unlabel("train", by="maintainer")


def _opened() -> Delivery[Any]:
    return next(one for one in scene().github.deliveries if one.event == "pull_request")


def _synchronize() -> Delivery[Any]:
    it = scene()
    it.pull.push(by="writer")
    return it.github.deliveries[-1]


def _push() -> Delivery[Any]:
    return next(one for one in scene().github.deliveries if one.event == "push")


def _deployment() -> Delivery[Any]:
    it = scene()
    it.repository.deploy(it.pull.head_sha, by="maintainer", payload={"lr": "3e-4"})
    return it.github.deliveries[-1]


VARIANTS: dict[str, Callable[[], Delivery[Any]]] = {
    "comment": _comment,
    "comment by an outsider": lambda: _comment(by="outsider"),
    "comment by a bot": lambda: _comment(by="dependabot[bot]"),
    "comment on a draft": _comment_on_draft,
    "comment on a closed pull request": _comment_on_closed,
    "comment on a merged pull request": _comment_on_merged,
    "comment on an issue": _comment_on_issue,
    "comment on a fork's pull request": lambda: fork_scene().pull.comment(COMMAND, by="maintainer"),
    "comment where the fork is gone": lambda: fork_scene(deleted=True).pull.comment(COMMAND, by="maintainer"),
    "comment edited by its author": lambda: _edited("outsider"),
    "comment edited by another": lambda: _edited("maintainer"),
    "comment on a line": lambda: scene().pull.review_comment(COMMAND, by="maintainer"),
    "comment on a line of a fork": lambda: fork_scene().pull.review_comment(COMMAND, by="maintainer"),
    "review that approves": lambda: scene().pull.review("APPROVED", by="maintainer", body=COMMAND),
    "review without text": lambda: scene().pull.review("COMMENTED", by="maintainer"),
    "label set": _labeled,
    "label set where the fork is gone": lambda: fork_scene(deleted=True).pull.label("train", by="maintainer"),
    "label taken off": _unlabeled,
    "label set on an issue": lambda: scene().repository.open_issue(by="outsider").label("train", by="maintainer"),
    "pull request opened": _opened,
    "pull request pushed to": _synchronize,
    "push": _push,
    "deployment": _deployment,
    "workflow started by hand": lambda: scene().repository.workflow_dispatch(
        {"command": COMMAND, "pr-number": "1"}, by="maintainer"
    ),
    "call-back": lambda: scene().repository.dispatch("mlops-done", {"sha": "0" * 40, "pr": 1}, by="argo[bot]"),
}
