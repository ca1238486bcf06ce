"""Pull requests, their reviews and review comments."""

from __future__ import annotations

from mlops_sandbox.github.changes import changed_files
from mlops_sandbox.github.discussion import MAX_BODY_LENGTH, ReviewComment, ReviewState
from mlops_sandbox.github.repository import PullRequest
from mlops_sandbox.github.responses import ApiResponse, invalid_request, not_found, validation_failed
from mlops_sandbox.github.rest.call import REPO, Call, Routes
from mlops_sandbox.github.rest.issues import body_of, react, unreact
from mlops_sandbox.github.serializers import changes
from mlops_sandbox.github.serializers import discussion as serializers
from mlops_sandbox.github.serializers.repository import commit as serialize_commit

routes = Routes()

REVIEW_EVENTS: dict[str, ReviewState] = {
    "APPROVE": "APPROVED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
    "COMMENT": "COMMENTED",
}


@routes("GET", f"{REPO}/pulls")
def list_pulls(call: Call) -> ApiResponse:
    """List pull requests, newest first."""
    state = call.query.get("state", "open")
    pulls = [pull for pull in call.repository.pulls if state in ("all", pull.state)]
    if "head" in call.query:
        pulls = [pull for pull in pulls if f"{pull.head_owner.login}:{pull.head_ref}" == call.query["head"]]
    if "base" in call.query:
        pulls = [pull for pull in pulls if pull.base_ref == call.query["base"]]
    return call.page(reversed(pulls), lambda pull: serializers.pull_simple(pull, call.links))


@routes("GET", f"{REPO}/pulls/{{number:int}}")
def get_pull(call: Call) -> ApiResponse:
    """Read a pull request."""
    return ApiResponse(200, serializers.pull(call.pull, call.links))


@routes("PATCH", f"{REPO}/pulls/{{number:int}}", role="triage")
def update_pull(call: Call) -> ApiResponse:
    """Change the title or the body; close, or open again where the branch still holds the head."""
    pull = call.pull
    pull.title = call.text("title", resource="PullRequest") or pull.title
    if "body" in call.body:
        pull.body = call.text("body", resource="PullRequest")
    state = call.choice("state", ("open", "closed"))
    if state == "open" and pull.state == "closed":
        if problem := pull.reopening_problem:
            message = f"state cannot be changed. {problem}"
            raise validation_failed("PullRequest", "state", "invalid", message=message)
        pull.reopen(by=call.actor)
    elif state == "closed" and pull.state == "open":
        pull.close(by=call.actor)
    return ApiResponse(200, serializers.pull(pull, call.links))


@routes("GET", f"{REPO}/pulls/{{number:int}}/commits")
def list_pull_commits(call: Call) -> ApiResponse:
    """List a pull request's commits."""
    return call.page(call.pull.commits, lambda commit: serialize_commit(commit, call.repository, call.links))


@routes("GET", f"{REPO}/pulls/{{number:int}}/files")
def list_files(call: Call) -> ApiResponse:
    """List the files that a pull request changes, 3,000 at most."""
    return call.page(changed_files(call.pull), lambda file: changes.diff_entry(file, call.repository, call.links))


@routes("GET", f"{REPO}/pulls/{{number:int}}/reviews")
def list_reviews(call: Call) -> ApiResponse:
    """List reviews, oldest first."""
    pull = call.pull
    return call.page(pull.reviews, lambda review: serializers.review(review, pull, call.links))


@routes("POST", f"{REPO}/pulls/{{number:int}}/reviews")
def create_review(call: Call) -> ApiResponse:
    """Submit a review."""
    pull, event = call.pull, call.choice("event", REVIEW_EVENTS) or "COMMENT"
    text = call.text("body", resource="PullRequestReview") or ""
    if len(text) > MAX_BODY_LENGTH:
        raise invalid_request("Body is too long (maximum is 65536 characters)")
    if event == "APPROVE" and pull.user is call.actor:
        raise invalid_request("Can not approve your own pull request")
    state = REVIEW_EVENTS[event]
    delivery = pull.review(state, by=call.actor, body=text, sha=call.body.get("commit_id"))
    return ApiResponse(200, serializers.review(delivery.subject, pull, call.links))


@routes("GET", f"{REPO}/pulls/{{number:int}}/comments")
def list_review_comments(call: Call) -> ApiResponse:
    """List comments on lines."""
    pull = call.pull
    return call.page(pull.review_comments, lambda comment: serializers.review_comment(comment, pull, call.links))


@routes("POST", f"{REPO}/pulls/{{number:int}}/comments/{{comment:int}}/replies")
def reply_to_review_comment(call: Call) -> ApiResponse:
    """ApiResponse a comment on a line."""
    pull = call.pull
    parent = next((comment for comment in pull.review_comments if comment.id == call.number("comment")), None)
    if parent is None:
        raise not_found()
    text = body_of(call, "PullRequestReviewComment")
    delivery = pull.review_comment(text, by=call.actor, reply_to=parent)
    return ApiResponse(201, serializers.review_comment(delivery.subject, pull, call.links))


@routes("GET", f"{REPO}/pulls/comments/{{comment:int}}")
def get_review_comment(call: Call) -> ApiResponse:
    """Read a comment on a line."""
    pull, comment = _review_comment(call)
    return ApiResponse(200, serializers.review_comment(comment, pull, call.links))


@routes("POST", f"{REPO}/pulls/comments/{{comment:int}}/reactions")
def create_review_comment_reaction(call: Call) -> ApiResponse:
    """React to a comment on a line."""
    return react(call, *_review_comment(call))


@routes("DELETE", f"{REPO}/pulls/comments/{{comment:int}}/reactions/{{reaction:int}}")
def delete_review_comment_reaction(call: Call) -> ApiResponse:
    """Remove a reaction to a comment on a line."""
    return unreact(call, _review_comment(call)[1].reactions)


@routes("GET", f"{REPO}/commits/{{sha}}/pulls")
def list_pulls_of_commit(call: Call) -> ApiResponse:
    """List the pull requests that hold a commit; none where only a fork has it, as was seen on GitHub.

    TooTallNate/nx.js#410 and learningequality/kolibri#14719 report it.
    """
    pulls = [pull for pull in call.repository.pulls_with(call.params["sha"]) if pull.merged_at or not pull.is_fork]
    return call.page(pulls, lambda pull: serializers.pull_simple(pull, call.links))


def _review_comment(call: Call) -> tuple[PullRequest, ReviewComment]:
    number = call.number("comment")
    for pull in call.repository.pulls:
        for comment in pull.review_comments:
            if comment.id == number:
                return pull, comment
    raise not_found()
