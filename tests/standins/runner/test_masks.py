"""Which texts the runner hides: the cases are those of its SecretMasker.cs and ValueEncoders.cs."""

from __future__ import annotations

import base64

import pytest

from mlops_sandbox.runner.masks import Masks


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        pytest.param("s3cret", "a s3cret b", "a *** b", id="whole"),
        pytest.param("a", "banana", "b***n***n***", id="one character"),
        pytest.param("ab\n  cd  \n", "ab, cd", "***, ***", id="each line without its blanks"),
        pytest.param('{\n  "key": "v"\n}', '{"x":1}', '***"x":1***', id="braces of a pretty-printed JSON"),
        pytest.param("aba", "ababa", "***", id="overlapping"),
        pytest.param("ab", "abab", "***", id="adjacent"),
        pytest.param("pass", f"Basic {base64.b64encode(b'pass').decode()}", "Basic ***", id="base64"),
        pytest.param("key-1234", base64.b64encode(b"u:key-1234").decode()[4:], "***", id="base64 after two bytes"),
        pytest.param('a"b', r"say a\"b", "say ***", id="quotes escaped for a command line"),
        pytest.param("it's", "it''s", "***", id="quotes doubled for an expression"),
        pytest.param("a\tb", r"x a\tb", "x ***", id="JSON"),
        pytest.param("a b/c", "x=a%20b%2Fc", "x=***", id="URI"),
        pytest.param("<a&b>", "x &lt;a&amp;b&gt;", "x ***", id="XML"),
        pytest.param('"12345678"', "x 12345678", "x ***", id="without its quotes"),
        pytest.param('"1234"', "x 1234", "x 1234", id="short values keep their quotes"),
        pytest.param("secret1&secret2", "secret1& then secret2", "*** then ***", id="parts around an ampersand"),
        pytest.param("secret1&+secret2", "secret1&+ then ecret2", "*** then ***", id="parts around a coloured letter"),
        pytest.param("one&two", "one& then two", "one& then two", id="short parts around an ampersand"),
    ],
)
def test_a_value_is_hidden_in_each_form_in_which_a_program_may_write_it(value: str, text: str, shown: str) -> None:
    masks = Masks()
    masks.add(value)
    assert masks.apply(text) == shown


def test_a_text_without_a_masked_value_stays_as_it_is() -> None:
    masks = Masks()
    masks.add("s3cret")
    assert masks.apply("S3CRET and s3cre t") == "S3CRET and s3cre t"
