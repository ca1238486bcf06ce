"""Learning curves as mermaid's `xychart-beta`, each with a table of what the chart cannot show.

mermaid places the values of a line by their index, and ends a line where it has no more values
(`transformDataWithoutCategory` in its xychartDb.ts; drawn with the versions 11.4, 11.12 and 12.3). GitHub ran 11.3 in
October 2024 (docsible/docsible#30), and changes its version without notice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from mlops_actions.core import markdown
from mlops_actions.wandb_runs.report import curve_notes
from mlops_actions.wandb_runs.report.curve_charts import Chart, charts_of
from mlops_actions.wandb_runs.report.curve_points import Curve
from mlops_actions.wandb_runs.report.numbers import format_number

SAMPLES = 1000  # points to read of each run; the tracker thins a longer history
# Colours that differ visibly on white and on black: the square in the table, a line, the extremes of a group.
_PALETTE = (
    ("🟦", "#3b82f6", "#93b8f5"),
    ("🟧", "#f59e0b", "#e0b873"),
    ("🟩", "#22a55b", "#8cc5a3"),
    ("🟪", "#a855f7", "#c7a3ec"),
    ("🟥", "#ef4444", "#eba0a0"),
    ("🟫", "#a0643c", "#bf9c86"),
)
MAX_CURVES = len(_PALETTE)
_MAX_BANDS = 3  # groups drawn with their extremes: of more, only the means can be told apart
_LABELS = 6  # of the x-axis
_MARGIN = 0.05  # of the range, above and below it
_PLAIN = (1e-4, 1e6)  # values that the y-axis shows as they are; others are divided by a power of ten
# mermaid trims blanks and gives equal labels one place, so places without a label get different texts that nobody sees.
_INVISIBLE = str.maketrans("01", "\u200b\u200c")


def chart(metric: str, curves: Sequence[Curve]) -> str:
    """Draw one metric, and list its curves in a table; empty where no run logged it. At most `MAX_CURVES` are shown."""
    shown = [curve for curve in curves if curve.finite or curve.lost][:MAX_CURVES]
    if not shown:
        return ""
    bands = sum(curve.is_group for curve in shown) <= _MAX_BANDS
    charts = charts_of(shown)
    parts = []
    for number, drawn in enumerate(charts):
        title = f"{metric}, from step {format_number(drawn.start)}" if number else metric
        parts.append(markdown.mermaid(_diagram(title, drawn, bands=bands)))
    parts.append(curve_notes.table([square for square, *_ in _PALETTE], shown))
    parts.append(curve_notes.sentences(shown, charts, bands=bands, samples=SAMPLES))
    return "\n\n".join(part for part in parts if part)


def _diagram(title: str, drawn: Chart, *, bands: bool) -> str:
    lines: list[tuple[str, Sequence[float]]] = []  # the colour and the values of each, the strong colours on top
    for (_, strong, light), found in zip(_PALETTE, drawn.plot.curves, strict=False):
        if len(found) == 1:
            lines.append((strong, found[0]))
        elif found:
            lowest, mean, highest = found
            lines += [*([(light, lowest), (light, highest)] if bands else []), (strong, mean)]
    values = [value for _, line in lines for value in line]
    low, high = _range(min(values), max(values))
    exponent = _exponent(max(abs(low), abs(high)))
    unit = 10.0**exponent
    span = (high - low) / unit
    scale = f'"{markdown.mermaid_text(f"× 10^{exponent}")}" ' if exponent else ""
    return "\n".join(
        [
            "---",
            "config:",
            "  themeVariables:",
            "    xyChart:",
            f'      plotColorPalette: "{", ".join(colour for colour, _ in lines)}"',
            "---",
            "xychart-beta",
            f'  title "{markdown.mermaid_text(title)}"',
            f'  x-axis "step" [{", ".join(_labels(drawn.plot.places))}]',
            f"  y-axis {scale}{_number(low / unit, span)} --> {_number(high / unit, span)}",
            *(f"  line [{', '.join(_number(value / unit, span) for value in line)}]" for _, line in lines),
        ]
    )


def _range(lowest: float, highest: float) -> tuple[float, float]:
    """Return the range of the y-axis: that of the values with a margin, which does not cross zero where no value does."""
    margin = (highest - lowest) * _MARGIN or abs(highest) * _MARGIN or 1.0
    low, high = lowest - margin, highest + margin
    return (0.0 if low < 0 <= lowest and highest else low, 0.0 if highest <= 0 < high and lowest else high)


def _exponent(magnitude: float) -> int:
    """Return the power of ten that the y-axis's numbers are divided by, a multiple of three; 0 where they are readable."""
    smallest, largest = _PLAIN
    if smallest <= magnitude < largest:
        return 0
    return max(-300, 3 * math.floor(math.log10(magnitude) / 3))


def _labels(places: Sequence[float]) -> list[str]:
    """Return the texts below the places of the x-axis: steps at some of them, evenly spaced."""
    last = len(places) - 1
    chosen = {round(last * index / (_LABELS - 1)) for index in range(_LABELS)}
    labels: dict[str, None] = {}
    for index, step in enumerate(places):
        text = markdown.mermaid_text(format_number(step))
        seen = index in chosen and text not in labels
        labels[text if seen else f"{index:b}".translate(_INVISIBLE)] = None
    return [f'"{label}"' for label in labels]


def _number(value: float, span: float) -> str:
    """Write a number as precisely as a chart over `span` can show, without an exponent, which mermaid's lexer refuses."""
    digits = max(0, 4 - math.floor(math.log10(span)))
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
