"""What steps say to the runner: command files and log commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.boundary.runner import file_command
from mlops_actions.sandbox.runner.commands import CommandFileError, LogReader, read_pairs, unescape


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", {}),
        ("a=1\nb=\n", {"a": "1", "b": ""}),
        ("a=1\r\nb=2", {"a": "1", "b": "2"}),
        ("a=b<<c\n", {"a": "b<<c"}),
        ("a<<=\nx\n=\n", {"a": "x"}),
        ("a<<E\nx\n\n E\nE\nb=1\n", {"a": "x\n\n E", "b": "1"}),
        ("a<<E\nE\n", {"a": ""}),
        ("a=1\na=2\n", {"a": "2"}),
        ("a=x\u2028b=y\n", {"a": "x\u2028b=y"}),
    ],
)
def test_command_files(text: str, pairs: dict[str, str]) -> None:
    assert read_pairs(text) == pairs


@pytest.mark.parametrize("text", ["a", "=1", "<<E\nx\nE", "a<<\nx\n", "a<<E\nx\n"])
def test_command_files_that_the_runner_refuses(text: str) -> None:
    with pytest.raises(CommandFileError):
        read_pairs(text)


@given(st.dictionaries(st.from_regex(r"[a-z-]{1,9}", fullmatch=True), st.text().filter(lambda text: "\r" not in text)))
def test_what_the_actions_write_is_read_back(pairs: dict[str, str]) -> None:
    text = "".join(file_command(name, value) for name, value in pairs.items())
    assert read_pairs(text.encode("utf-8", "replace").decode()) == {
        name: value.encode("utf-8", "replace").decode() for name, value in pairs.items()
    }


def test_a_masked_value_is_hidden_from_then_on_in_whole_and_by_line() -> None:
    log = LogReader()
    assert log.read("key abc") == "key abc"
    assert log.read("::add-mask::abc%0Adef") is None
    assert log.read("key abcdef and def") == "key ****** and ***"
    assert log.read("::error title=abc::no def here") == "Error: ***: no *** here"
    assert log.annotations == [("error", "no *** here")]


def test_the_longer_of_two_masked_values_goes_first() -> None:
    log = LogReader()
    log.mask("abc")
    log.mask("abcdef")
    assert log.read("abcdef") == "***"


@pytest.mark.parametrize("value", ["", " ", "\n"])
def test_nothing_is_hidden_by_a_blank_mask(value: str) -> None:
    log = LogReader()
    log.mask(value)
    assert log.read("a b") == "a b"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain ::error::text", "plain ::error::text"),
        ("  ::warning file=a.py,line=3::careful%0Amore", "Warning: careful\nmore"),
        ("::notice::fine", "Notice: fine"),
        ("::error title=a%3Ab%2Cc::d", "Error: a:b,c: d"),
        ("::group::Build", "▸ Build"),
        ("::endgroup::", None),
        ("::debug::hidden", None),
        ("::set-output name=a::b", None),
    ],
)
def test_log_commands(line: str, shown: str | None) -> None:
    assert LogReader().read(line) == shown


def test_stopped_commands_are_text_until_the_token_and_no_longer_than_the_step() -> None:
    log = LogReader()
    assert log.read("::stop-commands::token") is None
    assert log.read("::add-mask::abc") == "::add-mask::abc"
    assert log.read("::token::") is None
    assert log.read("::add-mask::abc") is None
    log.read("::stop-commands::token")
    log.end_of_step()
    assert log.read("::notice::a") == "Notice: a"


@pytest.mark.parametrize(("escaped", "text"), [("%25", "%"), ("%250A", "%0A"), ("a%0D%0Ab", "a\r\nb"), ("%3A", "%3A")])
def test_unescaping(escaped: str, text: str) -> None:
    assert unescape(escaped) == text
