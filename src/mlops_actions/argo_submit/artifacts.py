"""The output artifacts of a workflow: where they are, and those that an input brings into the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from posixpath import basename
from urllib.parse import quote

from mlops_actions.argo_submit.ports import ArtifactFolder, Cluster
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.core import markdown as md
from mlops_actions.core.errors import ActionError, WorkFailed
from mlops_actions.core.suggest import did_you_mean
from mlops_actions.core.types import Json

MAX_SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class OutputArtifact:
    """An artifact: its place, and where this step has put it (`path` in the workspace, `size` in bytes)."""

    name: str
    node_id: str
    node_name: str
    bucket: str
    key: str
    url: str = ""
    path: str = ""
    size: int | None = None

    def document(self) -> Json:
        """Return the artifact as an entry of `result`."""
        return {
            "name": self.name,
            "node": self.node_name,
            "bucket": self.bucket,
            "key": self.key,
            "url": self.url,
            "path": self.path,
            "size": self.size,
        }


def of_workflow(status: WorkflowStatus, page: str) -> list[OutputArtifact]:
    """Return the artifacts that nodes have written, without the logs that Argo archives.

    `page` is the workflow's page on the Argo Server, which serves the artifacts too; empty where it is not known.
    """
    base = page.removesuffix(f"/workflows/{status.namespace}/{status.name}") if page else ""
    found = []
    for node in status.nodes.values():
        if node.type == "Retry":  # which repeats those of its last attempt
            continue
        for name, bucket, key in node.artifacts:
            if name.endswith("-logs") and key.endswith(".log"):
                continue
            # Under the name of a workflow that is gone there is nothing, or another workflow.
            source = ("archived-workflows", status.uid) if status.is_gone else ("workflows", status.name)
            parts = (status.namespace, *source, node.id, "outputs", name)
            url = f"{base}/artifact-files/{'/'.join(quote(part, safe='') for part in parts)}" if base else ""
            place = bucket or status.artifact_bucket
            found.append(
                OutputArtifact(name=name, node_id=node.id, node_name=node.display_name, bucket=place, key=key, url=url)
            )
    return found


def fetch_chosen(
    artifacts: Sequence[OutputArtifact],
    names: Sequence[str],
    folder: ArtifactFolder,
    into: str,
    cluster: Cluster,
    status: WorkflowStatus,
) -> tuple[list[OutputArtifact], ActionError | None]:
    """Bring the artifacts of these names into the workspace; return all artifacts, and the first problem.

    An artifact that several nodes have written gets a folder for each node.
    """
    fetched: dict[int, OutputArtifact] = {}
    problem: ActionError | None = None
    for name in names:
        chosen = [index for index, one in enumerate(artifacts) if name in (one.name, f"{one.node_name}/{one.name}")]
        if not chosen:
            known = sorted({one.name for one in artifacts})
            hint = did_you_mean(name, known)
            problem = problem or WorkFailed(
                f"the workflow '{status.name}' has no output artifact '{name}'{hint}",
                f"name one of these in 'artifacts': {', '.join(known[:MAX_SHOWN])}"
                if known
                else "see what its templates write",
            )
        for index in chosen:
            one = artifacts[index]
            parts = (one.name,) if len(chosen) == 1 else (one.name, f"{one.node_name}-{one.node_id[-10:]}")
            try:
                content = cluster.read_artifact(status, one.node_id, one.name)
                path, size = folder.put(into, parts, basename(one.key) or one.name, iter(content))
                fetched[index] = replace(one, path=path, size=size)
            except ActionError as error:
                cause = f"artifact '{one.name}' of '{one.node_name}': {error.cause}"
                problem = problem or error.reworded(cause, error.remedy)
    return [fetched.get(index, one) for index, one in enumerate(artifacts)], problem


def table(artifacts: Sequence[OutputArtifact]) -> str:
    """Return the artifacts as a table of Markdown; empty without any."""
    if not artifacts:
        return ""
    rows = []
    for one in artifacts[:MAX_SHOWN]:
        name = md.link(one.name, one.url) if one.url else md.code(one.name)
        place = "/".join(part for part in (one.bucket, one.key) if part)
        size = "" if one.size is None else f"{one.size:,} bytes"
        rows.append(
            (name, md.code(one.node_name), md.code(place) if place else "", size, md.code(one.path) if one.path else "")
        )
    text = md.table(["Artifact", "Node", "Bucket and key", "Size", "In the workspace"], rows, "lllrl")
    return text + (f"\n\n… and {len(artifacts) - MAX_SHOWN} more" if len(artifacts) > MAX_SHOWN else "")
