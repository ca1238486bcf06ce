"""Parse the input `commands`: the commands that a workflow declares, with their parameters."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Literal, cast

from mlops_actions.chatops.parameters import (
    CONFIRM,
    CONFIRM_TIMEOUT,
    PIN,
    TYPE_NAMES,
    Command,
    Parameter,
    ParameterType,
    Scalar,
    format_value,
    normalized_name,
    parse_scalar,
)
from mlops_actions.chatops.roles import PERMISSIONS
from mlops_actions.core import parsers
from mlops_actions.core.suggest import nearest
from mlops_actions.core.types import Json

_COMMAND_NAME = re.compile(r"\w[\w.:/-]{0,63}")
_PARAMETER_NAME = re.compile(r"[A-Za-z_][\w.-]{0,63}", re.ASCII)
# Concurrency groups are compared without case, so the names of locks are in lower case.
_LOCK = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_MAX_CONFIRM_TIMEOUT = 24 * 3600
_COMMAND_KEYS = ("description", "permission", "params", "label", "confirm", "confirm-timeout", "lock")
_PARAMETER_KEYS = ("type", "required", "default", "choices", "min", "max", "pattern", "positional", "description")


def parse_commands(text: str, prefix: str) -> tuple[Command, ...]:
    """Parse the input `commands`; raises ValueError with a message that continues after "input 'commands' …"."""
    value = parsers.yaml_value(text)
    if isinstance(value, str):
        # Not a YAML list: names separated by commas or blanks, possibly over lines that YAML folded into one.
        entries: list[tuple[Any, Any]] = [(name, None) for name in re.split(r"[,\s]+", text.strip()) if name]
    elif isinstance(value, list):
        entries = [entry for item in value for entry in (item.items() if isinstance(item, dict) else [(item, None)])]
    elif isinstance(value, dict):
        entries = list(value.items())
    else:
        raise ValueError(f"must be a list of names or a mapping, not {value!r}")
    commands = tuple(_parse_command(name, details, prefix) for name, details in entries)
    if not commands:
        raise ValueError("declares no command")
    for name in {command.name for command in commands}:
        if sum(command.name == name for command in commands) > 1:
            raise ValueError(f"declares {name!r} twice")
    to_confirm = next((command.name for command in commands if command.confirm), "")
    if to_confirm and any(command.name == CONFIRM.name for command in commands):
        raise ValueError(f"declares a command {CONFIRM.name!r}, which is the one that confirms {to_confirm!r}; rename it")
    return commands


def _parse_command(name: Any, details: Any, prefix: str) -> Command:
    if not isinstance(name, str):
        raise ValueError(f"holds {name!r} in the place of a command's name; quote it if it is meant as a name")
    name = name.removeprefix(prefix)
    if not _COMMAND_NAME.fullmatch(name):
        raise ValueError(f"holds {name!r}, which is not a command's name (letters, digits and _ . : / -, at most 64)")
    if details is None:
        return Command(name)
    if not isinstance(details, dict):
        raise ValueError(f"describes {name!r} by {details!r}; give a mapping of {', '.join(_COMMAND_KEYS)}")
    _check_keys(f"command {name!r}", details, _COMMAND_KEYS)
    permission = str(details.get("permission") or "").lower()
    if permission and permission not in PERMISSIONS:
        raise ValueError(f"gives {name!r} the permission {permission!r}; it is one of {', '.join(PERMISSIONS)}")
    return Command(
        name=name,
        description=str(details.get("description") or ""),
        permission=permission,
        label=str(details.get("label") or ""),
        parameters=_parse_parameters(name, details["params"]) if "params" in details else None,
        confirm=_parse_confirm(name, details),
        confirm_timeout=_parse_confirm_timeout(name, details),
        lock=_parse_lock(name, details.get("lock")),
    )


def _parse_confirm(command: str, details: Mapping[str, Any]) -> Literal["", "self", "second"]:
    value = details.get("confirm")
    if value is None or value is False:
        return ""
    if value is True:
        return "self"
    if value != "second":
        raise ValueError(f"gives {command!r} 'confirm: {value!r}'; it is true, false or second")
    return "second"


def _parse_confirm_timeout(command: str, details: Mapping[str, Any]) -> float:
    value = details.get("confirm-timeout")
    if value is None:
        return CONFIRM_TIMEOUT
    if not details.get("confirm"):
        raise ValueError(f"gives {command!r} 'confirm-timeout' without 'confirm'")
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError
        seconds = parsers.duration(str(value))
    except ValueError:
        seconds = 0
    if not 0 < seconds <= _MAX_CONFIRM_TIMEOUT:
        raise ValueError(f"gives {command!r} 'confirm-timeout: {value!r}'; it is a duration such as 10m, at most 24h")
    return seconds


def _parse_lock(command: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not _LOCK.fullmatch(value.lower()):
        raise ValueError(
            f"gives {command!r} 'lock: {value!r}'; a lock is a name of letters, digits and . _ -, at most 63 characters"
        )
    return value.lower()


def _parse_parameters(command: str, declared: Any) -> tuple[Parameter, ...]:
    if declared is None:
        return ()
    if not isinstance(declared, dict):
        raise ValueError(f"gives {command!r} 'params' that are not a mapping of names")
    parameters = tuple(_parse_parameter(f"{command!r}", name, details) for name, details in declared.items())
    if len({normalized_name(parameter.name) for parameter in parameters}) < len(parameters):
        raise ValueError(f"gives {command!r} two parameters whose names differ only in - and _")
    return parameters


def _parse_parameter(command: str, name: Any, details: Any) -> Parameter:
    if not isinstance(name, str) or not _PARAMETER_NAME.fullmatch(name):
        raise ValueError(f"gives {command} a parameter {name!r}; a name is letters, digits and _ . -, at most 64")
    if name == PIN:
        raise ValueError(f"gives {command} a parameter '{PIN}', which is reserved: it pins the head commit")
    where = f"parameter {name!r} of {command}"
    if details is None:
        return Parameter(name)
    if not isinstance(details, dict):
        raise ValueError(f"describes {where} by {details!r}; give a mapping of {', '.join(_PARAMETER_KEYS)}")
    _check_keys(where, details, _PARAMETER_KEYS)
    kind = details.get("type", "str")
    if kind not in TYPE_NAMES:
        raise ValueError(f"gives {where} the type {kind!r}; it is one of {', '.join(TYPE_NAMES)}")
    parameter = Parameter(
        name=name,
        kind=cast(ParameterType, kind),
        required=_parse_flag(where, details, "required"),
        choices=tuple(
            _parse_value(where, "choices", kind=kind, value=choice) for choice in _choices(where, details.get("choices"))
        ),
        minimum=_parse_bound(where, details, kind=kind, key="min"),
        maximum=_parse_bound(where, details, kind=kind, key="max"),
        pattern=_parse_pattern(where, details, kind),
        positional=_parse_flag(where, details, "positional"),
        description=str(details.get("description") or ""),
    )
    if details.get("default") is None:
        return parameter
    default = _parse_value(where, "default", kind=kind, value=details["default"])
    try:
        parameter.convert(format_value(default))
    except ValueError as error:
        raise ValueError(f"gives {where} a default that it does not accept: it {error}") from None
    return dataclasses.replace(parameter, default=default)


def _check_keys(where: str, details: Mapping[Any, Any], known: tuple[str, ...]) -> None:
    for key in details:
        if key not in known:
            suggestion = nearest(str(key), list(known))
            raise ValueError(
                f"gives {where} a key {key!r}; known are {', '.join(known)}"
                + (f" (did you mean {suggestion}?)" if suggestion else "")
            )


def _parse_flag(where: str, details: Mapping[str, Any], key: str) -> bool:
    value = details.get(key, False)
    if not isinstance(value, bool):
        raise ValueError(f"gives {where} '{key}: {value!r}'; it is true or false")
    return value


def _choices(where: str, value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list) or not value:
        raise ValueError(f"gives {where} 'choices' that are not a list of values")
    return value


def _parse_value(where: str, key: str, kind: ParameterType, value: Any) -> Scalar:
    """Parse a value of a declaration by the parameter's type: YAML reads `3e-4` as text and `1` as a number."""
    if kind == "str" and not isinstance(value, str):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"gives {where} '{key}: {value!r}'; quote it: YAML does not read it as text")
        return str(value)
    parsed = parse_scalar(kind, format_value(value) if isinstance(value, str | int | float) else "")
    if parsed is None:
        raise ValueError(f"gives {where} '{key}: {value!r}', which is not {TYPE_NAMES[kind]}")
    return parsed


