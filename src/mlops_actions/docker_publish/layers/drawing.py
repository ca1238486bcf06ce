"""Draw the report of an image's layers as Markdown, for the job's summary and for a comment, and as JSON. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from mlops_actions.core import markdown
from mlops_actions.core.types import Json
from mlops_actions.docker_publish.layers.examine import LayerReport
from mlops_actions.docker_publish.layers.growth import ComparedLayer
from mlops_actions.docker_publish.layers.hints import Hint
from mlops_actions.docker_publish.layers.made_by import MadeLayer
from mlops_actions.docker_publish.size_text import size_text

_BAR = 16  # characters
_EIGHTHS = " ▏▎▍▌▋▊▉"
_MAX_ROWS = 12
_MAX_COMMAND = 70  # characters in a table
_MAX_HINTS = 8
# In JSON, where all outputs together are one variable of a later step.
_MAX_LISTED = 100
_MAX_LISTED_COMMAND = 200


@dataclass(frozen=True)
class _Row:
    title: str
    size: int
    before: int | None
    kept: bool = False


def share_bar(share: float) -> str:
    """Draw a share (0 to 1) as a bar of block characters, to an eighth of one; a share above 0 is never empty."""
    eighths = round(min(max(share, 0.0), 1.0) * _BAR * 8)
    if share > 0:
        eighths = max(eighths, 1)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")


def layers_markdown(report: LayerReport, dockerfile_url: str = "") -> str:
    """Draw the layers by size; `dockerfile_url` is the address of the Dockerfile at the image's commit, or empty."""
    comparison = report.comparison
    rows = [_own(report, layer, dockerfile_url) for layer in comparison.layers if layer.made.layer.size]
    if report.base_layers:
        rows.append(_base(report))
    rows.sort(key=lambda row: -row.size)
    shown, rest = (rows, []) if len(rows) <= _MAX_ROWS + 1 else (rows[:_MAX_ROWS], rows[_MAX_ROWS:])
    if rest:
        sums = [row.before for row in rest if row.before is not None]
        title = f"{len(rest)} smaller layers"
        shown = [*shown, _Row(title, sum(row.size for row in rest), sum(sums) if report.compared else None)]
    largest = max((row.size for row in shown), default=0)
    header, align = ["Layer", "Size", ""], "lrl"
    if report.compared:
        header, align = [*header, f"against {markdown.code(report.compared)}"], "lrlr"
    cells = []
    for row in shown:
        cell = [row.title, size_text(row.size), markdown.code(share_bar(row.size / largest if largest else 0))]
        cells.append([*cell, _change(row)] if report.compared else cell)
    removed = sum(size for _, size in comparison.removed)
    if report.compared and removed:
        count = len(comparison.removed)
        cells.append([f"{count} layer{'s' if count > 1 else ''} no longer there", "", "", f"−{size_text(removed)}"])
    parts = [f"#### Layers{_of_platform(report)}", _total(report), markdown.table(header, cells, align)]
    if report.hints:
        parts.append(_hints(report, dockerfile_url))
    return "\n\n".join(parts)


def _of_platform(report: LayerReport) -> str:
    return f" ({markdown.escape(report.platform)})" if report.platform else ""


def _total(report: LayerReport) -> str:
    size, before = report.comparison.size, report.comparison.before
    if before is None:
        return f"{size_text(size)} in the registry (compressed)."
    change = _signed(size - before) if size != before else "the same size"
    return f"{size_text(size)} in the registry (compressed): **{change}** against {markdown.code(report.compared)}."


def _own(report: LayerReport, layer: ComparedLayer, url: str) -> _Row:
    return _Row(_title(report, layer.made, url), layer.made.layer.size, layer.before, layer.kept)


def _base(report: LayerReport) -> _Row:
    comparison = report.comparison
    count = f"{report.base_layers} layer{'s' if report.base_layers > 1 else ''}"
    title = f"from the base {markdown.code(_short(report.base))} ({count})"
    return _Row(title, comparison.base_size, comparison.base_before or None)


def _title(report: LayerReport, made: MadeLayer, url: str) -> str:
    command = markdown.code(_short(made.command)) or f"layer {made.index + 1}"
    if not made.line:
        return command
    place = f"{report.dockerfile}:{made.line}"
    return f"{markdown.link(place, f'{url}#L{made.line}') if url else markdown.escape(place)} {command}"


def _short(text: str, limit: int = _MAX_COMMAND) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _change(row: _Row) -> str:
    if row.before is None:
        return "new"
    if row.kept or row.before == row.size:
        return "same"
    return _signed(row.size - row.before)


def _signed(size: int) -> str:
    return f"{'+' if size >= 0 else '−'}{size_text(abs(size))}"


def _hints(report: LayerReport, url: str) -> str:
    lines = [f"- {_title(report, hint.made, url)}: {markdown.escape(hint.text)}" for hint in report.hints[:_MAX_HINTS]]
    rest = len(report.hints) - _MAX_HINTS
    more = [f"- and {rest} more"] if rest > 0 else []
    return "\n".join(["**Smaller images:**", "", *lines, *more])


def layers_document(report: LayerReport) -> Json:
    """Return the report for `result`, lowest layer first."""
    comparison = report.comparison
    return {
        "platform": report.platform,
        "size": comparison.size,
        "compared-tag": report.compared or None,
        "compared-digest": report.compared_digest or None,
        "compared-size": comparison.before,
        "base": {
            "image": report.base or None,
            "layers": report.base_layers,
            "size": comparison.base_size,
            "compared-size": comparison.base_before,
        },
        "layers": [_document(layer) for layer in comparison.layers[:_MAX_LISTED]],
        "removed-size": sum(size for _, size in comparison.removed) if report.compared else None,
        "hints": [_hint_document(hint) for hint in report.hints[:_MAX_HINTS]],
    }


def _document(layer: ComparedLayer) -> Json:
    made = layer.made
    return {
        "digest": made.layer.digest,
        "size": made.layer.size,
        "instruction": _short(made.command, _MAX_LISTED_COMMAND),
        "line": made.line or None,
        "compared-size": layer.before,
        "kept": layer.kept,
    }


def _hint_document(hint: Hint) -> Json:
    return {"digest": hint.made.layer.digest, "line": hint.made.line or None, "size": hint.size or None, "text": hint.text}
