"""Check the form of GitHub's answers, in one place: the fields that the actions read, and their types.

A shape is a function that takes a value and raises WrongShape where the value is not of its form. Fields that no action
reads are not checked. The forms are those of GitHub's OpenAPI description (https://github.com/github/rest-api-description).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeAlias

from mlops_actions.core.provenance import is_sha

Shape: TypeAlias = Callable[[Any], None]

_MAX_INTEGER = 2**63 - 1
_CREDENTIAL = re.compile(r"[!-~]{1,4096}")  # what may stand in a header
_NAMES = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", int: "a number", float: "a number"}


class WrongShape(Exception):
    """A value is not of the expected form; `path` leads from the whole answer to the value."""

    def __init__(self, expected: str, value: Any) -> None:
        super().__init__()
        self.path = ""
        self._problem = f"is {_kind(value)}, not {expected}"

    def __str__(self) -> str:
        return f"{repr(self.path) if self.path else 'it'} {self._problem}"

    def below(self, step: str) -> WrongShape:
        """Return this problem as one of the value that contains it."""
        separator = "." if self.path and not self.path.startswith("[") else ""
        self.path = f"{step}{separator}{self.path}"
        return self


def _kind(value: Any) -> str:
    return "missing" if value is _MISSING else "null" if value is None else _NAMES.get(type(value), "of an unknown type")


_MISSING = object()


def nothing(value: Any) -> None:
    """Require an answer without a body."""
    if value is not None:
        raise WrongShape("an empty answer", value)


def empty_object(value: Any) -> None:
    """Require an object without fields, with which GitHub accepts a request."""
    if value != {}:
        raise WrongShape("an empty object", value)


def anything(value: Any) -> None:
    """Take any value: for an answer that another place checks."""


def text(value: Any) -> None:
    """Require a text."""
    if not isinstance(value, str):
        raise WrongShape("a text", value)


def boolean(value: Any) -> None:
    """Require true or false."""
    if not isinstance(value, bool):
        raise WrongShape("true or false", value)


def integer(value: Any) -> None:
    """Require a whole number of 64 bits."""
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _MAX_INTEGER:
        raise WrongShape("a whole number of 64 bits", value)


def identifier(value: Any) -> None:
    """Require a number that GitHub gives to an object: from 1 on."""
    integer(value)
    if value < 1:
        raise WrongShape("a number from 1 on", value)


def moment(value: Any) -> None:
    """Require a time with its zone, in ISO 8601."""
    text(value)
    try:
        zone = datetime.fromisoformat(value).tzinfo
    except ValueError:
        zone = None
    if zone is None:
        raise WrongShape("a time with its zone", value)


def sha(value: Any) -> None:
    """Require a full commit SHA."""
    text(value)
    if not is_sha(value):
        raise WrongShape("the SHA of a commit", value)


def credential(value: Any) -> None:
    """Require a token that can be sent in a header."""
    if not isinstance(value, str) or not _CREDENTIAL.fullmatch(value):
        raise WrongShape("a token", value)


def exactly(expected: str) -> Shape:
    """Require this text: GitHub has made the change that was asked for."""

    def check(value: Any) -> None:
        if value != expected:
            raise WrongShape(f"the text '{expected}'", value)

    return check


def optional(shape: Shape) -> Shape:
    """Take null, and let `record` take an object without the field; require the shape of any other value."""

    def check(value: Any) -> None:
        if value is not None and value is not _MISSING:
            shape(value)

    return check


def listing(shape: Shape) -> Shape:
    """Require a list whose items all have the shape."""

    def check(value: Any) -> None:
        if not isinstance(value, list):
            raise WrongShape("a list", value)
        for index, item in enumerate(value):
            try:
                shape(item)
            except WrongShape as problem:
                raise problem.below(f"[{index}]") from None

    return check


def mapping(shape: Shape) -> Shape:
    """Require an object whose values all have the shape, whatever their names."""

    def check(value: Any) -> None:
        if not isinstance(value, dict):
            raise WrongShape("an object", value)
        record(**dict.fromkeys(value, shape))(value)

    return check


def record(**fields: Shape) -> Shape:
    """Require an object whose fields have these shapes; it may have others."""

    def check(value: Any) -> None:
        if not isinstance(value, dict):
            raise WrongShape("an object", value)
        for name, shape in fields.items():
            try:
                shape(value.get(name, _MISSING))
            except WrongShape as problem:
                raise problem.below(name) from None

    return check


def concluded_check_run(conclusion: str) -> Shape:
    """Return the shape of a check run that has been concluded."""
    return record(id=identifier, conclusion=exactly(conclusion))


def deployment_status(state: str) -> Shape:
    """Return the shape of a deployment's new status."""
    return record(id=identifier, state=exactly(state))


