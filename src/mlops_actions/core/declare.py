"""Declare inputs and outputs once: this module parses them from the environment, `render` writes action.yml and docs.

An action declares its inputs as a class decorated with `inputs`; `input_field` makes each field:

    @inputs
    class Inputs(DeclaredInputs):
        image: str = input_field(text, "Name of the image.", required=True)
        retries: int = input_field(integer(minimum=0), "Attempts to push.", default="3")
        password: str | None = input_field(text, "Password for the registry.", secret=True, env=("GITHUB_TOKEN",))

The input has the field's name with hyphens, without a final `_` (the field `from_` is the input `from`).

`action.yml` contains no literal defaults, because the runner passes a default like a value that the user gave, and a value
under an older name would then contradict it. This module fills the defaults in. `action.yml` contains only the defaults that
the runner must evaluate, such as `${{ github.token }}` (`runner_default`).
"""

from __future__ import annotations

import dataclasses
import keyword
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, dataclass_transform, overload

from mlops_actions.core.errors import BadInput, BadInputs
from mlops_actions.core.parsers import ShowableError

T = TypeVar("T")
_Inputs = TypeVar("_Inputs", bound="DeclaredInputs")
_KEY = "mlops-actions"


@dataclass(frozen=True, kw_only=True)
class DeclaredInputs:
    """The base of every class of declared inputs.

    `given_names` holds the names (today's and older ones) that the user gave, as opposed to values that a default filled in.
    """

    given_names: frozenset[str] = frozenset()

    def was_given(self, name: str) -> bool:
        """Tell whether the user gave the input `name` (kebab-case, or an older name)."""
        return name in self.given_names

    def problems(self) -> Iterable[BadInput]:
        """Yield what is wrong with the inputs together; each field alone was checked when it was parsed."""
        return ()


@dataclass(frozen=True)
class Legacy:
    """The name that a replaced action used for an input; `parse` reads its text where that action used another format."""

    name: str
    parse: Callable[[str], Any] | None = None
    note: str = ""


@dataclass(frozen=True)
class Retired:
    """An input of a replaced action that has no successor: the action ignores it and warns with `why`.

    An inputs class lists them as `RETIRED: ClassVar[tuple[Retired, ...]]`.
    """

    name: str
    why: str

    @property
    def message(self) -> str:
        """The warning for a user who gives it."""
        return f"'{self.name}' is ignored. {self.why}"


@dataclass(frozen=True)
class Input:
    """One input as users see it. `default` is text, as a user would write it.

    `secrets_in` finds the secrets in the text of a secret input that holds more than them; without it, the text is one.
    """

    name: str
    parse: Callable[[str], Any]
    help: str
    default: str = ""
    runner_default: str = ""
    required: bool = False
    secret: bool = False
    env: tuple[str, ...] = ()
    legacy: tuple[Legacy, ...] = ()
    secrets_in: Callable[[str], Iterable[str]] | None = None


@dataclass(frozen=True)
class Output:
    """One output as users see it; `legacy` marks a name that a replaced action used."""

    name: str
    help: str
    legacy: bool = False


@dataclass(frozen=True)
class Action:
    """One action's contract, from which `action.yml` and the README's tables are rendered."""

    name: str
    title: str
    description: str
    icon: str
    color: str
    inputs: type
    outputs: tuple[Output, ...]
    # The JSON Schema of each property of the output `result`; see `core.result_schema`.
    result: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)


@overload
def input_field(
    parse: Callable[[str], T],
    help: str,
    *,
    required: bool,
    secret: bool = ...,
    env: tuple[str, ...] = ...,
    legacy: tuple[Legacy | str, ...] = ...,
) -> T: ...
@overload
def input_field(
    parse: Callable[[str], T],
    help: str,
    *,
    default: str,
    runner_default: str = ...,
    secret: bool = ...,
    env: tuple[str, ...] = ...,
    legacy: tuple[Legacy | str, ...] = ...,
) -> T: ...
@overload
def input_field(
    parse: Callable[[str], T],
    help: str,
    *,
    runner_default: str = ...,
    secret: bool = ...,
    env: tuple[str, ...] = ...,
    legacy: tuple[Legacy | str, ...] = ...,
    secrets_in: Callable[[str], Iterable[str]] | None = ...,
) -> T | None: ...
def input_field(
    parse: Callable[[str], Any],
    help: str,
    *,
    default: str = "",
    runner_default: str = "",
    required: bool = False,
    secret: bool = False,
    env: tuple[str, ...] = (),
    legacy: tuple[Legacy | str, ...] = (),
    secrets_in: Callable[[str], Iterable[str]] | None = None,
) -> Any:
    """Declare an input; the field's value is None where the user gave no value and there is no default.

    `env` names environment variables that replace an input that is not given, in order. `legacy` names are inputs of their
    own in action.yml; their values must equal that of the modern name, where both are given.
    """
    names = tuple(Legacy(entry) if isinstance(entry, str) else entry for entry in legacy)
    entry = Input(
        name="",
        parse=parse,
        help=help,
        default=default,
        runner_default=runner_default,
        required=required,
        secret=secret,
        env=env,
        legacy=names,
        secrets_in=secrets_in,
    )
    return dataclasses.field(metadata={_KEY: entry}, repr=not secret)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(input_field,))
