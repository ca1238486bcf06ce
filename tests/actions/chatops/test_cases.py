"""The acceptance suite: each case runs as a process against a GitHub of its own, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops_actions.chatops.command_schema import parse_commands
from mlops_sandbox.github import GitHubServer
from tests.actions.chatops import (
    cases_attacks,
    cases_below,
    cases_callback,
    cases_checks,
    cases_commit,
    cases_controls,
    cases_events,
    cases_identity,
    cases_language,
    cases_locks,
    cases_owners,
    cases_people,
    cases_reading,
)
from tests.actions.chatops.case import Case, play
from tests.actions.chatops.step import ChatopsStep
from tests.support.command_schema import schema_problems
from tests.support.forking import Forker
from tests.support.step import cold

ALL = (
    cases_language.CASES,
    cases_people.CASES,
    cases_commit.CASES,
    cases_checks.CASES,
    cases_owners.CASES,
    cases_identity.CASES,
    cases_events.CASES,
    cases_callback.CASES,
    cases_attacks.CASES,
    cases_reading.CASES,
    cases_locks.CASES,
    cases_below.CASES,
    cases_controls.CASES,
)
CASES = {case.name: case for cases in ALL for case in cases}


@pytest.fixture(scope="module")
def forker() -> Iterator[Forker]:
    package = "mlops_actions"
    late = (
        "boundary.github.clients",
        "chatops.command_schema",
        "chatops.finish",
        "chatops.command_handler",
        "chatops.controls.handler",
    )
    with Forker(*(f"{package}.{module}" for module in late)) as running:
        yield running


@pytest.mark.parametrize("name", CASES)
def test_the_case_has_its_outcome(name: str, github: GitHubServer, tmp_path: Path, forker: Forker) -> None:
    play(CASES[name], ChatopsStep(github, tmp_path, execute=forker.run))


def test_case_names_are_unique() -> None:
    assert len(CASES) == sum(map(len, ALL))


SAMPLE = ("all forms of arguments", "prose", "an outsider", "pushed after the comment", "legacy phrase", "check passed")


@pytest.mark.parametrize("name", SAMPLE)
def test_the_case_has_its_outcome_from_a_cold_start(name: str, github: GitHubServer, tmp_path: Path) -> None:
    case: Case = CASES[name]
    play(case, ChatopsStep(github, tmp_path, execute=cold))


def test_the_schema_accepts_the_declarations_of_all_cases() -> None:
    declarations = {(case.inputs.get("commands", ""), case.inputs.get("prefix", "/")) for case in CASES.values()}
    for text, prefix in declarations - {("", "/")}:
        assert parse_commands(text, prefix)
        assert schema_problems(text) == [], text
