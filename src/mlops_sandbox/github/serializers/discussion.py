"""Issues, pull requests, comments, reviews, labels, reactions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mlops_actions.core.types import Json
from mlops_sandbox.github.discussion import REACTIONS, Comment, Label, Reaction, Review, ReviewComment
from mlops_sandbox.github.repository import Issue, PullRequest, Repository
from mlops_sandbox.github.serializers.accounts import app, node_id, user
from mlops_sandbox.github.serializers.links import Links
from mlops_sandbox.github.serializers.repository import repo_api, repository
from mlops_sandbox.timestamps import optional_timestamp, timestamp


def label(item: Label, repo: Repository, links: Links) -> Json:
    """Return a `Label`."""
    return {
        "id": item.id,
        "node_id": node_id("Label", item.id),
        "url": links.api("repos", repo.full_name, "labels", item.name),
        "name": item.name,
        "description": item.description,
        "color": item.color,
        "default": item.default,
        "archived_at": None,
        "archived_by": None,
    }


def reaction(item: Reaction, links: Links) -> Json:
    """Return a `Reaction`."""
    return {
        "id": item.id,
        "node_id": node_id("Reaction", item.id),
        "user": user(item.user, links),
        "content": item.content,
        "created_at": timestamp(item.created_at),
    }


def reaction_rollup(items: Sequence[Reaction], subject_url: str) -> Json:
    """Return a `ReactionRollup`: how often each emoji was given."""
    counts = Counter(item.content for item in items)
    return {
        "url": f"{subject_url}/reactions",
        "total_count": len(items),
        **{content: counts[content] for content in REACTIONS},
    }


def comment(item: Comment, issue: Issue, links: Links) -> Json:
    """Return an `IssueComment`."""
    api = repo_api(issue.repository, links)
    url = f"{api}/issues/comments/{item.id}"
    return {
        "id": item.id,
        "node_id": node_id("IssueComment", item.id),
        "url": url,
        "html_url": f"{issue_page(issue, links)}#issuecomment-{item.id}",
        "issue_url": f"{api}/issues/{issue.number}",
        "user": user(item.user, links),
        "body": item.body,
        "created_at": timestamp(item.created_at),
        "updated_at": timestamp(item.updated_at),
        "author_association": issue.repository.association(item.user),
        "performed_via_github_app": app(item.app, links) if item.app else None,
        "reactions": reaction_rollup(item.reactions, url),
    }


def issue_page(issue: Issue, links: Links) -> str:
    """Return the address of the issue's page."""
    return links.web(issue.repository.full_name, "pull" if issue.as_pull else "issues", issue.number)


def issue(item: Issue, links: Links) -> Json:
    """Return an `Issue`; a pull request is one too."""
    repo = item.repository
    api = repo_api(repo, links)
    url = f"{api}/issues/{item.number}"
    shape: Json = {
        "id": item.id,
        "node_id": node_id("Issue", item.id),
        "url": url,
        "repository_url": api,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
        "html_url": issue_page(item, links),
        "number": item.number,
        "state": item.state,
        "state_reason": None,
        "title": item.title,
        "body": item.body,
        "user": user(item.user, links),
        "labels": [label(assigned, repo, links) for assigned in item.labels],
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "locked": item.locked,
        "active_lock_reason": None,
        "comments": len(item.comments),
        "closed_at": optional_timestamp(item.closed_at),
        "created_at": timestamp(item.created_at),
        "updated_at": timestamp(item.updated_at),
        "author_association": repo.association(item.user),
        "performed_via_github_app": None,
        "reactions": reaction_rollup(item.reactions, url),
    }
    if as_pull := item.as_pull:
        page = shape["html_url"]
        shape["draft"] = as_pull.draft
        shape["pull_request"] = {
            "url": f"{api}/pulls/{item.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": optional_timestamp(as_pull.merged_at),
        }
    return shape


