"""The feedback on one command, as data that the main stage passes to the stage or job that concludes it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any

from mlops_actions.core.errors import ActionError, BadInput, Refused
from mlops_actions.core.json_text import parse_json
from mlops_actions.core.provenance import is_sha
from mlops_actions.core.types import Json

_REACTION_TARGET = re.compile(r"(?:(?:issues|pulls)/comments/[0-9]+|issues/[0-9]+)?")
_DEPLOYMENT = re.compile(r"(?P<command>.{0,60}) on #(?P<number>[0-9]{1,15}), run (?P<step>[\w-]{1,100})", re.DOTALL)
# For each kind of feedback: the field with the request, and the field for the id that GitHub returns.
_FIELDS: Mapping[str, tuple[str, str]] = {
    "reaction": ("reaction", "reaction_id"),
    "pending label": ("pending_label", ""),
    "check run": ("check_name", "check_run_id"),
    "deployment": ("environment", "deployment_id"),
    "comment": ("comment_key", "comment_id"),
}


@dataclass(frozen=True, kw_only=True)
class FeedbackState:
    """The feedback that a step began; the post stage reads it from the state, a later job from the output `result`.

    It is saved before the first request, so it holds the requests: a field is empty where nothing was requested, or where
    GitHub refused it. The ids follow with GitHub's answers. An id of 0 means that the request or its answer was lost
    (a job can be killed at any time); the feedback may exist all the same. A reaction and a label are then found by their
    names, a check run and a deployment by `step_id`, which no other step has, and the command's comment by `comment_key`.
    `summary` is Markdown for the check run and the comment. `again` is the command as it is given once more, empty where it
    is too long to be offered. `started` is in seconds since 1970 (0: not known);
    `notify_after` is in seconds (-1: never).
    """

    command: str
    pr_number: int
    sha: str
    step_id: str
    summary: str = ""
    reaction_target: str = ""
    reaction: str = ""
    reaction_id: int = 0
    pending_label: str = ""
    check_name: str = ""
    check_run_id: int = 0
    environment: str = ""
    deployment_id: int = 0
    actor: str = ""
    started: int = 0
    notify_after: int = -1
    comment_tag: str = ""
    comment_key: str = ""
    comment_id: int = 0
    again: str = ""

    def as_json(self) -> Json:
        """Return the state as a JSON object with kebab-case keys."""
        return {_key(field.name): getattr(self, field.name) for field in fields(self)}

    @classmethod
    def parse(cls, data: Any) -> FeedbackState:
        """Read the object that `as_json` returns, or its text; raises BadInput."""
        try:
            document = parse_json(data) if isinstance(data, str) else data
            values = {
                field.name: document[_key(field.name)]
                if field.default is MISSING
                else document.get(_key(field.name), field.default)
                for field in fields(cls)
            }
            if not all(isinstance(values[field.name], int if field.type == "int" else str) for field in fields(cls)):
                raise TypeError("wrong type")
            if not _REACTION_TARGET.fullmatch(values["reaction_target"]) or not is_sha(values["sha"]):
                raise ValueError("not a target for a reaction, or no commit")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadInput(
                "the feedback that an earlier step began cannot be read",
                "pass the output 'result' of that step unchanged as the input 'begun'",
            ) from None
        return cls(**values)

    @property
    def run(self) -> int:
        """The id of the workflow run that began the feedback."""
        return run_of(self.step_id)

    @property
    def deployment_description(self) -> str:
        """The description of the deployment, by which it is found."""
        return f"{self.command[:60]} on #{self.pr_number}, run {self.step_id}"

    @property
    def external_id(self) -> str:
        """The external id of the check run: it is found by this id, and a later run can resume from it (see `resume`)."""
        return " ".join((self.step_id, self.reaction_target or "-", self.command[:100]))

    def resumed_from(self, external_id: str) -> FeedbackState | None:
        """Return this state with what an external id holds; None where this action did not write that id."""
        step_id, _, rest = external_id.partition(" ")
        target, _, command = rest.partition(" ")
        target = target.removeprefix("-")
        if not (step_id and command) or not _REACTION_TARGET.fullmatch(target):
            return None
        return replace(self, step_id=step_id, reaction_target=target, command=command)

    def with_answer(self, kind: str, answer: Any) -> FeedbackState:
        """Return this state with GitHub's answer to the request for one kind of feedback; an error is an answer too."""
        if kind not in _FIELDS:
            return self
        requested, identifier = _FIELDS[kind]
        changes: Json = {}
        if isinstance(answer, Refused):
            changes = {requested: ""}
        elif identifier and not isinstance(answer, ActionError):
            changes = {identifier: answer}
        return replace(self, **changes)


def run_of(step_id: str) -> int:
    """Return the id of the workflow run of a step; 0 where the text is no id of a step."""
    run = step_id.partition("-")[0]
    return int(run) if run.isascii() and run.isdecimal() else 0


def step_of_deployment(description: str, pr_number: int) -> tuple[str, str]:
    """Return the step that a deployment's description names, and its command; both empty for any other text."""
    match = _DEPLOYMENT.fullmatch(description)
    return (match["step"], match["command"]) if match and int(match["number"]) == pr_number else ("", "")


def new_step_id(run_id: str, attempt: int) -> str:
    """Return a unique id for this step.

    Two steps of one job, or two jobs of a matrix, must not conclude each other's feedback.
    """
    return f"{run_id}-{attempt}-{os.urandom(4).hex()}"


def _key(field_name: str) -> str:
    return field_name.replace("_", "-")
