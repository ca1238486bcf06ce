"""The grammar of `metrics`, its patterns, and the directions by the inputs and the gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mlops_actions.core import gates as gate_grammar
from mlops_actions.core.declare import read
from mlops_actions.core.errors import BadInput
from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.metrics.directions import disagreements, with_directions
from mlops_actions.wandb_runs.metrics.grammar import parse, parse_plain
from mlops_actions.wandb_runs.metrics.metric import Metric
from mlops_actions.wandb_runs.metrics.patterns import MAX_OF_PATTERN, expand, parts


def run(name: str = "r", summary: Mapping[str, Any] | None = None, directions: Mapping[str, str] | None = None) -> Run:
    return Run(name, name, "finished", "", "team", "digits", summary=summary or {}, directions=directions or {})


def inputs(**given: str) -> Inputs:
    values = {"project": "team/digits", "sha": "a" * 40, **given}
    return read(Inputs, {f"INPUT_{name.upper().replace('_', '-')}": value for name, value in values.items()})


@pytest.mark.parametrize(
    ("entry", "metric"),
    [
        ("acc", Metric("acc")),
        ("acc:max", Metric("acc", "max", "given")),
        ("acc : MAX", Metric("acc", "max", "given")),
        ("a:b", Metric("a:b")),
        ("a:b:min", Metric("a:b", "min", "given")),
        ("latency_ms[ms]:min", Metric("latency_ms", "min", "given", unit="ms")),
        ("latency [ms] : min", Metric("latency", "min", "given", unit="ms")),
        ("loss[nats]", Metric("loss", unit="nats")),
        ("acc[%]:max", Metric("acc", "max", "given", unit="%")),
        ("tokens[tokens/s]", Metric("tokens", unit="tokens/s")),
        ("time[µs]", Metric("time", unit="µs")),
        ("price[$]", Metric("price", unit="$")),
        ("layer[0]", Metric("layer[0]")),
        ("layer[0][ms]", Metric("layer[0]", unit="ms")),
        ("map[box][%]:max", Metric("map[box]", "max", "given", unit="%")),
        ('"map[box]"', Metric("map[box]")),
        ('"map[box]":max', Metric("map[box]", "max", "given")),
        ('"map[box]"[%]:max', Metric("map[box]", "max", "given", unit="%")),
        ('"a*b"', Metric("a*b")),
        ('"acc:max"', Metric("acc:max")),
        ("eval/*", Metric("eval/*", is_pattern=True)),
        ("eval/*/acc[%]:max", Metric("eval/*/acc", "max", "given", unit="%", is_pattern=True)),
        ("*:min", Metric("*", "min", "given", is_pattern=True)),
        ("x[]", Metric("x[]")),
        ("x[a unit that is far too long to be one]", Metric("x[a unit that is far too long to be one]")),
        ('say "hi"', Metric('say "hi"')),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_entry_is_name_unit_and_direction(entry: str, metric: Metric) -> None:
    assert parse([entry]) == (metric,)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([":max"], "without a name"),
        (["[ms]"], "without a name"),
        (['""'], "without a name"),
        (['" ":min'], "without a name"),
        (["acc:min", "acc:max"], "two directions"),
        (["x[ms]", "x[s]"], "two units"),
        (["eval/*:min", "eval/*:max"], "two directions"),
    ],
)
def test_entries_without_a_meaning_are_refused(entries: list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(entries)


def test_entries_of_one_name_complete_each_other() -> None:
    assert parse(["x[ms]", "x:min", "x"]) == (Metric("x", "min", "given", unit="ms"),)


def test_the_older_input_takes_names_as_they_are() -> None:
    assert parse_plain(["map[box]", "eval/*", "acc:max", '"x"']) == (
        Metric("map[box]"),
        Metric("eval/*"),
        Metric("acc", "max", "given"),
        Metric('"x"'),
    )
    legacy = read(Inputs, {"INPUT_PROJECT": "a/b", "INPUT_SHA": "a" * 40, "INPUT_DISPLAY_METRICS": "['map[box]', 'x*']"})
    assert legacy.metrics == (Metric("map[box]"), Metric("x*"))


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("eval/*", "eval/acc", ("acc",)),
        ("eval/*", "eval/de/acc", ("de/acc",)),
        ("eval/*", "eval/", ("",)),
        ("eval/*", "train/acc", None),
        ("eval/*/acc", "eval/de/acc", ("de",)),
        ("eval/*/acc", "eval/acc", None),
        ("eval/*/*", "eval/de/acc", ("de", "acc")),
        ("*", "acc", ("acc",)),
        ("*", "_runtime", None),
        ("_*", "_runtime", ("runtime",)),
        ("*acc*", "val_acc_1", ("val_", "_1")),
        ("a*a", "a", None),
        ("a*a", "aa", ("",)),
        ("a.c*", "abcd", None),
        ("x*y*z", "xyyz", ("", "y")),
        ("*" * 30 + "b", "a" * 2000, None),
    ],
)
def test_a_star_stands_for_any_text(pattern: str, name: str, expected: tuple[str, ...] | None) -> None:
    assert parts(pattern, name) == expected


EXPANSIONS = [
    pytest.param(
        ["eval/*"], [{"eval/b": 1, "eval/a": 2.5, "loss": 1}], ["eval/a", "eval/b"], id="numbers of that form by name"
    ),
    pytest.param(["e/*"], [{"e/a": 1}, {"e/b": 1}], ["e/a", "e/b"], id="of all runs together"),
    pytest.param(
        ["e/*"], [{"e/a": "NaN", "e/b": "high", "e/c": True, "e/d": None}], ["e/a"], id="NaN is a number; text is none"
    ),
    pytest.param(["e/*"], [{"e/t": {"_type": "table-file", "size": 3}, "e/n": [1]}], [], id="neither tables nor lists"),
    pytest.param(["e.*"], [{"e": {"a": 1, "b": {"c": 2}}}], ["e.a", "e.b.c"], id="nested by dots"),
    pytest.param(["l*"], [{"loss": {"min": 0.1}}], ["loss"], id="one kept aggregate is the metric"),
    pytest.param(["l*"], [{"loss": {"min": 0.1, "max": 1}}], ["loss.min", "loss.max"], id="several aggregates are several"),
    pytest.param(["*"], [{"_step": 1, "acc": 1}], ["acc"], id="not the tracker's own"),
    pytest.param(["e/*", "e/b:min"], [{"e/a": 1, "e/b": 1}], ["e/a", "e/b"], id="a named metric is there once"),
    pytest.param(["e/b", "e/*"], [{"e/a": 1, "e/b": 1}], ["e/b", "e/a"], id="a named metric keeps its place"),
    pytest.param(["e/*:max", "*"], [{"e/a": 1, "z": 1}], ["e/a", "z"], id="the first pattern counts"),
    pytest.param(["layer_*"], [{"layer_10": 1, "layer_2": 1}], ["layer_2", "layer_10"], id="numbers by their size"),
]


@pytest.mark.parametrize(("entries", "summaries", "names"), EXPANSIONS)
def test_a_pattern_stands_for_what_the_runs_have(
    entries: list[str], summaries: list[dict[str, Any]], names: list[str]
) -> None:
    expansion = expand(parse(entries), [run(f"r{index}", summary) for index, summary in enumerate(summaries)])
    assert sorted(metric.name for metric in expansion.metrics) == sorted(names)
    if "loss.min" not in names:
        assert [metric.name for metric in expansion.metrics] == names
    assert not any(metric.is_pattern for metric in expansion.metrics)


def test_a_pattern_gives_direction_and_unit() -> None:
    (named, other) = expand(parse(["e/*[ms]:min", "e/b:max"]), [run("r", {"e/a": 1, "e/b": 1})]).metrics
    assert (named, other) == (Metric("e/a", "min", "given", unit="ms"), Metric("e/b", "max", "given"))


def test_a_pattern_says_what_it_does_not_show() -> None:
    many = expand(parse(["e/*"]), [run("r", {f"e/{index}": 1 for index in range(MAX_OF_PATTERN + 7)})])
    assert len(many.metrics) == MAX_OF_PATTERN
    assert many.metrics[-1].name == f"e/{MAX_OF_PATTERN - 1}"
    assert many.notes == (
        f"{MAX_OF_PATTERN + 7} metrics match e/*: the report shows the first {MAX_OF_PATTERN} of them by name.",
    )
    assert expand(parse(["e/*"]), [run("r", {"a": 1})]).notes == ("No run has a metric of the pattern e/*.",)


GIVEN, GATE, TRACKER, NAME = "given", "gate", "tracker", "inferred"
# metrics, select-by, gates, the tracker's hints, and the direction of the first metric with its source.
DIRECTIONS = [
    pytest.param(
        "toxicity_score", "", "toxicity_score <= baseline", {}, ("min", GATE), id="the operator, not the word score"
    ),
    pytest.param("accuracy", "", "accuracy < 0.5", {}, ("min", GATE), id="the operator before the name"),
    pytest.param("x", "", "x >= 1", {}, ("max", GATE), id="the operator alone"),
    pytest.param("x", "", "x > 1\nx >= 0.5", {}, ("max", GATE), id="two operators in one direction"),
    pytest.param("x:max", "", "x >= 1", {}, ("max", GIVEN), id="given, and the operator agrees"),
    pytest.param("x", "", "x >= 1", {"x": "min"}, ("max", GATE), id="the operator before the tracker"),
    pytest.param("x", "x:min", "", {"x": "max"}, ("min", GIVEN), id="select-by is given too"),
    pytest.param("acc", "", "", {"acc": "min"}, ("min", TRACKER), id="the tracker before the name"),
    pytest.param("acc", "", "", {}, ("max", NAME), id="the name where nobody says anything"),
    pytest.param("acc", "", "acc == 1", {}, ("max", NAME), id="equality tells no direction"),
    pytest.param("x", "", "x != 1", {}, ("", ""), id="inequality tells none either"),
    pytest.param("x", "", "x >= 0.4\nx <= 0.6", {}, ("", ""), id="a band is undecided"),
    pytest.param("acc", "", "acc >= 0.4\nacc <= 0.6", {}, ("", ""), id="a band, whatever the name says"),
    pytest.param("x", "", "x >= 0.4\nx <= 0.6", {"x": "max"}, ("max", TRACKER), id="a band leaves the tracker's word"),
    pytest.param("x:max", "", "x >= 0.4\nx <= 0.6", {}, ("max", GIVEN), id="a band contradicts nothing"),
    pytest.param("x:min", "", "x >= baseline - 5%\nx <= baseline + 5%", {}, ("min", GIVEN), id="a band around a baseline"),
    pytest.param("loss.min", "", "", {}, ("min", TRACKER), id="a kept minimum"),
    pytest.param("x.max", "", "", {}, ("max", TRACKER), id="a kept maximum"),
    pytest.param("acc.min", "", "", {}, ("", ""), id="a kept minimum of what should be high"),
    pytest.param("loss.max", "", "", {}, ("", ""), id="a kept maximum of what should be low"),
    pytest.param("loss.min", "", "loss.min >= 1", {}, ("max", GATE), id="a gate on a kept minimum"),
    pytest.param("acc", "", "loss <= 1", {}, ("max", NAME), id="a gate on another metric"),
]


@pytest.mark.parametrize(("metrics", "select_by", "gates", "hints", "expected"), DIRECTIONS)
def test_who_decides_the_direction(
    metrics: str, select_by: str, gates: str, hints: dict[str, str], expected: tuple[str, str]
) -> None:
    given = inputs(metrics=metrics, select_by=select_by, gates=gates)
    (metric,) = with_directions(
        given.metrics or (), [run("a"), run("b", directions=hints)], given.gates or (), given.select_by
    )
    assert (metric.direction, metric.source) == expected


def test_a_training_that_says_the_opposite_is_told() -> None:
    runs = [run("a", directions={"x": "min", "y": "max", "acc": "min"})]
    metrics = with_directions(parse(["x:max", "y:max", "acc"]), runs)
    assert list(disagreements(metrics, runs)) == [
        "The training says that lower values of x are better, the inputs say higher ones: the inputs count."
    ]


def test_a_gate_against_the_name_is_told() -> None:
    metrics = with_directions(parse(["loss", "acc", "toxicity_score"]), [], gate_grammar.parse(["loss > 0", "acc > 0"]))
    (told,) = disagreements(metrics, [])
    assert told.startswith("By its name loss is better the other way round, its gate asks for higher values")
    assert "loss:min" in told


# metrics, select-by, gates, and words of the error's cause and remedy.
CONTRADICTIONS = [
    pytest.param(
        "acc:max", "", "acc <= 0.9", ("'metrics'", "acc:max", "'acc <= 0.9'", "lower", "acc:min"), id="given and operator"
    ),
    pytest.param("loss:min", "", "loss > baseline", ("loss:min", "'loss > baseline'", "higher"), id="the other way round"),
    pytest.param("", "t:max", "t <= 1", ("'select-by'", "t:max", "'t <= 1'"), id="select-by and operator"),
    pytest.param("t:min", "t:max", "", ("'select-by' says t:max", "'metrics' says t:min"), id="select-by and metrics"),
    pytest.param("e/*:max", "", "e/loss <= 1", ("e/*:max", "'e/loss <= 1'", "e/loss:min"), id="a pattern and an operator"),
    pytest.param("", "", "x >= 0.6\nx <= 0.4", ("no value of x", "'x >= 0.6'", "'x <= 0.4'", "band"), id="an empty band"),
    pytest.param("", "", "x > 1\nx <= 1", ("no value of x",), id="a band without its edge"),
    pytest.param("", "", "x >= 1\nx < 1", ("no value of x",), id="a band without its other edge"),
    pytest.param("acc", "acc", "", ("'select-by'", "acc:max or acc:min"), id="select-by without a direction"),
    pytest.param("", "x", "x == 1", ("x:max or x:min",), id="select-by whose gate tells none"),
    pytest.param("", "x", "x >= 1\nx <= 2", ("x:max or x:min",), id="select-by on a band"),
    pytest.param("", "eval/*:max", "", ("must name one metric",), id="select-by a pattern"),
    pytest.param("", ":max", "", ("without a name",), id="select-by nothing"),
]


@pytest.mark.parametrize(("metrics", "select_by", "gates", "words"), CONTRADICTIONS)
def test_inputs_that_contradict_each_other_are_refused(
    metrics: str, select_by: str, gates: str, words: tuple[str, ...]
) -> None:
    with pytest.raises(BadInput) as refusal:
        inputs(metrics=metrics, select_by=select_by, gates=gates)
    told = f"{refusal.value.cause}\n{refusal.value.remedy}"
    for word in words:
        assert word in told


@pytest.mark.parametrize(
    ("metrics", "select_by", "gates"),
    [
        pytest.param("x:min", "x", "", id="select-by with the direction of metrics"),
        pytest.param("e/*:min", "e/a", "", id="select-by with the direction of a pattern"),
        pytest.param("", "x", "x >= 1", id="select-by with the direction of a gate"),
        pytest.param("e/*:max, e/loss:min", "", "e/loss <= 1", id="a named metric of a pattern has its own direction"),
        pytest.param("", "", "x >= 1\nx <= 1", id="a band of one number"),
        pytest.param("acc:max", "", "acc >= 0.9\nacc <= 0.999", id="a guard against a leak"),
    ],
)
def test_inputs_that_agree_are_taken(metrics: str, select_by: str, gates: str) -> None:
    assert inputs(metrics=metrics, select_by=select_by, gates=gates)


@pytest.mark.parametrize("other", ["promote_alias", "statement"])
def test_the_mean_of_several_runs_is_no_model(other: str) -> None:
    value = {"promote_alias": "production", "statement": "true"}[other]
    with pytest.raises(BadInput, match="'judge: mean' judges the mean"):
        inputs(judge="mean", gates="acc > 0", **{other: value})
    assert inputs(judge="all", gates="acc > 0", **{other: value})


def test_the_mean_of_several_groups_is_no_evidence() -> None:
    with pytest.raises(BadInput, match="mixes several groups"):
        inputs(judge="mean", aggregate="group", gates="acc > baseline with 95% confidence")


def test_gates_do_not_change_with_the_directions() -> None:
    assert [gate.metric for gate in gate_grammar.parse(['"a*b" >= 1', "eval/acc >= 1"])] == ["a*b", "eval/acc"]
