"""The acceptance suite: every case on a GitHub of its own, over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_actions.sandbox.github import GitHubServer
from tests.contract.chatops import cases_callback, cases_commit, cases_events, cases_language, cases_people
from tests.contract.chatops.case import Case, play
from tests.contract.chatops.stage import Stage

ALL = (cases_language.CASES, cases_people.CASES, cases_commit.CASES, cases_events.CASES, cases_callback.CASES)
CASES = {case.name: case for cases in ALL for case in cases}


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, github: GitHubServer, tmp_path: Path) -> None:
    play(CASES[name], Stage(github, tmp_path))


def test_case_names_are_unique() -> None:
    assert len(CASES) == sum(map(len, ALL))


SAMPLE = ("all forms of arguments", "prose", "an outsider", "pushed after the comment", "legacy phrase", "check passed")


@pytest.mark.parametrize("name", SAMPLE)
def test_case_as_a_process(name: str, github: GitHubServer, tmp_path: Path) -> None:
    case: Case = CASES[name]
    play(case, Stage(github, tmp_path, as_process=True))
