"""Which inputs go together with `callback`. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from mlops_actions.core.errors import BadInput


def problems(callback: str | None, secret: str | None, attach: str | None) -> Iterator[BadInput]:
    """Yield what does not go together."""
    if callback and not secret:
        yield BadInput(
            "input 'callback' needs 'callback-secret'",
            "give the name of a Kubernetes secret that holds, under 'token', a token with 'contents: write'",
        )
    if secret and not callback:
        yield BadInput("input 'callback-secret' has no meaning without 'callback'", "add 'callback: repository_dispatch'")
    if attach and callback:
        yield BadInput(
            "input 'callback' has no meaning with 'attach': the workflow runs already",
            "give 'callback' where the workflow is submitted",
        )
