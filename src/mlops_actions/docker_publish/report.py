"""What a reader gets: outputs, the `result` document, and the summary. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from mlops_actions.core import markdown
from mlops_actions.core.context import Context
from mlops_actions.core.outcome import flag
from mlops_actions.docker_publish.layers import Layers
from mlops_actions.docker_publish.names import DOCKER_HUB, GITHUB, ImageName
from mlops_actions.docker_publish.tags import Subject, Tags


@dataclass(frozen=True)
class Published:
    """What was made: `digest` is empty where nothing was pushed; `cached` counts the Dockerfile's steps by stage."""

    name: ImageName
    subject: Subject
    tags: Tags
    digest: str
    image_id: str
    built: bool
    pushed: bool
    size: int | None
    seconds: float
    context_hash: str = ""
    platforms: int = 1
    cache: str = ""
    layers: Layers | None = None
    cached: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def url_of(name: ImageName, context: Context) -> str:
    """Return the page where a person can look at the image."""
    if name.registry == GITHUB:
        package = quote(name.repository.partition("/")[2], safe="")
        return f"{context.server_url}/{context.repository}/pkgs/container/{package}"
    if name.registry == DOCKER_HUB:
        return f"https://hub.docker.com/r/{name.repository}"
    return f"https://{name}"


def outputs(made: Published, context: Context, *, legacy_digest: bool) -> dict[str, str]:
    """Return every output; `legacy_digest` writes `digest` as Publish-Docker-Github-Action did."""
    reference = made.name.at(made.digest) if made.digest else ""
    short = made.subject.sha[:12]
    digest = made.digest
    if legacy_digest and digest and made.platforms <= 1:
        # Docker's own tools leave Docker Hub's host out of names.
        digest = reference.removeprefix(f"{DOCKER_HUB}/library/").removeprefix(f"{DOCKER_HUB}/")
    found = {
        "image": str(made.name),
        "tags": "\n".join(made.tags.names),
        "tag": made.tags.names[0],
        "digest": digest,
        "ref": reference,
        "image-id": made.image_id,
        "built": flag(made.built),
        "context-hash": made.context_hash,
        "size": "" if made.size is None else str(made.size),
        "duration": f"{made.seconds:.1f}",
        "url": url_of(made.name, context),
        "IMAGE_SHA_NAME": made.name.tagged(short if short in made.tags.names else made.tags.names[0]),
        "IMAGE_URL": f"{context.server_url}/{context.repository}/packages",
    }
    if made.tags.snapshot:
        found["snapshot-tag"] = made.tags.snapshot
    return found


def result(made: Published, context: Context) -> dict[str, Any]:
    """Return all that was learned, as JSON values."""
    return {
        "image": str(made.name),
        "tags": list(made.tags.names),
        "digest": made.digest or None,
        "ref": made.name.at(made.digest) if made.digest else None,
        "imageId": made.image_id or None,
        "built": made.built,
        "pushed": made.pushed,
        "contextHash": made.context_hash or None,
        "size": made.size,
        "layers": {"count": made.layers.count, "new": made.layers.new, "newSize": made.layers.new_size}
        if made.layers
        else None,
        "duration": round(made.seconds, 1),
        "url": url_of(made.name, context),
        "sha": made.subject.sha,
        "gitRef": made.subject.ref or None,
        "pullRequest": made.subject.pull_request,
        "cache": made.cache or None,
        "cachedSteps": {stage: {"cached": hits, "of": of} for stage, (hits, of) in made.cached.items()},
        "notes": list(made.notes),
    }


def summary(made: Published, context: Context) -> str:
    """Return the job summary's section."""
    verb = "pushed" if made.pushed and made.built else "tagged again, unchanged" if made.pushed else "built, not pushed"
    rows = [
        [
            "Image",
            markdown.link(str(made.name), url_of(made.name, context)) if made.pushed else markdown.code(str(made.name)),
        ]
    ]
    if made.digest:
        rows.append(["Digest", markdown.code(made.digest)])
    rows.append(["Tags", " ".join(markdown.code(tag) for tag in made.tags.names)])
    commit = f"{context.server_url}/{context.repository}/commit/{made.subject.sha}"
    rows.append(["Commit", markdown.link(made.subject.sha[:12], commit)])
    if made.size is not None:
        rows.append(["Size", _bytes(made.size)])
    if made.layers is not None:
        rows.append(["Layers", _layers(made.layers)])
    rows.append(["Time", f"{made.seconds:.1f} s"])
    if made.cached:
        hits_by_stage = (f"{markdown.escape(stage)} {hits} of {of}" for stage, (hits, of) in made.cached.items())
        rows.append(["Steps from the cache", ", ".join(hits_by_stage)])
    sections = [f"### Image {verb}", markdown.table(["", ""], rows)]
    if made.digest:
        sections.append(markdown.fence(f"docker pull {made.name.at(made.digest)}", "sh"))
    if made.notes:
        sections.append("\n".join(f"- {markdown.escape(note)}" for note in made.notes))
    return "\n\n".join(sections) + "\n"


def _layers(layers: Layers) -> str:
    if not layers.new:
        return f"{layers.count}, all there before"
    new = f"{layers.new} new ({_bytes(layers.new_size)})"
    if not layers.before:
        return f"{layers.count}, {new}"
    return f"{layers.count}: {new}, {layers.count - layers.new} as in {markdown.code(layers.before)} before"


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.2f} GB"
