"""Issues, comments, reactions, labels."""

from __future__ import annotations

from mlops_sandbox.github.accounts import rank
from mlops_sandbox.github.discussion import MAX_BODY_LENGTH, REACTIONS, Comment, Label, Reaction
from mlops_sandbox.github.repository import Issue
from mlops_sandbox.github.responses import ApiError, ApiResponse, invalid_request, not_found, validation_failed
from mlops_sandbox.github.rest.access import authorise_label_creation
from mlops_sandbox.github.rest.call import REPO, Call, Routes
from mlops_sandbox.github.serializers import discussion as serializers
from mlops_sandbox.github.serializers import timeline
from mlops_sandbox.timestamps import timestamp

routes = Routes()


def body_of(call: Call, resource: str) -> str:
    """Return the text of a comment; raises 422 where it is missing, blank or over 65,536 characters."""
    text = call.text("body", resource=resource, required=True) or ""
    if len(text) > MAX_BODY_LENGTH:
        raise ApiError(
            422,
            "Validation Failed",
            [{"resource": resource, "code": "unprocessable", "field": "data",
              "message": "Body is too long (maximum is 65536 characters)"}],
        )  # fmt: skip
    return text


def find_comment(call: Call) -> tuple[Issue, Comment]:
    """Return the comment of the path and its issue; raises 404."""
    number = call.number("comment")
    for issue in call.repository.issues.values():
        for comment in issue.comments:
            if comment.id == number:
                return issue, comment
    raise not_found()


def react(call: Call, issue: Issue, subject: Issue | Comment) -> ApiResponse:
    """Add the emoji of the body: 201, or 200 where the account has added it before."""
    content = call.choice("content", REACTIONS)
    if content is None:
        raise invalid_request('"content" wasn\'t supplied.')
    reaction, is_new = issue.react(subject, content, call.actor)
    return ApiResponse(201 if is_new else 200, serializers.reaction(reaction, call.links))


def unreact(call: Call, reactions: list[Reaction]) -> ApiResponse:
    """Remove a reaction; only its author may."""
    reaction = next((item for item in reactions if item.id == call.number("reaction")), None)
    if reaction is None:
        raise not_found()
    if reaction.user is not call.actor:
        raise ApiError(403, "Must have admin rights to Repository.")
    reactions.remove(reaction)
    return ApiResponse(204)


@routes("GET", f"{REPO}/issues")
def list_issues(call: Call) -> ApiResponse:
    """List issues and pull requests, newest first."""
    state = call.query.get("state", "open")
    issues = [issue for issue in call.repository.issues.values() if state in ("all", issue.state)]
    return call.page(sorted(issues, key=lambda issue: -issue.number), lambda issue: serializers.issue(issue, call.links))


@routes("GET", f"{REPO}/issues/{{number:int}}")
def get_issue(call: Call) -> ApiResponse:
    """Read an issue, or a pull request as one."""
    return ApiResponse(200, serializers.issue(call.issue, call.links))


@routes("GET", f"{REPO}/issues/{{number:int}}/events")
def list_events(call: Call) -> ApiResponse:
    """List what happened to an issue, oldest first."""
    return call.page(timeline.events(call.issue, call.links), lambda document: document)


@routes("GET", f"{REPO}/issues/{{number:int}}/timeline")
def list_timeline(call: Call) -> ApiResponse:
    """List what happened to an issue with its comments, reviews and commits, oldest first."""
    return call.page(timeline.timeline(call.issue, call.links), lambda document: document)


@routes("GET", f"{REPO}/issues/{{number:int}}/comments")
def list_comments(call: Call) -> ApiResponse:
    """List comments, oldest first; `since` narrows by the last change."""
    issue, since = call.issue, call.query.get("since", "")
    comments = (comment for comment in issue.comments if timestamp(comment.updated_at) >= since)
    return call.page(comments, lambda comment: serializers.comment(comment, issue, call.links))


@routes("POST", f"{REPO}/issues/{{number:int}}/comments")
def create_comment(call: Call) -> ApiResponse:
    """Write a comment."""
    issue, text, token = call.issue, body_of(call, "IssueComment"), call.token
    if issue.locked and rank(issue.repository.role_of(call.actor)[1]) < rank("write"):
        raise ApiError(403, "Unable to create comment because issue is locked.")
    app = token.app if token else None
    delivery = issue.add_comment(text, call.actor, at=call.state.clock.now(), app=app, token=token)
    document = serializers.comment(delivery.subject, issue, call.links)
    return ApiResponse(201, document, {"Location": document["url"]})


@routes("GET", f"{REPO}/issues/comments/{{comment:int}}")
def get_comment(call: Call) -> ApiResponse:
    """Read a comment."""
    issue, comment = find_comment(call)
    return ApiResponse(200, serializers.comment(comment, issue, call.links))


@routes("PATCH", f"{REPO}/issues/comments/{{comment:int}}")
def update_comment(call: Call) -> ApiResponse:
    """Change a comment's text."""
    issue, comment = find_comment(call)
    _own_or_writer(call, comment)
    issue.edit_comment(comment, body_of(call, "IssueComment"), by=call.actor, token=call.token)
    return ApiResponse(200, serializers.comment(comment, issue, call.links))


@routes("DELETE", f"{REPO}/issues/comments/{{comment:int}}")
def delete_comment(call: Call) -> ApiResponse:
    """Delete a comment."""
    issue, comment = find_comment(call)
    _own_or_writer(call, comment)
    issue.delete_comment(comment)
    return ApiResponse(204)


def _own_or_writer(call: Call, comment: Comment) -> None:
    is_person = call.token is not None and call.token.permissions is None
    if is_person and comment.user is not call.actor and rank(call.repository.role_of(call.actor)[1]) < rank("write"):
        raise ApiError(403, "Must have admin rights to Repository.")


