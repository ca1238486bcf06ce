"""Pull requests, their reviews and review comments."""

from __future__ import annotations

from typing import Final

from mlops_sandbox.github.conversation import BODY_LIMIT, ReviewComment, ReviewState
from mlops_sandbox.github.issues import PullRequest
from mlops_sandbox.github.rest.call import Answer, Call, Routes, not_found, refused_body
from mlops_sandbox.github.rest.discussions import REPO, body_of, react, unreact
from mlops_sandbox.github.shapes import conversation as shapes
from mlops_sandbox.github.shapes.repository import commit as commit_shape

routes = Routes()

READ = "pull_requests=read"
WRITE = "pull_requests=write"
REVIEW_EVENTS: Final[dict[str, ReviewState]] = {
    "APPROVE": "APPROVED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
    "COMMENT": "COMMENTED",
}


@routes("GET", f"{REPO}/pulls", READ)
def list_pulls(call: Call) -> Answer:
    """List pull requests, newest first."""
    state = call.query.get("state", "open")
    found = [pull for pull in call.repository.pulls if state in ("all", pull.state)]
    if "head" in call.query:
        found = [pull for pull in found if f"{pull.head_owner.login}:{pull.head_ref}" == call.query["head"]]
    if "base" in call.query:
        found = [pull for pull in found if pull.base_ref == call.query["base"]]
    return call.page(reversed(found), lambda pull: shapes.pull_simple(pull, call.links))


@routes("GET", f"{REPO}/pulls/{{number:int}}", READ)
def get_pull(call: Call) -> Answer:
    """Read a pull request."""
    return Answer(200, shapes.pull(call.pull, call.links))


@routes("GET", f"{REPO}/pulls/{{number:int}}/commits", READ)
def list_pull_commits(call: Call) -> Answer:
    """List a pull request's commits."""
    return call.page(call.pull.commits, lambda commit: commit_shape(commit, call.repository, call.links))


@routes("GET", f"{REPO}/pulls/{{number:int}}/reviews", READ)
def list_reviews(call: Call) -> Answer:
    """List reviews, oldest first."""
    pull = call.pull
    return call.page(pull.reviews, lambda review: shapes.review(review, pull, call.links))


@routes("POST", f"{REPO}/pulls/{{number:int}}/reviews", WRITE)
def create_review(call: Call) -> Answer:
    """Submit a review."""
    pull, event = call.pull, call.choice("event", REVIEW_EVENTS) or "COMMENT"
    text = call.text("body", resource="PullRequestReview") or ""
    if len(text) > BODY_LIMIT:
        raise refused_body("Body is too long (maximum is 65536 characters)")
    if event == "APPROVE" and pull.user is call.actor:
        raise refused_body("Can not approve your own pull request")
    state = REVIEW_EVENTS[event]
    delivery = pull.review(state, by=call.actor, body=text, sha=call.body.get("commit_id"))
    return Answer(200, shapes.review(delivery.subject, pull, call.links))


@routes("GET", f"{REPO}/pulls/{{number:int}}/comments", READ)
def list_review_comments(call: Call) -> Answer:
    """List comments on lines."""
    pull = call.pull
    return call.page(pull.review_comments, lambda comment: shapes.review_comment(comment, pull, call.links))


@routes("POST", f"{REPO}/pulls/{{number:int}}/comments/{{comment:int}}/replies", WRITE)
def reply_to_review_comment(call: Call) -> Answer:
    """Answer a comment on a line."""
    pull = call.pull
    parent = next((one for one in pull.review_comments if one.id == call.number("comment")), None)
    if parent is None:
        raise not_found()
    text = body_of(call, "PullRequestReviewComment")
    delivery = pull.review_comment(text, by=call.actor, reply_to=parent)
    return Answer(201, shapes.review_comment(delivery.subject, pull, call.links))


@routes("GET", f"{REPO}/pulls/comments/{{comment:int}}", READ)
def get_review_comment(call: Call) -> Answer:
    """Read a comment on a line."""
    pull, comment = _review_comment(call)
    return Answer(200, shapes.review_comment(comment, pull, call.links))


@routes("POST", f"{REPO}/pulls/comments/{{comment:int}}/reactions", WRITE)
def create_review_comment_reaction(call: Call) -> Answer:
    """React to a comment on a line."""
    return react(call, *_review_comment(call))


@routes("DELETE", f"{REPO}/pulls/comments/{{comment:int}}/reactions/{{reaction:int}}", WRITE)
def delete_review_comment_reaction(call: Call) -> Answer:
    """Take a reaction to a comment on a line back."""
    return unreact(call, _review_comment(call)[1].reactions)


@routes("GET", f"{REPO}/commits/{{sha}}/pulls", READ)
def list_pulls_of_commit(call: Call) -> Answer:
    """List the pull requests that hold a commit."""
    found = call.repository.pulls_with(call.params["sha"])
    return call.page(found, lambda pull: shapes.pull_simple(pull, call.links))


def _review_comment(call: Call) -> tuple[PullRequest, ReviewComment]:
    wanted = call.number("comment")
    for pull in call.repository.pulls:
        for comment in pull.review_comments:
            if comment.id == wanted:
                return pull, comment
    raise not_found()
