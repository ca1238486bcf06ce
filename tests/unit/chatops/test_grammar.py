"""The command language."""

from __future__ import annotations

import contextlib
import shlex

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlops_actions.chatops import comment, grammar
from mlops_actions.chatops.grammar import ArgumentError, CommandLine, Option

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("/train", [CommandLine("train", "")]),
        ("/train lr=3e-4 ", [CommandLine("train", "lr=3e-4")]),
        ("Looks good.\r\n\t/train\u00a0lr=1\r\nThanks", [CommandLine("train", "lr=1")]),
        ("/trainer", [CommandLine("trainer", "")]),
        ("please /train", []),
        ("- /train", []),
        ("# /train", []),
        ("/ train", []),
        ("/", []),
        ("//train", [CommandLine("/train", "")]),
        ("`/train`", []),
        ("/train `a`", [CommandLine("train", "`a`")]),
        ("/train <!-- env=prod -->", [CommandLine("train", "")]),
        ("<!-- a --> /train", []),
        ("/a\n/b", [CommandLine("a", ""), CommandLine("b", "")]),
        ("> /train\n\n/deploy", [CommandLine("deploy", "")]),
        ("/train::error::x", [CommandLine("train::error::x", "")]),
    ],
)
def test_commands_are_found(body: str, lines: list[CommandLine]) -> None:
    assert grammar.find_commands(comment.read(body), "/") == lines


@pytest.mark.parametrize(
    ("body", "rest"),
    [
        ("I think we should /deploy run1 now", "run1 now"),
        ("/deploy a then /deploy b", "b"),
        ("/deploy a\n/deploy", ""),
        ("/deployment", None),
        ("x/deploy", None),
        ("> /deploy", None),
        ("`/deploy`", None),
        ("```\n/deploy\n```", None),
    ],
)
def test_the_legacy_phrase_may_stand_anywhere(body: str, rest: str | None) -> None:
    parsed = grammar.find_last_phrase(body, "/deploy")
    assert (parsed.rest if parsed else None) == rest


def test_a_phrase_of_several_words_may_be_any_text() -> None:
    assert grammar.find_last_phrase("ok, ship (it)  now: fast", "ship (it) now:") == CommandLine("ship (it) now:", "fast")


@pytest.mark.parametrize(
    ("rest", "options", "positional"),
    [
        ("", [], []),
        ("lr=3e-4", [Option("lr", "3e-4")], []),
        ("--lr 3e-4 x", [Option("lr", "3e-4")], ["x"]),
        ("--lr=3e-4", [Option("lr", "3e-4")], []),
        ("--lr -3", [Option("lr", "-3")], []),
        ("--fast", [Option("fast", "true", bare=True)], []),
        ("--no-fast", [Option("fast", "false", bare=True)], []),
        ("--fast --lr 1", [Option("fast", "true", bare=True), Option("lr", "1")], []),
        ("--fast lr=1", [Option("fast", "true", bare=True), Option("lr", "1")], []),
        ("a b", [], ["a", "b"]),
        ("a -- b=c --d", [], ["a", "b=c", "--d"]),
        ("'a b' \"c d\" e\\ f", [], ["a b", "c d", "e f"]),
        ("note='it is'", [Option("note", "it is")], []),
        ("a=1 a=2", [Option("a", "1"), Option("a", "2")], []),
        ("a=", [Option("a", "")], []),
        ("a=b=c", [Option("a", "b=c")], []),
        ("http://x/?a=b", [], ["http://x/?a=b"]),
        ("$HOME `id` $(id) *.py # a", [], ["$HOME", "`id`", "$(id)", "*.py", "#", "a"]),
        ("a\u00a0b\u2003c", [], ["a", "b", "c"]),
        ("''", [], [""]),
        ("=x", [], ["=x"]),
        ("-x", [], ["-x"]),
    ],
)
def test_arguments_are_parsed(rest: str, options: list[Option], positional: list[str]) -> None:
    parsed = grammar.parse_arguments(rest)
    assert (list(parsed.options), list(parsed.positional)) == (options, positional)


def test_a_declared_switch_takes_no_word_but_true_or_false() -> None:
    switches = {"fast": True, "no_cache": True, "lr": False}
    parsed = grammar.parse_arguments("--fast digits --no-cache --fast false --lr a=b --no-fast", switches)
    assert parsed.positional == ("digits",)
    assert [(option.name, option.value) for option in parsed.options] == [
        ("fast", "true"),
        ("no-cache", "true"),
        ("fast", "false"),
        ("lr", "a=b"),
        ("fast", "false"),
    ]


@pytest.mark.parametrize("rest", ["'a", 'a "b', "a\\", "--=x", "---", "--é=x'"])
def test_an_argument_error_gives_the_cause(rest: str) -> None:
    with pytest.raises(ArgumentError, match=r"quote|option|backslash"):
        grammar.parse_arguments(rest)


@given(WORDS)
def test_any_text_parses_or_is_an_argument_error(rest: str) -> None:
    with contextlib.suppress(ArgumentError):
        grammar.parse_arguments(rest)


@given(st.lists(WORDS, max_size=6))
def test_quoted_words_are_restored(words: list[str]) -> None:
    quoted = " ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words)
    assert list(grammar.parse_arguments("-- " + quoted).positional) == words


@settings(max_examples=500)
@given(
    st.lists(st.sampled_from(["a", "b=c", "'", '"', "\\", " ", "\t", "\u2003", "#", "--", "é", "\n"]), max_size=12).map(
        "".join
    )
)
@example('\'a\\\' "b\\c\\\\\\""d\\ e')
def test_quoting_is_that_of_the_shell(line: str) -> None:
    """Python's own reader of shell lines is the reference; it does not say where in the line a word stands."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace = "".join(sorted({character for character in line if character.isspace()}))
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        expected = list(lexer)
    except ValueError:
        with pytest.raises(ArgumentError, match=r"a quote is not closed|ends in a backslash"):
            grammar.parse_arguments(f"-- {line}")
    else:
        assert list(grammar.parse_arguments(f"-- {line}").positional) == expected


def test_an_option_has_its_position_in_the_line() -> None:
    line = "a=1  --b 'c d' x --no-e --f"
    assert [line[option.begin : option.end] for option in grammar.parse_arguments(line).options] == [
        "a=1",
        "--b 'c d'",
        "--no-e",
        "--f",
    ]
