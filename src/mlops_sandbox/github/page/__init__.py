"""The pages of a pull request: HTML, and a transcript in Markdown."""

from __future__ import annotations

from mlops_sandbox.github.page.html import MERMAID_PATH, mermaid_library, render_page
from mlops_sandbox.github.page.transcript import render_transcript

__all__ = ["MERMAID_PATH", "mermaid_library", "render_page", "render_transcript"]
