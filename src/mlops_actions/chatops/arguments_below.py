"""Read the parameters in the lines below a command: `name: value`, `name=value`, items of a list, a block of YAML.

    /train
    lr: 3e-4
    - epochs: 20

They end at the first line that is no parameter, and at another command. A line that looks like a parameter and is not taken
stops the command where it names a declared parameter, since the command would run with another value than its author meant.
Any other one is noted. Values are text as it was written; the declared types convert it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import dedent

from mlops_actions.chatops import grammar, inline, typography
from mlops_actions.chatops.comment import CodeBlock, CommentLine, OwnText
from mlops_actions.chatops.grammar import Option
from mlops_actions.chatops.parameters import PIN, Command, normalized_name
from mlops_actions.chatops.yaml_values import NotTaken, block_values, value_texts, written_value
from mlops_actions.core.suggest import nearest

_YAML = ("yaml", "yml", "json")
_MAX_NOTES = 5
_MAX_SHOWN = 80

_ITEM = re.compile(r"\s*(?:(?:[-+*•–—]|[0-9]{1,9}[.)])\s+)?")
_NAME = r"[^\W\d][\w.-]*"
# `name: value` and `name = value`, the name also in bold or as code; `name=value` is read as on the command's line.
_PAIR = re.compile(
    rf"(?:(?P<mark>\*\*|__|`|)(?P<name>{_NAME}?)(?P=mark)|(?P<bold>\*\*|__)(?P<bold_name>{_NAME}?)(?=[:：](?P=bold)))"
    r"(?P<sign>\s*[:：]|\s+[=＝]|[=＝](?=\s))(?(bold)(?P=bold))(?P<value>.*)",
    re.DOTALL,
)
_WORDS = re.compile(rf"(?:--)?{_NAME}=|--[^\W\d]")
_CODE = re.compile(r"(`+)(?!`)((?:(?!\1).)+)\1", re.DOTALL)
# A parameter with another sign or none: `lr 3e-4`, `lr -> 3e-4`, a row of a table; and the name alone.
_WITHOUT_SIGN = re.compile(
    rf"(?:\[[ xX]\]\s+)?[|`*_]*+[ \t]*+({_NAME}?)[`*_]*+(?:[ \t]*+(?:[-=]*+>|→|⇒|[–—]|\|)[ \t]*.*|[ \t]+\S+)?"
)
_MAX_SHORT = 200
_BLOCK_OF_TEXT = re.compile(r"[|>][0-9+-]{0,2}")


@dataclass(frozen=True, slots=True)
class Below:
    """What stands below a command: its parameters, each with the number of its line (from 1).

    `problems` stop the command; `notes` name lines that look like parameters and were not taken.
    """

    options: tuple[tuple[int, Option], ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def repeated(self, on_line: Iterable[Option]) -> list[str]:
        """Return a problem for each parameter that is given below and also elsewhere; `on_line` are those of its line."""
        above = {normalized_name(option.name) for option in on_line}
        names: dict[str, str] = {}
        lines: dict[str, list[int]] = {}
        for number, option in self.options:
            key = normalized_name(option.name)
            names.setdefault(key, option.name)
            if number not in lines.setdefault(key, []):
                lines[key].append(number)
        places = {
            key: ["on the line of the command"] * (key in above) + [f"in line {number}" for number in numbers]
            for key, numbers in lines.items()
        }
        return [
            f"{names[key]}: is given {' and '.join(given)}; give it once" for key, given in places.items() if len(given) > 1
        ]

    def lines_without(self, name: str) -> list[str]:
        """Return lines that give the same parameters to a command above them, without the parameter of this name."""
        values: dict[tuple[int, str], list[str]] = {}
        for number, option in self.options:
            if option.name != name:
                values.setdefault((number, option.name), []).append(written_value(option.value))
        return [
            f"{key}: {texts[0]}" if len(texts) == 1 else f"{key}: [{', '.join(texts)}]" for (_, key), texts in values.items()
        ]


def read(text: OwnText, number: int, command: Command, prefix: str) -> Below:
    """Read what stands below line `number` (from 0) of a comment, where the command stands."""
    reader = _Reader(text, command, prefix)
    reader.read(number + 1)
    return Below(tuple(reader.options), tuple(reader.problems), tuple(reader.notes))


@dataclass(frozen=True, slots=True)
class _Found:
    """What looks like a parameter: the name, and the values if they can be taken.

    `is_clear` is False where the text may as well be prose; `problem` says why the values are not taken.
    """

    name: str
    options: tuple[Option, ...] = ()
    is_clear: bool = True
    problem: str = ""


class _Reader:
    def __init__(self, text: OwnText, command: Command, prefix: str) -> None:
        self._text = text
        self._prefix = prefix
        self._switches = command.switches
        self._is_free = command.parameters is None
        self._names = [parameter.name for parameter in command.parameters or ()]
        self._declared = {normalized_name(name) for name in (*self._names, PIN)}
        self._known: dict[str, bool] = {}
        self.options: list[tuple[int, Option]] = []
        self.problems: list[str] = []
        self.notes: list[str] = []

    def read(self, at: int) -> None:
        """Take the parameters from line `at` on, then look for more below other text."""
        lines = {line.number: line for line in self._text.lines}
        blocks = {block.first: block for block in self._text.blocks}
        end = len(self._text.written)
        while at < end:
            taken = not self._text.written[at].strip()
            if block := blocks.get(at):
                taken, at = self._take_block(block), block.last
            elif line := lines.get(at):
                if grammar.command_in(line, self._prefix):
                    return
                taken = self._take_line(line)
            at += 1
            if not taken:
                break
        self._look_below(at)

    def _take_line(self, line: CommentLine) -> bool:
        """Take the parameters of a line; returns False for a line that is none, which ends them."""
        content = self._without_break(_content(line), line.number)
        if not content:
            return False
        if content.startswith("{"):
            return self._take_yaml(content, line.number + 1, is_certain=False)
        found = self._parse(content)
        if found is None:
            return self._refuse_without_sign(content, line.number + 1)
        is_certain = self._knows(found.name) or (found.is_clear and (self._is_free or bool(found.options)))
        if not is_certain:
            self._note(line.number + 1, content)
            return False
        if inline.HIDDEN in line.visible:
            self._refuse(
                line.number + 1, f"{found.name}: holds text that a reader does not see, such as HTML or a link's target"
            )
        else:
            self._take(found, line.number + 1)
        return True

    def _refuse_without_sign(self, content: str, number: int) -> bool:
        """Refuse a line that names a declared parameter without a sign; returns False for any other one."""
        word = _WITHOUT_SIGN.fullmatch(content) if len(content) <= _MAX_SHORT else None
        if word is None or normalized_name(word[1]) not in self._declared:
            return False
        self._refuse(number, f"{content[:_MAX_SHOWN]!r} lacks a sign or a value: write {word[1]}: and the value")
        return True

    def _without_break(self, content: str, number: int) -> str:
        """Remove the backslash of a hard line break, which no reader sees; at the end of a paragraph it is text."""
        below = self._text.written[number + 1 : number + 2]
        backslashes = len(content) - len(content.rstrip("\\"))
        return content[:-1].rstrip() if backslashes % 2 and below and below[0].strip() else content

    def _take(self, found: _Found, number: int) -> None:
        if found.problem:
            self._refuse(number, f"{found.name}: {found.problem}")
        self.options += [(number, option) for option in found.options]

    def _parse(self, content: str) -> _Found | None:
        """Parse a line as parameters; None where it does not look like any."""
        straight = typography.straightened(content)
        if _WORDS.match(straight):
            return self._parse_words(straight)
        pair = _PAIR.match(content)
        if not pair:
            return None
        name, value = pair["name"] or pair["bold_name"], pair["value"].strip()
        is_known = self._knows(name)
        # `http://…` and `10:30` are no pairs, nor are `cc: @ada` and `Closes: #7`.
        is_tight = pair["sign"].endswith(":") and not pair["bold"] and value and not pair["value"][0].isspace()
        if not is_known and (is_tight or not value or value.startswith(("@", "#"))):
            return None
        if not value:
            return _Found(name, problem="needs a value on the same line")
        if _BLOCK_OF_TEXT.fullmatch(value):
            return _Found(name, problem="a text of several lines stands in a block of code that is marked as yaml")
        is_word = len(value.split()) == 1 or value[0] in "\"'`[" or (not is_known and self._is_free and name == name.lower())
        try:
            texts = value_texts(value)
        except NotTaken as error:
            return _Found(name, is_clear=is_word, problem=str(error))
        return _Found(name, tuple(Option(name, text) for text in texts), is_word or is_known)

    def _parse_words(self, content: str) -> _Found | None:
        name = re.match(rf"(?:--)?(?:no-)?({_NAME}?)(?==|\s|$)", content)
        try:
            arguments = grammar.parse_arguments(content, self._switches)
        except grammar.ArgumentError as error:
            return _Found(name[1], problem=str(error)) if name else None
        if not arguments.options:
            return None
        first = arguments.options[0].name
        if mark := typography.not_understood(content):
            return _Found(first, problem=f"{mark} is not clear: write -- for an option, and straight quotes")
        if arguments.positional:
            problem = f"{arguments.positional[0][:_MAX_SHOWN]!r} belongs to no name; put a value with blanks in quotes"
            return _Found(first, is_clear=False, problem=problem)
        return _Found(first, arguments.options)

    def _take_block(self, block: CodeBlock) -> bool:
        """Take the parameters of a block of code; returns False for one that holds none, which ends them."""
        language = (block.language or "").lower().split()[:1]
        number = block.first + (1 if block.language is None else 2)
        body = dedent("".join(f"{line}\n" for line in block.lines))
        if not body.strip():
            return True
        if language and language[0] not in _YAML:
            return self._refuse_named(block.lines, number, "stands in a block that is not read: mark the block as yaml")
        if not block.is_closed:
            self._refuse(number - 1, "the block of code is not closed")
            return True
        return self._take_yaml(body, number, is_certain=bool(language))

    def _take_yaml(self, body: str, number: int, *, is_certain: bool) -> bool:
        """Take a block of YAML; where nothing else says that it is one, it may be other text."""
        try:
            values = block_values(body)
        except NotTaken as error:
            if is_certain:
                self._refuse(number + error.line, str(error))
                return True
            return self._take_plain_block(body, number)
        if not is_certain and not self._is_free and not any(self._knows(name) for _, name, _, _ in values):
            self._note(number, body.split("\n", 1)[0])
            return False
        for line, name, texts, problem in values:
            self._take(_Found(name, tuple(Option(name, text) for text in texts), problem=problem), number + line)
        return True

    def _take_plain_block(self, body: str, number: int) -> bool:
        """Take a block that is not YAML by its lines, if all of them are parameters."""
        lines = [(number + index, line.strip()) for index, line in enumerate(body.split("\n")) if line.strip()]
        found = [(line, self._parse(content)) for line, content in lines]
        if all(one and one.is_clear and (self._is_free or self._knows(one.name)) for _, one in found):
            for line, one in found:
                assert one is not None  # noqa: S101 - see above
                self._take(one, line)
            return True
        return self._refuse_named(body.split("\n"), number, "stands in a block that cannot be read as YAML")

    def _refuse_named(self, lines: Sequence[str], number: int, why: str) -> bool:
        """Refuse a block one of whose lines clearly names a declared parameter; returns False for any other block."""
        for index, line in enumerate(lines):
            found = self._parse(line.strip()) if line.strip() else None
            if found and found.is_clear and self._knows(found.name):
                self._refuse(number + index, f"{found.name}: {why}")
                return True
        return False

    def _look_below(self, at: int) -> None:
        """Look for parameters below other text: they are not taken, and never passed over in silence."""
        why = "stands below other text; write it directly below the command, or on its line"
        end = len(self._text.written)
        for line in self._text.lines:
            if line.number < at:
                continue
            if grammar.command_in(line, self._prefix):
                end = line.number
                break
            content = _content(line)
            found = self._parse(content) if content and inline.HIDDEN not in line.visible else None
            if found and found.is_clear and self._knows(found.name):
                self._refuse(line.number + 1, f"{found.name}: {why}")
            elif found and found.is_clear:
                self._note(line.number + 1, content)
            elif content.startswith("|"):
                self._refuse_without_sign(content, line.number + 1)
        for block in self._text.blocks:
            language = (block.language or "").lower().split()[:1]
            if at <= block.first < end and (not language or language[0] in _YAML):
                number = block.first + (1 if block.language is None else 2)
                if not self._refuse_named(block.lines, number, why) and language and block.lines:
                    self._note(number, block.lines[0].strip())

    def _knows(self, name: str) -> bool:
        """Return whether a parameter of this name, or nearly this name, is declared."""
        if name not in self._known:
            self._known[name] = normalized_name(name) in self._declared or bool(nearest(name, self._names))
        return self._known[name]

    def _refuse(self, number: int, problem: str) -> None:
        self.problems.append(f"line {number}: {problem}")

    def _note(self, number: int, content: str) -> None:
        if len(self.notes) < _MAX_NOTES:
            self.notes.append(f"line {number}, not taken as a parameter: {content[:_MAX_SHOWN]}")


def _content(line: CommentLine) -> str:
    """Return the text of a line without the mark of a list's item; empty where a reader sees none."""
    item = _ITEM.match(line.text)
    begin = item.end() if item else 0
    if not line.visible[begin:].strip(inline.HIDDEN + " \t"):
        return ""
    content = line.text[begin:].strip()
    code = _CODE.fullmatch(content)
    return code[2].strip() if code else content
