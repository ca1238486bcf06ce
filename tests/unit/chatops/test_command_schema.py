"""The input `commands`: how it is parsed, what is refused, and the JSON Schema that says the same."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from mlops_actions.chatops.command_schema import COMMANDS_SCHEMA, parse_commands
from tests.support.command_schema import schema_problems
from tests.unit.chatops.test_parameters import TRAIN

LISTS = [
    "/train, /deploy",
    "train\ndeploy",
    "/train\n/deploy",
    "- train\n- /deploy",
    "[/train, deploy]",
    '{"train": {}, "deploy": null}',
]
REFUSED = [
    ("{", "not valid YAML"),
    ("[]", "declares no command"),
    ("42", "must be a list of names"),
    ("yes: {}", "quote it"),
    ("[a b]", "not a command's name"),
    ("[train, /train]", "declares 'train' twice"),
    ("train: x", "a mapping of description"),
    ("train: {perms: write}", "a key 'perms'"),
    ("train: {permision: write}", "did you mean permission?"),
    ("train: {permission: owner}", "one of read, triage"),
    ("train: {params: [lr]}", "not a mapping"),
    ("train: {params: {sha: {}}}", "reserved"),
    ("train: {params: {a b: {}}}", "a name is"),
    ("train: {params: {lr: {type: number}}}", "one of str, int, float, bool"),
    ("train: {params: {lr: {requried: true}}}", "did you mean required?"),
    ("train: {params: {lr: {required: 1}}}", "true or false"),
    ("train: {params: {lr: {type: int, default: x}}}", "not a whole number"),
    ("train: {params: {lr: {type: int, default: 0, min: 1}}}", "a default that it does not accept"),
    ("train: {params: {lr: {min: 1}}}", "which only a number"),
    ("train: {params: {lr: {type: int, pattern: x}}}", "which only text"),
    ("train: {params: {lr: {pattern: '('}}}", "not a regular expression"),
    ("train: {params: {lr: {choices: [on, off]}}}", "quote it"),
    ("train: {params: {lr: {choices: x}}}", "not a list"),
    ("train: {params: {a-b: {}, a_b: {}}}", "differ only in - and _"),
    ("train: {confirm: sometimes}", "it is true, false or second"),
    ("train: {confirm: [second]}", "it is true, false or second"),
    ("train: {confirm-timeout: 5m}", "'confirm-timeout' without 'confirm'"),
    ("train: {confirm: true, confirm-timeout: 2d}", "a duration such as 10m, at most 24h"),
    ("train: {confirm: true, confirm-timeout: 25h}", "a duration such as 10m, at most 24h"),
    ("train: {confirm: second, confirm-timeout: 0}", "a duration such as 10m, at most 24h"),
    ("train: {confirm: second, confirm-timeout: true}", "a duration such as 10m, at most 24h"),
    ("{train: {confirm: true}, confirm: {}}", "declares a command 'confirm', which is the one that confirms 'train'"),
    ("train: {lock: two words}", "a lock is a name of letters"),
    ("train: {lock: -a}", "a lock is a name of letters"),
    ("train: {lock: 7}", "a lock is a name of letters"),
    ("train: {lock: ''}", "a lock is a name of letters"),
]
# A JSON Schema cannot say: names equal but for the prefix, or for - and _; a default against its bounds; how long a duration
# is, or what another key needs; that YAML is valid, and that a key is a text (JSON has no other keys).
BEYOND_SCHEMA = [
    "{",
    "yes: {}",
    "[train, /train]",
    "train: {params: {lr: {type: int, default: 0, min: 1}}}",
    "train: {params: {a-b: {}, a_b: {}}}",
    "train: {confirm-timeout: 5m}",
    "train: {confirm: true, confirm-timeout: 2d}",
    "train: {confirm: true, confirm-timeout: 25h}",
    "train: {confirm: second, confirm-timeout: 0}",
    "{train: {confirm: true}, confirm: {}}",
]
TYPED = """
a: {description: Any, permission: admin, label: go, params: }
b:
c: {params: {lr: }}
d: {params: {lr: {type: float, default: 3e-4, min: 1e-5, max: 1}, n: {type: int, default: "3", choices: [1, 3]}}}
e: {params: {fast: {type: bool, default: true}}}
g: {confirm: true, confirm-timeout: 90, lock: gpu.pool-1}
h: {confirm: second, confirm-timeout: 1h30m, lock: GPU}
i: {confirm: false, confirm-timeout: , lock: }
f: {params: {x: {default: 1.5, choices: [a, 1.5], pattern: "", max: }, y: {pattern: "[a-z]"}}}
"""


@pytest.mark.parametrize("text", LISTS)
def test_commands_are_a_list_or_a_mapping(text: str) -> None:
    assert [command.name for command in parse_commands(text, "/")] == ["train", "deploy"]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_a_wrong_declaration_is_explained(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(").replace("?", r"\?")):
        parse_commands(text, "/")


def test_the_published_schema_is_valid() -> None:
    Draft202012Validator.check_schema(COMMANDS_SCHEMA)


@pytest.mark.parametrize("text", [*LISTS, TRAIN, TYPED])
def test_the_schema_accepts_what_the_parser_accepts(text: str) -> None:
    assert parse_commands(text, "/")
    assert schema_problems(text) == []


@pytest.mark.parametrize("text", [text for text, _ in REFUSED if text not in BEYOND_SCHEMA])
def test_the_schema_refuses_what_the_parser_refuses(text: str) -> None:
    assert schema_problems(text) != []


def test_the_list_of_exceptions_is_exact() -> None:
    assert set(BEYOND_SCHEMA) <= {text for text, _ in REFUSED}
    assert [text for text in BEYOND_SCHEMA[1:] if schema_problems(text)] == []
