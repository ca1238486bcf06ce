"""The expression language against what GitHub documents of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_sandbox.runner.expressions import ExpressionError, Scope, Status, Value, split, to_text

CONTEXTS: dict[str, Value] = {
    "github": {"event": {"issue": {"number": 7, "pull_request": {}}, "comment": {"body": "/train lr=1"}}, "sha": "abc"},
    "steps": {"docker-publish": {"outputs": {"ref": "r/n@sha256:0", "Params": '{"lr": 0.5, "tags": ["a", "B"]}'}}},
    "vars": {"REGISTRY": ""},
    "needs": {},
}


def scope(**status: bool) -> Scope:
    return Scope(CONTEXTS, Status(**status))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("null", None),
        ("true", True),
        ("'it''s'", "it's"),
        ("-1.5e2", -150.0),
        ("0xff", 255.0),
        ("github.sha", "abc"),
        ("GitHub.SHA", "abc"),
        ("github['sha']", "abc"),
        ("github.event.issue.number", 7),
        ("github.nothing.at.all", None),
        ("github.sha.length", None),
        ("steps.docker-publish.outputs.ref", "r/n@sha256:0"),
        ("vars.REGISTRY || 'ghcr.io'", "ghcr.io"),
        ("'x' && 'y'", "y"),
        ("'' && 'y'", ""),
        ("false || true && false", False),
        ("!(true && false)", True),
        ("!!'a'", True),
        ("'ABC' == 'abc'", True),
        ("'1' == 1", True),
        ("'' == 0", True),
        ("null == 0", True),
        ("null == ''", True),
        ("'0x10' == 16", True),
        ("'word' == 0", False),
        ("true == '1'", True),
        ("NaN == NaN", False),
        ("github == github", True),
        ("github == 'Object'", False),
        ("1 != 2 == true", True),
        ("contains('Hello', 'ELL')", True),
        ("contains(fromJSON(steps.docker-publish.outputs.params).tags, 'b')", True),
        ("contains('', 'a')", False),
        ("startsWith(github.event.comment.body, '/TRAIN')", True),
        ("endsWith('a.TXT', '.txt') && !endsWith('a.txt', '.TX')", True),
        ("fromJSON('[1, 2]')[1]", 2),
        ("fromJSON('[1, 2]')[2]", None),
        ("fromJSON('[1, 2]')['x']", None),
        ("format('{0}-{1}-{{0}}', 'a', 2)", "a-2-{0}"),
        ("format('{0}', '{1}')", "{1}"),
        ("toJSON(fromJSON('{\"a\":1}'))", '{\n  "a": 1\n}'),
    ],
)
def test_expressions_have_the_documented_values(expression: str, value: Value) -> None:
    result = scope().evaluate(expression)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize("expression", ["'' && fromJSON('')", "'x' || fromJSON('')", "false && fromJSON('') || 1"])
def test_the_right_operand_is_evaluated_only_where_it_is_needed(expression: str) -> None:
    scope().evaluate(expression)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("", "in place of a value"),
        ("github.", "property name"),
        ("github..sha", "property name"),
        ("github sha", "has unexpected text after its end: `sha`"),
        ("(1", "lacks `)`"),
        ("github['sha'", "lacks `]`"),
        ('"double"', 'has an invalid token at `"double"`'),
        ("github.event.*.id", "has an invalid token at `*.id`"),
        ("1 < 2", "has an invalid token at `< 2`"),
        ("secret.X", "known are: github, needs, steps, vars"),
        ("hashFiles('**')", "calls the unknown function `hashFiles`"),
        ("contains('a')", "calls `contains` with 1 arguments"),
        ("fromJSON('{')", "fails in `fromJSON`"),
        ("format('{1}', 'a')", "there is no argument for `{1}`"),
        ("format('{', 'a')", "there is no argument for `{`"),
        ("(" * 60 + "1" + ")" * 60, "nested too deeply"),
    ],
)
def test_an_unsupported_expression_is_an_error_that_quotes_it(expression: str, problem: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        scope().evaluate(expression)
    assert problem in str(caught.value)
    assert f"`{expression}`" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("plain", "plain"),
        ("", ""),
        ("a-${{ github.sha }}-${{ github.event.issue.number }}", "a-abc-7"),
        ("${{ '}}' }}", "}}"),
        ("${{ 'it''s }}' }}!", "it's }}!"),
        ("${{ null }}${{ true }}${{ 1.50 }}${{ github }}${{ fromJSON('[]') }}", "true1.5ObjectArray"),
        ("$ {{ github.sha }}", "$ {{ github.sha }}"),
    ],
)
def test_expressions_in_a_text_are_replaced(text: str, rendered: str) -> None:
    assert scope().render(text) == rendered


def test_an_unclosed_expression_is_an_error() -> None:
    with pytest.raises(ExpressionError, match="not closed"):
        scope().render("${{ 'a }}")


@pytest.mark.parametrize(
    ("condition", "ok", "failed", "cancelled"),
    [
        ("", True, False, False),
        ("github.event.issue.pull_request", True, False, False),
        ("${{ github.event.issue.pull_request }}", True, False, False),
        ("needs.x", False, False, False),
        ("always()", True, True, True),
        ("failure()", False, True, False),
        ("cancelled()", False, False, True),
        ("success() || failure()", True, True, False),
        ("!cancelled() && github.sha == 'abc'", True, True, False),
        ("always() && needs.x", False, False, False),
        ("'' && always() || true", True, True, True),
    ],
)
def test_a_condition_without_a_status_function_implies_success(
    condition: str, ok: bool, failed: bool, cancelled: bool
) -> None:
    results = (
        scope().condition(condition), scope(failed=True).condition(condition), scope(cancelled=True).condition(condition)
    )  # fmt: skip
    assert results == (ok, failed, cancelled)


def test_a_condition_of_text_and_expression_is_refused() -> None:
    with pytest.raises(ExpressionError, match="always true"):
        scope().condition("${{ github.sha }} == 'abd'")


@given(st.text())
def test_any_text_can_be_a_literal(text: str) -> None:
    quoted = text.replace("'", "''")
    assert scope().render(f"<${{{{ '{quoted}' }}}}>") == f"<{text}>"


@given(st.text())
def test_a_value_is_never_read_as_an_expression(text: str) -> None:
    contexts: dict[str, Value] = {"github": {"title": text}}
    assert Scope(contexts).render("${{ github.title }}") == text


@given(st.text(alphabet="ab'${} "))
def test_split_returns_the_whole_text(text: str) -> None:
    try:
        parts = list(split(text))
    except ExpressionError:
        return
    assert "".join(part for fixed, part in parts if fixed) == "".join(part for fixed, part in split(text) if fixed)
    assert len(text) >= sum(len(part) for _, part in parts)


@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_whole_numbers_of_fifteen_digits_are_written_out(number: int) -> None:
    assert to_text(number) == str(number)
