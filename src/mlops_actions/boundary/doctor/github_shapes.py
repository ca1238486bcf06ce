"""The forms of GitHub's answers to doctor: the fields that its checks read, and their types."""

from __future__ import annotations

import re
from typing import Any

from mlops_actions.boundary.github.shapes import (
    Shape,
    WrongShape,
    boolean,
    identifier,
    listing,
    optional,
    record,
    text,
)

_NAMED = record(name=text)
_CONTEXTS = record(contexts=optional(listing(text)))
_RULE = record(type=text, parameters=optional(record(required_status_checks=optional(listing(record(context=text))))))
_REVIEWERS = optional(listing(record(reviewer=optional(record()))))
_OBJECT = record()


def _object_or_list(value: Any) -> None:
    if not isinstance(value, dict | list):
        raise WrongShape("an object or a list", value)


# Paths as GitHub documents them; `*` stands for one name, and the first entry that matches counts.
_SHAPES: tuple[tuple[str, Shape], ...] = (
    ("/repos/*/*", record(default_branch=text, private=boolean, pushed_at=optional(text), owner=optional(_OBJECT))),
    ("/repos/*/*/labels", listing(_NAMED)),
    ("/repos/*/*/activity", listing(record(after=optional(text)))),
    (
        "/repos/*/*/branches/*",
        record(commit=record(sha=text), protection=optional(record(required_status_checks=optional(_CONTEXTS)))),
    ),
    ("/repos/*/*/rules/branches/*", listing(_RULE)),
    ("/repos/*/*/actions/*variables", record(variables=listing(record(name=text, value=text)))),
    ("/repos/*/*/actions/*secrets", record(secrets=listing(_NAMED))),
    ("/repos/*/*/actions/workflows/*", record(state=text)),
    ("/repos/*/*/actions/permissions", record(enabled=boolean, allowed_actions=optional(text))),
    (
        "/repos/*/*/actions/permissions/selected-actions",
        record(patterns_allowed=optional(listing(text)), github_owned_allowed=optional(boolean)),
    ),
    ("/repos/*/*/actions/permissions/*", _OBJECT),
    ("/repos/*/*/commits/*", record(sha=text)),
    ("/repos/*/*/releases/latest", record(tag_name=text)),
    (
        "/repos/*/*/environments/*",
        record(
            protection_rules=optional(listing(record(type=text, reviewers=_REVIEWERS))),
            deployment_branch_policy=optional(_OBJECT),
        ),
    ),
    (
        "/repos/*/*/environments/*/deployment-branch-policies",
        record(branch_policies=listing(record(name=optional(text), type=optional(text)))),
    ),
    ("/repos/*/*/check-runs", record(id=identifier)),
    ("/repos/*/*/installation", record(permissions=optional(_OBJECT), suspended_at=optional(text))),
    ("/app", record(slug=optional(text), owner=optional(_OBJECT))),
)


def shape_of(path: str) -> Shape:
    """Return the form of a successful answer to a request for this path, which has no query."""
    for pattern, shape in _SHAPES:
        if re.fullmatch(re.escape(pattern).replace(r"\*", "[^/]*"), path):
            return shape
    return _object_or_list
