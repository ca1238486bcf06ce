"""Argo's own examples, as the Go module of a version holds them: the repository holds none of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlops_actions.core import kubernetes_yaml
from mlops_actions.core.types import Json

CLUSTER_TOOLS = Path(__file__).parents[3] / "tools" / "e2e" / "cluster"
NEWEST = "v4.0.2"  # as tools/e2e/cluster/argo/go.mod
OLDER = ("v3.7.6", "v3.6.10")


@dataclass(frozen=True)
class Example:
    """One document of one file; `name` is the file's path, and the document's number where it holds several.

    `text` is the file's own, or the document as JSON where the file holds several.
    """

    name: str
    text: str
    document: Json

    @property
    def kind(self) -> str:
        return str(self.document["kind"])

    @property
    def reference(self) -> str:
        """What names a template or schedule in the cluster, as `from` takes it."""
        return f"{self.kind.lower()}/{self.document['metadata']['name']}"


def module_of(version: str) -> Path:
    """Return the directory of a version of the module `argo-workflows`, which Go checks against its checksum database."""
    module = f"github.com/argoproj/argo-workflows/{version.partition('.')[0]}@{version}"
    listed = subprocess.run(["go", "mod", "download", "-json", module], cwd="/", stdout=subprocess.PIPE, check=True)
    return Path(json.loads(listed.stdout)["Dir"])


def argo(version: str) -> str:
    """Return the path of the command `argo` of a version, built now where it was never built."""
    script = ["argo-server.sh"] if version == NEWEST else ["argo-cli.sh", version]
    command = [str(CLUSTER_TOOLS / script[0]), *script[1:]]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def examples(version: str) -> list[Example]:
    """Return every document among a version's examples, sorted by name."""
    return sorted(_documents(module_of(version) / "examples"), key=lambda one: one.name)


def _documents(directory: Path) -> Iterator[Example]:
    for path in directory.rglob("*.yaml"):
        name = path.relative_to(directory).as_posix()
        text = path.read_text(encoding="utf-8")
        documents = [document for node in kubernetes_yaml.nodes(text) if (document := kubernetes_yaml.value_of(node))]
        if len(documents) == 1:
            yield Example(name, text, documents[0])
        else:
            yield from (Example(f"{name}#{n}", json.dumps(one), one) for n, one in enumerate(documents, 1))
