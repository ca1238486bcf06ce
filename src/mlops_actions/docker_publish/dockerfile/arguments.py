"""Take the arguments of an instruction apart: flags, words, JSON lists, and the options of `--mount`. Pure.

Facts: BuildKit's frontend/dockerfile/parser (split_command.go, line_parsers.go) and instructions/commands_runmount.go.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence

from mlops_actions.docker_publish.dockerfile.characters import BLANKS, GAP


def split_flags(text: str, escape: str) -> tuple[tuple[str, ...], str]:
    """Return the flags (`--name=value`, without quotes) that `text` begins with, and the rest of it."""
    # BuildKit reads byte by byte here: a byte within a letter can pass for a blank, and each becomes a letter in the flag.
    data = text.encode("utf-8", "surrogateescape").decode("latin-1")
    flags: list[str] = []
    position = 0
    while True:
        while position < len(data) and data[position] in BLANKS:
            position += 1
        if not data.startswith("--", position):
            return tuple(flags), _original(data[position:])
        flag, position = _flag(data, position, escape)
        if flag == "--":
            return tuple(flags), _original(data[position:])
        flags.append(flag)


def _original(data: str) -> str:
    return data.encode("latin-1").decode("utf-8", "surrogateescape")


def _flag(data: str, position: int, escape: str) -> tuple[str, int]:
    """Read one flag; return it without quotes and escapes, and where it ends."""
    result: list[str] = []
    quote = ""
    while position < len(data):
        character = data[position]
        if not quote and character in BLANKS:
            break
        position += 1
        if character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        elif character != escape:
            result.append(character)
        elif position < len(data):
            result.append(data[position])
            position += 1
    return "".join(result), position


def split_words(text: str, escape: str) -> list[str]:
    """Split the arguments of ARG at blanks; quotes keep blanks together, and stay."""
    words: list[str] = []
    word: list[str] = []
    quote = ""
    position = 0
    while position < len(text):
        character = text[position]
        position += 1
        if not quote and character in BLANKS:
            words += ["".join(word)] if word else []
            word = []
            continue
        if character == escape and quote != "'":
            if position == len(text):
                break
            word.append(character)
            character = text[position]
            position += 1
        elif character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        word.append(character)
    return [*words, "".join(word)] if word else words


def json_list(text: str) -> list[str] | None:
    """Return the list of texts that the arguments are in their JSON form; None where they have another form."""
    text = text.lstrip(BLANKS)
    if not text.startswith("["):
        return None
    try:
        items = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    # A list that holds anything else is refused by BuildKit.
    return [item for item in items if isinstance(item, str)]


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def paths(operands: str) -> list[str]:
    """Return the paths of COPY or ADD in either form, sources first and target last."""
    listed = json_list(operands)
    return [word for word in GAP.split(operands) if word] if listed is None else listed


def flag_values(flags: Sequence[str], name: str) -> list[str]:
    """Return the values of every flag of this name."""
    prefix = f"--{name}="
    return [flag.removeprefix(prefix) for flag in flags if flag.startswith(prefix)]


def mount_options(mount: str) -> dict[str, str] | None:
    """Return the options of `--mount`, by lower-case name; the last of a name counts. None where BuildKit refuses it."""
    try:
        fields = next(csv.reader([mount]), [])
    except csv.Error:
        return None
    return {key.lower(): value for key, _, value in (field.partition("=") for field in fields)}
