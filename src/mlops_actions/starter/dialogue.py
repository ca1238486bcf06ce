"""Ask at a terminal: every answer is judged at once, and asked for again where it cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from mlops_actions.core.errors import BadInput
from mlops_actions.starter.questions import QUESTIONS

Check = Callable[[str], object]


class Stopped(Exception):
    """Nobody answers any more: the input has ended."""


class Dialogue:
    """Questions and answers on two streams."""

    def __init__(self, answers: TextIO, questions: TextIO) -> None:
        self._in, self._out = answers, questions

    def ask(self, name: str, default: str, place: str = "", check: Check | None = None) -> str:
        """Ask for an answer until one can be used; an empty line means the default. `place` says where that was found.

        `check` raises BadInput for an answer that is well formed and yet wrong.
        """
        question = QUESTIONS[name]
        proposal = f" [{default}{f', from {place}' if place else ''}]" if default else ""
        while True:
            text = self._line(f"{question.prompt}{proposal}: ") or default
            try:
                if not text:
                    raise BadInput("an answer is needed", f"give {question.accepted}")
                answer = question.judged(text)
                if check:
                    check(answer)
            except BadInput as problem:
                self._out.write(f"  {problem.cause}\n  {problem.remedy}\n")
                continue
            return answer

    def agrees(self, question: str) -> bool:
        """Ask a question whose answer is yes or no; an empty line means no."""
        while True:
            text = self._line(f"{question} [y/N]: ").lower()
            if text in ("", "n", "no"):
                return False
            if text in ("y", "yes"):
                return True

    def _line(self, prompt: str) -> str:
        self._out.write(prompt)
        self._out.flush()
        line = self._in.readline()
        if not line:
            raise Stopped
        return line.strip()
