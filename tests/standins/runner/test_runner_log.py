"""What steps say to the runner in their log."""

from __future__ import annotations

import pytest

from mlops_sandbox.runner.log import JobLog


def test_a_value_is_masked_as_a_whole_and_line_by_line() -> None:
    log = JobLog()
    assert log.read("key abc") == ["key abc"]
    assert log.read("::add-mask::abc%0Adef") == []
    assert log.read("key abcdef and def") == ["key *** and ***"]
    assert log.read("::error title=abc::no def here") == ["Error: ***: no *** here"]
    assert log.annotations == [("error", "no *** here", "***")]


def test_the_longer_of_two_masked_values_is_replaced_first() -> None:
    log = JobLog()
    log.mask("abc")
    log.mask("abcdef")
    assert log.read("abcdef") == ["***"]


@pytest.mark.parametrize("value", ["", " ", "\n"])
def test_a_blank_mask_hides_nothing(value: str) -> None:
    log = JobLog()
    log.mask(value)
    assert log.read("a b") == ["a b"]


def test_an_empty_mask_is_refused_with_a_warning() -> None:
    log = JobLog()
    assert log.read("::add-mask::") == ["Warning: Can't add secret mask for empty string in ##[add-mask] command."]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain ::error::text", ["plain ::error::text"]),
        ("  ::warning file=a.py,line=3::careful%0Amore", ["Warning: careful", "more"]),
        ("::notice::fine", ["Notice: fine"]),
        ("::error title=a%3Ab%2Cc::d", ["Error: a:b,c: d"]),
        ("::group::Build", ["▸ Build"]),
        ("::endgroup::", []),
        ("::debug::hidden", []),
        ("::set-output name=a::b", []),
    ],
)
def test_log_commands_are_executed(line: str, shown: list[str]) -> None:
    assert JobLog().read(line) == shown


def test_stopped_commands_are_text_until_the_token_or_the_end_of_the_step() -> None:
    log = JobLog()
    assert log.read("::stop-commands::token") == []
    assert log.read("::add-mask::abc") == ["::add-mask::abc"]
    assert log.read("::token::") == []
    assert log.read("::add-mask::abc") == []
    log.read("::stop-commands::token")
    log.end_of_step()
    assert log.read("::notice::a") == ["Notice: a"]


def test_lines_of_a_group_are_indented() -> None:
    log = JobLog()
    lines = ["::group::Build", "one", "::endgroup::", "two", "::group::Push", "three"]
    assert [text for line in lines for text in log.read(line)] == ["▸ Build", "  one", "two", "▸ Push", "  three"]
    log.end_of_step()
    assert log.read("four") == ["four"]


def test_github_keeps_ten_annotations_of_a_kind_for_each_step_and_cuts_long_ones() -> None:
    log = JobLog()
    for number in range(12):
        log.read(f"::notice::{number}")
        log.read(f"::warning::{number}")
    log.end_of_step()
    log.read(f"::notice title=long::{'x' * 5000}")
    kept = [(one.level, len(one.message)) for one in log.annotations]
    assert (kept.count(("notice", 1)), kept.count(("warning", 1))) == (10, 10)
    assert kept[-1] == ("notice", 4096)
