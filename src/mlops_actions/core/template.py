"""Fill in text templates that the package ships: files that look like the text they become, with marks `@@name@@`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import resources

_MARK = re.compile(r"@@([a-z-]+)@@")
_MARK_ALONE = re.compile(r"( *)@@([a-z-]+)@@")


def read(package: str, name: str) -> str:
    """Read a file of the folder `templates` in a package."""
    return resources.files(package).joinpath("templates", name).read_text(encoding="utf-8")


def fill(template: str, values: Mapping[str, str], blocks: Mapping[str, Sequence[str]]) -> str:
    """Replace every mark; raise KeyError for a mark without a replacement.

    A mark within a line is replaced by its value. A line that holds only a mark is replaced by the lines of its block, each
    with the indentation of the mark; an empty block removes the line.
    """
    lines = []
    for line in template.splitlines():
        alone = _MARK_ALONE.fullmatch(line)
        if alone and alone[2] in blocks:
            lines += [f"{alone[1]}{each}".rstrip() for each in blocks[alone[2]]]
        else:
            lines.append(_MARK.sub(lambda mark: values[mark[1]], line))
    return "\n".join(lines) + "\n"
