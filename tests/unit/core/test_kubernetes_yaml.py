"""YAML is read as kubectl reads it: a table of values, and a comparison with kubectl itself."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_actions.core import kubernetes_yaml

_HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: x}\n"
_KUBECTL = Path(sys.executable).with_name("kubectl")

# What kubectl 1.37 makes of each; YAML 1.1 and 1.2 differ in many of them.
VALUES: dict[str, Any] = {
    # texts that YAML 1.1 reads as times, dates or numbers
    "12:30": "12:30",
    "1:20:30.5": "1:20:30.5",
    "2026-01-01": "2026-01-01",
    "2026-01-01T10:00:00Z": "2026-01-01T10:00:00Z",
    "=": "=",
    "1Gi": "1Gi",
    "5m": "5m",
    "0o8": "0o8",
    "1e999": "1e999",
    "_1": "_1",
    "0x": "0x",
    "inf": "inf",
    "tRUE": "tRUE",
    "! 5": "5",
    "!!str on": "on",
    "'on'": "on",
    "!!timestamp 2026-01-01": "2026-01-01",
    "!!binary aGVsbG8=": "hello",
    # booleans and null
    "y": True,
    "on": True,
    "Yes": True,
    "off": False,
    "N": False,
    "~": None,
    "Null": None,
    "": None,
    "!!bool no": False,
    "!!null ~": None,
    # numbers
    "010": 8,
    "0o17": 15,
    "08": 8,
    "0x1F": 31,
    "0b101": 5,
    "-0b11": -3,
    "+5": 5,
    "1_000": 1000,
    "1.0": 1,
    "1.": 1,
    "1e3": 1000,
    ".5": 0.5,
    ".5_0": 0.5,
    "3e-4": 0.0003,
    "!!int '7'": 7,
    "!!float 3": 3,
    "9223372036854775807": 9223372036854775807,
    "18446744073709551616": 18446744073709551616.0,
    # keys are texts
    "{1: a, true: b, on: c2, ~x: d, 1.5: e, 0x10: f}": {"1": "a", "true": "c2", "~x": "d", "1.5": "e", "16": "f"},
    "{1234567.5: a, 1e3: b, 0.00001: c, .inf: e, 100.0: f, 12:30: g}": {
        "1.2345675e+06": "a", "1000": "b", "1e-05": "c", ".inf": "e", "100": "f", "12:30": "g",
    },
    "{!!str 3: a, 2026-01-01: b}": {"3": "a", "2026-01-01": "b"},
    # anchors and merge keys: the later one counts
    "[&a {x: 1}, *a]": [{"x": 1}, {"x": 1}],
    "{a: 1, <<: {a: 2, b: 3}, b: 4}": {"a": 2, "b": 4},
    "{<<: [{a: 1}, {a: 2, c: 3}], d: 1}": {"a": 1, "c": 3, "d": 1},
    "{'<<': {a: 1}}": {"<<": {"a": 1}},
    "!!set {a, b}": {"a": None, "b": None},
}  # fmt: skip

# Documents whose form matters, below `spec:`.
SPECS: dict[str, Any] = {
    "  v:\ta\n": {"v": "a"},
    "  v: a\t\n  w:\t\n    x: b\t\n": {"v": "a", "w": {"x": "b"}},
    "  v: a \t b\t# c\n": {"v": "a \t b"},
    "  v: {a:\t1,\tb: 2\t}\n": {"v": {"a": 1, "b": 2}},
    "  v: a\t\n    b\n": {"v": "a b"},
    "  v: &a\t1\n  w: *a\t\n": {"v": 1, "w": 1},
    "  v: &a 1\n  w: &a 2\n  x: *a\n": {"v": 1, "w": 2, "x": 2},
}

REFUSED = {
    ".inf": "JSON has no number",
    "-.Inf": "JSON has no number",
    ".nan": "JSON has no number",
    "!!int abc": "is not a !!int",
    "!!bool 1": "is not a !!bool",
    "!!bool 'maybe'": "is not a !!bool",
    "!!null x": "is not a !!null",
    "!!float on": "is not a !!float",
    "!!timestamp 5": "is not a !!timestamp",
    "!!binary '!'": "needs base64",
    "{~: a}": "a key must be a text",
    "{[a]: b}": "a key must be a text",
    "{18446744073709551615: a}": "a key must be a text",
    "{<<: 5}": "needs a mapping",
    "{<<: [5]}": "needs a mapping",
    "!!python/object/apply:os.system [id]": "means nothing in Kubernetes",
    "!secret x": "means nothing in Kubernetes",
}


@pytest.mark.parametrize("text", VALUES)
def test_a_value_is_what_kubectl_makes_of_it(text: str) -> None:
    assert _ours(f"spec: {{v: {text}}}" if text[:1] not in "[{!" else f"spec:\n  v: {text}")["v"] == VALUES[text]
    assert json.dumps(_ours(f"spec:\n  v: {text}")["v"], sort_keys=True) == json.dumps(VALUES[text], sort_keys=True)


@pytest.mark.parametrize("text", REFUSED)
def test_what_json_cannot_hold_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(yaml.MarkedYAMLError) as caught:
        _ours(f"spec:\n  v: {text}")
    assert REFUSED[text] in str(caught.value.problem)
    assert caught.value.problem_mark is not None
    assert caught.value.problem_mark.line == 4


@pytest.mark.parametrize("spec", SPECS)
def test_a_document_is_what_kubectl_makes_of_it(spec: str) -> None:
    assert _ours(f"spec:\n{spec}") == SPECS[spec]


@pytest.mark.parametrize("spec", ["\tv: a\n", "  v: a\n\tw: b\n", "  v:\n  -\t- a\n"])
def test_a_tab_is_no_indentation(spec: str) -> None:
    with pytest.raises(yaml.MarkedYAMLError):
        _ours(f"spec:\n{spec}")


def test_a_character_that_json_writes_in_halves_is_one_character() -> None:
    [node] = kubernetes_yaml.nodes(json.dumps({"a😀": "😀"}))
    assert kubernetes_yaml.value_of(node) == {"a😀": "😀"}
    [node] = kubernetes_yaml.nodes('{"a": "\\ud83d!"}')
    assert kubernetes_yaml.value_of(node) == {"a": "\ufffd!"}


def test_json_may_be_indented_by_tabs() -> None:
    [node] = kubernetes_yaml.nodes('{\n\t"a": "b c",\n\t"d": [1]\n}')
    assert kubernetes_yaml.value_of(node) == {"a": "b c", "d": [1]}


def test_kubectl_agrees_on_the_table() -> None:
    spec = "spec:\n" + "".join(f"  v{number}: {text}\n" for number, text in enumerate(VALUES))
    assert _kubectl(spec) == {f"v{number}": value for number, value in enumerate(VALUES.values())}


def test_kubectl_agrees_on_documents() -> None:
    together = "".join(f"  s{number}:\n{spec.replace('  ', '    ')}" for number, spec in enumerate(SPECS))
    assert _kubectl(f"spec:\n{together}") == {f"s{number}": value for number, value in enumerate(SPECS.values())}


def test_kubectl_agrees_on_generated_scalars() -> None:
    generator = random.Random(20261128)
    alphabet = ["0123456789", "0123456789+-._eE:", "0123456789+-._xXoObBaAfF", "yYnNoOtTfFeErRsSuUlL~", "-0123456789tTzZ: ."]
    words = [
        "".join(generator.choice(letters) for _ in range(generator.randint(1, 9))).strip()
        for letters in alphabet
        for _ in range(400)
    ]
    plain = [word for word in words if _is_plain(word)]
    assert len(plain) > 1000
    spec = "spec:\n" + "".join(f"  v{number}: {word}\n" for number, word in enumerate(plain))
    ours, theirs = _ours(spec), _kubectl(spec)
    differing = [
        (word, ours[f"v{number}"], theirs[f"v{number}"])
        for number, word in enumerate(plain)
        if repr(ours[f"v{number}"]) != repr(theirs[f"v{number}"])
    ]
    assert differing == []


def test_kubectl_refuses_what_is_refused_apart_from_tags() -> None:
    for text in REFUSED:
        if "means nothing" not in REFUSED[text]:
            assert _kubectl(f"spec:\n  v: {text}\n") is None, text


def _is_plain(word: str) -> bool:
    """Return whether the word is one scalar, and a finite one."""
    try:
        loaded = list(kubernetes_yaml.nodes(f"v: {word}\n"))
        return (
            isinstance(loaded[0], yaml.MappingNode)
            and isinstance(loaded[0].value[0][1], yaml.ScalarNode)
            and bool(kubernetes_yaml.value_of(loaded[0]))
        )
    except yaml.YAMLError:
        return False


def _ours(spec: str) -> Any:
    [node] = kubernetes_yaml.nodes(_HEAD + spec)
    return kubernetes_yaml.value_of(node)["spec"]


def _kubectl(spec: str) -> Any:
    """Return what kubectl makes of the document, None where it refuses it. Nothing is sent: `--local` needs no cluster."""
    argv = [str(_KUBECTL), "annotate", "--local", "--dry-run=client", "--filename=-", "--output=json", "seen=1"]
    result = subprocess.run(argv, input=_HEAD + spec, capture_output=True, text=True, timeout=60, check=False)
    return json.loads(result.stdout, parse_int=_number)["spec"] if result.returncode == 0 else None


def _number(digits: str) -> float:
    """Return a number of JSON: a float beyond 64 bits, as Kubernetes reads it."""
    return int(digits) if -(2**63) <= int(digits) < 2**63 else float(digits)