@routes("GET", f"{REPO}/issues/comments/{{comment:int}}/reactions")
def list_comment_reactions(call: Call) -> ApiResponse:
    """List a comment's reactions."""
    return call.page(_filtered(call, find_comment(call)[1]), lambda reaction: serializers.reaction(reaction, call.links))


@routes("POST", f"{REPO}/issues/comments/{{comment:int}}/reactions")
def create_comment_reaction(call: Call) -> ApiResponse:
    """React to a comment."""
    return react(call, *find_comment(call))


@routes("DELETE", f"{REPO}/issues/comments/{{comment:int}}/reactions/{{reaction:int}}")
def delete_comment_reaction(call: Call) -> ApiResponse:
    """Remove a reaction to a comment."""
    return unreact(call, find_comment(call)[1].reactions)


@routes("GET", f"{REPO}/issues/{{number:int}}/reactions")
def list_issue_reactions(call: Call) -> ApiResponse:
    """List the reactions to an issue."""
    return call.page(_filtered(call, call.issue), lambda reaction: serializers.reaction(reaction, call.links))


@routes("POST", f"{REPO}/issues/{{number:int}}/reactions")
def create_issue_reaction(call: Call) -> ApiResponse:
    """React to an issue or a pull request."""
    return react(call, call.issue, call.issue)


@routes("DELETE", f"{REPO}/issues/{{number:int}}/reactions/{{reaction:int}}")
def delete_issue_reaction(call: Call) -> ApiResponse:
    """Remove a reaction to an issue."""
    return unreact(call, call.issue.reactions)


def _filtered(call: Call, subject: Issue | Comment) -> list[Reaction]:
    content = call.query.get("content")
    return [reaction for reaction in subject.reactions if content in (None, reaction.content)]


# Labels of the repository


@routes("GET", f"{REPO}/labels")
def list_labels(call: Call) -> ApiResponse:
    """List the repository's labels."""
    repo = call.repository
    return call.page(repo.labels.values(), lambda label: serializers.label(label, repo, call.links))


@routes("POST", f"{REPO}/labels", role="write")
def create_label(call: Call) -> ApiResponse:
    """Create a label."""
    repo = call.repository
    name = call.text("name", resource="Label", required=True) or ""
    color = call.text("color", resource="Label") or "ededed"
    if name.lower() in repo.labels:
        raise validation_failed("Label", "name", "already_exists")
    if len(name) > 50:
        raise validation_failed("Label", "name")
    if len(color) != 6 or any(digit not in "0123456789abcdefABCDEF" for digit in color):
        raise validation_failed("Label", "color")
    label = repo.define_label(name, color.lower(), call.text("description", resource="Label"))
    return ApiResponse(201, serializers.label(label, repo, call.links))


@routes("GET", f"{REPO}/labels/{{name}}")
def get_label(call: Call) -> ApiResponse:
    """Read a label."""
    return ApiResponse(200, serializers.label(_label(call), call.repository, call.links))


@routes("PATCH", f"{REPO}/labels/{{name}}", role="write")
def update_label(call: Call) -> ApiResponse:
    """Change a label's colour or description."""
    label = _label(call)
    label.color = call.text("color", resource="Label") or label.color
    if "description" in call.body:
        label.description = call.text("description", resource="Label")
    return ApiResponse(200, serializers.label(label, call.repository, call.links))


def _label(call: Call) -> Label:
    label = call.repository.labels.get(call.params["name"].lower())
    if label is None:
        raise not_found()
    return label


# Labels of an issue


@routes("GET", f"{REPO}/issues/{{number:int}}/labels")
def list_issue_labels(call: Call) -> ApiResponse:
    """List the labels of an issue."""
    return call.page(call.issue.labels, lambda label: serializers.label(label, call.repository, call.links))


@routes("POST", f"{REPO}/issues/{{number:int}}/labels", role="triage")
def add_labels(call: Call) -> ApiResponse:
    """Add labels to an issue; those that the repository does not have are created, where the token may."""
    issue, names = call.issue, _names(call)
    for name in names:
        if name.lower() not in (label.lower() for label in issue.label_names):
            issue.label(name, by=call.actor, token=call.token)
    return list_issue_labels(call)


@routes("PUT", f"{REPO}/issues/{{number:int}}/labels", role="triage")
def set_labels(call: Call) -> ApiResponse:
    """Replace the labels of an issue."""
    issue, kept = call.issue, {name.lower() for name in _names(call)}
    for name in [label for label in issue.label_names if label.lower() not in kept]:
        issue.unlabel(name, by=call.actor, token=call.token)
    return add_labels(call)


@routes("DELETE", f"{REPO}/issues/{{number:int}}/labels/{{name}}", role="triage")
def remove_label(call: Call) -> ApiResponse:
    """Remove one label."""
    issue = call.issue
    try:
        issue.unlabel(call.params["name"], by=call.actor, token=call.token)
    except KeyError:
        raise ApiError(404, "Label does not exist") from None
    return ApiResponse(200, [serializers.label(label, call.repository, call.links) for label in issue.labels])


def _names(call: Call) -> list[str]:
    """Return the labels of the body, in each of GitHub's forms; raises 403 where one had to be created and may not be."""
    labels = call.body.get("labels", call.body.get("", []))
    if not isinstance(labels, list):
        raise invalid_request("For 'properties/labels', the value is not an array.")
    names = [label if isinstance(label, str) else str(label.get("name", "")) for label in labels]
    if not all(name.strip() and len(name) <= 50 for name in names):
        raise validation_failed("Label", "name")
    if any(name.lower() not in call.repository.labels for name in names):
        authorise_label_creation(call)
    return names