def minimised(names: Iterable[str]) -> Shape:
    """Return the shape of the answer to a mutation that minimises comments, each under one of these names."""
    is_minimised = record(minimizedComment=record(isMinimized=boolean))
    return record(data=record(**dict.fromkeys(names, is_minimised)))


def _rule(value: Any) -> None:
    record(type=text)(value)
    if value["type"] == "required_status_checks":
        check = record(context=text, integration_id=optional(integer))
        record(parameters=record(required_status_checks=listing(check)))(value)


_USER = record(login=text)
# An account that a decision rests on is known by its id, which stays when the login is changed.
_PERSON = record(login=text, id=identifier)
_NUMBERED = record(id=identifier)

# Pull requests and people
PULL_REQUEST_OF_COMMIT = record(number=identifier, state=text, head=record(sha=sha))
PERMISSION = record(
    permission=text, role_name=optional(text), user=record(id=identifier, permissions=optional(mapping(boolean)))
)
MEMBERSHIP = record(state=text)
TEAM = _NUMBERED
REVIEW = record(user=optional(_PERSON), state=text, commit_id=optional(text), author_association=optional(text))
COMMIT = record(sha=sha)
CHANGED_FILE = record(filename=text, status=text, contents_url=text, previous_filename=optional(text))
ISSUE_EVENT = record(event=text, created_at=moment)
# Commits, branches and workflow runs
WORKFLOW_RUN = record(
    event=text,
    head_sha=sha,
    created_at=moment,
    status=optional(text),
    conclusion=optional(text),
    actor=optional(_PERSON),
)
COMMAND_RUN = record(
    id=identifier,
    path=text,
    event=text,
    head_branch=optional(text),
    status=text,
    conclusion=optional(text),
    created_at=moment,
    actor=optional(_PERSON),
)
JOB = record(
    id=identifier, name=text, status=text, conclusion=optional(text), started_at=optional(moment), run_attempt=integer
)
ANNOTATION = record(title=optional(text), message=text)
ACTIVITY = record(ref=text, timestamp=moment, before=optional(sha), after=sha, actor=optional(_PERSON))
CHECK_SUITE = record(created_at=optional(moment), head_branch=optional(text))
CHECK_RUN = record(
    id=identifier,
    name=text,
    status=text,
    conclusion=optional(text),
    external_id=optional(text),
    details_url=optional(text),
    app=optional(record(id=identifier, slug=optional(text))),
)
STATUS = record(context=text, state=text)
STATUS_BY = record(context=text, state=text, creator=optional(record(login=text, type=text)))
_REQUIRED_CHECK = record(context=text, app_id=optional(integer))
BRANCH = record(
    protection=record(
        required_status_checks=optional(record(contexts=listing(text), checks=optional(listing(_REQUIRED_CHECK))))
    )
)
RULE = _rule
FILE = record(type=exactly("file"), encoding=text, size=integer, content=text, sha=sha)
BLOB = record(encoding=exactly("base64"), content=text)
# Comments, reactions, labels, deployments: what is written
COMMENT = record(
    id=identifier,
    html_url=text,
    node_id=optional(text),
    body=optional(text),
    user=optional(_USER),
    updated_at=optional(text),
)
COMMENT_TO_READ = record(
    id=identifier,
    html_url=text,
    body=optional(text),
    created_at=moment,
    updated_at=moment,
    user=optional(_PERSON),
    issue_url=optional(text),
    pull_request_url=optional(text),
)
REACTION = _NUMBERED
LABELS = listing(record(name=text))
WRITTEN_CHECK_RUN = _NUMBERED
DEPLOYMENT = record(id=identifier, description=optional(text))
DEPLOYMENT_STATUS = record(state=text)
# Accounts and Apps
ACCOUNT = _USER
APP = _NUMBERED
VIEWER = record(data=record(viewer=_USER))
INSTALLATION = record(id=identifier, app_slug=text, permissions=mapping(text))
INSTALLATION_TOKEN = record(token=credential, permissions=mapping(text))
