"""The decision: rounds of questions, and a denial wherever an answer is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.chatops import comment, grammar
from mlops_actions.chatops.check_facts import CommitChecks, CommitState, RequiredCheck, RequiredChecks
from mlops_actions.chatops.command_line import parse_arguments, pinned_command, rest_without_pin
from mlops_actions.chatops.command_schema import parse_commands
from mlops_actions.chatops.decide import AuthorizedCommand, OpenQuestions, decide, recheck
from mlops_actions.chatops.facts import (
    Approvers,
    BranchUpdate,
    BranchUpdates,
    CurrentPullRequest,
    FirstCheckSuite,
    Question,
    ReopenedSince,
    Role,
    TeamMembership,
    Unknown,
    UserRole,
    parse_time,
)
from mlops_actions.chatops.grammar import ArgumentError
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.parameters import PIN
from mlops_actions.chatops.request import CommandRequest, CommandSource, Decision
from mlops_actions.core.declare import read
from mlops_actions.core.errors import Unavailable
from mlops_actions.core.event import Branch, PullRequest
from mlops_actions.core.user import User

HEAD = "a" * 40
WRITTEN = "2026-01-02T03:04:05Z"
UNANSWERED = Unknown(Unavailable("no answer", "try again"))
PULL = PullRequest(
    number=7,
    state="open",
    draft=False,
    merged=False,
    author=User("author", "User", 11),
    head=Branch("topic", HEAD, "o/r", 1),
    base=Branch("main", "b" * 40, "o/r", 1),
    url="https://github.com/o/r/pull/7",
)
# Pieces of lines with pins, and with text that only looks like a pin.
PIECES = ("sha=", "--sha", "a=", "--no-", "--", "0" * 40, "x", "sha", " ", "  ", "\u00a0", "'", '"', "\\", "=")


def inputs(**values: str) -> Inputs:
    named = {"commands": "/train", "github-token": "t", **{name.replace("_", "-"): value for name, value in values.items()}}
    return read(Inputs, {f"INPUT_{name.upper()}": value for name, value in named.items()})


def request(rest: str = "", **changes: Any) -> CommandRequest:
    (command,) = parse_commands("/train", "/")
    command_request = CommandRequest(
        source=CommandSource(7, User("boss", "User", 12), "1", "", "issues/comments/1"),
        command=command,
        name="/train",
        rest=rest,
        written_at=WRITTEN,
    )
    return replace(command_request, **changes)


UPDATES = BranchUpdates("o/r", "topic", WRITTEN)
ANSWERS: dict[Question[Any], Any] = {
    CurrentPullRequest(7): PULL,
    ReopenedSince(7, WRITTEN): False,
    UserRole("boss"): Role("write", 12),
    UserRole("again"): Role("maintain", 13),
    UserRole("approver"): Role("admin", 14),
    TeamMembership("o/ml", "boss"): True,
    TeamMembership("o/ml", "again"): True,
    UPDATES: (BranchUpdate(HEAD, parse_time("2026-01-02T03:00:00Z"), 11),),
    FirstCheckSuite(HEAD, "topic"): "2026-01-02T03:04:04Z",
    Approvers(7, HEAD): (User("approver", "User", 14),),
    CommitChecks(HEAD, ""): CommitState({"lint": {1: "passed"}, "tests": {2: "passed", 3: "failed"}}),
    RequiredChecks("main"): (RequiredCheck("tests", 2),),
}


def decide_in_rounds(
    inputs: Inputs, request: CommandRequest, answers: dict[Question[Any], Any]
) -> tuple[Decision | AuthorizedCommand, list[set[Question[Any]]]]:
    """Answer round after round; returns the decision and the questions of each round."""
    facts: dict[Question[Any], Any] = {}
    rounds: list[set[Question[Any]]] = []
    while True:
        decision = decide(inputs, request, facts)
        if not isinstance(decision, OpenQuestions):
            return decision, rounds
        assert not set(decision.questions) & set(facts), "asked twice"
        rounds.append(set(decision.questions))
        facts |= {question: answers[question] for question in decision.questions}


EVERYTHING = inputs(allow_teams="o/ml", require_approval="true", require_checks="lint, required")


def test_an_ordinary_command_takes_two_rounds_of_questions() -> None:
    decision, rounds = decide_in_rounds(inputs(), request(), ANSWERS)
    assert isinstance(decision, AuthorizedCommand)
    assert rounds == [{CurrentPullRequest(7), UserRole("boss"), ReopenedSince(7, WRITTEN)}, {UPDATES}]


def test_a_pinned_command_takes_one_round_of_questions() -> None:
    decision, rounds = decide_in_rounds(inputs(), request(f"sha={HEAD}"), ANSWERS)
    assert isinstance(decision, AuthorizedCommand)
    assert rounds == [{CurrentPullRequest(7), UserRole("boss"), ReopenedSince(7, WRITTEN)}]


def test_all_questions_of_a_round_are_asked_together() -> None:
    decision, rounds = decide_in_rounds(EVERYTHING, request(rerun_by="again"), ANSWERS)
    assert isinstance(decision, AuthorizedCommand)
    assert rounds == [
        {
            CurrentPullRequest(7),
            ReopenedSince(7, WRITTEN),
            UserRole("boss"),
            UserRole("again"),
            TeamMembership("o/ml", "boss"),
            TeamMembership("o/ml", "again"),
        },
        {UPDATES, Approvers(7, HEAD), CommitChecks(HEAD, ""), RequiredChecks("main")},
        {UserRole("approver")},
    ]


@pytest.mark.parametrize(
    "unanswered", [question for question in ANSWERS if not isinstance(question, BranchUpdates | FirstCheckSuite)], ids=str
)
def test_any_missing_answer_is_a_denial(unanswered: Question[Any]) -> None:
    decision, rounds = decide_in_rounds(EVERYTHING, request(rerun_by="again"), ANSWERS | {unanswered: UNANSWERED})
    assert any(unanswered in asked for asked in rounds)
    assert isinstance(decision, Decision)
    assert decision.kind == "deny"


@pytest.mark.parametrize("first", [UNANSWERED, "", WRITTEN, "2026-01-02T03:04:06Z"])
def test_with_suites_and_without_activity_an_older_check_suite_is_required(first: object) -> None:
    answers = ANSWERS | {UPDATES: UNANSWERED}
    by_suites = inputs(head="suites")
    granted, _ = decide_in_rounds(by_suites, request(), answers)
    assert isinstance(granted, AuthorizedCommand)
    assert "'head: suites'" in granted.warnings[0]
    decision, _ = decide_in_rounds(by_suites, request(), answers | {FirstCheckSuite(HEAD, "topic"): first})
    assert isinstance(decision, Decision)
    assert decision.paste == f"/train sha={HEAD}"


def test_a_check_suite_does_not_overrule_the_activity() -> None:
    other = BranchUpdate("c" * 40, parse_time("2026-01-02T03:00:00Z"), 11)
    decision, rounds = decide_in_rounds(inputs(head="suites"), request(), ANSWERS | {UPDATES: (other,)})
    assert decision == Decision("head-not-seen", (), f"/train sha={HEAD}")
    assert len(rounds) == 2


def test_a_missing_role_ends_the_questions() -> None:
    decision, rounds = decide_in_rounds(EVERYTHING, request(), ANSWERS | {UserRole("boss"): Role("triage", 12)})
    assert isinstance(decision, Decision)
    assert (decision.reason, len(rounds)) == ("permission", 1)


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (PULL, None),
        (replace(PULL, state="closed"), "closed"),
        (replace(PULL, head=replace(PULL.head, sha="c" * 40)), "head-moved"),
        (replace(PULL, base=replace(PULL.base, ref="release")), "head-moved"),
        (replace(PULL, base=replace(PULL.base, sha="c" * 40)), None),
        (replace(PULL, draft=True), "head-moved"),
        (UNANSWERED, "pull-request-unknown"),
    ],
)
def test_a_change_while_the_decision_is_made_is_a_denial(now: PullRequest | Unknown, reason: str | None) -> None:
    decision = recheck(request(), PULL, now)
    assert (decision.reason if decision else None) == reason


@pytest.mark.parametrize(
    ("rest", "offered"),
    [
        ("", "/train sha=NEW"),
        ("a=1 b", "/train sha=NEW a=1 b"),
        ("sha=" + "0" * 40 + " a=1", "/train sha=NEW a=1"),
        ("a=1 --sha " + "0" * 40, "/train sha=NEW a=1"),
        ("-- x", "/train sha=NEW -- x"),
        ("note='sha=x'", "/train sha=NEW note='sha=x'"),
        ("--share 1", "/train sha=NEW --share 1"),
        ("sha=OLD", "/train sha=NEW"),
        ("  a=1   sha=OLD   b=2  ", "/train sha=NEW   a=1   b=2"),
        ("sha=OLD a=1 --sha=OLD b --sha OLD", "/train sha=NEW a=1 b"),
        ('msg="revert sha=deadbeef now"', '/train sha=NEW msg="revert sha=deadbeef now"'),
        ("msg='revert --sha deadbeef now'", "/train sha=NEW msg='revert --sha deadbeef now'"),
        ("msg=revert\\ sha=deadbeef\\ now", "/train sha=NEW msg=revert\\ sha=deadbeef\\ now"),
        ("x=1 -- sha=deadbeef", "/train sha=NEW x=1 -- sha=deadbeef"),
        ("sha=OLD -- --sha deadbeef y", "/train sha=NEW -- --sha deadbeef y"),
        ("x=sha=deadbeef xsha=deadbeef --x-sha deadbeef", "/train sha=NEW x=sha=deadbeef xsha=deadbeef --x-sha deadbeef"),
        ("SHA=deadbeef --Sha deadbeef", "/train sha=NEW SHA=deadbeef --Sha deadbeef"),
        ("'sha=OLD' a=1", "/train sha=NEW a=1"),
        ('a=1 sha="OLD"', "/train sha=NEW a=1"),
        ("s'h'a=O\\LD a=1", "/train sha=NEW a=1"),
        ("--no-sha a=1 --sha", "/train sha=NEW a=1"),
        ("--note sha=OLD", "/train sha=NEW --note"),
        ("sha=OLD=x y\\  sha=OLD", "/train sha=NEW y\\ "),
    ],
)
def test_the_offered_command_has_the_new_pin_once(rest: str, offered: str) -> None:
    assert pinned_command(request(rest), "NEW") == offered


@pytest.mark.parametrize(
    ("rest", "offered"),
    [
        ("--note sha=deadbeef sha=OLD", "/train sha=NEW --note sha=deadbeef"),
        ("--fast sha=OLD", "/train sha=NEW --fast"),
    ],
)
def test_the_value_of_a_declared_parameter_is_no_pin(rest: str, offered: str) -> None:
    (command,) = parse_commands("train: {params: {note: {}, fast: {type: bool}}}", "/")
    assert pinned_command(request(rest, command=command), "NEW") == offered


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_the_offered_command_differs_only_in_the_commit(rest: str) -> None:
    given_request = request(rest)
    try:
        before = parse_arguments(given_request)
    except ArgumentError:
        assert rest_without_pin(given_request) == rest
        return
    (line,) = grammar.find_commands(comment.read(pinned_command(given_request, "c" * 40)), "/")
    after = parse_arguments(request(line.rest))
    assert after.values(PIN) == ("c" * 40,)
    assert after.without(PIN) == before.without(PIN)


@pytest.mark.parametrize(
    ("rest", "line"),
    [
        ("run1 sha=" + "a" * 40 + " fast", "run1 fast"),
        ("x=1 -- sha=deadbeef", "x=1 -- sha=deadbeef"),
        ('msg="revert sha=deadbeef now"', 'msg="revert sha=deadbeef now"'),
        ("don't sha=OLD run", "don't run"),
        ("don't --sha OLD run --sha=OLD", "don't run"),
        ("don't -- sha=deadbeef", "don't -- sha=deadbeef"),
        ("don't xsha=deadbeef SHA=deadbeef", "don't xsha=deadbeef SHA=deadbeef"),
    ],
)
def test_a_pin_is_no_part_of_the_legacy_line(rest: str, line: str) -> None:
    assert rest_without_pin(request(rest, is_phrase=True)) == line


def test_a_phrase_whose_line_is_no_shell_line_can_be_pinned() -> None:
    decision, _ = decide_in_rounds(inputs(head="pinned"), request(f"don't wait sha={HEAD}", is_phrase=True), ANSWERS)
    assert isinstance(decision, AuthorizedCommand)
    assert decision.positional == ("don't", "wait")


def test_a_line_that_cannot_be_parsed_has_no_pin() -> None:
    assert rest_without_pin(request("'a sha=OLD")) == "'a sha=OLD"
