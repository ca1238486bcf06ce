"""The parameters below a command, repeated in a command to paste, and the time that reading them takes."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlops_actions.chatops import arguments_below, comment
from mlops_actions.chatops.arguments_below import Below
from mlops_actions.chatops.grammar import Option
from mlops_actions.chatops.parameters import Command, Parameter
from tests.support.counting import count_calls

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def below(text: str, command: Command) -> Below:
    return arguments_below.read(comment.read(f"/train\n{text}"), 0, command, "/")


@given(st.lists(TEXT, min_size=1, max_size=3))
@example(["a\nb", "<b>", "`x`"])
@example(["\u2028", "\x7f", "\ufeff"])
@example(["~", "null", "- a", "3e-4", "-5", "é", "a: b", " # c", "[x]", "![a](b)"])
def test_repeated_parameters_have_the_same_values(values: list[str]) -> None:
    given_values = Below(tuple((2, Option("x", value)) for value in values))
    read = below("\n".join(given_values.lines_without("sha")), Command("train"))
    assert [option.value for _, option in read.options] == values
    assert read.problems == ()


DECLARED = Command("train", parameters=(Parameter("lr", "float"), Parameter("epochs", "int")))


@pytest.mark.parametrize("command", [Command("train"), DECLARED], ids=["free", "declared"])
@pytest.mark.parametrize(
    "piece",
    [
        *(
            "a",
            "a:",
            "a: ",
            "lr: 1\n",
            "x\nlr: 1\n",
            "- ",
            "**a",
            "__",
            "`a",
            "``",
            "a=",
            "--a ",
            "a = ",
            "“",
            "a:\u00a0",
            "{a",
            "[",
            "\n",
        ),
        *(
            "```\nlr: 1\n```\n",
            "```\nx\n```\n",
            "    lr: 1\n",
            "lr: [",
            "lr: '",
            "lr: a: b\n",
            "<b>\n",
            "a: &x *x !y\n",
            "lr: “- ",
        ),
    ],
)
def test_time_is_linear(piece: str, command: Command) -> None:
    def cost(size: int) -> int:
        return count_calls(lambda: below((piece * size)[:size], command))

    cost(100)  # patterns are compiled where they are first used
    assert cost(16_000) < 3 * cost(8_000) + 3_000
