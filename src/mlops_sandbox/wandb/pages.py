"""HTML pages of projects and runs, to which the links of a report lead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from mlops_sandbox.timestamps import timestamp
from mlops_sandbox.wandb.history import thin
from mlops_sandbox.wandb.store import Project, Run, Store

WIDTH, HEIGHT = 320, 120
MAX_POINTS = 200

_templates = Environment(
    loader=PackageLoader("mlops_sandbox.wandb"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@dataclass(frozen=True)
class Chart:
    """One metric over the steps, as the points of an SVG polyline of WIDTH × HEIGHT."""

    name: str
    points: str
    minimum: float
    maximum: float
    last: float


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _flat(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    items: list[tuple[str, Any]] = []
    for key, value in tree.items():
        if isinstance(value, dict):
            items.extend(_flat(value, f"{prefix}{key}."))
        else:
            items.append((prefix + key, value))
    return items


def chart(name: str, series: Sequence[tuple[float, float]]) -> Chart:
    """Scale a series to the box; a constant series is a line at half height."""
    points = thin(series, MAX_POINTS)
    steps = [step for step, _ in points]
    values = [value for _, value in points]
    left, width = min(steps), (max(steps) - min(steps)) or 1
    low, height = min(values), max(values) - min(values)
    polyline = " ".join(
        f"{(step - left) / width * WIDTH:.1f},{HEIGHT - ((value - low) / height if height else 0.5) * HEIGHT:.1f}"
        for step, value in points
    )
    return Chart(name=name, points=polyline, minimum=low, maximum=max(values), last=values[-1])


def charts(run: Run) -> list[Chart]:
    """Return a chart for every numeric metric of the history, except those that W&B itself adds."""
    series: dict[str, list[tuple[float, float]]] = {}
    for row in run.history:
        for key, value in _flat(row):
            if _is_number(value) and not key.startswith("_"):
                series.setdefault(key, []).append((float(row.get("_step", 0)), float(value)))
    return [chart(name, points) for name, points in sorted(series.items())]


def index(store: Store) -> str:
    """Return the page of all projects."""
    return _templates.get_template("index.html").render(projects=list(store.projects.values()))


def project(subject: Project) -> str:
    """Return the page of a project with its runs, newest first."""
    now = subject.store.now()
    return _templates.get_template("project.html").render(
        project=subject, runs=[(run, run.state_at(now)) for run in subject.select({}, "-created_at")]
    )


def run(subject: Run) -> str:
    """Return the page of a run: its origin, summary, configuration, curves and artifacts."""
    return _templates.get_template("run.html").render(
        run=subject,
        state=subject.state_at(subject.project.store.now()),
        created=timestamp(subject.created),
        summary=[(key, value) for key, value in _flat(subject.summary) if not key.startswith("_")],
        config=_flat(subject.values()),
        charts=charts(subject),
        width=WIDTH,
        height=HEIGHT,
        log="\n".join(subject.log[line] for line in sorted(subject.log)),
    )
