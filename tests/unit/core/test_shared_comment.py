"""One comment that several jobs, steps and workflows write: who replaces whom, what is folded, the headline, the limit."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from typing import Any

import pytest
from markdown_it import MarkdownIt

from mlops_actions.core import markdown, sticky
from mlops_actions.core.section import CommentSection as Section

TAG = "mlops"


def leg(name: str, *, job: str = "", step: str = "", workflow: str = "w1", attempt: int = 1, matrix: bool = True) -> Section:
    identity = re.sub(r"\W", "", name)
    return Section(
        key=f"k{identity}{job}{step}", leg=f"l{identity}{job}", workflow=workflow, title=f"Train · {name}{step}",
        in_matrix=matrix, attempt=attempt,
    )  # fmt: skip


def named(name: str, *, attempt: int = 1) -> Section:
    """The section of a call of a reusable workflow, whose jobs have the same names in each call."""
    return Section(f"n{name}", "l1", "w1", name, is_named=True, attempt=attempt)


A, B = leg("a"), leg("b")
TRAIN, REPORT = leg("x", job="train", matrix=False), leg("x", job="report", matrix=False)
OTHER = leg("o", workflow="w2", matrix=False)


@dataclass(frozen=True)
class Write:
    """One step writes: its section, its text, its run, and whether it is a report."""

    section: Section
    text: str
    run: str = "10"
    keep: bool = True

    def on(self, before: str) -> str:
        return sticky.compose(
            TAG, self.text, before=before, run=self.run, keep=self.keep, day="2026-03-01", section=self.section
        )


def progress(section: Section, text: str, run: str = "10") -> Write:
    return Write(section, text, run, keep=False)


def comment_of(*writes: Write) -> str:
    comment = ""
    for write in writes:
        comment = write.on(comment)
    return comment


def is_same(one: str, other: str) -> bool:
    return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()


def shown(comment: str) -> str:
    """Return the comment without its folded reports."""
    return comment.partition("<!-- mlops-actions-earlier -->")[0]


def folds(comment: str) -> list[str]:
    return re.findall(r"<summary>(.*)</summary>", comment)


OK_A, OK_B = Write(A, "### ✅ A passed\n\nnumbers of a"), Write(B, "### ✅ B passed\n\nnumbers of b")
BAD_B = Write(B, "### ❌ Gates failed\n\nnumbers of b")

# name, writes, texts that stand in the shown part, texts that do not, titles of the folds
CASES: list[tuple[str, list[Write], list[str], list[str], list[str]]] = [
    ("one section looks as it always did", [OK_A], ["### ✅ A passed"], ["Train · a**", "reports"], []),
    ("two legs", [OK_A, OK_B], ["numbers of a", "numbers of b", "### ✅ All 2 reports passed"], [], []),
    ("a leg writes again", [OK_A, OK_B, Write(A, "### ✅ again")], ["again", "numbers of b"], ["numbers of a"], []),
    ("a failed leg", [OK_A, BAD_B], ["### ❌ 1 of 2 reports failed", "numbers of a"], [], []),
    ("a failed leg that passes later", [OK_A, BAD_B, OK_B], ["### ✅ All 2 reports passed"], ["❌"], []),
    ("a leg that still runs", [OK_A, progress(B, "🏃 **Workflow b**")], ["### ⏳ 1 of 2 reports not decided yet"], [], []),
    ("failed is more than running", [BAD_B, progress(A, "🏃 runs")], ["### ❌ 1 of 2 reports failed"], [], []),
    ("a doubtful one", [OK_A, Write(B, "### ⚠️ passed, but data differ")], ["### ⚠️ 1 of 2 reports doubtful"], [], []),
    ("no verdict", [OK_A, Write(B, "### 📊 2 runs finished")], ["### 📊 2 reports"], [], []),
    ("progress of two legs", [progress(A, "🏃 a"), progress(B, "🏃 b")], ["🏃 a", "🏃 b", "⏳ 2 of 2"], [], []),
    (
        "progress is replaced by its own leg",
        [progress(A, "🏃 a"), progress(B, "🏃 b"), OK_A], ["🏃 b", "numbers of a"], ["🏃 a"], [],
    ),
    ("progress again", [progress(A, "🏃 a1"), progress(B, "🏃 b"), progress(A, "🏃 a2")], ["🏃 a2", "🏃 b"], ["🏃 a1"], []),
    (
        "another job's progress becomes the report",
        [progress(TRAIN, "✅ **Workflow**"), Write(REPORT, "### ✅ R")], ["### ✅ R"], ["Workflow"], [],
    ),
    (
        "a failed workflow stays beside the report of another job",
        [progress(TRAIN, "❌ **Workflow failed**"), Write(REPORT, "### ✅ R")],
        ["Workflow failed", "❌ 1 of 2", "### ✅ R"], [], [],
    ),
    (
        "a failed workflow of the same job becomes the report",
        [progress(leg("a", step="1"), "❌ **Workflow failed**"), Write(A, "### ✅ R")],
        ["### ✅ R"], ["Workflow failed"], [],
    ),
    (
        "the report of a job with its own progress leaves that of others",
        [progress(TRAIN, "🏃 t"), progress(replace(REPORT, key="k1"), "🏃 r"), Write(REPORT, "### ✅ R")],
        ["🏃 t", "### ✅ R"], ["🏃 r"], [],
    ),
    (
        "two steps of a job",
        [OK_A, Write(leg("a", step="2"), "### ❌ second")], ["numbers of a", "second", "❌ 1 of 2"], [], [],
    ),
    (
        "later steps of a job leave its report",
        [OK_A, progress(leg("a", step="2"), "🏃 second"), Write(leg("a", step="3"), "### ✅ third")],
        ["numbers of a", "third"], ["second"], [],
    ),
    (
        "a new attempt of a job outdates the one before",
        [OK_A, OK_B, progress(leg("a", step="1", attempt=2), "🏃 again")], ["again", "numbers of b"], ["numbers of a"], [],
    ),
    ("two workflows", [OK_A, Write(OTHER, "### ❌ other", "11")], ["numbers of a", "other", "❌ 1 of 2"], [], []),
    (
        "a new run folds its own workflow, and no other",
        [OK_A, Write(OTHER, "### ❌ other", "11"), replace(OK_A, run="12", text="### ✅ new")],
        ["new", "other"], ["numbers of a"], ["2026-03-01: ✅ A passed"],
    ),
    (
        "the sections of a run are folded together",
        [OK_A, BAD_B, replace(OK_A, run="11", text="### ✅ new")],
        ["new"], ["numbers of a", "numbers of b", "reports"], ["2026-03-01: ❌ 1 of 2 reports failed"],
    ),
    (
        "a second leg of the new run folds nothing more",
        [OK_A, BAD_B, replace(OK_A, run="11", text="### ✅ new"), replace(OK_B, run="11", text="### ✅ newer")],
        ["### ✅ new", "### ✅ newer"], [], ["2026-03-01: ❌ 1 of 2 reports failed"],
    ),
    (
        "a slow run does not push a newer one aside",
        [replace(OK_A, run="11"), replace(BAD_B, run="9")], ["numbers of a"], ["numbers of b"], ["❌ Gates failed"],
    ),
    (
        "a run that somebody starts again is not slow",
        [replace(OK_A, run="11"), Write(replace(B, attempt=2), "### ✅ again", "9")],
        ["again"], ["numbers of a"], ["2026-03-01: ✅ A passed"],
    ),
    (
        "progress of an earlier run is dropped",
        [progress(A, "🏃 a"), progress(B, "🏃 b"), replace(OK_A, run="11")], ["numbers of a"], ["🏃"], [],
    ),
    (
        "a named section of two workflows is one",
        [Write(Section("n", "l1", "w1", "n"), "### ✅ one"), Write(Section("n", "l2", "w2", "n"), "### ✅ two", "11")],
        ["two"], ["one"], ["2026-03-01: ✅ one"],
    ),
    (
        "the report of a named section takes the place of its own progress",
        [progress(named("cnn"), "🏃 c"), progress(named("mlp"), "🏃 m"), Write(named("cnn"), "### ✅ C")],
        ["🏃 m", "### ✅ C", "⏳ 1 of 2"], ["🏃 c"], [],
    ),
    (
        "a named report that followed no progress leaves that of another name",
        [progress(named("mlp"), "🏃 m"), Write(named("cnn"), "### ✅ C")], ["🏃 m", "### ✅ C"], [], [],
    ),
    (
        "the next attempt of a named section leaves another name",
        [Write(named("mlp"), "### ✅ M"), progress(named("cnn", attempt=2), "🏃 c")], ["### ✅ M", "🏃 c"], [], [],
    ),
    (
        "progress without a name becomes the report that has one",
        [progress(TRAIN, "🏃 t"), Write(replace(TRAIN, key="n1", is_named=True), "### ✅ R")], ["### ✅ R"], ["🏃 t"], [],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("writes", "stands", "gone", "folded"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_comment(writes: list[Write], stands: list[str], gone: list[str], folded: list[str]) -> None:
    comment = comment_of(*writes)
    for text in stands:
        assert text in shown(comment)
    for text in gone:
        assert text not in shown(comment)
    assert folds(comment) == folded


@pytest.mark.parametrize("writes", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_the_last_writer_finds_its_text(writes: list[Write]) -> None:
    comment, last = comment_of(*writes), writes[-1]
    assert sticky.holds(comment, last.text, run=last.run, section=last.section)
    assert sticky.holds(comment.replace("\n", "\r\n"), last.text, run=last.run, section=last.section)
    assert not sticky.holds(comment_of(Write(A, "### ✅ x", "7")), last.text, run=last.run, section=leg("z", workflow="w9"))


@pytest.mark.parametrize("number", [2, 30, 256])
def test_a_text_that_is_cut_is_found_by_its_writer(number: int) -> None:
    writes = [Write(leg(f"({index})"), f"### ✅ leg {index}\n\n" + "row\n" * 16_000) for index in range(number)]
    comment = comment_of(*writes)
    for write in (writes[0], writes[-1]):
        assert sticky.holds(comment, write.text, run="10", section=write.section)
    changed = replace(writes[0], text="### ❌ leg 0")
    assert sticky.holds(comment, changed.text, run="10", section=changed.section) is False


@pytest.mark.parametrize("writes", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_writing_the_same_again_changes_nothing(writes: list[Write]) -> None:
    """A writer that reads its own text again knows by this that it stands."""
    comment = comment_of(*writes)
    assert is_same(writes[-1].on(comment), comment)
    assert is_same(writes[-1].on(comment.replace("\n", "\r\n").rstrip()), comment)


def test_the_order_of_the_sections_does_not_depend_on_who_writes_first() -> None:
    legs = [Write(leg(f"({number})"), f"### ✅ leg {number}") for number in (1, 2, 10)]
    comments = {comment_of(*order) for order in itertools.permutations(legs)}
    (comment,) = comments
    assert [comment.index(f"### ✅ leg {number}") for number in (1, 2, 10)] == sorted(
        comment.index(f"### ✅ leg {number}") for number in (1, 2, 10)
    )


def test_duplicates_of_a_comment_lose_no_section() -> None:
    merged = sticky.compose(
        TAG, "### ✅ C", before=comment_of(OK_A), run="10", keep=True, section=leg("c"), duplicates=[comment_of(OK_B)]
    )
    for text in ("numbers of a", "numbers of b", "### ✅ C", "All 3 reports passed"):
        assert text in merged


def test_the_limit_is_divided_fairly_and_every_verdict_stands() -> None:
    short = Write(leg("short"), "### ❌ short\n\nall of it")
    long = [
        Write(leg(f"l{index}"), f"### ✅ long {index}\n\n> ⚠️ doubt {index}\n\n" + "row\n" * 15_000) for index in range(4)
    ]
    comment = comment_of(*long, short)
    assert 60_000 < len(comment) <= markdown.COMMENT_LIMIT
    assert "all of it" in comment
    for index in range(4):
        assert f"### ✅ long {index}\n\n> ⚠️ doubt {index}\n" in comment
    assert comment.count("_Cut here: several reports share this comment") == 4
    sizes = [len(part) for part in comment.split("**Train · l")[1:]]
    assert max(sizes) < 1.2 * min(sizes)


@pytest.mark.parametrize("number", [40, 256])
def test_a_matrix_of_github_s_largest_size_keeps_every_verdict(number: int) -> None:
    comment = ""
    for index in range(number):
        mark = "❌" if index == 7 else "✅"
        text = f"### {mark} leg {index}\n\n" + "row\n" * 500
        section = leg(f"(model-with-a-long-name-{index}, {index})")
        comment = sticky.compose(
            TAG, text, before=comment, run="12345678901", keep=True, section=section, runs_url="https://x/"
        )
    assert len(comment) <= markdown.COMMENT_LIMIT
    assert f"❌ 1 of {number} reports failed" in comment
    assert len(re.findall(r"^- ", comment, re.MULTILINE)) == number
    assert sticky.number_of_parts(comment) == number


HOSTILE = "<!-- mlops-actions-run:9 report k/l/w/1 x -->\n--> <b>@team #1 </details>\n<!-- mlops-actions-earlier -->\n|`*"


def test_hostile_titles_and_texts_stay_text() -> None:
    section = replace(A, title=HOSTILE)
    comment = comment_of(Write(section, f"### ✅ mine\n{HOSTILE}\n<!-- mlops-actions-body -->"), OK_B)
    assert sticky.number_of_parts(comment) == 2
    assert is_same(OK_B.on(comment), comment)
    head = shown(comment)
    assert head.count("<!-- mlops-actions-run:") == 2
    assert head.count("<!-- mlops-actions-body -->") == 2
    html = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(head.partition("### ✅ mine")[0])
    assert "<b>" not in html
    assert not re.search(r"@team|#1\b", html)
    folded = comment_of(Write(section, "### ✅ mine"), OK_B, replace(OK_A, run="11"))
    assert len(folds(folded)) == 1


def test_a_comment_of_an_older_version_is_folded_by_the_next_report() -> None:
    before = f"{sticky.marker(TAG)}\n<!-- mlops-actions-run:9 -->\n### ✅ old\n"
    comment = OK_A.on(before)
    assert folds(comment) == ["2026-03-01: ✅ old"]


def test_the_headline_of_a_command_s_comment_is_that_of_all_sections() -> None:
    mark = sticky.CommandMark("10-1")
    comment = BAD_B.on(OK_A.on(sticky.command_comment(TAG, mark, "⏳ **`/train` is running.**")))
    assert sticky.headline(comment) == "❌ 1 of 2 reports failed"
    ended = sticky.command_comment(TAG, replace(mark, is_open=False), "✅ done", comment)
    assert sticky.headline(ended) == "❌ 1 of 2 reports failed"
    assert sticky.number_of_parts(ended) == 2
    assert sticky.command_mark(ended) == replace(mark, is_open=False)


def test_links_lead_to_the_run_of_each_section() -> None:
    given: dict[str, Any] = {"keep": True, "runs_url": "https://github.com/octo/digits/actions/runs/"}
    comment = sticky.compose(TAG, OK_A.text, run="10", section=A, **given)
    comment = sticky.compose(TAG, "### ✅ other", before=comment, run="11", section=OTHER, **given)
    assert "(https://github.com/octo/digits/actions/runs/10)" in comment
    assert "(https://github.com/octo/digits/actions/runs/11)" in comment


# The longest titles once they are quoted: a character can take 12 characters of the line.
TITLES = [
    "🔥" * 60,
    "é" * 60,
    "實驗 " * 30,
    "%" * 60,
    "<!-- mlops-actions-run:1 -->\n" * 4,
    "-->" * 20,
    "+ & / : = , ( )" * 4,
    "\x00\x1f",
]


@pytest.mark.parametrize("title", TITLES, ids=lambda title: ascii(title[:8]))
def test_a_section_of_any_title_keeps_its_place(title: str) -> None:
    comment = comment_of(Write(replace(A, title=title), "❌ of the title"), Write(B, "✅ of the other"))
    assert "❌ of the title" in comment
    assert comment.split("\n")[1] == "### ❌ 1 of 2 reports failed"
