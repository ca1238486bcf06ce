"""Suggest the name that a typing mistake most probably meant."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name nearest to `name`, ignoring case; empty where none is near enough.

    A short name may differ by one slip and a longer one by two: `/trainer` and `/train` are two names.
    """
    limit = 1 if len(name) < 8 else 2
    scored = sorted((_distance(name.lower(), candidate.lower(), limit), candidate) for candidate in known)
    return scored[0][1] if scored and scored[0][0] <= limit else ""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'NAME'?)`, to be appended to a message; empty where no known name is near."""
    near = nearest(name, known)
    return f" (did you mean '{near}'?)" if near else ""


def _distance(first: str, second: str, limit: int) -> int:
    """Count the insertions, deletions, substitutions and swaps of neighbours between two words, up to `limit` + 1.

    This is the optimal string alignment distance. A comment may hold thousands of words to compare: what both words begin
    and end with does not count, and the count stops where it exceeds the limit.
    """
    if abs(len(first) - len(second)) > limit:
        return limit + 1
    first, second = _without_common_ends(first, second)
    row_before_last: list[int] = []
    last_row = list(range(len(second) + 1))
    for row, a in enumerate(first, 1):
        current = [row]
        for column, b in enumerate(second, 1):
            cost = min(last_row[column] + 1, current[column - 1] + 1, last_row[column - 1] + (a != b))
            if row > 1 and column > 1 and a == second[column - 2] and first[row - 2] == b:
                cost = min(cost, row_before_last[column - 2] + 1)
            current.append(cost)
        # A swap looks two rows back.
        if min(current) > limit and min(last_row) > limit:
            return limit + 1
        row_before_last, last_row = last_row, current
    return min(last_row[-1], limit + 1)


def _without_common_ends(first: str, second: str) -> tuple[str, str]:
    begin, shorter = 0, min(len(first), len(second))
    while begin < shorter and first[begin] == second[begin]:
        begin += 1
    end = 0
    while end < shorter - begin and first[-1 - end] == second[-1 - end]:
        end += 1
    return first[begin : len(first) - end], second[begin : len(second) - end]
