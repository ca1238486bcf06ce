"""Manifests with mistakes, made from Argo's own examples by a seed."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mlops_actions.core import kubernetes_yaml
from mlops_actions.core.types import Json

Place = tuple[str | int, ...]
_VALUES: tuple[object, ...] = (
    0, 1, -1, 1.5, 10**12, True, False, None, "", "text", "1GiB", "5m", [], ["a"], {}, {"a": "b"},
    "{{inputs.parameters.nope}}", "{{workflow.parameters.nope}}", "{{steps.nope.outputs.result}}", "{{tasks.nope.status}}",
    "{{item.x}}", "{{workflow.name}}", "{{pod.name}}",
)  # fmt: skip
_ENDINGS = ("x", "-y", "_z", ".w", " v")


def examples(directory: Path) -> list[tuple[str, Json]]:
    """Return the workflows among Argo's examples that need no other object, by file name."""
    found = []
    for path in sorted(directory.rglob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        documents = [kubernetes_yaml.value_of(node) for node in kubernetes_yaml.nodes(text)]
        if len(documents) == 1 and documents[0].get("kind") == "Workflow" and "emplateRef" not in text:
            found.append((path.name, documents[0]))
    return found


def mutated(seeds: Sequence[tuple[str, Json]], number: int, seed: int) -> Iterator[tuple[str, Json]]:
    """Yield so many manifests, each with one or two changes in its spec, and the example's name."""
    generator = random.Random(seed)
    for _ in range(number):
        name, document = generator.choice(seeds)
        changed = _changed(document, generator)
        yield name, _changed(changed, generator) if generator.random() < 0.25 else changed


def _changed(document: Json, generator: random.Random) -> Json:
    document = copy.deepcopy(document)
    places = [place for place in _places(document["spec"], ()) if place]
    if not places:
        return document
    *above, key = generator.choice(places)
    parent: Any = document["spec"]
    for part in above:
        parent = parent[part]
    value = parent[key]
    changes = {
        "delete": lambda: parent.pop(key),
        "other value": lambda: parent.__setitem__(key, copy.deepcopy(generator.choice(_VALUES))),
        "other type": lambda: parent.__setitem__(key, str(value) if isinstance(value, int | float) else [value]),
    }
    if isinstance(value, str):
        changes["other name"] = lambda: parent.__setitem__(key, value + generator.choice(_ENDINGS))
    if isinstance(key, str):
        changes["typing mistake"] = lambda: parent.__setitem__(key + generator.choice("sx"), parent.pop(key))
    else:
        changes["twice"] = lambda: parent.insert(key, copy.deepcopy(value))
        changes["other order"] = parent.reverse
    changes[generator.choice(sorted(changes))]()
    return document


def _places(value: Any, place: Place) -> Iterator[Place]:
    yield place
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in entries:
        yield from _places(item, (*place, key))
