"""What each event says, without the fields that every event carries (those come in `World.deliver`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlops_sandbox.github.checks import Deployment
from mlops_sandbox.github.conversation import Comment, Label, Review, ReviewComment
from mlops_sandbox.github.git import NO_COMMIT
from mlops_sandbox.github.people import User
from mlops_sandbox.github.shapes import checks, conversation
from mlops_sandbox.github.shapes.repository import git_user, repo_api, simple_commit

if TYPE_CHECKING:
    from mlops_sandbox.github.issues import Issue, PullRequest
    from mlops_sandbox.github.repository import Repository

Payload = dict[str, Any]


def issue_comment(issue: Issue, comment: Comment, action: str, *, before: str | None = None) -> Payload:
    """`issue_comment`: created or edited (`before` is the text it had)."""
    links = issue.repository.world.links
    payload: Payload = {
        "action": action,
        "issue": conversation.issue(issue, links),
        "comment": conversation.comment(comment, issue, links),
    }
    if before is not None:
        payload["changes"] = {"body": {"from": before}}
    return payload


def issue_labelled(issue: Issue, action: str, label: Label) -> Payload:
    """`issues`: labeled or unlabeled, of an issue that is no pull request."""
    links = issue.repository.world.links
    return {
        "action": action,
        "issue": conversation.issue(issue, links),
        "label": _label(label, issue.repository),
    }


def pull_request(pull: PullRequest, action: str, *, label: Label | None = None, **more: str) -> Payload:
    """`pull_request`: opened, synchronize (with `before`, `after`), labeled, unlabeled."""
    payload: Payload = {
        "action": action,
        "number": pull.number,
        "pull_request": _pull(pull),
        **more,
    }
    if label is not None:
        payload["label"] = _label(label, pull.repository)
    return payload


def review_submitted(pull: PullRequest, review: Review) -> Payload:
    """`pull_request_review`: submitted. Its state is in lower case here, in upper case in the REST API."""
    shape = conversation.review(review, pull, pull.repository.world.links)
    shape["state"] = review.state.lower()
    return {"action": "submitted", "review": shape, "pull_request": _simple_pull(pull)}


def review_comment(pull: PullRequest, comment: ReviewComment) -> Payload:
    """`pull_request_review_comment`: created."""
    links = pull.repository.world.links
    return {
        "action": "created",
        "comment": conversation.review_comment(comment, pull, links),
        "pull_request": _simple_pull(pull),
    }


def repository_dispatch(repo: Repository, event_type: str, client_payload: Mapping[str, Any]) -> Payload:
    """`repository_dispatch`: `action` is the type that the sender chose."""
    return {"action": event_type, "branch": repo.default_branch, "client_payload": dict(client_payload)}


def workflow_dispatch(repo: Repository, inputs: Mapping[str, str], workflow: str) -> Payload:
    """`workflow_dispatch`: inputs arrive as text."""
    return {"inputs": dict(inputs), "ref": f"refs/heads/{repo.default_branch}", "workflow": workflow}


def deployment(repo: Repository, item: Deployment) -> Payload:
    """`deployment`: created."""
    shape = checks.deployment(item, repo, repo.world.links)
    return {"action": "created", "deployment": shape, "workflow": None, "workflow_run": None}


def push(repo: Repository, branch: str, before: str, after: str, pusher: User) -> Payload:
    """`push` of one commit to a branch."""
    links = repo.world.links
    commit = repo.commits[after]
    shape = simple_commit(commit) | {
        "distinct": True,
        "url": links.web(repo.full_name, "commit", after),
        "author": {**git_user(commit.author, commit), "username": commit.author.login},
        "committer": {**git_user(commit.author, commit), "username": commit.author.login},
        "added": [],
        "removed": [],
        "modified": [],
    }
    return {
        "ref": f"refs/heads/{branch}",
        "before": before,
        "after": after,
        "created": before == NO_COMMIT,
        "deleted": False,
        "forced": False,
        "base_ref": None,
        "compare": f"{repo_api(repo, links)}/compare/{before[:12]}...{after[:12]}",
        "commits": [shape],
        "head_commit": shape,
        "pusher": {"name": pusher.login, "email": git_user(pusher, commit)["email"]},
    }


def _label(label: Label, repo: Repository) -> Payload:
    return conversation.label(label, repo, repo.world.links)


def _pull(pull: PullRequest) -> Payload:
    return conversation.pull(pull, pull.repository.world.links)


def _simple_pull(pull: PullRequest) -> Payload:
    return conversation.pull_simple(pull, pull.repository.world.links)
