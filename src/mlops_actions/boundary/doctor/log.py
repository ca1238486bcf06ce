"""A log for the suite's clients that shows nothing but, with RUNNER_DEBUG=1, one line for each request."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext


class QuietLog:
    """Implements `core.ports.Log`: the checks say what happened, so warnings would only repeat them.

    `secrets` are those that the clients have read or made so far; doctor replaces them in what it prints.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.secrets: list[str] = []
        self._debugging = environ.get("RUNNER_DEBUG") == "1"

    def info(self, text: str) -> None:
        """Print nothing."""

    def debug(self, text: str) -> None:
        """Print to the standard error."""
        if self._debugging:
            sys.stderr.write(f"debug: {''.join(character for character in text if character.isprintable())}\n")

    def notice(self, text: str, *, title: str = "", file: str = "", line: int = 0) -> None:
        """Print nothing."""

    warning = notice
    error = notice

    def group(self, title: str) -> AbstractContextManager[None]:  # noqa: ARG002
        """Group nothing."""
        return nullcontext()

    def mask(self, secret: str) -> None:
        """Keep the secret, so that no check shows it."""
        if secret and secret not in self.secrets:
            self.secrets.append(secret)
