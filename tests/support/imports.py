"""Read the import graph of Python packages from their source, without importing them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

Graph = Mapping[str, frozenset[str]]


def import_graph(root: Path, *packages: str) -> Graph:
    """Return every module below `root` that belongs to `packages`, with the modules of them that it imports.

    Imports count wherever they stand: at module level, inside functions, and below TYPE_CHECKING. `from a import b`
    leads to the module `a.b` where there is one, otherwise to `a`. An import of `a.b` does not count as one of `a`,
    although Python runs `a/__init__.py` for it: a package may re-export the names of its modules.
    """
    paths = {
        module_name(path, root): path for package in packages for path in (root / package.replace(".", "/")).rglob("*.py")
    }
    return {name: frozenset(_imported(name, path, paths)) for name, path in paths.items()}


def module_name(path: Path, root: Path) -> str:
    """Return the dotted name of the module in the file `path`; a package is named without `__init__`."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(path: Path, name: str) -> Iterator[tuple[str, str]]:
    """Yield (module, name imported from it) for every import of a file; the second is empty for `import module`."""
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: -(node.level - 1) or None] if node.level else []
            module = ".".join([*parents, *([node.module] if node.module else [])])
            yield from ((module, alias.name) for alias in node.names)


def _imported(name: str, path: Path, modules: Mapping[str, Path]) -> Iterator[str]:
    for module, attribute in imported_names(path, name):
        if f"{module}.{attribute}" in modules:
            yield f"{module}.{attribute}"
        elif module in modules:
            yield module


def import_circles(graph: Graph) -> list[list[str]]:
    """Return the strongly connected components of more than one module, and modules that import themselves, sorted."""
    finished = _by_finishing_time(graph)
    importers: dict[str, set[str]] = {name: set() for name in graph}
    for name, imported in graph.items():
        for module in imported:
            importers[module].add(name)
    # Kosaraju: what reaches a module that finished last, along reversed edges, is its component.
    components: list[set[str]] = []
    assigned: set[str] = set()
    for name in reversed(finished):
        if name not in assigned:
            component = _reachable(name, importers, assigned)
            assigned |= component
            components.append(component)
    return sorted(
        sorted(component) for component in components if len(component) > 1 or any(name in graph[name] for name in component)
    )


def _by_finishing_time(graph: Graph) -> list[str]:
    finished: list[str] = []
    seen: set[str] = set()
    for start in graph:
        stack = [] if start in seen else [(start, iter(sorted(graph[start])))]
        seen.add(start)
        while stack:
            name, remaining = stack[-1]
            module = next((candidate for candidate in remaining if candidate not in seen), None)
            if module is None:
                finished.append(name)
                stack.pop()
            else:
                seen.add(module)
                stack.append((module, iter(sorted(graph[module]))))
    return finished


def _reachable(start: str, edges: Mapping[str, set[str]], excluded: set[str]) -> set[str]:
    reached, pending = {start}, [start]
    while pending:
        for module in edges[pending.pop()] - excluded - reached:
            reached.add(module)
            pending.append(module)
    return reached
