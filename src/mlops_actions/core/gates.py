"""The grammar of gates: `METRIC OP NUMBER`, `METRIC OP baseline[.best|.mean|.latest] [+ - *] NUMBER[%]`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
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
    \s*(?P<operator>>=|<=|==|!=|>|<)\s*
    (?:(?P<number>{_NUMBER})
      |baseline(?:\.(?P<reference>best|mean|latest))?(?:\s*(?P<sign>[-+*])\s*(?P<amount>{_NUMBER})\s*(?P<percent>%)?)?
    )\s*""",
    re.VERBOSE,
)
EXAMPLES = "val_acc >= 0.95 · val_acc >= baseline - 0.5% · latency <= baseline.mean * 1.1"


@dataclass(frozen=True)
class Gate:
    """One gate. `reference` is `baseline`, `best`, `mean` or `latest`; it is empty for a number, which `amount` then is."""

    text: str
    metric: str
    operator: str
    reference: str = ""
    sign: str = ""
    amount: float = 0.0
    percent: bool = False

    def required(self, reference: float) -> float:
        """Return the number to compare with, computed from the baseline's value."""
        if self.sign == "*":
            return reference * (self.amount / 100 if self.percent else self.amount)
        change = abs(reference) * self.amount / 100 if self.percent else self.amount
        return reference - change if self.sign == "-" else reference + change if self.sign else reference

    def passes(self, value: float, required: float) -> bool:
        """Return whether a value fulfils the gate's comparison with the required number."""
        return _COMPARISONS[self.operator](value, required)


def parse(lines: Sequence[str]) -> tuple[Gate, ...]:
    """Parse gates, one per line; raises ValueError that names the line."""
    return tuple(_gate(index, line) for index, line in enumerate(lines, 1))


def _gate(index: int, line: str) -> Gate:
    match = _LINE.fullmatch(line)
    if not match:
        raise ValueError(f"line {index} is no gate: {line!r} (gates look like: {EXAMPLES})")
    metric = (match["quoted"] or match["name"]).strip()
    if match["number"] is not None:
        return Gate(text=line.strip(), metric=metric, operator=match["operator"], amount=float(match["number"]))
    return Gate(
        text=line.strip(),
        metric=metric,
        operator=match["operator"],
        reference=match["reference"] or "baseline",
        sign=match["sign"] or "",
        amount=float(match["amount"] or 0),
        percent=bool(match["percent"]),
    )
