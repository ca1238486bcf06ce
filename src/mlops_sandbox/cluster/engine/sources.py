"""Where a workflow's templates come from: its own spec, or template objects in the cluster."""

from __future__ import annotations

from mlops_sandbox.cluster.engine.frames import Json, Source, named
from mlops_sandbox.cluster.engine.substitution import WorkflowProblem
from mlops_sandbox.cluster.resources import CLUSTER_WORKFLOW_TEMPLATES, WORKFLOW_TEMPLATES
from mlops_sandbox.cluster.status import ApiError
from mlops_sandbox.cluster.store import Store


def complete_spec(workflow: Json, store: Store) -> Json:
    """Return the spec to run: the workflow's own, laid over the one that its workflowTemplateRef names."""
    own: Json = workflow["spec"]
    reference = own.get("workflowTemplateRef")
    if not reference:
        return own
    namespace = workflow["metadata"]["namespace"]
    base = _object(store, namespace, reference)["spec"]
    merged: Json = {**base, **own}
    arguments: Json = {}
    for kind in ("parameters", "artifacts"):
        entries = named((base.get("arguments") or {}).get(kind), kind)
        for name, entry in named((own.get("arguments") or {}).get(kind), kind).items():
            entries[name] = {**entries.get(name, {}), **entry}
        arguments[kind] = list(entries.values())
    merged["arguments"] = arguments
    return merged


def local_source(workflow: Json, spec: Json) -> Source:
    """Return the workflow's own templates."""
    return Source(f"local/{workflow['metadata']['name']}", named(spec.get("templates"), "template"))


def find_template(user: Json, source: Source, store: Store, namespace: str) -> tuple[Json, Source]:
    """Return the template that a task, step or entrypoint names, and where its own references are looked up."""
    if "inline" in user:
        return {"name": "", **user["inline"]}, source
    if reference := user.get("templateRef"):
        found = _object(store, namespace, reference)
        scope = "cluster" if reference.get("clusterScope") else "namespaced"
        source = Source(f"{scope}/{reference.get('name')}", named(found["spec"].get("templates"), "template"))
        name = str(reference.get("template", ""))
    else:
        name = str(user.get("template", ""))
    if name not in source.templates:
        raise WorkflowProblem(f"template name '{name}' undefined")
    return source.templates[name], source


def _object(store: Store, namespace: str, reference: Json) -> Json:
    cluster_wide = bool(reference.get("clusterScope"))
    resource = CLUSTER_WORKFLOW_TEMPLATES if cluster_wide else WORKFLOW_TEMPLATES
    try:
        return store.get(resource, "" if cluster_wide else namespace, str(reference.get("name", "")))
    except ApiError as error:
        raise WorkflowProblem(error.message) from None
