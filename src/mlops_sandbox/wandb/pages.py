"""Pages for people: what a link of the report leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mlops_sandbox.timestamps import timestamp
from mlops_sandbox.wandb.history import thin
from mlops_sandbox.wandb.store import Project, Run, Store

WIDTH, HEIGHT = 320, 120
_POINTS = 200

_templates = Environment(
    loader=PackageLoader("mlops_sandbox.wandb"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@dataclass(frozen=True)
class Chart:
    """One metric over the steps, as the points of an SVG polyline of WIDTH × HEIGHT."""

    name: str
    points: str
    least: float
    most: float
    last: float


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _flat(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in tree.items():
        if isinstance(value, dict):
            found.extend(_flat(value, f"{prefix}{key}."))
        else:
            found.append((prefix + key, value))
    return found


def chart(name: str, series: Sequence[tuple[float, float]]) -> Chart:
    """Scale a series to the box; a constant one is a line at half height."""
    shown = thin(series, _POINTS)
    steps = [step for step, _ in shown]
    values = [value for _, value in shown]
    left, width = min(steps), (max(steps) - min(steps)) or 1
    low, height = min(values), max(values) - min(values)
    points = " ".join(
        f"{(step - left) / width * WIDTH:.1f},{HEIGHT - ((value - low) / height if height else 0.5) * HEIGHT:.1f}"
        for step, value in shown
    )
    return Chart(name, points, low, max(values), values[-1])


def charts(run: Run) -> list[Chart]:
    """A chart for every numeric metric of the history that W&B itself did not add."""
    series: dict[str, list[tuple[float, float]]] = {}
    for row in run.history:
        for key, value in _flat(row):
            if _number(value) and not key.startswith("_"):
                series.setdefault(key, []).append((float(row.get("_step", 0)), float(value)))
    return [chart(name, points) for name, points in sorted(series.items())]


def index(store: Store) -> str:
    """All projects."""
    return _templates.get_template("index.html").render(projects=list(store.projects.values()))


def project(shown: Project) -> str:
    """All runs of a project, newest first."""
    now = shown.store.now()
    return _templates.get_template("project.html").render(
        project=shown, runs=[(run, run.state_at(now)) for run in shown.select({}, "-created_at")]
    )


def run(shown: Run) -> str:
    """One run: where it came from, its summary, configuration, curves and artifacts."""
    return _templates.get_template("run.html").render(
        run=shown,
        state=shown.state_at(shown.project.store.now()),
        created=timestamp(shown.created),
        summary=[(key, value) for key, value in _flat(shown.summary) if not key.startswith("_")],
        config=_flat(shown.values()),
        charts=charts(shown),
        width=WIDTH,
        height=HEIGHT,
        log="\n".join(shown.log[line] for line in sorted(shown.log)),
    )
