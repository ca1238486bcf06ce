"""Whose learning curves the report draws, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.report import curve_choice


def run(name: str, state: str = "finished", group: str = "") -> Run:
    return Run(id=name, name=name, state=state, url="https://w/" + name, entity="e", project="p", group=group)


def runs(names: str, group: str = "") -> list[Run]:
    return [run(name, group=group) for name in names.split()]


@dataclass(frozen=True)
class Choice:
    """Runs, and the ids of the runs of each curve that is drawn."""

    name: str
    candidates: Sequence[Run]
    baselines: Sequence[Run] = ()
    judged: Sequence[Run] = ()
    bar: Sequence[Run] = ()
    by_group: bool = False
    drawn: list[str] = field(default_factory=list)


CHOICES = (
    Choice("nothing", []),
    Choice("candidates before baselines", runs("a b"), runs("x"), drawn=["a", "b", "x"]),
    Choice("the judged one first", runs("a b c"), judged=runs("c"), drawn=["c", "a", "b"]),
    Choice("the bar before other baselines", runs("a"), runs("x y z"), bar=runs("z"), drawn=["a", "z", "x"]),
    Choice("six lines in all", runs("a b c d e f g"), runs("x y z"), drawn=["a", "b", "c", "d", "x", "y"]),
    Choice(
        "finished, running, crashed",
        [run("a", "crashed"), run("b", "running"), run("c"), run("d", "failed")],
        drawn=["c", "b", "a", "d"],
    ),
    Choice("a judged run that crashed", [run("a", "crashed"), run("b")], judged=[run("a", "crashed")], drawn=["a", "b"]),
    Choice("groups as single runs", runs("a b", "g"), drawn=["a", "b"]),
    Choice("a group as one curve", runs("a b", "g"), runs("x y", "h"), by_group=True, drawn=["a b", "x y"]),
    Choice("a run without a group beside groups", [*runs("a b", "g"), run("c")], by_group=True, drawn=["a b", "c"]),
    Choice("only finished runs of a group", [*runs("a b", "g"), run("c", "crashed", "g")], by_group=True, drawn=["a b"]),
    Choice(
        "three groups in all",
        [*runs("a b", "g"), *runs("c d", "h"), *runs("e f", "i")],
        [*runs("x y", "j"), *runs("z", "k"), *runs("w", "l")],
        by_group=True,
        drawn=["a b", "x y", "z"],
    ),
    Choice(
        "the judged group first",
        [*runs("a b", "g"), *runs("c d", "h")],
        judged=runs("d c"),
        by_group=True,
        drawn=["d c", "a b"],
    ),
)


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.name)
def test_which_curves_are_drawn(choice: Choice) -> None:
    drawn = curve_choice.choose(
        choice.candidates, choice.baselines, judged=choice.judged, bar=choice.bar, by_group=choice.by_group
    )
    assert [" ".join(found.id for found in curve.runs) for curve in drawn] == choice.drawn


def test_a_hostile_group_name_stays_in_its_cell() -> None:
    (drawn,) = curve_choice.choose(runs("a b", "g`|<img src=x>\n| x"), (), by_group=True)
    assert "\n" not in drawn.label
    assert "|" not in drawn.label.replace("\\|", "")
