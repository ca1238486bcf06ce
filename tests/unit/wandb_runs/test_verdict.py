"""The verdict as a table: what is asked and what is known → decision, exit code, check run, promotion, statement, mark.

Columns of a row, separated by blanks:

- gates: `-` none, `ok` all passed, `bad` one failed, `none` one has no baseline and `no-baseline: neutral` excuses it,
  `pass` and `part` all or one have none and `no-baseline: pass` lets them pass
- requirements: `-` none, `ok` all hold, `bad` one does not, `wait` one will hold once the runs have finished
- runs, one letter each: `f` finished, `r` running, `x` ended without success, and `F`, `R`, `X` the same of another commit
- how: `-`, or any of `n` (no finished run can be chosen: none has the metric of `select-by`), `p` (`partial: true`), `t`
  (the wait timed out), `m` (and there were fewer than `min-runs`), `u` (nobody answered which commits the baselines are of:
  the step ends with that error)
- data: `=` the same, `!` others than the baselines', `?` not known
- expected: gate, requirements, exit code, check run, promoted, stated, mark
"""

from __future__ import annotations

import pytest

from mlops_actions.wandb_runs.verdict.verdict import STATES, VerdictFacts, decide

TABLE = """
# Nothing was asked for: a report
-    -    f    -  ?  | none    none    0 neutral     no  yes 📊
-    -    f    -  =  | none    none    0 neutral     no  yes 📊
-    -    f    -  !  | none    none    0 neutral     no  no  ⚠️
-    -    ff   -  ?  | none    none    0 neutral     no  yes 📊
-    -    x    -  ?  | none    none    0 neutral     no  yes ⚪
-    -    .    -  ?  | none    none    0 neutral     no  yes ⚪
-    -    xx   -  ?  | none    none    0 neutral     no  yes ⚪
-    -    xF   -  ?  | none    none    0 neutral     no  yes ⚪
-    -    ff   n  ?  | none    none    0 neutral     no  yes ⚪
-    -    ff   n  !  | none    none    0 neutral     no  no  ⚠️
-    -    fr   np ?  | none    none    0 neutral     no  yes ⚪
-    -    F    -  ?  | none    none    0 neutral     no  yes ⚠️
-    -    fF   -  ?  | none    none    0 neutral     no  yes 📊
-    -    r    -  ?  | none    none    0 in_progress no  no  ⏳
-    -    fr   -  ?  | none    none    0 in_progress no  no  ⏳
-    -    fr   -  !  | none    none    0 in_progress no  no  ⚠️
-    -    fr   p  ?  | none    none    0 neutral     no  yes 📊
-    -    r    p  ?  | none    none    0 neutral     no  yes ⚪
-    -    fR   -  ?  | none    none    0 neutral     no  yes 📊
-    -    R    -  ?  | none    none    0 neutral     no  yes ⚠️
-    -    fr   t  ?  | none    none    5 in_progress no  no  ⏳
-    -    fr   tp ?  | none    none    0 neutral     no  yes 📊
-    -    f    tm ?  | none    none    5 timed_out   no  no  ⏳
-    -    f    tmp ? | none    none    5 timed_out   no  no  ⏳
-    -    .    tm ?  | none    none    5 timed_out   no  no  ⏳
# Gates
ok   -    f    -  ?  | passed  none    0 success     yes yes ✅
ok   -    f    -  =  | passed  none    0 success     yes yes ✅
ok   -    f    -  !  | passed  none    0 neutral     no  no  ⚠️
ok   -    fx   -  ?  | passed  none    0 success     yes yes ✅
ok   -    fF   -  ?  | passed  none    0 success     yes yes ✅
ok   -    fR   -  ?  | passed  none    0 success     yes yes ✅
ok   -    F    -  ?  | failed  none    1 failure     no  no  ❌
ok   -    FF   -  =  | failed  none    1 failure     no  no  ❌
ok   -    R    -  ?  | failed  none    1 failure     no  no  ❌
ok   -    X    p  ?  | failed  none    1 failure     no  no  ❌
bad  -    f    -  ?  | failed  none    1 failure     no  no  ❌
bad  -    f    -  =  | failed  none    1 failure     no  no  ❌
bad  -    f    -  !  | failed  none    1 failure     no  no  ❌
bad  -    x    -  ?  | failed  none    1 failure     no  no  ❌
bad  -    .    -  ?  | failed  none    1 failure     no  no  ❌
bad  -    F    -  ?  | failed  none    1 failure     no  no  ❌
ok   -    fr   -  ?  | pending none    5 in_progress no  no  ⏳
ok   -    fr   -  =  | pending none    5 in_progress no  no  ⏳
ok   -    fr   -  !  | pending none    5 in_progress no  no  ⏳
bad  -    fr   -  ?  | pending none    5 in_progress no  no  ⏳
bad  -    r    -  ?  | pending none    5 in_progress no  no  ⏳
bad  -    rF   -  ?  | pending none    5 in_progress no  no  ⏳
ok   -    fr   p  ?  | passed  none    0 success     yes yes ✅
ok   -    fr   p  !  | passed  none    0 neutral     no  no  ⚠️
bad  -    fr   p  ?  | failed  none    1 failure     no  no  ❌
bad  -    r    p  ?  | failed  none    1 failure     no  no  ❌
ok   -    fr   t  ?  | pending none    5 in_progress no  no  ⏳
ok   -    fr   tp ?  | passed  none    0 success     yes yes ✅
bad  -    fr   tp ?  | failed  none    1 failure     no  no  ❌
ok   -    f    t  ?  | passed  none    0 success     yes yes ✅
ok   -    f    tm ?  | pending none    5 timed_out   no  no  ⏳
ok   -    f    tmp ? | pending none    5 timed_out   no  no  ⏳
ok   -    fr   tmp ? | pending none    5 in_progress no  no  ⏳
bad  -    .    tm ?  | pending none    5 timed_out   no  no  ⏳
none -    f    -  ?  | neutral none    0 neutral     no  no  ⚪
none -    f    -  !  | neutral none    0 neutral     no  no  ⚠️
none -    fr   -  ?  | pending none    5 in_progress no  no  ⏳
none -    fr   p  ?  | neutral none    0 neutral     no  no  ⚪
none -    F    -  ?  | failed  none    1 failure     no  no  ❌
bad  -    ff   n  ?  | failed  none    1 failure     no  no  ❌
bad  -    xF   -  ?  | failed  none    1 failure     no  no  ❌
pass -    f    -  ?  | passed  none    0 success     yes yes ⚪
pass -    fx   -  ?  | passed  none    0 success     yes yes ⚪
pass -    fr   -  ?  | pending none    5 in_progress no  no  ⏳
pass -    fr   p  ?  | passed  none    0 success     yes yes ⚪
pass -    F    -  ?  | failed  none    1 failure     no  no  ❌
part -    f    -  ?  | passed  none    0 success     yes yes ✅
part -    fr   -  ?  | pending none    5 in_progress no  no  ⏳
ok   -    f    u  ?  | passed  none    0 failure     no  no  ⚠️
bad  -    f    u  ?  | failed  none    1 failure     no  no  ❌
ok   -    fr   u  ?  | pending none    5 in_progress no  no  ⏳
ok   -    fr   up ?  | passed  none    0 failure     no  no  ⚠️
-    ok   f    u  ?  | none    passed  0 failure     no  no  ⚠️
-    -    f    u  ?  | none    none    0 failure     no  no  ⚠️
# Requirements
-    ok   f    -  ?  | none    passed  0 success     yes yes ✅
-    ok   f    -  !  | none    passed  0 neutral     no  no  ⚠️
-    ok   F    -  ?  | none    failed  1 failure     no  no  ❌
-    ok   fr   -  ?  | none    pending 5 in_progress no  no  ⏳
-    ok   fr   p  ?  | none    passed  0 success     yes yes ✅
-    bad  f    -  ?  | none    failed  1 failure     no  no  ❌
-    bad  f    -  !  | none    failed  1 failure     no  no  ❌
-    bad  .    -  ?  | none    failed  1 failure     no  no  ❌
-    bad  fr   -  ?  | none    failed  1 in_progress no  no  ❌
-    bad  fr   p  ?  | none    failed  1 failure     no  no  ❌
-    bad  fr   t  ?  | none    failed  5 in_progress no  no  ❌
-    wait fr   -  ?  | none    pending 5 in_progress no  no  ⏳
-    wait r    -  ?  | none    pending 5 in_progress no  no  ⏳
-    wait r    p  ?  | none    failed  1 failure     no  no  ❌
-    wait r    t  ?  | none    pending 5 in_progress no  no  ⏳
-    ok   x    -  ?  | none    failed  1 failure     no  no  ❌
-    ok   xx   -  =  | none    failed  1 failure     no  no  ❌
-    ok   .    -  ?  | none    failed  1 failure     no  no  ❌
-    ok   xF   -  ?  | none    failed  1 failure     no  no  ❌
-    ok   ff   n  ?  | none    failed  1 failure     no  no  ❌
-    ok   ff   n  !  | none    failed  1 failure     no  no  ❌
-    ok   fr   n  ?  | none    pending 5 in_progress no  no  ⏳
-    ok   fr   np ?  | none    failed  1 failure     no  no  ❌
-    ok   r    -  ?  | none    pending 5 in_progress no  no  ⏳
-    ok   r    p  ?  | none    failed  1 failure     no  no  ❌
-    ok   xr   p  ?  | none    failed  1 failure     no  no  ❌
-    ok   r    tp ?  | none    failed  1 failure     no  no  ❌
-    ok   x    t  ?  | none    failed  1 failure     no  no  ❌
-    ok   x    tm ?  | none    pending 5 timed_out   no  no  ⏳
-    ok   x    u  ?  | none    failed  1 failure     no  no  ❌
-    bad  x    -  ?  | none    failed  1 failure     no  no  ❌
-    ok   f    tm ?  | none    pending 5 timed_out   no  no  ⏳
# Both
ok   ok   f    -  ?  | passed  passed  0 success     yes yes ✅
ok   ok   f    -  =  | passed  passed  0 success     yes yes ✅
ok   ok   f    -  !  | passed  passed  0 neutral     no  no  ⚠️
ok   ok   F    -  ?  | failed  failed  1 failure     no  no  ❌
ok   ok   fr   -  ?  | pending pending 5 in_progress no  no  ⏳
ok   bad  f    -  ?  | passed  failed  1 failure     no  no  ❌
ok   bad  fr   -  ?  | pending failed  1 in_progress no  no  ❌
ok   wait fr   -  ?  | pending pending 5 in_progress no  no  ⏳
bad  ok   f    -  ?  | failed  passed  1 failure     no  no  ❌
bad  ok   fr   -  ?  | pending pending 5 in_progress no  no  ⏳
bad  bad  f    -  ?  | failed  failed  1 failure     no  no  ❌
bad  ok   x    -  ?  | failed  failed  1 failure     no  no  ❌
bad  ok   r    p  ?  | failed  failed  1 failure     no  no  ❌
bad  ok   ff   n  ?  | failed  failed  1 failure     no  no  ❌
pass ok   f    -  ?  | passed  passed  0 success     yes yes ⚪
pass bad  f    -  ?  | passed  failed  1 failure     no  no  ❌
pass ok   fr   -  ?  | pending pending 5 in_progress no  no  ⏳
part ok   f    -  ?  | passed  passed  0 success     yes yes ✅
none ok   f    -  ?  | neutral passed  0 neutral     no  no  ⚪
none bad  f    -  ?  | neutral failed  1 failure     no  no  ❌
none ok   fr   -  ?  | pending pending 5 in_progress no  no  ⏳
"""

