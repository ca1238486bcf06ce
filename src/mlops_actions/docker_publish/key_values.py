"""Read `KEY=VALUE` lists whose values may have several lines: build arguments, secrets, labels, files of secrets. Pure.

Two ways to write a value of several lines: in double quotes around the whole entry, as docker/build-push-action takes it
(a quote within is doubled), or as a YAML mapping. No error here shows any text of the input.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mlops_actions.core.errors import BadInput
from mlops_actions.core.parsers import ShowableError, yaml_value

_QUOTING = 'several lines of a value stand in double quotes, as in "KEY=first (lines) last", or the input is a YAML mapping'
_FIRST_LINE_OF_MAPPING = re.compile(r"""\{|(["']?)[A-Za-z0-9_][\w./-]*\1\s*:(\s|$)""", re.ASCII)
_KEY = re.compile(r"""[^\s"'=]+""")


class UnreadableEntry(ShowableError):
    """An entry that cannot be read. The message tells its line and shows no text of it, so that it may be of a secret."""


def key_values(text: str) -> dict[str, str | None]:
    """Read the entries in order; a bare `KEY` maps to None (its value comes from elsewhere). Raises UnreadableEntry.

    White space around an entry is dropped; within quotes and within the blocks of a YAML mapping every line is kept.
    """
    lines = text.splitlines()
    first = next((line.strip() for line in lines if _is_significant(line)), "")
    if _FIRST_LINE_OF_MAPPING.match(first):
        return _mapping(text)
    values: dict[str, str | None] = {}
    for number, entry, is_quoted in _entries(lines):
        key, value = _pair(entry, number, is_quoted=is_quoted)
        if key in values:
            raise UnreadableEntry(f"gives a key twice: {_place(number)} repeats that of an earlier one")
        values[key] = value
    return values


def resolve(name: str, entries: Mapping[str, str | None], environ: Mapping[str, str]) -> dict[str, str | None]:
    """Give each bare key its value from the environment, None where the environment has none; raises BadInput.

    `name` is the input. A bare key without a variable, below an entry with a value, is more likely a further line of that
    value that somebody forgot to quote: it is refused, and not shown.
    """
    values: dict[str, str | None] = {}
    is_below_value = False
    for position, (key, text) in enumerate(entries.items(), 1):
        value = environ.get(key) if text is None else text
        if value is None and is_below_value:
            raise BadInput(
                f"entry {position} of input '{name}' has no '=', and the environment has no such variable: it may be a "
                "further line of the value above it",
                f"{_QUOTING}; where a name is meant, add it to the step's 'env:'",
            )
        is_below_value = text is not None
        values[key] = value
    return values


def _is_significant(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _place(number: int) -> str:
    return f"the entry in line {number}"


def _entries(lines: list[str]) -> Iterator[tuple[int, str, bool]]:
    """Yield line number, text without its quotes, and whether it was quoted."""
    numbered = enumerate(lines, 1)
    for number, line in numbered:
        if not _is_significant(line):
            continue
        if not line.lstrip().startswith('"'):
            yield number, line.strip(), False
            continue
        quoted = line.lstrip()[1:]
        while (end := _closing_quote(quoted)) is None:
            _, following = next(numbered, (0, None))
            if following is None:
                raise UnreadableEntry(f"has a quote that is never closed, around {_place(number)}")
            quoted += f"\n{following}"
        if quoted[end + 1 :].strip():
            raise UnreadableEntry(
                f"has text behind the closing quote of {_place(number)}; {_QUOTING}, a quote within is doubled"
            )
        yield number, quoted[:end].replace('""', '"').strip(), True


def _closing_quote(text: str) -> int | None:
    """Find the first quote that is not doubled."""
    found = re.match(r'(?:[^"]|"")*+"', text)
    return found.end() - 1 if found else None


def _pair(entry: str, number: int, *, is_quoted: bool) -> tuple[str, str | None]:
    key, separator, value = entry.partition("=")
    key = key.strip()
    if not separator and (is_quoted or not _KEY.fullmatch(key)):
        raise UnreadableEntry(f"has no '=' in {_place(number)}; {_QUOTING}")
    if not _KEY.fullmatch(key):
        raise UnreadableEntry(f"has no key before the '=' in {_place(number)}; {_QUOTING}")
    if value == "=" and not is_quoted:
        raise UnreadableEntry(
            f"has only '=' as the value in {_place(number)}, as the last line of base64 text has; {_QUOTING}"
        )
    return key, value if separator else None


def _mapping(text: str) -> dict[str, str | None]:
    try:
        parsed = yaml_value(text, scalars_as_text=True)
    except ValueError as error:
        place = re.search(r"\(line \d+, column \d+\)", str(error))
        raise UnreadableEntry(
            f"begins like a YAML mapping and is none{' ' + place[0] if place else ''}; {_QUOTING}"
        ) from None
    if not isinstance(parsed, dict):
        raise UnreadableEntry(f"begins like a YAML mapping and is none; {_QUOTING}")
    _refuse_repeated_keys(text)
    values: dict[str, str | None] = {}
    for position, (key, value) in enumerate(parsed.items(), 1):
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise UnreadableEntry(f"has no usable key in entry {position} of the mapping")
        if not isinstance(value, str):
            raise UnreadableEntry(f"has a list or a mapping as the value of entry {position}; write text, a block by '|'")
        values[key] = value
    return values


def _refuse_repeated_keys(text: str) -> None:
    """Look at the YAML nodes: the mapping made of them holds only the last of two equal keys."""
    import yaml

    from mlops_actions.core import yaml_nodes

    node = yaml.compose(text, Loader=yaml_nodes.BaseLoader)
    keys = [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []
    repeated = next((position for position, key in enumerate(keys, 1) if key in keys[: position - 1]), None)
    if repeated is not None:
        raise UnreadableEntry(f"gives a key twice: entry {repeated} of the mapping repeats that of an earlier one")
