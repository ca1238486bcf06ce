"""Parameters: formats, precedence, checks."""

from __future__ import annotations

import pytest

from mlops_actions.argo_submit.parameters import DeclaredParameter, argument_entries, declared_parameters, parse, resolve
from mlops_actions.core.errors import BadInput

LR = DeclaredParameter("lr", "0.1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '{"lr": 3e-4, "n": 7, "on": true, "name": "a b", "list": [1, "x"], "none": null}',
            {"lr": "3e-4", "n": "7", "on": "true", "name": "a b", "list": '[1,"x"]'},
        ),
        (
            "lr: 3e-4\nversion: 007\nflag: yes\nday: 2026-01-01\nseeds: [0, 1]\nempty: ''\nnone:\n",
            {"lr": "3e-4", "version": "007", "flag": "yes", "day": "2026-01-01", "seeds": "[0,1]", "empty": ""},
        ),
        ("lr=3e-4\nname=a=b, c\n# comment\nempty=\n", {"lr": "3e-4", "name": "a=b, c", "empty": ""}),
        ('{"text": "\\ud83d\\ude00 ünï"}', {"text": "😀 ünï"}),
        ("{}", {}),
        ("  ", {}),
    ],
)
def test_every_format_keeps_the_text_of_a_value(text: str, expected: dict[str, str]) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize("text", ["[1, 2]", "just words", "a: b: c", "a=1\na=2", "{1: 2, [3]: 4}"])
def test_parameters_that_are_not_a_mapping_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (parsers' messages are for reading on)
        parse(text)


def choose(
    *declared: DeclaredParameter,
    explicit: dict[str, str] | None = None,
    file: dict[str, str] | None = None,
    known: dict[str, str] | None = None,
    given: dict[str, str] | None = None,
    drop: bool = False,
    complete: bool = True,
) -> tuple[dict[str, str], list[str]]:
    return resolve(declared, explicit or {}, file or {}, known or {}, given or {}, drop_unknown=drop, complete=complete)


def test_parameters_come_before_the_file_and_the_file_before_known_values() -> None:
    declared = (LR, DeclaredParameter("image", ""), DeclaredParameter("sha", ""))
    values, _ = choose(
        *declared, explicit={"lr": "1"}, file={"lr": "2", "sha": "from-file"}, known={"sha": "known", "image": "i@d"}
    )
    assert values == {"lr": "1", "sha": "from-file", "image": "i@d"}


@pytest.mark.parametrize("name", ["sha", "github_sha", "GITHUB-SHA"])
def test_the_commit_is_set_under_the_declared_name(name: str) -> None:
    assert choose(DeclaredParameter(name, None), known={"sha": "abc"}) == ({name: "abc"}, [])


def test_a_known_value_is_not_set_where_it_is_not_declared() -> None:
    assert choose(LR, known={"image": "x", "sha": "y", "pr-number": "1", "repository": "o/r"}) == ({}, [])


@pytest.mark.parametrize(
    ("declared", "given", "expected"),
    [
        (DeclaredParameter("sha", "main"), {}, {}),  # what the event says is a guess
        (DeclaredParameter("sha", "main"), {"sha": "abc"}, {"sha": "abc"}),
        (DeclaredParameter("sha", ""), {}, {"sha": "abc"}),  # an empty text is a place for it
        (DeclaredParameter("sha", None), {}, {"sha": "abc"}),
        (DeclaredParameter("sha", None, has_source=True), {}, {}),
        (DeclaredParameter("pr", "0"), {}, {}),
        (DeclaredParameter("pr", "0"), {"pr-number": "7"}, {"pr": "7"}),
        (DeclaredParameter("repo", "other/repo"), {}, {}),
    ],
)
def test_a_value_of_the_manifest_gives_way_only_to_an_input(
    declared: DeclaredParameter, given: dict[str, str], expected: dict[str, str]
) -> None:
    assert choose(declared, known={"sha": "abc", "pr-number": "7", "repository": "o/r"}, given=given) == (expected, [])


def test_a_parameter_with_another_source_needs_no_value() -> None:
    assert choose(DeclaredParameter("limit", None, has_source=True)) == ({}, [])


def test_a_parameter_that_contradicts_the_input_is_an_error() -> None:
    with pytest.raises(BadInput, match="parameter 'image' contradicts input 'image': 'evil' is not 'good@sha256:1'"):
        choose(
            DeclaredParameter("image", ""),
            explicit={"image": "evil"},
            known={"image": "good@sha256:1"},
            given={"image": "good@sha256:1"},
        )


def test_an_unknown_parameter_suggests_the_nearest_name() -> None:
    with pytest.raises(BadInput) as caught:
        choose(LR, DeclaredParameter("epochs", "1"), explicit={"epoch": "3"})
    assert caught.value.cause == "the workflow declares no parameter 'epoch' (did you mean 'epochs'?)"
    assert "it declares: lr, epochs" in caught.value.remedy


def test_an_unknown_parameter_can_be_dropped() -> None:
    assert choose(LR, explicit={"epoch": "3", "lr": "1"}, drop=True) == ({"lr": "1"}, ["epoch"])


def test_a_parameter_without_any_value_is_an_error() -> None:
    with pytest.raises(BadInput, match="the workflow's parameter 'data' has no value"):
        choose(LR, DeclaredParameter("data", None))


def test_a_template_may_supply_missing_values() -> None:
    assert choose(DeclaredParameter("data", None), complete=False) == ({}, [])


def test_a_value_outside_of_an_enum_is_refused() -> None:
    declared = DeclaredParameter("size", "small", ("small", "large"))
    assert choose(declared, explicit={"size": "large"})[0] == {"size": "large"}
    with pytest.raises(BadInput, match="parameter 'size' must be one of small, large, not 'huge'"):
        choose(declared, explicit={"size": "huge"})


@pytest.mark.parametrize("value", ["{{workflow.uid}}", "a{{=1+1}}b", "{{"])
def test_a_value_cannot_become_a_template_tag(value: str) -> None:
    with pytest.raises(BadInput, match="reads as a template tag"):
        choose(LR, explicit={"lr": value})


def test_declarations_are_read_and_values_set_as_text() -> None:
    spec = {
        "arguments": {
            "parameters": [
                {"name": "a", "value": 1},
                {"name": "b", "value": True},
                {"name": "c", "valueFrom": {"configMapKeyRef": {}}},
                {"name": "d", "default": "x", "enum": [1, 2]},
            ]
        }
    }
    assert declared_parameters(spec) == [
        DeclaredParameter("a", "1"),
        DeclaredParameter("b", "true"),
        DeclaredParameter("c", None, has_source=True),
        DeclaredParameter("d", "x", ("1", "2")),
    ]
    assert argument_entries(spec, {"c": "3"}) == [
        {"name": "a", "value": "1"},
        {"name": "b", "value": "true"},
        {"name": "c", "value": "3"},
        {"name": "d", "value": "x", "default": "x", "enum": [1, 2]},
    ]