ROWS = [line for line in TABLE.strip().splitlines() if not line.startswith("#")]
DATA = {"=": True, "!": False, "?": None}


def facts_of(given: str, **more: bool) -> VerdictFacts:
    gates, requirements, runs, how, data = given.split()
    return VerdictFacts(
        gates=0 if gates == "-" else 2,
        failed_gates=int(gates == "bad"),
        neutral_gates=int(gates == "none"),
        excused_gates={"pass": 2, "part": 1}.get(gates, 0),
        requirements=0 if requirements == "-" else 2,
        unmet_requirements=int(requirements in ("bad", "wait")),
        waiting_requirements=int(requirements == "wait"),
        candidates=len(runs.strip(".")),
        running=runs.count("r"),
        contradicted=sum(run.isupper() for run in runs),
        is_judged="f" in runs and "n" not in how,
        same_data=DATA[data],
        partial="p" in how,
        timed_out="t" in how,
        too_few="m" in how,
        baselines_unknown="u" in how,
        **more,
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " ".join(row.partition("|")[0].split()))
def test_the_row(row: str) -> None:
    given, _, expected = row.partition("|")
    verdict = decide(facts_of(given))
    flags = ["yes" if flag else "no" for flag in (verdict.promotes, verdict.attests)]
    decided = [verdict.gate, verdict.requirements, str(verdict.exit_code), verdict.check, *flags, verdict.mark]
    assert decided == expected.split()