def _parse_bound(where: str, details: Mapping[str, Any], kind: ParameterType, key: str) -> float | None:
    if details.get(key) is None:
        return None
    if kind not in ("int", "float"):
        raise ValueError(f"gives {where} '{key}', which only a number (int, float) can have")
    return float(_parse_value(where, key, kind="float", value=details[key]))


def _parse_pattern(where: str, details: Mapping[str, Any], kind: ParameterType) -> str:
    pattern = details.get("pattern") or ""
    if pattern and kind != "str":
        raise ValueError(f"gives {where} a 'pattern', which only text (str) can have")
    try:
        re.compile(str(pattern))
    except re.error as error:
        raise ValueError(f"gives {where} a pattern that is not a regular expression: {error}") from None
    return str(pattern)


def _typed(kind: ParameterType, value: Json) -> Json:
    """Return the rule that the default and the choices of a parameter of this type match the schema `value`."""
    is_number = kind in ("int", "float")
    properties: Json = {"default": {"anyOf": [value, {"type": "null"}]}, "choices": {"items": value}}
    if not is_number:
        properties |= {"min": {"type": "null"}, "max": {"type": "null"}}
    if kind != "str":
        properties["pattern"] = {"enum": [None, ""]}
    is_kind: Json = {"properties": {"type": {"const": kind}}}
    if kind != "str":
        is_kind["required"] = ["type"]  # without a type, a parameter is text
    return {"if": is_kind, "then": {"properties": properties}}


