"""The pages of a pull request and of a workflow run: HTML, and a transcript in Markdown."""

from __future__ import annotations

from mlops_sandbox.github.page.html import (
    MERMAID_PATH,
    mermaid_library,
    render_missing,
    render_page,
    render_run,
    version_of,
)
from mlops_sandbox.github.page.transcript import render_transcript

__all__ = [
    "MERMAID_PATH",
    "mermaid_library",
    "render_missing",
    "render_page",
    "render_run",
    "render_transcript",
    "version_of",
]
