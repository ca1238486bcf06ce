"""What the checks of a decision share: the inputs, the request, and the facts that are known so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from mlops_actions.chatops import grammar
from mlops_actions.chatops.command_line import pinned_command
from mlops_actions.chatops.facts import CurrentPullRequest, Facts, Question, Unknown
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.parameters import Value
from mlops_actions.chatops.request import CommandRequest, Decision
from mlops_actions.core.event import PullRequest

Answer = TypeVar("Answer")


class Unanswered(Exception):
    """A check needs answers that are not known yet."""

    def __init__(self, questions: Sequence[Question[Any]]) -> None:
        super().__init__()
        self.questions = questions


@dataclass
class Evaluation:
    """One evaluation of the checks.

    The checks fill in `arguments`, `params` and `warnings`; the last are lines for the log of a command that runs.
    """

    inputs: Inputs
    request: CommandRequest
    facts: Facts
    arguments: grammar.Arguments = field(default_factory=grammar.Arguments)
    params: Mapping[str, Value] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def answer(self, question: Question[Answer]) -> Answer | Unknown:
        """Return the answer; the check that needs it stops here where the question was not asked yet."""
        return self.answers([question])[0]

    def answers(self, questions: Sequence[Question[Answer]]) -> list[Answer | Unknown]:
        """Return all answers; questions that were not asked yet are asked together."""
        missing = [question for question in questions if question not in self.facts]
        if missing:
            raise Unanswered(missing)
        return [self.facts[question] for question in questions]

    @property
    def role(self) -> str:
        """The role that the command needs."""
        return self.request.command.permission or self.inputs.permission

    @property
    def pull_request(self) -> PullRequest:
        """The pull request; only for checks after the one that denies where it is unknown."""
        pull_request = self.answer(CurrentPullRequest(self.request.source.pr_number))
        assert isinstance(pull_request, PullRequest)  # noqa: S101 - see above
        return pull_request

    @property
    def sha(self) -> str:
        """The commit that the command would run on."""
        return self.request.call_back.sha if self.request.call_back else self.pull_request.head.sha

    def pinned(self) -> str:
        """Return the command as it was given, with the head commit pinned."""
        return pinned_command(self.request, self.pull_request.head.sha)


Check: TypeAlias = Callable[[Evaluation], Decision | None]


def cause_and_remedy(unknown: Unknown) -> tuple[str, ...]:
    """Return the lines that explain why GitHub did not answer."""
    return tuple(line for line in (unknown.error.cause, unknown.error.remedy) if line)
