"""Suggestions for typing mistakes."""

from __future__ import annotations

import pytest

from mlops_actions.core.suggest import did_you_mean, nearest


@pytest.mark.parametrize(
    ("name", "known", "near"),
    [
        ("trian", ["train", "deploy"], "train"),
        ("Train", ["train"], "train"),
        ("learning-rte", ["learning-rate", "epochs"], "learning-rate"),
        ("leaning-rat", ["learning-rate"], "learning-rate"),
        ("trainer", ["train"], ""),
        ("xyz", ["train"], ""),
        ("rtain", ["train"], "train"),
        ("trani", ["train"], "train"),
        ("rtani", ["train"], ""),  # two slips in a short name
        ("elarning-raet", ["learning-rate"], "learning-rate"),
        ("elarnign-raet", ["learning-rate"], ""),
        ("xlearning-ratex", ["learning-rate"], "learning-rate"),
        ("arning-rate", ["learning-rate"], "learning-rate"),
        ("tain", ["train", "stain"], "stain"),
        ("train", [], ""),
    ],
)
def test_the_nearest_name_is_suggested(name: str, known: list[str], near: str) -> None:
    assert nearest(name, known) == near
    assert did_you_mean(name, known) == (f" (did you mean '{near}'?)" if near else "")
