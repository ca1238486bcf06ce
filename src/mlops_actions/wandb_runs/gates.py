"""The little language of gates: `METRIC OP NUMBER`, `METRIC OP baseline[.best|.mean|.latest] [+ - *] NUMBER[%]`.

A gate is judged on one run, the best candidate, so that no gate passes on one run and the next on another. What is
missing or no finite number is a failure, never a pass.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mlops_actions.wandb_runs.metrics import MAX, MIN, Metric, mean, numbers
from mlops_actions.wandb_runs.model import Run, metric_value, number

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_LINE = re.compile(
    rf"""\s*(?:"(?P<quoted>[^"]+)"|(?P<name>[^\s<>=!"][^<>=!"]*?))
    \s*(?P<op>>=|<=|==|!=|>|<)\s*
    (?:(?P<number>{_NUMBER})
      |baseline(?:\.(?P<which>best|mean|latest))?(?:\s*(?P<sign>[-+*])\s*(?P<amount>{_NUMBER})\s*(?P<percent>%)?)?
    )\s*""",
    re.VERBOSE,
)
EXAMPLES = "val_acc >= 0.95 · val_acc >= baseline - 0.5% · latency <= baseline.mean * 1.1"


@dataclass(frozen=True)
class Gate:
    """One line. `reference` is empty for a plain number, then `amount` is that number."""

    text: str
    metric: str
    op: str
    reference: str = ""
    sign: str = ""
    amount: float = 0.0
    percent: bool = False

    def required(self, reference: float) -> float:
        """The number to compare with, from the baseline's."""
        if self.sign == "*":
            return reference * (self.amount / 100 if self.percent else self.amount)
        change = abs(reference) * self.amount / 100 if self.percent else self.amount
        return reference - change if self.sign == "-" else reference + change if self.sign else reference


@dataclass(frozen=True)
class Verdict:
    """What came of a gate: the numbers it compared, and why it failed where one of them is missing."""

    gate: Gate
    passed: bool
    value: float | None = None
    required: float | None = None
    reason: str = ""


def parse(lines: Sequence[str]) -> tuple[Gate, ...]:
    """Read gates, one a line; raises ValueError naming the line."""
    return tuple(_gate(index, line) for index, line in enumerate(lines, 1))


def _gate(index: int, line: str) -> Gate:
    found = _LINE.fullmatch(line)
    if not found:
        raise ValueError(f"line {index} is no gate: {line!r} (gates look like: {EXAMPLES})")
    metric = (found["quoted"] or found["name"]).strip()
    if found["number"] is not None:
        return Gate(line.strip(), metric, found["op"], amount=float(found["number"]))
    return Gate(
        line.strip(),
        metric,
        found["op"],
        found["which"] or "best",
        found["sign"] or "",
        float(found["amount"] or 0),
        bool(found["percent"]),
    )


def evaluate(
    gates: Sequence[Gate], candidate: Run | None, baselines: Sequence[Run], metrics: Mapping[str, Metric]
) -> tuple[Verdict, ...]:
    """Judge every gate on the candidate; `baselines` are newest first, `metrics` gives directions by name."""
    return tuple(_judge(gate, candidate, baselines, metrics.get(gate.metric, Metric(gate.metric))) for gate in gates)


def _judge(gate: Gate, candidate: Run | None, baselines: Sequence[Run], metric: Metric) -> Verdict:
    if candidate is None:
        return Verdict(gate, False, reason="no candidate finished")
    value = number(metric_value(candidate, gate.metric))
    required, reason = _required(gate, baselines, metric)
    if required is not None and not math.isfinite(required):
        required, reason = None, "what is required is beyond any finite number"
    if value is None:
        return Verdict(gate, False, None, required, f"{candidate.title} has no finite value of {gate.metric}")
    if required is None:
        return Verdict(gate, False, value, None, reason)
    return Verdict(gate, _COMPARE[gate.op](value, required), value, required)


def _required(gate: Gate, baselines: Sequence[Run], metric: Metric) -> tuple[float | None, str]:
    if not gate.reference:
        return gate.amount, ""
    values = numbers(baselines, metric)
    if not values:
        return None, f"no baseline has a finite value of {gate.metric}"
    if gate.reference == "mean":
        return gate.required(mean(values)), ""
    if gate.reference == "latest":
        latest = number(metric_value(baselines[0], gate.metric))
        return (
            (None, f"the latest baseline has no finite value of {gate.metric}")
            if latest is None
            else (
                gate.required(latest),
                "",
            )
        )
    # The comparison itself says which way is better where nothing else does.
    implied = {">": MAX, ">=": MAX, "<": MIN, "<=": MIN}.get(gate.op, "")
    best = Metric(gate.metric, metric.direction or implied).best(values)
    if best is None:
        return None, f"which way {gate.metric} is better is not known: write {gate.metric}:min or :max in 'metrics'"
    return gate.required(best), ""
