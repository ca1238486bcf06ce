"""The shapes of a report: what a reviewer must see stands in the first lines, above every table and fold."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from report_pages import gallery
from screenshots import MAX_BYTES_IN_DOCS
from tests.actions.wandb_runs.shapes import SHAPES, Shape
from tests.actions.wandb_runs.step import WandbStep
from tests.support.pages import block


def as_read(markdown: str) -> str:
    """Return Markdown without its escapes, as a reader sees it."""
    return unescape(re.sub(r"\\([^\w\s])", r"\1", markdown)).replace("\u00a0", " ")


@pytest.mark.parametrize("shape", SHAPES, ids=[shape.name for shape in SHAPES])
def test_the_first_lines_say_what_decides(step: WandbStep, shape: Shape) -> None:
    assert shape.report(step) == shape.code, step.log
    (body,) = step.comments()
    first = as_read(re.split(r"^(?:\||<details)", body, maxsplit=1, flags=re.MULTILINE)[0])
    at = -1
    for text in shape.seen:
        assert text in first, first
        assert (at := first.index(text, at + 1)) >= 0
    assert len(body) < 65_536


def test_the_documentation_shows_every_shape() -> None:
    assert block("docs/reports.md", "shapes").strip() == gallery().strip()
    pictures = Path(__file__).parents[3] / "docs" / "pictures"
    for shape in SHAPES:
        for scheme in ("light", "dark"):
            assert 10_000 < (pictures / f"report-{shape.name}-{scheme}.png").stat().st_size <= MAX_BYTES_IN_DOCS
