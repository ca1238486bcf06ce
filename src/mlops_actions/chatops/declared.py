"""The input `commands`: which commands a workflow declares, with their parameters."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, cast

from mlops_actions.chatops.roles import ROLES
from mlops_actions.chatops.schema import KINDS, PIN, Command, Kind, Parameter, Scalar, folded, scalar, spell
from mlops_actions.core import parsers
from mlops_actions.core.suggest import nearest

_COMMAND_NAME = re.compile(r"\w[\w.:/-]{0,63}")
_PARAMETER_NAME = re.compile(r"[A-Za-z_][\w.-]{0,63}", re.ASCII)
_COMMAND_KEYS = ("description", "permission", "params", "label")
_PARAMETER_KEYS = ("type", "required", "default", "choices", "min", "max", "pattern", "positional", "description")


def declare(text: str, prefix: str) -> tuple[Command, ...]:
    """Read the input `commands`; raises ValueError with a message that reads on after "input 'commands' …"."""
    found = parsers.yaml_value(text)
    if isinstance(found, str):
        # Not a YAML list: names parted by commas or blanks, possibly over lines that YAML folded into one.
        entries: list[tuple[Any, Any]] = [(name, None) for name in re.split(r"[,\s]+", text.strip()) if name]
    elif isinstance(found, list):
        entries = [pair for item in found for pair in (item.items() if isinstance(item, dict) else [(item, None)])]
    elif isinstance(found, dict):
        entries = list(found.items())
    else:
        raise ValueError(f"must be a list of names or a mapping, not {found!r}")
    commands = tuple(_command(name, details, prefix) for name, details in entries)
    if not commands:
        raise ValueError("declares no command")
    for name in {command.name for command in commands}:
        if sum(command.name == name for command in commands) > 1:
            raise ValueError(f"declares {name!r} twice")
    return commands


def _command(name: Any, details: Any, prefix: str) -> Command:
    if not isinstance(name, str):
        raise ValueError(f"holds {name!r} where a command's name belongs; quote it if it is meant as a name")
    name = name.removeprefix(prefix)
    if not _COMMAND_NAME.fullmatch(name):
        raise ValueError(f"holds {name!r}, which is not a command's name (letters, digits and _ . : / -, at most 64)")
    if details is None:
        return Command(name)
    if not isinstance(details, dict):
        raise ValueError(f"describes {name!r} by {details!r}; a mapping of {', '.join(_COMMAND_KEYS)} belongs there")
    _check_keys(f"command {name!r}", details, _COMMAND_KEYS)
    permission = str(details.get("permission") or "").lower()
    if permission and permission not in ROLES:
        raise ValueError(f"gives {name!r} the permission {permission!r}; it is one of {', '.join(ROLES)}")
    return Command(
        name=name,
        description=str(details.get("description") or ""),
        permission=permission,
        label=str(details.get("label") or ""),
        parameters=_parameters(name, details["params"]) if "params" in details else None,
    )


def _parameters(command: str, declared: Any) -> tuple[Parameter, ...]:
    if declared is None:
        return ()
    if not isinstance(declared, dict):
        raise ValueError(f"gives {command!r} 'params' that are not a mapping of names")
    parameters = tuple(_parameter(f"{command!r}", name, details) for name, details in declared.items())
    if len({folded(parameter.name) for parameter in parameters}) < len(parameters):
        raise ValueError(f"gives {command!r} two parameters that differ in - and _ alone")
    return parameters


def _parameter(command: str, name: Any, details: Any) -> Parameter:
    if not isinstance(name, str) or not _PARAMETER_NAME.fullmatch(name):
        raise ValueError(f"gives {command} a parameter {name!r}; a name is letters, digits and _ . -, at most 64")
    if name == PIN:
        raise ValueError(f"gives {command} a parameter '{PIN}', which is reserved: it pins the head commit")
    where = f"parameter {name!r} of {command}"
    if details is None:
        return Parameter(name)
    if not isinstance(details, dict):
        raise ValueError(f"describes {where} by {details!r}; a mapping of {', '.join(_PARAMETER_KEYS)} belongs there")
    _check_keys(where, details, _PARAMETER_KEYS)
    kind = details.get("type", "str")
    if kind not in KINDS:
        raise ValueError(f"gives {where} the type {kind!r}; it is one of {', '.join(KINDS)}")
    parameter = Parameter(
        name=name,
        kind=cast(Kind, kind),
        required=_flag(where, details, "required"),
        choices=tuple(_value(where, "choices", kind, choice) for choice in _list(where, details.get("choices"))),
        minimum=_bound(where, details, kind, "min"),
        maximum=_bound(where, details, kind, "max"),
        pattern=_pattern(where, details, kind),
        positional=_flag(where, details, "positional"),
        description=str(details.get("description") or ""),
    )
    if details.get("default") is None:
        return parameter
    default = _value(where, "default", kind, details["default"])
    try:
        parameter.convert(spell(default))
    except ValueError as error:
        raise ValueError(f"gives {where} a default it would not accept: it {error}") from None
    return dataclasses.replace(parameter, default=default)


def _check_keys(where: str, details: Mapping[Any, Any], known: tuple[str, ...]) -> None:
    for key in details:
        if key not in known:
            near = nearest(str(key), list(known))
            raise ValueError(
                f"gives {where} a key {key!r}; known are {', '.join(known)}" + (f" (did you mean {near}?)" if near else "")
            )


def _flag(where: str, details: Mapping[str, Any], key: str) -> bool:
    value = details.get(key, False)
    if not isinstance(value, bool):
        raise ValueError(f"gives {where} '{key}: {value!r}'; it is true or false")
    return value


def _list(where: str, value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list) or not value:
        raise ValueError(f"gives {where} 'choices' that are not a list of values")
    return value


def _value(where: str, key: str, kind: Kind, value: Any) -> Scalar:
    """Read a value of the declaration. YAML reads `3e-4` as text and `1` as a number: the parameter's type decides."""
    if kind == "str" and not isinstance(value, str):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"gives {where} '{key}: {value!r}'; quote it: YAML did not read it as text")
        return str(value)
    found = scalar(kind, spell(value) if isinstance(value, str | int | float) else "")
    if found is None:
        raise ValueError(f"gives {where} '{key}: {value!r}', which is not {KINDS[kind]}")
    return found


def _bound(where: str, details: Mapping[str, Any], kind: Kind, key: str) -> float | None:
    if details.get(key) is None:
        return None
    if kind not in ("int", "float"):
        raise ValueError(f"gives {where} '{key}', which only a number (int, float) can have")
    return float(_value(where, key, "float", details[key]))


def _pattern(where: str, details: Mapping[str, Any], kind: Kind) -> str:
    pattern = details.get("pattern") or ""
    if pattern and kind != "str":
        raise ValueError(f"gives {where} a 'pattern', which only text (str) can have")
    try:
        re.compile(str(pattern))
    except re.error as error:
        raise ValueError(f"gives {where} a pattern that is not a regular expression: {error}") from None
    return str(pattern)
