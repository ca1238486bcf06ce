"""Write the webhook payload of an event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlops_actions.core.types import Json
from mlops_sandbox.github.checks import Deployment
from mlops_sandbox.github.discussion import Comment, Label, Review, ReviewComment
from mlops_sandbox.github.events import Event
from mlops_sandbox.github.git import NO_COMMIT
from mlops_sandbox.github.repository import Issue, PullRequest, Repository
from mlops_sandbox.github.serializers import accounts, checks, discussion
from mlops_sandbox.github.serializers import repository as repositories
from mlops_sandbox.github.serializers.links import Links


def payload(event: Event[Any, Any], links: Links) -> Json:
    """Return the payload of an event, with the fields that every event carries."""
    repository = event.source if isinstance(event.source, Repository) else event.source.repository
    common: Json = {
        "repository": repositories.repository(repository, links),
        "sender": accounts.user(event.sender, links),
    }
    if repository.owner.kind == "Organization":
        common["organization"] = accounts.organization(repository.owner, links)
    return {**_WRITERS[event.name](event, links), **common}


def _issue_comment(event: Event[Issue, Comment], links: Links) -> Json:
    document: Json = {
        "action": event.action,
        "issue": discussion.issue(event.source, links),
        "comment": discussion.comment(event.subject, event.source, links),
    }
    if event.action == "edited":
        document["changes"] = {"body": {"from": event.details["body"]}}
    return document


def _issues(event: Event[Issue, Label | None], links: Links) -> Json:
    """Write `labeled`, `unlabeled`, `closed` or `reopened` of an issue that is no pull request."""
    document: Json = {"action": event.action, "issue": discussion.issue(event.source, links)}
    if event.subject is not None:
        document["label"] = discussion.label(event.subject, event.source.repository, links)
    return document


def _pull_request(event: Event[PullRequest, Label | None], links: Links) -> Json:
    """Write `opened`, `closed`, `reopened`, `synchronize` (with `before`, `after`), `labeled` or `unlabeled`."""
    document: Json = {
        "action": event.action,
        "number": event.source.number,
        "pull_request": discussion.pull(event.source, links),
        **event.details,
    }
    if event.subject is not None:
        document["label"] = discussion.label(event.subject, event.source.repository, links)
    return document


def _pull_request_review(event: Event[PullRequest, Review], links: Links) -> Json:
    """Write the review with its state in lower case; the REST API has it in upper case."""
    review = discussion.review(event.subject, event.source, links)
    review["state"] = event.subject.state.lower()
    return {"action": event.action, "review": review, "pull_request": discussion.pull_simple(event.source, links)}


def _pull_request_review_comment(event: Event[PullRequest, ReviewComment], links: Links) -> Json:
    return {
        "action": event.action,
        "comment": discussion.review_comment(event.subject, event.source, links),
        "pull_request": discussion.pull_simple(event.source, links),
    }


def _repository_dispatch(event: Event[Repository, None], _links: Links) -> Json:
    """Write the event whose `action` is the type that the sender chose; it alone always names an installation."""
    return {
        "action": event.action,
        "branch": event.source.default_branch,
        "client_payload": event.details["client_payload"],
        "installation": {"id": 1, "node_id": accounts.node_id("Installation", 1)},
    }


def _workflow_dispatch(event: Event[Repository, None], _links: Links) -> Json:
    return {"ref": f"refs/heads/{event.source.default_branch}", **event.details}


def _deployment(event: Event[Repository, Deployment], links: Links) -> Json:
    deployment = checks.deployment(event.subject, event.source, links)
    return {"action": event.action, "deployment": deployment, "workflow": None, "workflow_run": None}


def _push(event: Event[Repository, None], links: Links) -> Json:
    """Write a push of one commit to a branch, or its deletion."""
    repository, before, after = event.source, event.details["before"], event.details["after"]
    commit = repository.commits[before if after == NO_COMMIT else after]
    author = {**repositories.git_user(commit.author, commit), "username": commit.author.login}
    head_commit = repositories.simple_commit(commit) | {
        "distinct": True,
        "url": links.web(repository.full_name, "commit", after),
        "author": author,
        "committer": author,
        "added": [],
        "removed": [],
        "modified": [],
    }
    return {
        "ref": f"refs/heads/{event.details['branch']}",
        "before": before,
        "after": after,
        "created": before == NO_COMMIT,
        "deleted": after == NO_COMMIT,
        "forced": False,
        "base_ref": None,
        "compare": f"{repositories.repo_api(repository, links)}/compare/{before[:12]}...{after[:12]}",
        "commits": [] if after == NO_COMMIT else [head_commit],
        "head_commit": None if after == NO_COMMIT else head_commit,
        "pusher": {"name": event.sender.login, "email": repositories.git_user(event.sender, commit)["email"]},
    }


_WRITERS: Mapping[str, Callable[[Event[Any, Any], Links], Json]] = {
    "issue_comment": _issue_comment,
    "issues": _issues,
    "pull_request": _pull_request,
    "pull_request_review": _pull_request_review,
    "pull_request_review_comment": _pull_request_review_comment,
    "repository_dispatch": _repository_dispatch,
    "workflow_dispatch": _workflow_dispatch,
    "deployment": _deployment,
    "push": _push,
}
