"""Parse the command language: the commands in a comment, and their arguments.

    /train lr=3e-4 --epochs 20 --no-augment digits "a second positional" -- --not-an-option

A command stands first on its own line and ends at white space or the line's end. Arguments take shell quoting and no
expansion of any kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from unicodedata import category

from mlops_actions.chatops import comment, typography

_NAME = re.compile(r"\w[\w.-]*")
_ASSIGNMENT = re.compile(r"([^\W\d][\w.-]*)=(.*)", re.DOTALL)
# All white space of `str.isspace`: a no-break space from a phone's keyboard separates words too.
_BLANKS = (
    " \t\r\n\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
# One word of a line: plain characters, escaped ones and quoted parts, in any mixture. It never backtracks.
_WORD = re.compile(rf"""(?:[^{_BLANKS}"'\\]++|\\.|'[^']*+'|"(?:[^"\\]++|\\.)*+")++""", re.DOTALL)
_BLANK = re.compile(f"[{_BLANKS}]*+")
# The quoted parts of a word. Between double quotes a backslash escapes only a double quote and itself.
_QUOTING = re.compile(r"""\\(?P<escaped>.)|'(?P<single>[^']*+)'|"(?P<double>(?:[^"\\]++|\\.)*+)\"""", re.DOTALL)
_ESCAPED_IN_QUOTES = re.compile(r"""\\(["\\])""")
_MAX_QUOTED = 40
# Letters and symbols that look like a blank, but are none: fillers of Korean syllables, the Braille cell without dots.
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"
# They join or separate the letters of several scripts, and the parts of an emoji.
_JOINERS = "\u200c\u200d"
_MAX_NAMED = 5


class ArgumentError(ValueError):
    """The arguments cannot be parsed; the message says why, and may quote the commenter."""


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A line with a command: the name without the prefix, and the rest of the line with straight dashes and quotes.

    `number` counts the lines of the comment from 0; where the command goes on below its line, it is that of the last one.
    """

    name: str
    rest: str
    number: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a line: its text without the quoting, and where it begins and ends in the line."""

    text: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Option:
    """A named argument; `bare` marks `--flag` and `--no-flag`, whose value is `true` or `false`.

    `begin` and `end` bound the option in the line, with its value.
    """

    name: str
    value: str
    bare: bool = False
    begin: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a command, in the order they were written.

    `plain` are the indices of the positional ones that stand before `--`, without any quoting.
    """

    options: tuple[Option, ...] = ()
    positional: tuple[str, ...] = ()
    plain: frozenset[int] = field(default=frozenset(), compare=False)

    def without(self, name: str) -> Arguments:
        """Return the arguments without the options of this name."""
        return replace(self, options=tuple(option for option in self.options if option.name != name))

    def values(self, name: str) -> tuple[str, ...]:
        """Return every value of the options of this name."""
        return tuple(option.value for option in self.options if option.name == name)


def find_commands(text: comment.OwnText, prefix: str) -> list[CommandLine]:
    """Return every line where a command may stand, in order, whether or not the command is declared."""
    return [command for line in text.lines if (command := command_in(line, prefix))]


def command_in(line: comment.CommentLine, prefix: str) -> CommandLine | None:
    """Return the command that a line may hold; None where it holds none."""
    if not typography.starts_with(line.visible, prefix):
        return None
    begin = typography.leading_blanks(line.visible) + len(prefix)
    name = line.visible[begin:].split(maxsplit=1)
    # A blank after the prefix is prose ("/ hour"), not a command.
    if not name or line.visible[begin].isspace():
        return None
    rest = _strip_trailing_blanks(line.text[begin + len(name[0]) :].lstrip())
    # What changes the order of reading is refused with the arguments.
    disguise = typography.reordering(line.text[: begin + len(name[0])])
    shown = typography.plain_ascii(typography.without_invisible(name[0]))
    return CommandLine(shown, disguise + typography.straightened(rest), line.number)


def continued(command: CommandLine, text: comment.OwnText) -> CommandLine:
    """Return a command with the lines below that continue it, as in a shell: each line but the last ends in a backslash.

    Where the next line is blank, or not what a reader sees as the author's text, the backslash stays, and the arguments
    cannot be parsed. So it does between two words without a blank: whether they are one word is not clear.
    """
    if not _ends_in_backslash(command.rest):
        return command
    lines = {line.number: line for line in text.lines}
    parts, number = [command.rest], command.number
    while _ends_in_backslash(parts[-1]) and (below := lines.get(number + 1)):
        begin = typography.leading_blanks(below.visible)
        before = parts[-1].rstrip()[:-1]
        is_apart = begin > 0 or not before or before[-1].isspace()
        if not below.visible.strip() or comment.is_partly_hidden(below) or not is_apart:
            break
        number += 1
        parts[-1] = before.rstrip()
        parts.append(typography.straightened(_strip_trailing_blanks(below.text.strip("\n")).lstrip()))
    return CommandLine(command.name, " ".join(filter(None, parts)), number)


def _ends_in_backslash(rest: str) -> bool:
    """Return whether a line ends in a backslash that no other one escapes."""
    line = rest.rstrip()
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def find_last_phrase(body: str, phrase: str) -> CommandLine | None:
    """Return the last occurrence of a phrase between blanks, anywhere outside quotes and code (the legacy rule)."""
    words = [re.escape(word) for word in phrase.split()]
    pattern = re.compile(r"(?<!\S)" + r"\s+".join(words) + r"(?!\S)")
    last = None
    for line in comment.read(body).lines:
        # Cut once for each line, not at every occurrence: a line of nothing else would cost its length squared.
        ends = [match.end() for match in pattern.finditer(line.visible)]
        if ends:
            last = CommandLine(phrase, _strip_trailing_blanks(line.text[ends[-1] :].lstrip()))
    return last


def invisible_characters(text: str) -> tuple[str, ...]:
    """Return the characters that make a line look different from what it is: invisible ones, and changes of direction."""
    characters = [
        character
        for character in dict.fromkeys(text)
        if character in _FILLERS
        or (category(character) in ("Cf", "Cc") and character not in _JOINERS and not character.isspace())
    ]
    return tuple(f"U+{ord(character):04X}" for character in characters[:_MAX_NAMED])


def parse_arguments(rest: str, switches: Mapping[str, bool] | None = None) -> Arguments:
    """Parse the arguments of a command; raises ArgumentError.

    `switches` maps the names of declared parameters to whether they are switches (booleans): a switch takes a following
    word only if that is `true` or `false`. The value of an undeclared `--name` is the word that follows, unless that is
    an option or an assignment itself.
    """
    declared = switches or {}
    words = list(_words(rest))
    options: list[Option] = []
    positional: list[str] = []
    plain: list[int] = []
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        if word.text == "--":
            positional += (after.text for after in words[index:])
            break
        if word.text.startswith("--"):
            option = _long_option(word, words[index] if index < len(words) else None, declared)
            index += option.end > word.end
            options.append(option)
        elif assignment := _ASSIGNMENT.fullmatch(word.text):
            options.append(Option(assignment[1], assignment[2], begin=word.begin, end=word.end))
        else:
            plain += [len(positional)] * (rest[word.begin : word.end] == word.text)
            positional.append(word.text)
    return Arguments(tuple(options), tuple(positional), frozenset(plain))


def parse_plain_arguments(rest: str, name: str) -> Arguments:
    """Parse a line without shell quoting, word by word: only `name` is an option, every other word is positional."""
    words = [Word(match[0], match.start(), match.end()) for match in re.finditer(r"\S+", rest)]
    end_of_options = next((index for index, word in enumerate(words) if word.text == "--"), len(words))
    options: list[Option] = []
    positional: list[str] = []
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        option_name, equals, value = word.text.removeprefix("--").partition("=")
        separate = not equals and word.text.startswith("--") and index < end_of_options
        if index > end_of_options or option_name != name or not (equals or separate):
            positional.append(word.text)
            continue
        value_word = words[index] if separate else word
        index += separate
        options.append(Option(name, value_word.text if separate else value, begin=word.begin, end=value_word.end))
    return Arguments(tuple(options), tuple(positional))


def remove_option(rest: str, arguments: Arguments, name: str) -> str:
    """Return the line that `arguments` was parsed from without its options of this name.

    The other characters stay as they were written.
    """
    kept: list[str] = []
    begin = 0
    for option in arguments.options:
        if option.name == name:
            kept.append(rest[begin : option.begin])
            # The blanks after an option go with it.
            begin = _blanks_end(rest, option.end)
    return _strip_trailing_blanks("".join((*kept, rest[begin:])))


def _strip_trailing_blanks(line: str) -> str:
    """Remove the blanks at the end of a line, except for one that a backslash makes part of a word."""
    end = len(line.rstrip())
    backslashes = end - len(line[:end].rstrip("\\"))
    return line[: end + backslashes % 2]


def _words(rest: str) -> Iterator[Word]:
    end = 0
    while (begin := _blanks_end(rest, end)) < len(rest):
        word = _WORD.match(rest, begin)
        end = word.end() if word else begin
        if word is None or rest[end : end + 1] not in _BLANKS:
            if _ends_in_backslash(rest):
                raise ArgumentError(
                    "the line ends in a backslash, and no arguments follow directly below: write them on the next line, "
                    "with a blank before the backslash, or leave the backslash out"
                )
            raise ArgumentError("a quote is not closed; write a quote that is meant as text as \\\" or \\'")
        yield Word(_QUOTING.sub(_unquoted, word[0]), begin, end)


def _blanks_end(rest: str, at: int) -> int:
    blanks = _BLANK.match(rest, at)
    return blanks.end() if blanks else at


def _unquoted(part: re.Match[str]) -> str:
    if part["double"] is not None:
        return _ESCAPED_IN_QUOTES.sub(r"\1", part["double"])
    return str(part["single"] if part["escaped"] is None else part["escaped"])


def _long_option(word: Word, following: Word | None, declared: Mapping[str, bool]) -> Option:
    name, equals, value = word.text[2:].partition("=")
    if not _NAME.fullmatch(name):
        raise ArgumentError(f"{word.text[:_MAX_QUOTED]!r} is not an option: '--' is followed by a name")
    if equals:
        return Option(name, value, begin=word.begin, end=word.end)
    positive = name.removeprefix("no-")
    if positive != name and positive and _is_switch(name, declared) is None:
        return Option(positive, "false", bare=True, begin=word.begin, end=word.end)
    if following is not None and _is_value(following.text, _is_switch(name, declared)):
        return Option(name, following.text, begin=word.begin, end=following.end)
    return Option(name, "true", bare=True, begin=word.begin, end=word.end)


def _is_value(word: str, is_switch: bool | None) -> bool:
    if is_switch:
        return word.lower() in ("true", "false")
    return not word.startswith("--") and (is_switch is False or not _ASSIGNMENT.fullmatch(word))


def _is_switch(name: str, declared: Mapping[str, bool]) -> bool | None:
    """Return whether a declared parameter is a switch, None for an undeclared one; `-` and `_` are the same."""
    return declared.get(name.replace("-", "_"))
