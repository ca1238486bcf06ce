"""The report as CSV: every text is read back, and no cell is a formula."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core.runs import Run
from mlops_actions.wandb_runs.report import spreadsheet


def run(**fields: object) -> Run:
    defaults = {"id": "i", "name": "n", "state": "finished", "url": "u", "entity": "e", "project": "p"}
    return Run(**{**defaults, **fields})  # type: ignore[arg-type]


def table(*candidates: Run, baselines: tuple[Run, ...] = (), metrics: tuple[str, ...] = ()) -> str:
    return spreadsheet.render(candidates, baselines, metrics=metrics, config_keys=(), sha_config_key="github_sha")


@given(st.text(max_size=30), st.text(max_size=30), st.lists(st.text(max_size=10), max_size=3))
def test_any_text_is_read_back_from_the_csv_and_no_cell_is_a_formula(name: str, note: str, tags: list[str]) -> None:
    text = table(run(name=name, description=note, tags=tuple(tags)))
    header, row = list(csv.reader(io.StringIO(text, newline="")))
    assert len(row) == len(header)
    cells = dict(zip(header, row, strict=True))
    assert cells["run.name"] in (seen := name.replace("\r\n", "\n").replace("\r", "\n"), f"'{seen}")
    for key in ("run.name", "run.description"):
        assert not cells[key].startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\t=1", " =1", "\ufeff=1", "\r=1", "\n=1"])
def test_formulas_are_quoted(cell: str) -> None:
    text = table(run(name=cell))
    assert next(csv.DictReader(io.StringIO(text, newline="")))["run.name"] == "'" + cell.replace("\r", "\n")


def test_numbers_are_not_quoted() -> None:
    text = table(run(summary={"a": -0.5, "b": 10**400}), metrics=("a", "b"))
    row = next(csv.DictReader(io.StringIO(text)))
    assert row["a"] == "-0.5"
    assert row["b"].startswith("1000")


def test_unfinished_runs_are_not_in_the_csv() -> None:
    text = table(run(state="running"), run(id="x"), baselines=(run(state="failed"),))
    assert [row["run.id"] for row in csv.DictReader(io.StringIO(text))] == ["x"]
