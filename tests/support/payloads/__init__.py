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
class Sample:
    """A sample repository with a writer, a maintainer, an outsider and a pull request by the writer."""

    github: GitHubServer
    repository: Repository
    pull: PullRequest


def make_sample(github: GitHubServer | None = None, *, draft: bool = False) -> Sample:
    """Create the sample, on a new server or on the given one."""
    github = github or GitHubServer()
    repository = github.repository("octo-org/digits")
    for login, role in {"writer": "write", "maintainer": "maintain", "triager": "triage"}.items():
        repository.collaborator(login, role)
    github.user("outsider")
    pull = repository.open_pull_request(by="writer", head="schedule", title="A schedule", body="Why.", draft=draft)
    return Sample(github, repository, pull)


def make_fork_sample(github: GitHubServer | None = None, *, deleted: bool = False) -> Sample:
    """Create the sample with a pull request from an outsider's fork; `deleted` removes the fork afterwards."""
    sample = make_sample(github)
    fork = sample.github.fork(sample.repository, by="outsider")
    sample.pull = sample.repository.open_pull_request(by="outsider", fork=fork, head="change")
    if deleted:
        fork.delete()
    return sample


def write_event(delivery: Delivery[Any], path: Path) -> Path:
    """Write a payload where a runner puts it, and return that path."""
    path.write_text(json.dumps(delivery.payload), encoding="utf-8")
    return path


def _comment(body: str = COMMAND, *, by: str = "maintainer") -> Delivery[Any]:
    return make_sample().pull.comment(body, by=by)


def _comment_on_draft() -> Delivery[Any]:
    return make_sample(draft=True).pull.comment(COMMAND, by="maintainer")


def _comment_on_closed() -> Delivery[Any]:
    pull = make_sample().pull
    pull.close(by="writer")
    return pull.comment(COMMAND, by="maintainer")


def _comment_on_merged() -> Delivery[Any]:
    pull = make_sample().pull
    pull.merge(by="maintainer")
    return pull.comment(COMMAND, by="maintainer")


def _comment_on_issue() -> Delivery[Any]:
    return make_sample().repository.open_issue(by="outsider").comment(COMMAND, by="maintainer")


def _edited(by: str) -> Delivery[Any]:
    pull = make_sample().pull
    return pull.edit_comment(pull.comment("Looks good.", by="outsider").subject, COMMAND, by=by)


def _labeled() -> Delivery[Any]:
    return make_sample().pull.label("train", by="maintainer")


def _unlabeled() -> Delivery[Any]:
    pull = make_sample().pull
    pull.label("train", by="maintainer")
    return pull.unlabel("train", by="maintainer")


def _opened() -> Delivery[Any]:
    return next(one for one in make_sample().github.deliveries if one.event == "pull_request")


def _synchronize() -> Delivery[Any]:
    sample = make_sample()
    sample.pull.push(by="writer")
    return sample.github.deliveries[-1]


def _push() -> Delivery[Any]:
    return next(one for one in make_sample().github.deliveries if one.event == "push")


def _deployment() -> Delivery[Any]:
    sample = make_sample()
    sample.repository.deploy(sample.pull.head_sha, by="maintainer", payload={"lr": "3e-4"})
    return sample.github.deliveries[-1]


VARIANTS: dict[str, Callable[[], Delivery[Any]]] = {
    "comment": _comment,
    "comment by an outsider": lambda: _comment(by="outsider"),
    "comment by a bot": lambda: _comment(by="dependabot[bot]"),
    "comment on a draft": _comment_on_draft,
    "comment on a closed pull request": _comment_on_closed,
    "comment on a merged pull request": _comment_on_merged,
    "comment on an issue": _comment_on_issue,
    "comment on a fork's pull request": lambda: make_fork_sample().pull.comment(COMMAND, by="maintainer"),
    "comment where the fork is gone": lambda: make_fork_sample(deleted=True).pull.comment(COMMAND, by="maintainer"),
    "comment edited by its author": lambda: _edited("outsider"),
    "comment edited by another": lambda: _edited("maintainer"),
    "comment on a line": lambda: make_sample().pull.review_comment(COMMAND, by="maintainer"),
    "comment on a line of a fork": lambda: make_fork_sample().pull.review_comment(COMMAND, by="maintainer"),
    "review that approves": lambda: make_sample().pull.review("APPROVED", by="maintainer", body=COMMAND),
    "review without text": lambda: make_sample().pull.review("COMMENTED", by="maintainer"),
    "label set": _labeled,
    "label set where the fork is gone": lambda: make_fork_sample(deleted=True).pull.label("train", by="maintainer"),
    "label taken off": _unlabeled,
    "label set on an issue": lambda: make_sample().repository.open_issue(by="outsider").label("train", by="maintainer"),
    "pull request opened": _opened,
    "pull request pushed to": _synchronize,
    "push": _push,
    "deployment": _deployment,
    "workflow started by hand": lambda: make_sample().repository.workflow_dispatch(
        {"command": COMMAND, "pr-number": "1"}, by="maintainer"
    ),
    "call-back": lambda: make_sample().repository.dispatch("mlops-done", {"sha": "0" * 40, "pr": 1}, by="argo[bot]"),
}
