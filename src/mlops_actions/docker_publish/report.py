"""Write the outputs, the `result` document and the job summary of a publication. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from mlops_actions.core import markdown, registries, shell
from mlops_actions.core.context import Context
from mlops_actions.core.image_name import ImageName
from mlops_actions.core.outcome import flag
from mlops_actions.core.types import Json
from mlops_actions.docker_publish import descriptions
from mlops_actions.docker_publish.layers.drawing import layers_document, layers_markdown
from mlops_actions.docker_publish.layers.examine import LayerReport
from mlops_actions.docker_publish.layers.image_size import LayerCounts
from mlops_actions.docker_publish.reuse.origin import Origin
from mlops_actions.docker_publish.revision import Revision
from mlops_actions.docker_publish.size_text import size_text
from mlops_actions.docker_publish.tags.scheme import Tags

_COMMENT = 60_000  # characters, so that a comment has room for more


@dataclass(frozen=True, kw_only=True)
class PublishedImage:
    """The published image: `digest` is empty where nothing was pushed; `cached` counts the Dockerfile's steps by stage.

    `merged`: an image index of images that other jobs pushed. `origin` is the earlier build that made the image, None for
    one that was built now.
    """

    name: ImageName
    revision: Revision
    tags: Tags
    image_id: str
    digest: str = ""
    built: bool = True
    pushed: bool = False
    size: int | None = None
    seconds: float = 0.0
    context_hash: str = ""
    platforms: int = 1
    cache: str = ""
    layers: LayerCounts | None = None
    layer_report: LayerReport | None = None
    cached: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    merged: bool = False
    loaded: bool = False
    origin: Origin | None = None

    @property
    def first_tag(self) -> str:
        """The first tag; empty where the image was pushed by its digest alone."""
        return next(iter(self.tags.names), "")

    @property
    def built_sha(self) -> str:
        """The commit whose build made the image; empty where it is not known."""
        if self.origin is not None:
            return self.origin.sha
        return self.revision.sha if self.built else ""

    @property
    def named_by_commit(self) -> str:
        """`registry/name:TAG` with the commit's tag, else the first, else `registry/name@sha256:…`."""
        short_sha = self.revision.sha[:12]
        tag = short_sha if short_sha in self.tags.names else self.first_tag
        return self.name.tagged(tag) if tag else self.ref

    @property
    def ref(self) -> str:
        """`registry/name@sha256:…`; empty where nothing was pushed."""
        return self.name.at(self.digest) if self.digest else ""


def url_of(name: ImageName, context: Context) -> str:
    """Return the page where a person can look at the image."""
    return registries.known(name.registry).page.format(
        server=context.server_url,
        repository=context.repository,
        host=name.registry,
        name=name.repository,
        package=quote(name.repository.partition("/")[2], safe=""),
    )


def outputs(image: PublishedImage, context: Context, *, digest_includes_name: bool) -> dict[str, str]:
    """Return every output; `digest_includes_name` writes `digest` as Docker's own tools show it, `name@sha256:…`."""
    digest = image.digest
    if digest_includes_name and digest and image.platforms <= 1:
        digest = f"{image.name.familiar}@{digest}"
    texts = {
        "image": str(image.name),
        "tags": "\n".join(image.tags.names),
        "tag": image.first_tag,
        "digest": digest,
        "pushed": flag(image.pushed),
        "ref": image.ref,
        "image-id": image.image_id,
        "built": flag(image.built),
        "built-sha": image.built_sha,
        "loaded": flag(image.loaded),
        "context-hash": image.context_hash,
        "size": "" if image.size is None else str(image.size),
        "duration": f"{image.seconds:.1f}",
        "markdown": markdown.cut(summary(image, context), _COMMENT, "The rest is in the job's summary."),
        "labels": descriptions.lines(image.labels),
        "annotations": descriptions.lines(image.annotations),
        "metadata": json.dumps(image.metadata),
        "url": url_of(image.name, context),
        "IMAGE_SHA_NAME": image.named_by_commit,
        "IMAGE_URL": f"{context.server_url}/{context.repository}/packages",
    }
    if image.tags.snapshot:
        texts["snapshot-tag"] = image.tags.snapshot
    return texts