_NUMBER: Json = {
    "anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"}]
}
_TEXT: Json = {"type": ["string", "null"]}
_PARAMETER_SCHEMA: Json = {
    "type": ["object", "null"],
    "additionalProperties": False,
    "properties": {
        "type": {"enum": list(TYPE_NAMES), "default": "str", "description": "The type of the value."},
        "required": {"type": "boolean", "default": False, "description": "Whether the commenter must give it."},
        "default": {"description": "The value where the commenter gives none."},
        "choices": {"type": ["array", "null"], "minItems": 1, "description": "The accepted values."},
        "min": {"anyOf": [_NUMBER, {"type": "null"}], "description": "The minimum."},
        "max": {"anyOf": [_NUMBER, {"type": "null"}], "description": "The maximum."},
        "pattern": {**_TEXT, "format": "regex", "description": "A regular expression that must match the whole text."},
        "positional": {"type": "boolean", "default": False, "description": "Whether it may be given without its name."},
        "description": {**_TEXT, "description": "The meaning, for the command help."},
    },
    "allOf": [
        _typed("str", {"type": ["string", "number"]}),
        _typed("int", {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^\s*[+-]?\d{1,18}\s*$"}]}),
        _typed("float", _NUMBER),
        _typed(
            "bool", {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": r"^\s*([Tt]rue|[Ff]alse|TRUE|FALSE)\s*$"}]}
        ),
    ],
}
_COMMAND_SCHEMA: Json = {
    "type": ["object", "null"],
    "additionalProperties": False,
    "properties": {
        "description": {**_TEXT, "description": "The purpose of the command, for the command help."},
        "permission": {
            "enum": [*PERMISSIONS, "", None],
            "description": "The least repository role that may give the command; wins over the input 'permission'.",
        },
        "label": {**_TEXT, "description": "The label that gives the command where the workflow runs on 'labeled'."},
        "confirm": {
            "enum": [True, False, "second", None],
            "description": "Whether the command starts only after '/confirm': by its commander (true), or by somebody else "
            "who may give it (second).",
        },
        "confirm-timeout": {
            "type": ["string", "number", "null"],
            "default": "10m",
            "description": "The time for '/confirm' after the question: a duration such as 10m, at most 24h.",
        },
        "lock": {
            "type": ["string", "null"],
            "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
            "description": "The name of what one command at a time may use, in all pull requests: see the output 'lock'.",
        },
        "params": {
            "type": ["object", "null"],
            "description": "The parameters by name. Without 'params' any parameter is accepted as text.",
            "propertyNames": {"pattern": rf"^(?!{PIN}$)[A-Za-z_][A-Za-z0-9_.-]{{0,63}}$"},
            "additionalProperties": {"$ref": "#/$defs/parameter"},
        },
    },
}
_NAME_SCHEMA: Json = {"type": "string", "pattern": r"^\S+$", "description": "The name, with or without the prefix."}
_MAPPING_SCHEMA: Json = {
    "type": "object",
    "propertyNames": {"$ref": "#/$defs/name"},
    "additionalProperties": {"$ref": "#/$defs/command"},
}
# The input `commands`, as YAML reads it. It cannot express all that `parse_commands` refuses: see its test.
COMMANDS_SCHEMA: Json = {
    "title": "The input 'commands' of chatops",
    "anyOf": [
        {"type": "string", "pattern": r"[^,\s]", "description": "Names, separated by commas or blanks."},
        {"type": "array", "minItems": 1, "items": {"anyOf": [{"$ref": "#/$defs/name"}, {"$ref": "#/$defs/commands"}]}},
        {"$ref": "#/$defs/commands", "minProperties": 1},
    ],
    "$defs": {
        "name": _NAME_SCHEMA,
        "commands": _MAPPING_SCHEMA,
        "command": _COMMAND_SCHEMA,
        "parameter": _PARAMETER_SCHEMA,
    },
}