def test_the_table_is_large_and_has_no_row_twice() -> None:
    given = [tuple(row.partition("|")[0].split()) for row in ROWS]
    assert len(set(given)) == len(given) >= 130


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " ".join(row.partition("|")[0].split()))
def test_what_holds_for_every_verdict(row: str) -> None:
    facts = facts_of(row.partition("|")[0])
    verdict = decide(facts)
    assert {verdict.gate, verdict.requirements, verdict.state} <= set(STATES)
    if verdict.promotes:
        assert verdict.exit_code == 0
        assert facts.same_data is not False
    if verdict.attests:
        assert facts.same_data is not False
    if verdict.mark == "✅":
        assert verdict.check == "success"
        assert facts.same_data is not False
        assert facts.contradicted < facts.candidates
        assert facts.gates > facts.excused_gates or (facts.requirements and not facts.gates)
    if verdict.promotes or verdict.mark == "✅" or verdict.check == "success":
        assert facts.is_judged
    if not facts.is_judged:
        assert "passed" not in (verdict.gate, verdict.requirements)
    if verdict.check == "success":
        assert verdict.promotes
    if facts.running and not facts.partial:
        assert (verdict.check, verdict.promotes, verdict.attests) == ("in_progress", False, False)


def test_a_judged_run_of_another_commit_is_never_promoted_and_gets_no_tick() -> None:
    """The selection keeps such runs from being judged; the verdict does not rely on it."""
    verdict = decide(facts_of("ok ok fF - =", judged_contradicted=True))
    assert (verdict.promotes, verdict.check, verdict.mark) == (False, "neutral", "⚠️")
