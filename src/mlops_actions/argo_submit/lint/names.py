"""Names in a manifest, and cycles between them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from mlops_actions.argo_submit.schema import Path, Problem
from mlops_actions.core.types import Json

NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]{0,127}")
NAME_RULE = "use letters, digits and '-', at most 128"
# Argo puts values in before it reads the names of a template's steps and outputs; an item's value comes later.
_VARIABLE = re.compile(r"\{\{(?!\s*item\b).*?\}\}")
_PARAMETER_NAME = re.compile(r"[-a-zA-Z0-9_]+")


def check_name(call: Json, path: Path, kind: str, names: set[str]) -> Iterator[Problem]:
    """Check the name of a step, task or container, and add it to `names`, those given before."""
    name = call.get("name") or ""
    if not name:
        yield Problem(path, f"is a {kind} without a name", "give it a name: 'name: …'")
    elif not NAME.fullmatch(_VARIABLE.sub("x", name)):
        yield Problem((*path, "name"), f"is not a name for Argo: '{name}'", NAME_RULE)
    elif name in names:
        yield Problem((*path, "name"), f"is given twice: '{name}'", "rename one of them")
    names.add(name)


def check_names(entries: Sequence[Json] | None, path: Path, *, with_variables: bool = False) -> Iterator[Problem]:
    """Check the names of parameters or artifacts; `with_variables` where Argo puts values into them before it reads them."""
    names: set[str] = set()
    for number, entry in enumerate(entries or []):
        name = entry.get("name") or ""
        if not _PARAMETER_NAME.fullmatch(_VARIABLE.sub("x", name) if with_variables else name):
            cause = f"is not a name for Argo: '{name}'" if name else "has no name"
            yield Problem((*path, number), cause, "use letters, digits, '-' and '_'")
        elif name in names:
            yield Problem((*path, number), f"is given twice: '{name}'", "rename one of them")
        names.add(name)


def cycle(graph: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Return one cycle, e.g. `["a", "b", "a"]`, empty where there is none."""
    done: set[str] = set()
    for start in graph:
        trail: dict[str, None] = {}
        stack: list[tuple[str, Iterator[str]]] = [(start, iter(graph[start]))] if start not in done else []
        while stack:
            name, others = stack[-1]
            if len(trail) < len(stack):
                trail[name] = None
            following = next(others, None)
            if following is None:
                done.add(name)
                stack.pop()
                del trail[name]
            elif following in trail:
                names = list(trail)
                return [*names[names.index(following) :], following]
            elif following in graph and following not in done:
                stack.append((following, iter(graph[following])))
    return []
