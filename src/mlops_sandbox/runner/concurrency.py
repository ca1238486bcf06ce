"""Concurrency groups of workflow runs and jobs, as GitHub's documentation describes them.

https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency: of a group
one member runs. With `queue: single` (the default) one is pending, and a newer one replaces it; with `queue: max` up to 100
are pending, in the order in which they came. `cancel-in-progress` also cancels the one that runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from mlops_sandbox.runner.expressions import Scope

MAX_PENDING = 100
Queue = Literal["single", "max"]


@dataclass(frozen=True)
class Concurrency:
    """The key `concurrency` of a workflow or job; `group` and `cancel_in_progress` may be expressions."""

    group: str
    cancel_in_progress: str = "false"
    queue: Queue = "single"


class Cancellation:
    """A request to cancel a run or job, which interrupts what runs or waits at that moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_requested = False
        self._interrupt: Callable[[], object] | None = None

    def request(self) -> None:
        """Cancel."""
        with self._lock:
            self._is_requested = True
            if self._interrupt:
                self._interrupt()

    @property
    def is_requested(self) -> bool:
        """Whether a request is open, which `take` has not returned yet."""
        return self._is_requested

    def take(self) -> bool:
        """Return whether a request came since the last call."""
        with self._lock:
            was_requested, self._is_requested = self._is_requested, False
            return was_requested

    @contextmanager
    def interrupts(self, interrupt: Callable[[], object]) -> Iterator[None]:
        """Call `interrupt` where a request is open, or comes during this block."""
        with self._lock:
            self._interrupt = interrupt
            if self._is_requested:
                interrupt()
        try:
            yield
        finally:
            with self._lock:
                self._interrupt = None


@dataclass(eq=False)
class _Member:
    label: str
    cancellation: Cancellation
    decided: threading.Event = field(default_factory=threading.Event)
    is_admitted: bool = False

    def decide(self, *, is_admitted: bool) -> None:
        self.is_admitted = is_admitted
        self.decided.set()


@dataclass
class _Group:
    running: _Member | None = None
    pending: list[_Member] = field(default_factory=list)


class ConcurrencyGroups:
    """The groups of one repository; their names are compared without regard to case. Runs enter them from their threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._groups: dict[str, _Group] = {}

    @contextmanager
    def enter(self, concurrency: Concurrency | None, scope: Scope, label: str, cancellation: Cancellation) -> Iterator[bool]:
        """Enter the group, wait for the turn, and leave after the block; yields False if replaced or cancelled before.

        `scope` evaluates the group's expressions, and `label` is what `members` calls this member. Without a group there is
        nothing to wait for.
        """
        if concurrency is None:
            yield True
            return
        member = _Member(label, cancellation)
        cancels_running = scope.render(concurrency.cancel_in_progress) == "true"
        name = scope.render(concurrency.group).lower()
        with self._changed:
            group = self._groups.setdefault(name, _Group())
            _admit(group, member, cancels_running=cancels_running, queue=concurrency.queue)
            self._changed.notify_all()
        try:
            with cancellation.interrupts(lambda: member.decide(is_admitted=False)):
                member.decided.wait()
            yield member.is_admitted
        finally:
            with self._changed:
                _leave(group, member)
                self._changed.notify_all()

    def members(self, name: str) -> tuple[str, list[str]]:
        """Return the label of the member that runs (empty where none does) and the labels of those that are pending."""
        with self._changed:
            return self._members(name)

    def wait_until_pending(self, name: str, label: str, timeout: float = 60.0) -> list[str]:
        """Return the labels of the members that are pending once this one is among them; raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: label in self._members(name)[1], timeout):
                raise TimeoutError(f"{label} is not pending in the group {name}: {self._members(name)}")
            return self._members(name)[1]

    def _members(self, name: str) -> tuple[str, list[str]]:
        group = self._groups.get(name.lower(), _Group())
        return group.running.label if group.running else "", [member.label for member in group.pending]


def _admit(group: _Group, member: _Member, *, cancels_running: bool, queue: Queue) -> None:
    if group.running is None:
        group.running = member
        member.decide(is_admitted=True)
        return
    if queue == "max" and len(group.pending) >= MAX_PENDING:
        member.decide(is_admitted=False)
        return
    if queue == "single":
        for replaced in group.pending:
            replaced.decide(is_admitted=False)
        group.pending.clear()
    group.pending.append(member)
    if cancels_running:
        group.running.cancellation.request()


def _leave(group: _Group, member: _Member) -> None:
    if member in group.pending:
        group.pending.remove(member)
    if group.running is member:
        group.running = group.pending.pop(0) if group.pending else None
        if group.running:
            group.running.decide(is_admitted=True)
