"""Follow the variables through a Dockerfile: what is known of them where an instruction is read. Pure.

Facts: BuildKit's frontend/dockerfile/dockerfile2llb/convert.go. ARG before the first FROM has values for FROM alone; a stage
starts with the variables of its base, and takes those before the first FROM where an ARG names them again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mlops_actions.docker_publish.dockerfile import arguments, shell
from mlops_actions.docker_publish.dockerfile.characters import GAP
from mlops_actions.docker_publish.dockerfile.instructions import Dockerfile, Instruction

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLATFORM = re.compile(r"linux/(amd64|arm64|386|ppc64le|s390x|riscv64)(?:/v[0-9]+)?")


@dataclass
class VariableScope:
    """What is known of the variables at one place.

    `knows_others`: a variable without a value here is not set. `has_triggers`: ONBUILD sets variables at the start of every
    stage that starts from this one.
    """

    values: dict[str, str] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    knows_others: bool = True
    has_triggers: bool = False

    def get(self, name: str) -> str | None:
        """Return a value, or None where the variable is not set; raises shell.UnknownValue."""
        if name in self.unknown or (name not in self.values and not self.knows_others):
            raise shell.UnknownValue(name)
        return self.values.get(name)

    def set(self, name: str, value: str | None) -> None:
        """Give a variable a value; None: one that is not known."""
        self.unknown.discard(name)
        if value is None:
            self.unknown.add(name)
        else:
            self.values[name] = value

    def copy(self) -> VariableScope:
        """Return one that changes on its own."""
        return VariableScope(dict(self.values), set(self.unknown), knows_others=self.knows_others)


def with_scopes(
    dockerfile: Dockerfile, build_arguments: Mapping[str, str], platform: str = ""
) -> Iterator[tuple[Instruction, VariableScope]]:
    """Yield every instruction with its scope, and after each ONBUILD the instruction that it holds, whose scope is unknown.

    `platform` is the one that is built, such as `linux/amd64`; empty: what depends on it is unknown.
    """
    stages = _Stages(dockerfile.escape, build_arguments, platform)
    for instruction in dockerfile.instructions:
        yield instruction, stages.scope_of(instruction)
        if instruction.trigger:
            yield instruction.trigger, VariableScope(knows_others=False)
        stages.apply(instruction)


class _Stages:
    """The scopes of the stages so far."""

    def __init__(self, escape: str, build_arguments: Mapping[str, str], platform: str) -> None:
        self._escape = escape
        self._build_arguments = build_arguments
        match = _PLATFORM.fullmatch(platform)
        # Nothing where BuildKit would write the platform in another way. Other build arguments need an ARG.
        automatic = {"TARGETOS": "linux", "TARGETARCH": match[1]} if match else {}
        self._global = VariableScope({name: build_arguments.get(name, value) for name, value in automatic.items()})
        self._current = self._global
        self._lasting = VariableScope()  # without what ARG sets: a later stage on this one may not have it
        self._by_name: dict[str, VariableScope] = {}

    def scope_of(self, instruction: Instruction) -> VariableScope:
        return self._global if instruction.keyword == "FROM" else self._current

    def apply(self, instruction: Instruction) -> None:
        if instruction.keyword == "FROM":
            self._start_stage(instruction)
        elif instruction.keyword == "ARG":
            self._apply_arguments(instruction)
        elif instruction.keyword == "ENV":
            self._apply_environment(instruction)
        elif instruction.trigger and instruction.trigger.keyword in ("ARG", "ENV"):
            self._lasting.has_triggers = True

    def _start_stage(self, instruction: Instruction) -> None:
        words = GAP.split(instruction.operands)
        base = shell.expand(words[0], self._global.get, self._escape) or ""
        # An image may set any variable.
        parent = self._by_name.get(base, VariableScope(knows_others=False))
        self._lasting = parent.copy()
        if parent.has_triggers:
            _forget(self._lasting)
        self._current = self._lasting.copy()
        if len(words) > 2:
            self._by_name[words[2].lower()] = self._lasting

    def _apply_arguments(self, instruction: Instruction) -> None:
        words = arguments.split_words(instruction.operands, self._escape)
        is_global = self._current is self._global
        for word in words:
            name, has_default, default = word.partition("=")
            if not _NAME.fullmatch(name):
                self._forget_all()
            elif name in self._build_arguments:
                self._set_argument(name, self._build_arguments[name])
            elif not has_default:
                if not is_global:
                    self._take_global(name)
            elif not is_global and len(words) > 1 and "$" in default:
                self._set_argument(name, None)  # versions of BuildKit expand it before or after what is set beside it
            else:
                self._set_argument(name, shell.expand(default, self._current.get, self._escape))

    def _take_global(self, name: str) -> None:
        try:
            value = self._global.get(name)
        except shell.UnknownValue:
            self._set_argument(name, None)
            return
        if value is not None:
            self._set_argument(name, value)

    def _set_argument(self, name: str, value: str | None) -> None:
        self._current.set(name, value)
        if self._current is not self._global:
            self._lasting.set(name, None)

    def _apply_environment(self, instruction: Instruction) -> None:
        words = arguments.split_words(instruction.operands, self._escape)
        if words and "=" not in words[0]:
            words = ["=".join(GAP.split(instruction.operands, maxsplit=1))]
        before = self._current.copy()
        for word in words:
            name, _, text = word.partition("=")
            if not _NAME.fullmatch(name):
                self._forget_all()
                continue
            value = shell.expand(text, before.get, self._escape)
            self._current.set(name, value)
            self._lasting.set(name, value)

    def _forget_all(self) -> None:
        """Take a name that is quoted or made of a variable: it may be any."""
        _forget(self._current)
        _forget(self._lasting)


def _forget(scope: VariableScope) -> None:
    scope.unknown |= set(scope.values)
    scope.values.clear()
    scope.knows_others = False