def result(image: PublishedImage, context: Context) -> Json:
    """Return the `result` document, as `inputs.RESULT` declares it."""
    layers = image.layers
    return {
        "image": str(image.name),
        "tags": list(image.tags.names),
        "tag": image.first_tag,
        "digest": image.digest or None,
        "ref": image.ref or None,
        "image-id": image.image_id or None,
        "built": image.built,
        "built-sha": image.built_sha or None,
        "labels": dict(image.labels),
        "annotations": dict(image.annotations),
        "loaded": image.loaded,
        "pushed": image.pushed,
        "context-hash": image.context_hash or None,
        "size": image.size,
        "layers": {"count": layers.count, "new": layers.new, "new-size": layers.new_size} if layers else None,
        "layer-report": layers_document(image.layer_report) if image.layer_report else None,
        "duration": round(image.seconds, 1),
        "url": url_of(image.name, context),
        "sha": image.revision.sha,
        "git-ref": image.revision.ref or None,
        "pr-number": image.revision.pull_request,
        "cache": image.cache or None,
        "cached-steps": {stage: {"cached": hits, "total": total} for stage, (hits, total) in image.cached.items()},
        "notes": list(image.notes),
        "warnings": list(image.warnings),
    }


def summary(image: PublishedImage, context: Context) -> str:
    """Return this step's section of the job summary."""
    verb = "merged" if image.merged else _verb(image)
    name = str(image.name)
    rows = [["Image", markdown.link(name, url_of(image.name, context)) if image.pushed else markdown.code(name)]]
    if image.digest:
        rows.append(["Digest", markdown.code(image.digest)])
    if image.tags.names:
        rows.append(["Tags", " ".join(markdown.code(tag) for tag in image.tags.names)])
    commit = f"{context.server_url}/{context.repository}/commit/{image.revision.sha}"
    rows.append(["Commit", markdown.link(image.revision.sha[:12], commit)])
    if image.origin is not None:
        rows.append(["Built for", _built_for(image.origin, context)])
    if image.size is not None:
        rows.append(["Size", size_text(image.size)])
    if image.layers is not None:
        rows.append(["Layers", _layers(image.layers)])
    rows.append(["Time", f"{image.seconds:.1f} s"])
    if image.cached:
        hits_by_stage = (f"{markdown.escape(stage)} {hits} of {total}" for stage, (hits, total) in image.cached.items())
        rows.append(["Steps from the cache", ", ".join(hits_by_stage)])
    sections = [f"### Image {verb}", markdown.table(["", ""], rows)]
    if image.digest:
        sections.append(markdown.fence(f"docker pull {shell.operand(image.ref)}", "sh"))
    remarks = [f"- **Warning:** {markdown.escape(warning)}" for warning in image.warnings]
    remarks += [f"- {markdown.escape(note)}" for note in image.notes]
    if remarks:
        sections.append("\n".join(remarks))
    if image.layer_report is not None:
        path = quote(image.layer_report.dockerfile)
        url = f"{context.server_url}/{context.repository}/blob/{image.revision.sha}/{path}"
        sections.append(layers_markdown(image.layer_report, url))
    return "\n\n".join(sections) + "\n"


def _verb(image: PublishedImage) -> str:
    if not image.pushed:
        return "built, not pushed"
    if not image.tags.names:
        return "pushed by its digest" if image.built else "found by its digest, unchanged"
    return "pushed" if image.built else "tagged again, unchanged"


def _built_for(origin: Origin, context: Context) -> str:
    """Name the commit whose build made the image; a link where it is in this repository."""
    if not origin.sha:
        return "a commit that the image does not name"
    if origin.repository.lower() == context.repository.lower():
        return markdown.link(origin.sha[:12], f"{context.server_url}/{context.repository}/commit/{origin.sha}")
    return f"{markdown.code(origin.sha[:12])} of {markdown.code(origin.repository)}"


def _layers(layers: LayerCounts) -> str:
    if not layers.new:
        return f"{layers.count}, all there before"
    new = f"{layers.new} new ({size_text(layers.new_size)})"
    if not layers.previous_tag:
        return f"{layers.count}, {new}"
    return f"{layers.count}: {new}, {layers.count - layers.new} as in {markdown.code(layers.previous_tag)} before"
