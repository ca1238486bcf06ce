"""The tables of gates and of seeds."""

from __future__ import annotations

from collections.abc import Sequence

from mlops_actions.core import markdown
from mlops_actions.wandb_runs.metrics.metric import Metric
from mlops_actions.wandb_runs.report.numbers import NO_VALUE, NumberFormat, aligned, format_difference, format_number
from mlops_actions.wandb_runs.report.table_parts import Column, draw_table, metric_title, run_link, unbroken
from mlops_actions.wandb_runs.statistics.seeds import SeedComparison, Spread
from mlops_actions.wandb_runs.verdict.gates import GateResult

_STATISTICS = "https://github.com/machine-learning-apps/mlops-actions/blob/main/docs/statistics.md"


def gates_table(results: Sequence[GateResult], metrics: Sequence[Metric] = (), *, is_open: bool = False) -> str:
    """Return every gate with its rule, its two numbers and the reason of a failure.

    `metrics` give the units. While the verdict `is_open`, nothing has passed yet.
    """
    if not results:
        return ""
    units = {metric.name: f" {metric.unit}" for metric in metrics if metric.unit}

    def with_unit(result: GateResult, number: str) -> str:
        unit = units.get(result.gate.metric, "")
        return f"{number}{unbroken(markdown.escape(unit))}" if number != NO_VALUE else number

    columns = [
        Column[GateResult]("Gate", lambda result: unbroken(_gate_mark(result, is_open=is_open)), "l"),
        Column[GateResult]("Rule", lambda result: markdown.code(result.gate.text), "l"),
        Column[GateResult]("Value", lambda result: with_unit(result, _gate_value(result))),
        Column[GateResult]("Required", lambda result: with_unit(result, _required(result))),
    ]
    if any(result.run for result in results):
        columns.insert(2, Column[GateResult]("Decided by", lambda result: run_link(result.run) if result.run else "", "l"))
    if any(result.reason or result.against for result in results):
        columns.append(Column[GateResult]("", lambda result: markdown.escape(result.reason or result.against), "l"))
    return draw_table(columns, results)


def _gate_mark(result: GateResult, *, is_open: bool) -> str:
    if not result.judged:
        return "⚪ not judged"
    if is_open:
        return "⏳ would pass" if result.passed else "⏳ would fail"
    return "✅ passed" if result.passed else "❌ failed"


def _required(result: GateResult) -> str:
    if result.required is None:
        return NO_VALUE
    return unbroken(f"{markdown.escape(result.gate.operator)} {gate_numbers(result)[1]}")


def _gate_value(result: GateResult) -> str:
    if result.bound is None:
        return gate_numbers(result)[0]
    # The bound decided, not the mean.
    value, bound, _ = aligned([result.value, result.bound, result.required])
    end = "at least" if result.gate.operator in (">", ">=") else "at most"
    return f"{value}<br>{unbroken(f'{end} {bound} with {result.gate.confidence:g} %')}"


def gate_numbers(result: GateResult) -> tuple[str, str]:
    """Return the two numbers of a gate, which never look alike where they differ; a dash where one is missing."""
    value, required = aligned([result.value, result.required])
    return value, required


def seeds_table(comparisons: Sequence[SeedComparison]) -> str:
    """Return for each metric whether the difference of the means exceeds the noise."""
    if not comparisons:
        return ""
    columns = [
        Column[SeedComparison]("Metric", lambda comparison: metric_title(comparison.metric), "l"),
        Column[SeedComparison]("", _seeds_verdict, "l"),
        Column[SeedComparison]("Δ of means [95 % interval]", _interval),
        Column[SeedComparison](
            "Candidate's seeds", lambda comparison: _spread(comparison.candidates, _of_means(comparison))
        ),
        Column[SeedComparison]("Baseline's seeds", lambda comparison: _spread(comparison.baselines, _of_means(comparison))),
    ]
    advice = [f"{metric_title(each.metric)}: {markdown.escape(each.advice)}" for each in comparisons if each.advice]
    is_paired = any(comparison.paired for comparison in comparisons)
    paired = " The same seeds ran on both sides: they are compared in pairs, too." if is_paired else ""
    claim = f"At most 5 % of reports call noise a difference{_corrections(comparisons)}.{paired}"
    note = f"<sub>{claim} [What is claimed, and why]({_STATISTICS})</sub>"
    title = f"**More than noise?** Against {markdown.escape(comparisons[0].against)}"
    # Below the table: a sentence in a narrow column is a column of single words.
    return "\n\n".join(
        [title, draw_table(columns, comparisons), *(["\n".join(f"- {text}" for text in advice)] if advice else []), note]
    )


def _corrections(comparisons: Sequence[SeedComparison]) -> str:
    parts = [f"for {len(comparisons)} metrics"] if len(comparisons) > 1 else []
    choice = comparisons[0].choice.text
    if choice:
        parts.append(f"for the choice out of {choice}, which widens the intervals too")
    return f", corrected {' and '.join(parts)}" if parts else ""


def _seeds_verdict(comparison: SeedComparison) -> str:
    mark = {True: "🟢 ", False: "🔴 ", None: ""}[comparison.better]
    return mark + markdown.escape(comparison.short_verdict)


def _interval(comparison: SeedComparison) -> str:
    # The reader sees both means in the same row.
    difference = _of_means(comparison).difference(comparison.candidates.mean, comparison.baselines.mean)
    if comparison.low is None or comparison.high is None:
        return f"{difference} {markdown.escape(f'[{NO_VALUE}]')}"
    interval = f"[{format_difference(comparison.low)} … {format_difference(comparison.high)}]"
    return f"{difference} {unbroken(markdown.escape(interval))}"


def _of_means(comparison: SeedComparison) -> NumberFormat:
    means = (comparison.candidates.mean, comparison.baselines.mean)
    return NumberFormat.of(means, [means])


def _spread(spread: Spread, numbers: NumberFormat) -> str:
    deviation = "" if spread.deviation is None else f" ± {format_number(spread.deviation, 2)}"
    return f"{unbroken(numbers.text(spread.mean) + deviation)} ({spread.survivors})"
