"""Read a manifest as a step with these inputs would, for whoever submits nothing. Pure; the text is untrusted."""

from __future__ import annotations

from mlops_actions.argo_submit import documents, manifest
from mlops_actions.argo_submit.lint import workflow as lint
from mlops_actions.core.types import Json


def read_manifest(text: str, file: str, *, strict: bool = True, entrypoint: str = "") -> tuple[Json, tuple[str, ...]]:
    """Return the workflow that a manifest describes, and a warning for each document that is left out.

    Raises BadInput as argo-submit does.
    """
    found = documents.parse(text, file)
    document = manifest.select(found)
    read = manifest.to_workflow(document, strict=strict)
    workflow = manifest.with_overrides(read.workflow, manifest.Overrides(entrypoint=entrypoint or None))
    if problems := lint.problems(workflow):
        raise manifest.invalid(document, workflow["spec"], problems)
    return workflow, manifest.beside(found, document)
