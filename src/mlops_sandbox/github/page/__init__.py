"""A pull request to look at: as a page of HTML and as a transcript of Markdown."""

from __future__ import annotations

from mlops_sandbox.github.page.html import MERMAID_PATH, mermaid_library, render_page
from mlops_sandbox.github.page.transcript import render_transcript

__all__ = ["MERMAID_PATH", "mermaid_library", "render_page", "render_transcript"]
