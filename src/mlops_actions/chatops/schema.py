"""Commands with typed parameters, and the conversion of what a commenter wrote into values."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mlops_actions.chatops.grammar import Arguments
from mlops_actions.core.suggest import nearest

Kind: TypeAlias = Literal["str", "int", "float", "bool"]
Value: TypeAlias = "str | int | float | bool | list[str | int | float | bool]"
Scalar: TypeAlias = "str | int | float | bool"

KINDS: dict[Kind, str] = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
}
# Reserved: `sha=` pins the head and never becomes a parameter.
PIN = "sha"

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_FLOAT = re.compile(r"[+-]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,4})?")
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Parameter:
    """A declared parameter; `minimum` and `maximum` bound numbers, `pattern` must match the whole of a text."""

    name: str
    kind: Kind = "str"
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
        """Say in words which values are accepted."""
        if self.choices:
            return "one of " + ", ".join(spell(choice) for choice in self.choices)
        words = KINDS[self.kind]
        if self.minimum is not None and self.maximum is not None:
            words += f" from {spell(self.minimum)} to {spell(self.maximum)}"
        elif self.minimum is not None:
            words += f", at least {spell(self.minimum)}"
        elif self.maximum is not None:
            words += f", at most {spell(self.maximum)}"
        return words + (f" matching {self.pattern}" if self.pattern else "")

    def convert(self, text: str) -> Scalar:
        """Return the typed value; raises ValueError with a message that reads on after the parameter's name."""
        value = scalar(self.kind, text)
        if value is None:
            raise ValueError(f"must be {self.allowed}, not {_quoted(text)}")
        if self.choices and value not in self.choices:
            near = nearest(text, [spell(choice) for choice in self.choices])
            raise ValueError(f"must be {self.allowed}, not {_quoted(text)}" + (f" (did you mean {near}?)" if near else ""))
        if isinstance(value, int | float) and not isinstance(value, bool):
            low = self.minimum is not None and value < self.minimum
            high = self.maximum is not None and value > self.maximum
            if low or high:
                raise ValueError(f"must be {self.allowed}, not {_quoted(text)}")
        if self.pattern and not re.fullmatch(self.pattern, text):
            raise ValueError(f"must be {self.allowed}, not {_quoted(text)}")
        return value


@dataclass(frozen=True, slots=True)
class Command:
    """A declared command; `parameters` is None where the workflow declared none, so that any are taken as text."""

    name: str
    description: str = ""
    permission: str = ""
    label: str = ""
    parameters: tuple[Parameter, ...] | None = None

    @property
    def switches(self) -> dict[str, bool]:
        """Name every parameter as `grammar.arguments` needs them."""
        known = {folded(parameter.name): parameter.kind == "bool" for parameter in self.parameters or ()}
        return known | {PIN: False}

    def usage(self, prefix: str) -> str:
        """Spell the command with its parameters, as help shows it."""
        words = [prefix + self.name]
        for parameter in self.parameters or ():
            value = "|".join(spell(choice) for choice in parameter.choices) or parameter.kind
            word = f"<{parameter.name}>" if parameter.positional else f"{parameter.name}={value}"
            words.append(word if parameter.required else f"[{word}]")
        return " ".join(words)


def bind(command: Command, arguments: Arguments) -> tuple[dict[str, Value], list[str]]:
    """Return the typed parameters and every problem, each a line that names the parameter and what was allowed.

    Without a schema all values stay text. A key given more than once becomes a list.
    """
    if command.parameters is None:
        plain: dict[str, list[Scalar]] = {}
        for option in arguments.options:
            plain.setdefault(option.name, []).append(option.value)
        return {name: _one_or_list(values) for name, values in plain.items()}, []
    by_name = {folded(parameter.name): parameter for parameter in command.parameters}
    found: dict[str, list[Scalar]] = {}
    problems: list[str] = []
    for option in arguments.options:
        declared = by_name.get(folded(option.name))
        if declared is None:
            problems.append(_unknown(option.name, command.parameters))
        elif option.bare and declared.kind != "bool":
            found.setdefault(declared.name, [])
            problems.append(f"{declared.name}: needs a value, {declared.allowed}")
        else:
            _convert(declared, option.value, found, problems)
    # A positional parameter that was given by name takes no positional argument.
    slots = [parameter for parameter in command.parameters if parameter.positional and parameter.name not in found]
    for parameter, text in zip(slots, arguments.positional, strict=False):
        _convert(parameter, text, found, problems)
    problems += [_unexpected(extra, command.parameters) for extra in arguments.positional[len(slots) :]]
    return _complete(command.parameters, found, problems), problems


def spell(value: Scalar) -> str:
    """Write a value as a commenter would."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _convert(parameter: Parameter, text: str, found: dict[str, list[Scalar]], problems: list[str]) -> None:
    values = found.setdefault(parameter.name, [])
    try:
        values.append(parameter.convert(text))
    except ValueError as error:
        problems.append(f"{parameter.name}: {error}")


def _complete(parameters: tuple[Parameter, ...], found: Mapping[str, list[Scalar]], problems: list[str]) -> dict[str, Value]:
    """Fill in the defaults, in the declared order, and report what is required and missing."""
    complete: dict[str, Value] = {}
    for parameter in parameters:
        if values := found.get(parameter.name):
            complete[parameter.name] = _one_or_list(values)
        elif parameter.name in found:
            pass  # it was given, but not well, which has been reported
        elif parameter.default is not None:
            complete[parameter.name] = parameter.default
        elif parameter.required:
            problems.append(f"{parameter.name}: is required ({parameter.allowed}), and was not given")
    return complete


def _one_or_list(values: list[Scalar]) -> Value:
    return values[0] if len(values) == 1 else list(values)


def _unknown(name: str, parameters: tuple[Parameter, ...]) -> str:
    names = [parameter.name for parameter in parameters]
    near = nearest(name, names)
    known = f"known are {', '.join(names)}" if names else "this command takes none"
    return f"{_quoted(name)} is not a parameter: {known}" + (f" (did you mean {near}?)" if near else "")


def _unexpected(text: str, parameters: tuple[Parameter, ...]) -> str:
    slots = [parameter.name for parameter in parameters if parameter.positional]
    takes = f"takes {', '.join(slots)} that way" if slots else "takes only name=value"
    return f"{_quoted(text)} is one argument too many without a name: this command {takes}"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def folded(name: str) -> str:
    """Return the name under which `learning-rate` and `learning_rate` are one."""
    return name.replace("-", "_")


def scalar(kind: Kind, text: str) -> Scalar | None:
    """Convert; None where the text is not of the kind. What JSON cannot hold (NaN, infinity) is not a number."""
    if kind == "str":
        return text
    word = text.strip()
    if kind == "bool":
        return {"true": True, "false": False}.get(word.lower())
    if kind == "int":
        return int(word) if _INTEGER.fullmatch(word) else None
    number = float(word) if _FLOAT.fullmatch(word) else math.inf
    return number if math.isfinite(number) else None
