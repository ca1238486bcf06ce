"""The notice that records an accepted command: what is written is read again, and nothing else is."""

from __future__ import annotations

import pytest

from mlops_actions.core.command_notice import BY_HAND, BY_LABEL, TITLE, CommandNotice, parse

SHA = "0123456789abcdef0123456789abcdef01234567"

WRITTEN = {
    "a comment": (CommandNotice("/train", 12, SHA, "issues/comments/4711"), f"/train on #12, commit {SHA}, comment 4711"),
    "a review comment": (CommandNotice("/a", 1, SHA, "pulls/comments/9"), f"/a on #1, commit {SHA}, review comment 9"),
    "a review": (CommandNotice("/a", 1, SHA, "reviews/9"), f"/a on #1, commit {SHA}, review 9"),
    "a label": (CommandNotice("/a", 1, SHA, BY_LABEL), f"/a on #1, commit {SHA}, by label"),
    "a dispatch": (CommandNotice("/a", 1, SHA, BY_HAND), f"/a on #1, commit {SHA}, by hand"),
    "a lock": (CommandNotice("/a", 1, SHA, BY_LABEL, "gpu:a/b"), f"/a on #1, commit {SHA}, by label, lock gpu:a/b"),
    "a phrase": (CommandNotice("train it, on #2", 1, SHA, BY_HAND), f"train it, on #2 on #1, commit {SHA}, by hand"),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_notice_is_written_and_read_again(kind: str) -> None:
    notice, text = WRITTEN[kind]
    assert notice.text == text
    assert parse(TITLE, text) == notice


GOOD = f"/train on #12, commit {SHA}, comment 4711"
NOT_A_NOTICE = {
    "another title": ("chatops", GOOD),
    "a short commit": (TITLE, GOOD.replace(SHA, SHA[:12])),
    "an upper-case commit": (TITLE, GOOD.replace(SHA, SHA.upper())),
    "text before it": (TITLE, f"\n{GOOD}"),
    "text after it": (TITLE, f"{GOOD}, or not"),
    "a second line": (TITLE, f"{GOOD}\n{GOOD}"),
    "no pull request": (TITLE, GOOD.replace("#12", "#0")),
    "other digits": (TITLE, GOOD.replace("4711", "٤٧١١")),
    "no source": (TITLE, GOOD.removesuffix(", comment 4711")),
    "another source": (TITLE, GOOD.replace("comment", "issue")),
    "a lock with blanks": (TITLE, f"{GOOD}, lock a b"),
    "a long name": (TITLE, GOOD.replace("/train", "x" * 300)),
    "nothing": (TITLE, ""),
}


@pytest.mark.parametrize("kind", NOT_A_NOTICE)
def test_what_is_no_notice_is_not_read(kind: str) -> None:
    assert parse(*NOT_A_NOTICE[kind]) is None


def test_a_name_of_several_lines_stays_on_one() -> None:
    notice = CommandNotice("train\n  it " + "x" * 300, 1, SHA, BY_HAND)
    assert "\n" not in notice.text
    assert parse(TITLE, notice.text) is not None
