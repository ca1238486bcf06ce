"""The pull request as a page and as markdown."""

from __future__ import annotations

from mlops_actions.sandbox.github.issues import PullRequest


def render_page(pull: PullRequest, *, standalone: bool = True) -> str:
    """Return the page."""
    return f"<!doctype html><title>{pull.number}</title>"


def render_transcript(pull: PullRequest) -> str:
    """Return the markdown."""
    return f"# {pull.title}\n"
