"""The verdict on the candidates, decided once: the output `gate`, the exit code, the check run, promotion, statement, mark.

No other module combines gates, requirements and the states of the runs.

A verdict is open while a candidate still runs (unless `partial` asks to judge what has finished), and where a wait ended
with fewer candidates than asked for. An open verdict has no effect that a later one could not undo: nothing is promoted, no
statement is written, and the check run stays in progress.
"""

from __future__ import annotations

from dataclasses import dataclass

PASSED, FAILED, PENDING, NEUTRAL, NOT_ASKED = "passed", "failed", "pending", "neutral", "none"
STATES = (PASSED, FAILED, PENDING, NEUTRAL, NOT_ASKED)
ATTESTED = (PASSED, NOT_ASKED)  # the states that a statement may be written in

# The conclusions of GitHub's check runs, and the status of one that has none yet.
SUCCESS, FAILURE, INDIFFERENT, OUT_OF_TIME, IN_PROGRESS = "success", "failure", "neutral", "timed_out", "in_progress"

_MARKS = {FAILED: "❌", PENDING: "⏳", NEUTRAL: "⚪", PASSED: "✅"}
_DOUBTFUL_MARK, _EMPTY_MARK, _REPORT_MARK = "⚠️", "⚪", "📊"
DONE, WORK_FAILED, NOT_ENDED = 0, 1, 5


@dataclass(frozen=True, kw_only=True)
class VerdictFacts:
    """What a verdict is decided from: numbers of gates, requirements and candidates, and answers of yes or no.

    `neutral_gates` are gates without a baseline that `no-baseline: neutral` excuses, and `excused_gates` those that
    `no-baseline: pass` lets through: neither was judged. `is_judged` says that there is a finished candidate of which gates
    and requirements can tell something. `waiting_requirements` are those of
    `unmet_requirements` that hold as soon as the running candidates have finished. `contradicted` candidates are of another
    commit: they are no candidates, and none of them counts as `running`. `judged_contradicted` says that one of them was
    judged all the same. `too_few` says that a wait ended with fewer candidates than `min-runs`, and
    `baselines_unknown` that nobody answered which commits the baselines are of: the step fails with that error.
    """

    gates: int = 0
    failed_gates: int = 0
    neutral_gates: int = 0
    excused_gates: int = 0
    requirements: int = 0
    unmet_requirements: int = 0
    waiting_requirements: int = 0
    candidates: int = 0
    running: int = 0
    contradicted: int = 0
    is_judged: bool = False
    judged_contradicted: bool = False
    same_data: bool | None = None
    baselines_unknown: bool = False
    partial: bool = False
    timed_out: bool = False
    too_few: bool = False


@dataclass(frozen=True)
class Verdict:
    """The decision and everything that follows from it.

    `gate` and `requirements` are the outputs, `state` is the decision on both (each one of STATES). `is_open` says that the
    decision is still to come. `check` is the conclusion of the check run, or `in_progress`. `mark` begins the first line.
    """

    gate: str
    requirements: str
    state: str
    is_open: bool
    is_doubtful: bool
    exit_code: int
    check: str
    promotes: bool
    attests: bool
    mark: str


def decide(facts: VerdictFacts) -> Verdict:
    """Decide once. What is not known to hold has not passed."""
    is_open = facts.too_few or (facts.running > 0 and not facts.partial)
    all_contradicted = 0 < facts.candidates <= facts.contradicted
    is_judged = facts.is_judged and not all_contradicted
    gate = _gate(facts, is_open=is_open, is_judged=is_judged)
    requirements = _requirements(facts, is_open=is_open, is_judged=is_judged)
    state = next((one for one in (FAILED, PENDING, NEUTRAL, PASSED) if one in (gate, requirements)), NOT_ASKED)
    is_certain = not (facts.judged_contradicted or facts.baselines_unknown)
    is_doubtful = not is_certain or all_contradicted or facts.same_data is False
    return Verdict(
        gate=gate,
        requirements=requirements,
        state=state,
        is_open=is_open,
        is_doubtful=is_doubtful,
        exit_code=_exit_code(facts, state, is_open=is_open),
        check=_check(facts, state, is_open=is_open, is_doubtful=is_doubtful),
        # A number on other data says nothing about which model is better, whatever the gates make of it.
        promotes=state == PASSED and not is_open and is_certain and facts.same_data is not False,
        attests=state in ATTESTED and not is_open and not facts.baselines_unknown and facts.same_data is not False,
        mark=_mark(facts, state, is_open=is_open, is_doubtful=is_doubtful),
    )


def _gate(facts: VerdictFacts, *, is_open: bool, is_judged: bool) -> str:
    if not facts.gates:
        return NOT_ASKED
    if is_open:
        return PENDING
    if facts.failed_gates or not is_judged:
        return FAILED
    return NEUTRAL if facts.neutral_gates else PASSED


def _requirements(facts: VerdictFacts, *, is_open: bool, is_judged: bool) -> str:
    if not facts.requirements:
        return NOT_ASKED
    # Waiting mends "run x is running"; it does not mend another commit or uncommitted changes.
    if facts.unmet_requirements > (facts.waiting_requirements if is_open else 0):
        return FAILED
    # What holds of runs that crashed, or of which none could be chosen, accepts no run.
    if not (is_open or is_judged):
        return FAILED
    return PENDING if is_open else PASSED


def _exit_code(facts: VerdictFacts, state: str, *, is_open: bool) -> int:
    # Whoever waits asked for runs that have ended, also without a gate.
    if is_open and (facts.timed_out or state == PENDING):
        return NOT_ENDED
    return WORK_FAILED if state == FAILED else DONE


def _check(facts: VerdictFacts, state: str, *, is_open: bool, is_doubtful: bool) -> str:
    if is_open:
        return IN_PROGRESS if facts.running else OUT_OF_TIME
    if state == FAILED or facts.baselines_unknown:
        return FAILURE
    # GitHub draws a success as a green tick, which says more than a doubtful verdict may.
    return SUCCESS if state == PASSED and not is_doubtful else INDIFFERENT


def _mark(facts: VerdictFacts, state: str, *, is_open: bool, is_doubtful: bool) -> str:
    if state in (FAILED, PENDING):
        return _MARKS[state]
    if is_doubtful:
        return _DOUBTFUL_MARK
    # Without a baseline no gate has passed: it was let through.
    if facts.gates and facts.excused_gates == facts.gates:
        return _EMPTY_MARK
    if state != NOT_ASKED:
        return _MARKS[state]
    if is_open:
        return _MARKS[PENDING]
    return _REPORT_MARK if facts.is_judged else _EMPTY_MARK
