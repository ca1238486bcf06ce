"""Checks as data: what was asked, what came back, and a command that helps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

GROUPS = ("github", "registry", "cluster", "wandb", "runner")
TITLES = {"github": "GitHub", "registry": "Registry", "cluster": "Cluster", "wandb": "W&B", "runner": "Runner"}


class Status(Enum):
    """The result of one check."""

    OK = "ok"
    FAILS = "fails"
    UNKNOWN = "cannot be told"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """One check. `remedy` is a command to paste, or one sentence where no command helps; empty where none is needed.

    Each line of it is one command or sentence.
    """

    group: str
    name: str
    status: Status
    asked: str = ""
    answer: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Checker:
    """Makes the checks of one group."""

    group: str

    def ok(self, name: str, asked: str, answer: str = "") -> HealthCheck:
        """Return a check that found everything in place."""
        return HealthCheck(group=self.group, name=name, status=Status.OK, asked=asked, answer=answer)

    def fails(self, name: str, asked: str, answer: str, *, remedy: str | Sequence[str]) -> HealthCheck:
        """Return a check that found a fault."""
        return self._made(Status.FAILS, name, asked, answer, remedy)

    def unknown(self, name: str, asked: str, reason: str, *, remedy: str | Sequence[str] = "") -> HealthCheck:
        """Return a check that got no usable answer; `reason` says why."""
        return self._made(Status.UNKNOWN, name, asked, reason, remedy)

    def skipped(self, name: str, reason: str) -> HealthCheck:
        """Return a check that was not made; `reason` says why."""
        return HealthCheck(group=self.group, name=name, status=Status.SKIPPED, answer=reason)

    def _made(self, status: Status, name: str, asked: str, answer: str, remedy: str | Sequence[str]) -> HealthCheck:
        lines = _joined(remedy)
        return HealthCheck(group=self.group, name=name, status=status, asked=asked, answer=answer, remedy=lines)


def _joined(remedy: str | Sequence[str]) -> str:
    """Join the lines of a remedy. A line end in one of them is somebody's value, and would begin another command."""
    lines = (remedy,) if isinstance(remedy, str) else remedy
    return "\n".join("".join(each if each.isprintable() else " " for each in line) for line in lines)


# What the actions' clients say to a job, and what it means for a person.
_TO_A_PERSON = (
    (re.compile(r"(?:re-run|run) the job(?: again)?(?: later)?"), "ask again"),
    (re.compile(r"in the (?:job|step)'s 'env:'"), "in the environment"),
)


def for_a_person(check: HealthCheck) -> HealthCheck:
    """Return the check with a remedy that a person can follow who runs doctor outside of a job."""
    remedy = check.remedy
    for pattern, text in _TO_A_PERSON:
        remedy = pattern.sub(text, remedy)
    return replace(check, remedy=remedy)


def without_secrets(check: HealthCheck, secrets: Iterable[str]) -> HealthCheck:
    """Return the check with every known secret replaced: a server may repeat what it was sent."""
    texts = {"asked": check.asked, "answer": check.answer, "remedy": check.remedy}
    for secret in secrets:
        if secret:
            texts = {name: text.replace(secret, "***") for name, text in texts.items()}
    return replace(check, asked=texts["asked"], answer=texts["answer"], remedy=texts["remedy"])