def pull_simple(pull: PullRequest, links: Links) -> Json:
    """Return a `PullRequestSimple`, an item of a list."""
    repo = pull.repository
    api = repo_api(repo, links)
    url, issue_url, page = f"{api}/pulls/{pull.number}", f"{api}/issues/{pull.number}", issue_page(pull, links)
    statuses = f"{api}/statuses/{pull.head_sha}"
    addresses = {
        "html": page,
        "issue": issue_url,
        "comments": f"{issue_url}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{api}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": statuses,
    }
    head, base = pull.head_repository, repo
    return {
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "url": url,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        **{f"{name}_url": address for name, address in addresses.items()},
        "number": pull.number,
        "state": pull.state,
        "locked": pull.locked,
        "title": pull.title,
        "user": user(pull.user, links),
        "body": pull.body,
        "labels": [label(assigned, repo, links) for assigned in pull.labels],
        "milestone": None,
        "active_lock_reason": None,
        "created_at": timestamp(pull.created_at),
        "updated_at": timestamp(pull.updated_at),
        "closed_at": optional_timestamp(pull.closed_at),
        "merged_at": optional_timestamp(pull.merged_at),
        "merge_commit_sha": pull.head_sha if pull.merged_at else None,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "head": {
            "label": f"{pull.head_owner.login}:{pull.head_ref}",
            "ref": pull.head_ref,
            "sha": pull.head_sha,
            "user": user(pull.head_owner, links),
            "repo": repository(head, links) if head else None,
        },
        "base": {
            "label": f"{base.owner.login}:{pull.base_ref}",
            "ref": pull.base_ref,
            "sha": pull.base_sha,
            "user": user(base.owner, links),
            "repo": repository(base, links),
        },
        "_links": {"self": {"href": url}, **{name: {"href": address} for name, address in addresses.items()}},
        "author_association": repo.association(pull.user),
        "auto_merge": None,
        "draft": pull.draft,
    }


def pull(item: PullRequest, links: Links) -> Json:
    """Return a `PullRequest`."""
    open_now = item.state == "open"
    return pull_simple(item, links) | {
        "merged": item.merged_at is not None,
        "mergeable": True if open_now else None,
        "rebaseable": True if open_now else None,
        "mergeable_state": "clean" if open_now else "unknown",
        "merged_by": user(item.merged_by, links) if item.merged_by else None,
        "comments": len(item.comments),
        "review_comments": len(item.review_comments),
        "maintainer_can_modify": False,
        "commits": len(item.commits),
        "additions": 0,
        "deletions": 0,
        "changed_files": 0,
    }


def pull_minimal(item: PullRequest, links: Links) -> Json:
    """Return a `PullRequestMinimal`, as checks carry it."""
    head = item.head_repository or item.repository
    return {
        "id": item.id,
        "number": item.number,
        "url": f"{repo_api(item.repository, links)}/pulls/{item.number}",
        "head": {
            "ref": item.head_ref,
            "sha": item.head_sha,
            "repo": {"id": head.id, "url": repo_api(head, links), "name": head.name},
        },
        "base": {
            "ref": item.base_ref,
            "sha": item.base_sha,
            "repo": {
                "id": item.repository.id, "url": repo_api(item.repository, links), "name": item.repository.name,
            },
        },
    }  # fmt: skip


def review(item: Review, pull: PullRequest, links: Links) -> Json:
    """Return a `PullRequestReview`."""
    url = f"{repo_api(pull.repository, links)}/pulls/{pull.number}"
    page = f"{issue_page(pull, links)}#pullrequestreview-{item.id}"
    return {
        "id": item.id,
        "node_id": node_id("PullRequestReview", item.id),
        "user": user(item.user, links),
        "body": item.body,
        "state": item.state,
        "html_url": page,
        "pull_request_url": url,
        "_links": {"html": {"href": page}, "pull_request": {"href": url}},
        "submitted_at": timestamp(item.submitted_at),
        "commit_id": item.commit,
        "author_association": pull.repository.association(item.user),
    }


def review_comment(item: ReviewComment, pull: PullRequest, links: Links) -> Json:
    """Return a `PullRequestReviewComment`; one that answers another has an `in_reply_to_id`."""
    api = repo_api(pull.repository, links)
    url, pull_url = f"{api}/pulls/comments/{item.id}", f"{api}/pulls/{pull.number}"
    page = f"{issue_page(pull, links)}#discussion_r{item.id}"
    answers = {} if item.reply_to is None else {"in_reply_to_id": item.reply_to}
    return {
        **answers,
        "id": item.id,
        "node_id": node_id("PullRequestReviewComment", item.id),
        "url": url,
        "html_url": page,
        "pull_request_url": pull_url,
        "pull_request_review_id": item.review,
        "diff_hunk": f"@@ -{item.line},0 +{item.line},1 @@",
        "path": item.path,
        "position": 1,
        "original_position": 1,
        "commit_id": item.commit,
        "original_commit_id": item.commit,
        "user": user(item.user, links),
        "body": item.body,
        "created_at": timestamp(item.created_at),
        "updated_at": timestamp(item.updated_at),
        "author_association": pull.repository.association(item.user),
        "_links": {"self": {"href": url}, "html": {"href": page}, "pull_request": {"href": pull_url}},
        "start_line": None,
        "original_start_line": None,
        "start_side": None,
        "line": item.line,
        "original_line": item.line,
        "side": "RIGHT",
        "subject_type": "line",
        "reactions": reaction_rollup(item.reactions, url),
    }
