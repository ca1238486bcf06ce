"""The grammar of gates: `METRIC OP NUMBER`, `METRIC OP baseline[.best|.mean|.latest] [+ - *] NUMBER[%]`.

Either may end in `with NUMBER% confidence`: the gate then asks for evidence from several seeds.
Numbers are computed and compared in decimals, as `decimals.py` does.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mlops_actions.core.decimals import EXACT, decimal, significant
from mlops_actions.core.float32 import as_logged

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
# An operator says which values its author wants (`min`: lower ones); `==` and `!=` say nothing.
DIRECTIONS: Mapping[str, str] = {">": "max", ">=": "max", "<": "min", "<=": "min"}
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_LINE = re.compile(
    rf"""\s*(?:"(?P<quoted>[^"]+)"|(?P<name>[^\s<>=!"][^<>=!"]*?))
    \s*(?P<operator>>=|<=|==|!=|>|<)\s*
    (?:(?P<number>{_NUMBER})
      |baseline(?:\.(?P<reference>best|mean|latest))?(?:\s*(?P<sign>[-+*])\s*(?P<amount>{_NUMBER})\s*(?P<percent>%)?)?
    )(?:\s+with\s+(?P<confidence>{_NUMBER})\s*%\s+confidence)?\s*""",
    re.VERBOSE,
)
EXAMPLES = (
    "val_acc >= 0.95 · val_acc >= baseline - 0.5% · latency <= baseline.mean * 1.1 · val_acc > baseline with 95% confidence"
)
# Below, an interval is hardly better than a guess; above, few seeds can never be enough.
MIN_CONFIDENCE, MAX_CONFIDENCE = 50.0, 99.9


@dataclass(frozen=True)
class Gate:
    """One gate. `reference` is `baseline`, `best`, `mean` or `latest`; it is empty for a number, which `amount` then is.

    `confidence` is in per cent; 0 where the gate asks for no evidence.
    """

    text: str
    metric: str
    operator: str
    reference: str = ""
    sign: str = ""
    amount: float = 0.0
    percent: bool = False
    confidence: float = 0.0

    def required(self, reference: float) -> float:
        """Return the number to compare with, computed from the baseline's value, or for a plain number from `amount`."""
        exact, amount = decimal(reference), decimal(self.amount)
        if self.percent:
            amount = EXACT.scaleb(amount, -2)
        if self.sign == "*":
            return significant(EXACT.multiply(exact, amount))
        change = EXACT.multiply(exact.copy_abs(), amount) if self.percent else amount
        if self.sign == "-":
            change = change.copy_negate()
        return significant(EXACT.add(exact, change) if self.sign else exact)

    def passes(self, value: float, required: float) -> bool:
        """Return whether a value fulfils the gate's comparison with the required number."""
        return _COMPARISONS[self.operator](significant(value), significant(required))


def parse(lines: Sequence[str]) -> tuple[Gate, ...]:
    """Parse gates, one per line; raises ValueError that names the line."""
    return tuple(_gate(index, line) for index, line in enumerate(lines, 1))


def _gate(index: int, line: str) -> Gate:
    match = _LINE.fullmatch(line)
    if not match:
        raise ValueError(f"line {index} is no gate: {line!r} (gates look like: {EXAMPLES})")
    metric = (match["quoted"] or match["name"]).strip()
    confidence = _confidence(index, line, match["operator"], match["confidence"])
    if match["number"] is not None:
        return Gate(
            text=line.strip(),
            metric=metric,
            operator=match["operator"],
            amount=as_logged(float(match["number"])),
            confidence=confidence,
        )
    return Gate(
        text=line.strip(),
        metric=metric,
        operator=match["operator"],
        reference=match["reference"] or "baseline",
        sign=match["sign"] or "",
        amount=float(match["amount"] or 0),
        percent=bool(match["percent"]),
        confidence=confidence,
    )


def _confidence(index: int, line: str, operator_text: str, confidence: str | None) -> float:
    if confidence is None:
        return 0.0
    if operator_text in ("==", "!="):
        reason = f"no number of seeds shows that two means are equal: use >=, <=, > or <, not {operator_text}"
        raise ValueError(f"line {index} asks for confidence in {operator_text}: {line!r} ({reason})")
    if not MIN_CONFIDENCE <= float(confidence) <= MAX_CONFIDENCE:
        reason = f"give {MIN_CONFIDENCE:g}% to {MAX_CONFIDENCE:g}%; 95% is common"
        raise ValueError(f"line {index} asks for {confidence}% confidence: {line!r} ({reason})")
    return float(confidence)
