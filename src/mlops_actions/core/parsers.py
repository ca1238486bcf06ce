"""Parsers of inputs: each takes an input's text and returns its value.

A parser raises ValueError with a message that continues "input 'x' …". An empty text never reaches a parser, since an empty
input counts as not given.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mlops_actions.core.provenance import is_sha


class ShowableError(ValueError):
    """An error of a parser whose message shows no part of the value: it is told for a secret input too."""


_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def text(value: str) -> str:
    """Return the text without surrounding white space."""
    return value.strip()


def verbatim(value: str) -> str:
    """Return the text unchanged."""
    return value


def boolean(value: str) -> bool:
    """Read `true` or `false`, in any case; refuse everything else."""
    word = value.strip().lower()
    if word not in ("true", "false"):
        raise ValueError(f"must be true or false, not {value!r}")
    return word == "true"


def integer(*, minimum: int | None = None, maximum: int | None = None) -> Callable[[str], int]:
    """Make a parser of whole numbers within bounds."""

    def parse(value: str) -> int:
        # int() alone would also accept "1_0" and the digits of other scripts.
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", value.strip()):
            raise ValueError(f"must be a whole number, not {value!r}")
        number = int(value)
        if (minimum is not None and number < minimum) or (maximum is not None and number > maximum):
            raise ValueError(f"must be {_bounds(minimum, maximum)}, not {number}")
        return number

    return parse


def _bounds(minimum: int | None, maximum: int | None) -> str:
    if maximum is None:
        return f"at least {minimum}"
    return f"at most {maximum}" if minimum is None else f"between {minimum} and {maximum}"


def duration(value: str) -> float:
    """Read a duration such as `90`, `90s`, `15m`, `2h` or `5h30m`; return seconds."""
    word = value.strip().lower()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", word):
        return float(word)
    match = _DURATION.fullmatch(word)
    if not match or not word or not word.isascii():
        raise ValueError(f"must be a duration such as 90, 90s, 15m, 2h or 5h30m, not {value!r}")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(hours * 3600 + minutes * 60 + seconds)


def byte_size(value: str) -> int:
    """Read a number of bytes such as `500 MB`, `20GB` or `1.5 GiB`; return bytes."""
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([kmgt])(i?)b", value.strip().lower())
    if not match:
        raise ValueError(f"must be a size such as 500 MB, 20 GB or 1.5 GiB, not {value!r}")
    number, prefix, binary = match.groups()
    unit: int = (1024 if binary else 1000) ** " kmgt".index(prefix)
    return round(float(number) * unit)


def choice(*options: str) -> Callable[[str], str]:
    """Make a parser that accepts one of the given words, in any case."""

    def parse(value: str) -> str:
        word = value.strip().lower()
        if word not in options:
            raise ValueError(f"must be one of {', '.join(options)}, not {value!r}")
        return word

    return parse


def matching(pattern: str, what: str) -> Callable[[str], str]:
    """Return a parser of one word that matches a regular expression as a whole; `what` names it in errors."""

    def parse(value: str) -> str:
        word = value.strip()
        if not re.fullmatch(pattern, word, re.ASCII):
            raise ValueError(f"must be {what}, not {value!r}")
        return word

    return parse


def commit(value: str) -> str:
    """Read a full commit SHA and return it in lower case; an attacker can find a commit with a given short SHA."""
    sha = value.strip().lower()
    if not is_sha(sha):
        raise ValueError(f"must be a full commit SHA (40 hexadecimal digits), not {value!r}")
    return sha


def base_address(value: str) -> str:
    """Read an http(s) base address, to which paths can be appended: no user, query or fragment, no final slash."""
    address = value.strip().rstrip("/")
    if not re.fullmatch(r"https?://[^\s/@?#]+(/[^\s?#]*)?", address):
        raise ValueError(f"must be an http(s) address without user, query or fragment, not {value!r}")
    return address


def items(value: str) -> tuple[str, ...]:
    """Read a list: YAML or JSON, else one item per line, else separated by commas; drop empty items and keep the order."""
    stripped = value.strip()
    if stripped.startswith("[") or re.match(r"-\s", stripped):
        entries = yaml_value(stripped, scalars_as_text=True)
        if not isinstance(entries, list) or not all(isinstance(item, str) for item in entries):
            raise ValueError(f"must be a flat list, not {value!r}")
    else:
        entries = stripped.splitlines() if "\n" in stripped else stripped.split(",")
    return tuple(item.strip() for item in entries if item.strip())


def lines(value: str) -> tuple[str, ...]:
    """Read one item per line; drop blank lines and lines that start with `#`."""
    return tuple(line.strip() for line in value.splitlines() if line.strip() and not line.lstrip().startswith("#"))


def pairs(value: str) -> dict[str, str | None]:
    """Read `KEY=VALUE` lines; a `KEY` without `=` maps to None (its value comes from elsewhere). Refuse a repeated key."""
    values: dict[str, str | None] = {}
    for line in lines(value):
        key, separator, content = line.partition("=")
        key = key.strip()
        if not key:
            raise ValueError(f"has a line without a key: {line!r}")
        if key in values:
            raise ValueError(f"gives {key!r} twice")
        values[key] = content if separator else None
    return values


def mapping(value: str) -> dict[str, Any]:
    """Read a YAML or JSON mapping with text keys, else `k=v` lines, whose values are text."""
    stripped = value.strip()
    if re.fullmatch(r"[\w.-]+=.*", stripped.splitlines()[0]):
        return {key: content or "" for key, content in pairs(stripped).items()}
    parsed = yaml_value(stripped)
    if not isinstance(parsed, dict) or not all(isinstance(key, str) for key in parsed):
        raise ValueError("must be a YAML or JSON mapping, or lines of key=value")
    return parsed


def yaml_value(value: str, *, scalars_as_text: bool = False, unique_keys: bool = False) -> Any:
    """Read any YAML (so also JSON) value with the safe loader; a ValueError names the place of a syntax error.

    `scalars_as_text` keeps `1e-3`, `yes` and `2026-01-01` as they were written. `unique_keys` refuses a key that stands
    twice at the top, of which YAML's reader would take the last.
    """
    import yaml  # late: an ignored comment must not import third-party modules

    from mlops_actions.core import yaml_nodes

    try:
        # BaseLoader makes text, lists and mappings only, fewer types than the safe loader. Either may refuse a character.
        loader = (yaml_nodes.BaseLoader if scalars_as_text else yaml_nodes.SafeLoader)(value)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _refuse_aliases(node)
            if unique_keys and isinstance(node, yaml.MappingNode):
                _refuse_repeated([key.value for key, _ in node.value])
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        reason = getattr(error, "problem", None) or getattr(error, "reason", None)
        raise ValueError(f"is not valid YAML{place}: {reason}") from None


def _refuse_repeated(keys: list[Any]) -> None:
    twice = next((key for index, key in enumerate(keys) if key in keys[:index]), None)
    if twice is not None:
        raise ValueError(f"holds the key {twice!r} twice")


def _refuse_aliases(root: Any) -> None:
    from mlops_actions.core.yaml_nodes import MAX_NODES, expanded

    for count, _ in enumerate(expanded(root), 1):
        if count > MAX_NODES:
            raise ValueError(f"holds more than {MAX_NODES} values, aliases written out")
