"""`KEY=VALUE` lists: values of several lines keep every line, and what may be a piece of one is refused unseen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core.errors import BadInput
from mlops_actions.docker_publish.build import plan
from mlops_actions.docker_publish.key_values import UnreadableEntry, key_values, resolve
from tests.support.docker_publish import make_inputs

PEM = "-----BEGIN KEY-----\nMIIEvAIBADAN\nb3BlbnNzaA==\n-----END KEY-----"

READ: list[tuple[str, dict[str, str | None]]] = [
    # one line each
    ("A=1", {"A": "1"}),
    ("A=1\n\n  # a comment\n  B = 2 \nC", {"A": "1", "B": " 2", "C": None}),
    ("A=", {"A": ""}),
    ("A=b=c", {"A": "b=c"}),
    ("A=x, B=y", {"A": "x, B=y"}),
    ('A="b c"', {"A": '"b c"'}),
    ("A=it's # no comment", {"A": "it's # no comment"}),
    ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
    ("org.example/team=vision", {"org.example/team": "vision"}),
    ("A=https://x: y", {"A": "https://x: y"}),
    # quoted, as docker/build-push-action takes it
    (f'"KEY={PEM}"', {"KEY": PEM}),
    (f'A=1\n"KEY={PEM}\n"\nB=2', {"A": "1", "KEY": PEM, "B": "2"}),
    ('  "KEY=first\nsecond"\n', {"KEY": "first\nsecond"}),
    ('"KEY=a\n\n  b\n# c\n d"', {"KEY": "a\n\n  b\n# c\n d"}),
    ('"JSON={""key"":""value""}"', {"JSON": '{"key":"value"}'}),
    ('"JSON={\n""a"": """"\n}"', {"JSON": '{\n"a": ""\n}'}),
    ('"A="', {"A": ""}),
    ('"A=="', {"A": "="}),
    # a YAML or JSON mapping
    ("A: 1\nB: yes", {"A": "1", "B": "yes"}),
    ("# first\nKEY: |\n  one\n    two\n\n  three\nB: x=y", {"KEY": "one\n  two\n\nthree\n", "B": "x=y"}),
    ("KEY: |-\n  one\n  two", {"KEY": "one\ntwo"}),
    ('"KEY": "one\\ntwo"', {"KEY": "one\ntwo"}),
    ('{"A": "1", "B": "x\\ny"}', {"A": "1", "B": "x\ny"}),
    ("org.example/team: vision", {"org.example/team": "vision"}),
    ("A:\nB: ''", {"A": "", "B": ""}),
]


@pytest.mark.parametrize(("text", "expected"), READ)
def test_every_line_of_a_value_is_kept(text: str, expected: dict[str, str | None]) -> None:
    assert key_values(text) == expected
    assert list(key_values(text)) == list(expected)


REFUSED = [
    # text, reason
    (f"KEY={PEM}", "only '='"),
    ("KEY=-----BEGIN\nMIIEvAIBADAN\n-----END s3cret", "no '=' in the entry in line 3"),
    ("KEY=one\ns3cret two", "no '=' in the entry in line 2"),
    ('KEY={\n  "s3cret": 1\n}', "behind the closing quote of the entry in line 2"),
    ("KEY=first\ns3cret==", "only '='"),
    ("KEY=first\ns3 cret=1", "no key before the '='"),
    ("KEY=first\n=s3cret", "no key before the '='"),
    ('"KEY=s3cret\nsecond', "never closed, around the entry in line 1"),
    ('A=1\n"KEY=s3cret" more', "behind the closing quote of the entry in line 2"),
    ('"A=s3cret","B=2"', "behind the closing quote"),
    ('"s3cret"', "no '='"),
    ('""', "no '='"),
    ("s3cret=1\ns3cret=2", "gives a key twice: the entry in line 2"),
    ("A: 1\nA: s3cret", "gives a key twice: entry 2"),
    ("A: [s3cret]", "a list or a mapping as the value of entry 1"),
    ("A: s3cret\n b: x", "YAML mapping and is none"),
    ("{s3cret", "YAML mapping and is none"),
    ("A: &x s3cret\nB: *y", "YAML mapping and is none"),
    ("A: 1\n? [s3cret]\n: 2", "mapping"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_may_be_a_piece_of_a_value_is_refused_and_not_shown(text: str, reason: str) -> None:
    with pytest.raises(UnreadableEntry) as error:
        key_values(text)
    assert reason in str(error.value)
    assert "s3cret" not in str(error.value)
    with pytest.raises(BadInput) as refusal:
        make_inputs(image="a", secrets=text)
    assert refusal.value.exit_code == 2
    assert reason in str(refusal.value)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize("name", ["build_args", "secrets", "labels"])
def test_a_bare_name_below_a_value_must_be_a_variable(name: str) -> None:
    text = "A=first\nsecond"
    values = {"build_args": plan.build_arguments, "secrets": plan.secret_values, "labels": plan.user_labels}[name]
    inputs = make_inputs(image="a", **{name: text})
    assert values(inputs, {"second": "x"}) == {"A": "first", "second": "x"}
    with pytest.raises(BadInput, match="may be a further line") as error:
        values(inputs, {})
    assert "second" not in str(error.value)
    assert "double quotes" in error.value.remedy


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"A": None, "B": None}, {"A": "from env", "B": None}),
        ({"B": None, "A": None}, {"B": None, "A": "from env"}),
        ({"X": "1", "A": None, "B": None}, {"X": "1", "A": "from env", "B": None}),
    ],
)
def test_a_bare_name_takes_its_value_from_the_environment(
    entries: dict[str, str | None], expected: dict[str, str | None]
) -> None:
    assert resolve("build-args", entries, {"A": "from env"}) == expected


def test_the_older_list_of_names_and_pairs_keeps_its_rules() -> None:
    inputs = make_inputs({"INPUT_NAME": "octo/app", "INPUT_BUILDARGS": "A=1,B,C=3"})
    assert plan.build_arguments(inputs, {}) == {"A": "1", "C": "3"}


def test_lines_of_a_secret_reach_the_build_by_its_environment_alone(tmp_path: object) -> None:
    assert plan.secret_values(make_inputs(image="a", secrets=f'"KEY={PEM}"'), {}) == {"KEY": PEM}


@given(st.text(st.characters(codec="ascii", exclude_characters="\r\x0b\x0c\x1c\x1d\x1e\x85\x00"), min_size=1))
def test_any_value_can_be_quoted(value: str) -> None:
    quoted = value.replace('"', '""')
    assert key_values(f'"KEY={quoted}"') == {"KEY": value.rstrip()}


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        values = key_values(text)
    except UnreadableEntry:
        return
    assert all(key and key == key.strip() for key in values)
