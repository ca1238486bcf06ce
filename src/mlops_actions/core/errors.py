"""One error class per exit code. Each error names its cause and its remedy."""

from __future__ import annotations

from typing import ClassVar, Self


class ActionError(Exception):
    """A failure that a user can act on: one line of cause, one line of remedy, and the exit code of its class."""

    exit_code: ClassVar[int]

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.cause}\n{self.remedy}" if self.remedy else self.cause

    def reworded(self, cause: str, remedy: str) -> Self:
        """Return an error of the same class and with the same facts, told in other words.

        A subclass may take other arguments than its texts, so that its constructor is not called.
        """
        told = type(self).__new__(type(self))
        told.__dict__.update(vars(self), cause=cause, remedy=remedy)
        told.args = (cause,)
        return told


class WorkFailed(ActionError):
    """The work itself failed: a workflow, a gate, a build."""

    exit_code = 1


class BadInput(ActionError):
    """An input or the configuration is wrong; nothing was started."""

    exit_code = 2


class Refused(ActionError):
    """A remote service denied access, or does not know the requested object.

    `status` is the HTTP status of its answer, where it is known.
    """

    exit_code = 3
    status: int | None = None

    @property
    def is_forbidden(self) -> bool:
        """Whether the credentials are valid, but may not do this."""
        return self.status == 403


class Unavailable(ActionError):
    """A remote service did not serve the request, after all retries."""

    exit_code = 4


class TimedOut(ActionError):
    """The work that the action waited for did not end in time."""

    exit_code = 5


class BadInputs(BadInput):
    """Several problems found together, so that one run of the job shows them all."""

    def __init__(self, problems: list[BadInput]) -> None:
        count = len(problems)
        super().__init__(
            f"{count} problems with the inputs: " + " · ".join(problem.cause for problem in problems),
            " · ".join(dict.fromkeys(problem.remedy for problem in problems)),
        )
        self.problems = tuple(problems)


class Cancelled(BaseException):
    """The runner cancelled the job (a signal); like KeyboardInterrupt, no handler of plain errors catches it.

    `signal_number` is 2 (SIGINT) or 15 (SIGTERM); the exit code is the shell's 128 + that number.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"cancelled by signal {signal_number}")
        self.signal_number = signal_number

    @property
    def exit_code(self) -> int:
        """130 for SIGINT, 143 for SIGTERM."""
        return 128 + self.signal_number