def inputs(cls: type[T]) -> type[T]:
    """Make a frozen dataclass of a subclass of `DeclaredInputs`."""
    return dataclass(frozen=True, kw_only=True)(cls)


def declared_inputs(cls: type) -> tuple[Input, ...]:
    """List the inputs that a class declares, in order, with their names."""
    return tuple(
        dataclasses.replace(field.metadata[_KEY], name=field.name.removesuffix("_").replace("_", "-"))
        for field in dataclasses.fields(cls)
        if _KEY in field.metadata
    )


def retired_inputs(cls: type) -> tuple[Retired, ...]:
    """List the inputs of replaced actions that a class of declared inputs accepts and ignores."""
    inputs: tuple[Retired, ...] = getattr(cls, "RETIRED", ())
    return inputs


def input_variable(name: str) -> str:
    """Return the environment variable of an input: the runner turns blanks into `_` and keeps hyphens (its ActionRunner)."""
    return "INPUT_" + name.replace(" ", "_").upper()


def secret_values(cls: type, environ: Mapping[str, str]) -> Iterable[str]:
    """Yield every secret that the environment holds for the inputs of `cls`; the caller masks them before it logs."""
    for entry in declared_inputs(cls):
        if entry.secret:
            names = [input_variable(entry.name), *(input_variable(alias.name) for alias in entry.legacy), *entry.env]
            for text in (environ[name] for name in names if environ.get(name, "").strip()):
                yield from (entry.secrets_in(text) if entry.secrets_in else (text,))


def read(cls: type[_Inputs], environ: Mapping[str, str]) -> _Inputs:
    """Parse the inputs of `cls` from `INPUT_*`; raises BadInput (one problem) or BadInputs (all of them together)."""
    values: dict[str, Any] = {}
    problems: list[BadInput] = []
    names: set[str] = set()
    for entry in declared_inputs(cls):
        try:
            value, source = _read_input(entry, environ)
        except BadInput as problem:
            problems.append(problem)
            continue
        values[_field(entry.name)] = value
        if source:
            names.update((entry.name, source))
    if not problems:
        inputs = cls(**values, given_names=frozenset(names))
        problems.extend(inputs.problems())
        if not problems:
            return inputs
    raise problems[0] if len(problems) == 1 else BadInputs(problems)


def _field(name: str) -> str:
    """Name the field of an input; one that Python would read as a keyword (`from`) ends in `_`."""
    field = name.replace("-", "_")
    return f"{field}_" if keyword.iskeyword(field) else field


def _read_input(entry: Input, environ: Mapping[str, str]) -> tuple[Any, str]:
    """Return the parsed value and the name by which the user gave it (empty: a default or an environment variable)."""
    candidates = [(entry.name, entry.parse, environ.get(input_variable(entry.name), ""))]
    candidates += [
        (alias.name, alias.parse or entry.parse, environ.get(input_variable(alias.name), "")) for alias in entry.legacy
    ]
    present = [(name, _parse(entry, name, parse=parse, text=text)) for name, parse, text in candidates if text.strip()]
    if present:
        name, value = present[0]
        # The runner fills in its default, which looks like a value that the user gave: the older name wins over it.
        if entry.runner_default and len(present) > 1 and name == entry.name:
            name, value = present[1]
            present = present[1:]
        for other_name, other_value in present[1:]:
            if other_value != value:
                raise BadInput(
                    f"inputs '{name}' and '{other_name}' are two names for one thing, but their values differ",
                    f"give '{entry.name}' alone",
                )
        return value, name
    for variable_name in entry.env:
        text = environ.get(variable_name, "")
        if text.strip():
            return _parse(entry, variable_name, parse=entry.parse, text=text, kind="environment variable"), ""
    if entry.default:
        return entry.parse(entry.default), ""
    if entry.required:
        also = f" (or its older name '{entry.legacy[0].name}')" if entry.legacy else ""
        raise BadInput(
            f"input '{entry.name}' is required and was not given", f"add '{entry.name}:'{also} to the step's 'with:'"
        )
    return None, ""


def _parse(entry: Input, name: str, parse: Callable[[str], Any], text: str, *, kind: str = "input") -> Any:
    try:
        return parse(text)
    except ValueError as error:
        is_shown = not entry.secret or isinstance(error, ShowableError)
        reason = str(error) if is_shown else "cannot be read (its value is secret, so it is not shown)"
        raise BadInput(
            f"{kind} '{name}' {reason}", f"correct '{name}' in the step's 'with:'; it means: {entry.help}"
        ) from None
