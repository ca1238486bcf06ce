"""Commands with typed parameters, and the conversion of a commenter's arguments into values."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mlops_actions.chatops.grammar import Arguments
from mlops_actions.core.suggest import nearest

ParameterType: TypeAlias = Literal["str", "int", "float", "bool"]
Value: TypeAlias = "str | int | float | bool | list[str | int | float | bool]"
Scalar: TypeAlias = "str | int | float | bool"

TYPE_NAMES: dict[ParameterType, str] = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
}
# Reserved: `sha=` pins the head commit and never becomes a parameter.
PIN = "sha"
CONFIRM_TIMEOUT = 600.0  # seconds

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_FLOAT = re.compile(r"[+-]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,4})?")
_MAX_QUOTED = 80
# `lr:3e-4`, `-lr=3e-4`, `-lr`, and an assignment as code.
_LIKE_PARAMETER = re.compile(r"(?P<mark>-|`+)?(?P<name>[^\W\d][\w-]*)(?P<sign>[:=：＝])?")
_AS_TEXT = "put it in quotes where it is meant as text"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter; `minimum` and `maximum` bound a number, `pattern` must match a whole text."""

    name: str
    kind: ParameterType = "str"
    required: bool = False
    default: Scalar | None = None
    choices: tuple[Scalar, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""
    positional: bool = False
    description: str = ""

    @property
    def allowed(self) -> str:
        """The accepted values, in words."""
        if self.choices:
            return "one of " + ", ".join(format_value(choice) for choice in self.choices)
        description = TYPE_NAMES[self.kind]
        if self.minimum is not None and self.maximum is not None:
            description += f" from {format_value(self.minimum)} to {format_value(self.maximum)}"
        elif self.minimum is not None:
            description += f", at least {format_value(self.minimum)}"
        elif self.maximum is not None:
            description += f", at most {format_value(self.maximum)}"
        return description + (f" matching {self.pattern}" if self.pattern else "")

    def convert(self, text: str) -> Scalar:
        """Return the typed value; raises ValueError with a message that continues after the parameter's name."""
        value = parse_scalar(self.kind, text)
        if value is None:
            raise ValueError(f"must be {self.allowed}, not {_quoted(text)}")
        if self.choices and value not in self.choices:
            suggestion = nearest(text, [format_value(choice) for choice in self.choices])
            raise ValueError(
                f"must be {self.allowed}, not {_quoted(text)}" + (f" (did you mean {suggestion}?)" if suggestion else "")
            )
        if isinstance(value, int | float) and not isinstance(value, bool):
            is_too_low = self.minimum is not None and value < self.minimum
            is_too_high = self.maximum is not None and value > self.maximum
            if is_too_low or is_too_high:
                raise ValueError(f"must be {self.allowed}, not {_quoted(text)}")
        if self.pattern and not re.fullmatch(self.pattern, text):
            raise ValueError(f"must be {self.allowed}, not {_quoted(text)}")
        return value


@dataclass(frozen=True, slots=True)
class Command:
    """A declared command; `parameters` is None where the workflow declares none: any parameter is then accepted as text.

    `confirm` says who must confirm it: `self`, the commander; `second`, somebody else; empty for nobody. `confirm_timeout`
    is in seconds. `lock` is the name of the lock that it takes. `confirms` marks the command that confirms another one.
    `is_control` marks a built-in command of the input `controls`.
    """

    name: str
    description: str = ""
    permission: str = ""
    label: str = ""
    parameters: tuple[Parameter, ...] | None = None
    is_control: bool = False
    confirm: Literal["", "self", "second"] = ""
    confirm_timeout: float = CONFIRM_TIMEOUT
    lock: str = ""
    confirms: bool = False

    @property
    def switches(self) -> dict[str, bool]:
        """Map each parameter's name to whether it is a boolean, as `grammar.parse_arguments` needs it."""
        known = {normalized_name(parameter.name): parameter.kind == "bool" for parameter in self.parameters or ()}
        return known | {PIN: False}

    def usage(self, prefix: str) -> str:
        """Return the command with its parameters, as help shows it."""
        words = [prefix + self.name]
        for parameter in self.parameters or ():
            value = "|".join(format_value(choice) for choice in parameter.choices) or parameter.kind
            word = f"<{parameter.name}>" if parameter.positional else f"{parameter.name}={value}"
            words.append(word if parameter.required else f"[{word}]")
        return " ".join(words)


CONFIRM = Command("confirm", "Start the command that the newest question asks about", parameters=(), confirms=True)


def bind(command: Command, arguments: Arguments) -> tuple[dict[str, Value], list[str]]:
    """Return the typed parameters, and each problem as a line that names the parameter and the allowed values.

    Without declared parameters all values stay text. A repeated key becomes a list.
    """
    if command.parameters is None:
        texts: dict[str, list[Scalar]] = {}
        for option in arguments.options:
            texts.setdefault(option.name, []).append(option.value)
        return {name: _one_or_list(values) for name, values in texts.items()}, []
    by_name = {normalized_name(parameter.name): parameter for parameter in command.parameters}
    values: dict[str, list[Scalar]] = {}
    problems: list[str] = []
    for option in arguments.options:
        declared = by_name.get(normalized_name(option.name))
        if declared is None:
            problems.append(_unknown(option.name, command.parameters))
        elif option.bare and declared.kind != "bool":
            values.setdefault(declared.name, [])
            problems.append(f"{declared.name}: needs a value, {declared.allowed}")
        else:
            _convert(declared, option.value, values_by_name=values, problems=problems)
    # A positional parameter that was given by name takes no positional argument.
    slots = [parameter for parameter in command.parameters if parameter.positional and parameter.name not in values]
    names = {key: parameter.name for key, parameter in by_name.items()} | {PIN: PIN}
    for index, text in enumerate(arguments.positional):
        if index in arguments.plain and (problem := _misread(text, names)):
            problems.append(problem)
            # So that it is not said to be missing.
            values.update({slots[index].name: []} if index < len(slots) else {})
        elif index < len(slots):
            _convert(slots[index], text, values_by_name=values, problems=problems)
        else:
            problems.append(_unexpected(text, command.parameters))
    return _complete(command.parameters, values, problems), problems


def format_value(value: Scalar) -> str:
    """Return a value as a commenter writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _convert(parameter: Parameter, text: str, values_by_name: dict[str, list[Scalar]], problems: list[str]) -> None:
    values = values_by_name.setdefault(parameter.name, [])
    try:
        values.append(parameter.convert(text))
    except ValueError as error:
        problems.append(f"{parameter.name}: {error}")


def _complete(
    parameters: tuple[Parameter, ...], values_by_name: Mapping[str, list[Scalar]], problems: list[str]
) -> dict[str, Value]:
    """Fill in the defaults, in the declared order, and report each required parameter that is missing."""
    complete: dict[str, Value] = {}
    for parameter in parameters:
        if values := values_by_name.get(parameter.name):
            complete[parameter.name] = _one_or_list(values)
        elif parameter.name in values_by_name:
            pass  # it was given with a wrong value, which is a problem already
        elif parameter.default is not None:
            complete[parameter.name] = parameter.default
        elif parameter.required:
            problems.append(f"{parameter.name}: is required ({parameter.allowed}), and was not given")
    return complete


def _one_or_list(values: list[Scalar]) -> Value:
    return values[0] if len(values) == 1 else list(values)


def _unknown(name: str, parameters: tuple[Parameter, ...]) -> str:
    names = [parameter.name for parameter in parameters]
    suggestion = nearest(name, names)
    known = f"known are {', '.join(names)}" if names else "this command takes none"
    return f"{_quoted(name)} is not a parameter: {known}" + (f" (did you mean {suggestion}?)" if suggestion else "")


def _misread(text: str, names: Mapping[str, str]) -> str:
    """Say what a word without a name is probably meant for, where that is not a value; empty where it may be one."""
    match = _LIKE_PARAMETER.match(text)
    if match is None:
        return ""
    name = names.get(normalized_name(match["name"]))
    if name and (match["mark"] or match["sign"]):
        return f"{_quoted(text)} looks like the parameter {name}: write {name}=VALUE; {_AS_TEXT}"
    if (match["mark"] or "").startswith("-"):
        return f"{_quoted(text)} is not an option: options begin with --; {_AS_TEXT}"
    return ""


def _unexpected(text: str, parameters: tuple[Parameter, ...]) -> str:
    slots = [parameter.name for parameter in parameters if parameter.positional]
    named = "takes only name=value" if parameters else "takes none"
    takes = f"takes only {', '.join(slots)} without a name" if slots else named
    return f"{_quoted(text)} is one positional argument too many: this command {takes}"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _MAX_QUOTED else text[: _MAX_QUOTED - 1] + "…")


def normalized_name(name: str) -> str:
    """Return the name with `_` for `-`: `learning-rate` and `learning_rate` are the same parameter."""
    return name.replace("-", "_")


def parse_scalar(kind: ParameterType, text: str) -> Scalar | None:
    """Convert a text; None where it is not of the type. Numbers that JSON cannot hold (NaN, infinity) are none."""
    if kind == "str":
        return text
    stripped = text.strip()
    if kind == "bool":
        return {"true": True, "false": False}.get(stripped.lower())
    if kind == "int":
        return int(stripped) if _INTEGER.fullmatch(stripped) else None
    number = float(stripped) if _FLOAT.fullmatch(stripped) else math.inf
    return number if math.isfinite(number) else None
