"""Carry out the input `merge`: one image index of the images that other jobs pushed, which stay as they are."""

from __future__ import annotations

from dataclasses import replace

from mlops_actions.docker_publish.build import plan
from mlops_actions.docker_publish.image_index import assemble, collect
from mlops_actions.docker_publish.report import PublishedImage
from mlops_actions.docker_publish.target import Target


def merge(target: Target) -> PublishedImage:
    """Put the index under the tags, and describe it; raises BadInput where the images do not fit together."""
    request = target.request
    entries = collect.collect(target.registry, request.name, request.merge)
    assemble.check(entries, request.inputs.platforms or ())
    annotations = plan.labels(
        request.inputs,
        request.revision,
        context=request.context,
        environ=request.environ,
        epoch=request.source_date_epoch,
    )
    if request.source_date_epoch is None:
        # A moment that is not the commit's would give each run of the same job another digest.
        annotations.pop("org.opencontainers.image.created")
    index = assemble.assemble(entries, annotations)
    target.notes += [f"merged {entry.platform} {entry.digest}" for entry in entries if entry.platform]
    target.settle_tags(index.digest)
    target.put_tags(index, target.tags.names)
    return replace(target.describe(index), merged=True)
