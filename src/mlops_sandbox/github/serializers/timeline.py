"""The events and the timeline of an issue, after https://docs.github.com/rest/using-the-rest-api/issue-event-types.

Subscriptions, mentions, deployments and comments on lines, which GitHub lists too, are left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlops_actions.core.types import Json
from mlops_sandbox.github.discussion import Comment, Label, Review, TimelineEvent
from mlops_sandbox.github.git import Commit
from mlops_sandbox.github.repository import Issue
from mlops_sandbox.github.serializers.accounts import node_id, user
from mlops_sandbox.github.serializers.discussion import comment, review
from mlops_sandbox.github.serializers.links import Links
from mlops_sandbox.github.serializers.repository import git_commit, repo_api
from mlops_sandbox.timestamps import timestamp

# GitHub's names of the entries that both lists hold.
NAMES = {
    "closed": ("closed",),
    "merged": ("merged", "closed"),
    "reopened": ("reopened",),
    "force-pushed": ("head_ref_force_pushed",),
    "head-deleted": ("head_ref_deleted",),
    "base-deleted": ("base_ref_deleted",),
    "draft": ("convert_to_draft",),
    "ready": ("ready_for_review",),
    "labeled": ("labeled",),
    "unlabeled": ("unlabeled",),
}
STATE_CHANGES = ("closed", "reopened")


def events(issue: Issue, links: Links) -> list[Json]:
    """Return the list of `GET …/issues/{number}/events`, oldest first: no commits, comments and reviews."""
    return [document for event in issue.timeline for document in _common(event, issue, links)]


def timeline(issue: Issue, links: Links) -> list[Json]:
    """Return the list of `GET …/issues/{number}/timeline`, oldest first.

    Of the commits it holds those that the pull request has now; a closed one does not get those that its branch gets.
    """
    pull = issue.as_pull
    waiting = {commit.sha: commit for commit in pull.commits} if pull else {}
    documents: list[Json] = []
    for event in issue.timeline:
        subject = event.subject
        documents += _common(event, issue, links)
        if isinstance(subject, Commit) and event.kind in ("committed", "force-pushed") and subject.sha in waiting:
            # One entry of this stand-in stands for a push, which may have brought several commits.
            for sha in list(waiting):
                documents.append({"event": "committed", **git_commit(waiting.pop(sha), issue.repository, links)})
                if sha == subject.sha:
                    break
        elif event.kind == "commented" and isinstance(subject, Comment):
            document = {"event": "commented", "actor": user(subject.user, links), **comment(subject, issue, links)}
            documents.append(document)
        elif event.kind == "reviewed" and isinstance(subject, Review) and pull:
            documents.append({"event": "reviewed", **review(subject, pull, links)})
    return documents


def _common(event: TimelineEvent, issue: Issue, links: Links) -> Iterator[Json]:
    """Write the entries of one event with the fields that all have, `label`, and `state_reason`."""
    api = repo_api(issue.repository, links)
    for offset, name in enumerate(NAMES.get(event.kind, ())):
        # That the commit of a forced push is the new head is not documented.
        sha = event.subject.sha if isinstance(event.subject, Commit) and name != "closed" else None
        number = event.id * 10 + offset
        document: Json = {
            "id": number,
            "node_id": node_id("IssueEvent", number),
            "url": f"{api}/issues/events/{number}",
            "actor": user(event.actor, links),
            "event": name,
            "commit_id": sha,
            "commit_url": f"{api}/commits/{sha}" if sha else None,
            "created_at": timestamp(event.at),
            "performed_via_github_app": None,
        }
        if isinstance(event.subject, Label):
            document["label"] = {"name": event.subject.name, "color": event.subject.color}
        if name in STATE_CHANGES:
            document["state_reason"] = None if issue.as_pull else "completed" if name == "closed" else "reopened"
        yield document
