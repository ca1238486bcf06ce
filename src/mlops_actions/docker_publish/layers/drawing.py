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
_SMALL_SHARE = 1000  # a layer below this part of the largest is summed up
_UNBROKEN = "\u00a0"  # a blank at which no line breaks
_MAX_COMMAND = 70  # characters in a table
_MAX_HINTS = 8
# In JSON, where all outputs together are one variable of a later step.
_MAX_LISTED = 60
_MAX_LISTED_COMMAND = 120


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
    rows = [_own(layer, dockerfile_url) for layer in comparison.layers if layer.made.layer.size]
    if report.base_layers:
        rows.append(_base(report))
    rows.sort(key=lambda row: -row.size)
    shown, rest = _shown(rows)
    if rest:
        sums = [row.before for row in rest if row.before is not None]
        title = f"{len(rest)} smaller layers"
        shown = [*shown, _Row(title, sum(row.size for row in rest), sum(sums) if report.compared else None)]
    largest = max((row.size for row in shown), default=0)
    header, align = ["Layer", "Size", ""], "lrl"
    if report.compared:
        header, align = [*header[:2], f"against{_UNBROKEN}{markdown.code(report.compared)}", ""], "lrrl"
    cells = []
    for row in shown:
        change = [_change(row)] if report.compared else []
        drawn = markdown.code(share_bar(row.size / largest if largest else 0))
        cells.append([row.title, _unbroken(size_text(row.size)), *change, drawn])
    removed = sum(size for _, size in comparison.removed)
    if report.compared and removed:
        count = len(comparison.removed)
        gone = f"{count} layer{'s' if count > 1 else ''} no longer there"
        cells.append([gone, "", _unbroken(_signed(-removed)), ""])
    total = " ".join(filter(None, (_total(report, dockerfile_url), _other_platforms(report))))
    parts = [f"#### Layers{_of_platform(report)}", total, markdown.table(header, cells, align)]
    if report.hints:
        parts.append(_hints(report, dockerfile_url))
    return "\n\n".join(parts)


def _shown(rows: list[_Row]) -> tuple[list[_Row], list[_Row]]:
    """Divide the sorted rows into those that are drawn and those that are summed up: too many, or too small to matter."""
    largest = max((row.size for row in rows), default=0)
    count = sum(row.size * _SMALL_SHARE >= largest for row in rows)
    count = count if count < len(rows) - 1 else len(rows)  # one row alone is not summed up
    count = min(count, _MAX_ROWS) if len(rows) > _MAX_ROWS + 1 else count
    return rows[:count], rows[count:]


def _unbroken(text: str) -> str:
    return text.replace(" ", _UNBROKEN)


def _of_platform(report: LayerReport) -> str:
    return f" ({markdown.escape(report.platform)})" if report.platform else ""


def _other_platforms(report: LayerReport) -> str:
    others = [f"{markdown.escape(name)} {size_text(size)}" for name, size in report.sizes.items() if name != report.platform]
    return f"Other platforms: {', '.join(others)}." if others else ""


def _total(report: LayerReport, url: str) -> str:
    size, before = report.comparison.size, report.comparison.before
    total = f"{size_text(size)} {'in the registry (compressed)' if report.compressed else 'on the disk (not compressed)'}"
    if before is not None:
        change = _signed(size - before) if size != before else "the same size"
        total += f": **{change}** against {markdown.code(report.compared)}"
    if not any(layer.made.line for layer in report.comparison.layers):
        return f"{total}."
    path = markdown.link(report.dockerfile, url) if url else markdown.code(report.dockerfile)
    return f"{total}. The lines are those of {path}."


def _own(layer: ComparedLayer, url: str) -> _Row:
    return _Row(_title(layer.made, url), layer.made.layer.size, layer.before, layer.kept)


def _base(report: LayerReport) -> _Row:
    comparison = report.comparison
    count = f"{report.base_layers} layer{'s' if report.base_layers > 1 else ''}"
    title = f"from the base {markdown.code(_short(report.base))} ({count})"
    return _Row(title, comparison.base_size, comparison.base_before or None)


def _title(made: MadeLayer, url: str) -> str:
    command = markdown.code(_short(made.command)) or f"layer {made.index + 1}"
    if not made.line:
        return command
    place = f"line{_UNBROKEN}{made.line}"
    return f"{markdown.link(place, f'{url}#L{made.line}') if url else place} {command}"


def _short(text: str, limit: int = _MAX_COMMAND) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _change(row: _Row) -> str:
    if row.before is None:
        return "new"
    if row.kept or row.before == row.size:
        return "same"
    return _unbroken(_signed(row.size - row.before))


def _signed(size: int) -> str:
    return f"{'+' if size >= 0 else '−'}{size_text(abs(size))}"


def _hints(report: LayerReport, url: str) -> str:
    """List the hints; layers that may hold the same are named together."""
    titles: dict[str, list[str]] = {}
    for hint in report.hints:
        titles.setdefault(hint.text, []).append(_title(hint.made, url))
    lines = [f"- {', '.join(dict.fromkeys(named))}: {markdown.escape(text)}" for text, named in titles.items()]
    rest = len(lines) - _MAX_HINTS
    more = [f"- and {rest} more"] if rest > 0 else []
    return "\n".join(["**What could be left out:**", "", *lines[:_MAX_HINTS], *more])


def layers_document(report: LayerReport) -> Json:
    """Return the report for `result`, lowest layer first."""
    comparison = report.comparison
    return {
        "platform": report.platform,
        "compressed": report.compressed,
        "size": comparison.size,
        "platform-sizes": dict(report.sizes),
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
        "digest": made.layer.digest or None,
        "size": made.layer.size,
        "instruction": _short(made.command, _MAX_LISTED_COMMAND),
        "line": made.line or None,
        "compared-size": layer.before,
        "kept": layer.kept,
    }


def _hint_document(hint: Hint) -> Json:
    return {
        "digest": hint.made.layer.digest or None,
        "line": hint.made.line or None,
        "size": hint.size or None,
        "text": hint.text,
    }
