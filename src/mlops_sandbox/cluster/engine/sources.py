"""Find templates: in the workflow's own spec, or in template objects of the cluster."""

from __future__ import annotations

from mlops_actions.core.types import Json
from mlops_sandbox.cluster.engine.calls import Source, by_name
from mlops_sandbox.cluster.engine.substitution import WorkflowSpecError
from mlops_sandbox.cluster.resources import CLUSTER_WORKFLOW_TEMPLATES, WORKFLOW_TEMPLATES
from mlops_sandbox.cluster.status import ApiError
from mlops_sandbox.cluster.store import Store


def resolve_spec(workflow: Json, store: Store) -> Json:
    """Return the spec to run: the workflow's own, merged over the one that its workflowTemplateRef names."""
    own: Json = workflow["spec"]
    reference = own.get("workflowTemplateRef")
    if not reference:
        return own
    namespace = workflow["metadata"]["namespace"]
    base = _object(store, namespace, reference)["spec"]
    merged: Json = {**base, **own}
    arguments: Json = {}
    for kind in ("parameters", "artifacts"):
        entries = by_name((base.get("arguments") or {}).get(kind), kind)
        for name, entry in by_name((own.get("arguments") or {}).get(kind), kind).items():
            entries[name] = {**entries.get(name, {}), **entry}
        arguments[kind] = list(entries.values())
    merged["arguments"] = arguments
    return merged


def local_source(workflow: Json, spec: Json) -> Source:
    """Return the workflow's own templates."""
    return Source(f"local/{workflow['metadata']['name']}", by_name(spec.get("templates"), "template"))


def find_template(task: Json, source: Source, store: Store, namespace: str) -> tuple[Json, Source]:
    """Return the template that a task, step or entrypoint names, and the source that its own references refer to."""
    if "inline" in task:
        return {"name": "", **task["inline"]}, source
    if reference := task.get("templateRef"):
        template_object = _object(store, namespace, reference)
        scope = "cluster" if reference.get("clusterScope") else "namespaced"
        source = Source(f"{scope}/{reference.get('name')}", by_name(template_object["spec"].get("templates"), "template"))
        name = str(reference.get("template", ""))
    else:
        name = str(task.get("template", ""))
    if name not in source.templates:
        raise WorkflowSpecError(f"template name '{name}' undefined")
    return source.templates[name], source


def _object(store: Store, namespace: str, reference: Json) -> Json:
    cluster_wide = bool(reference.get("clusterScope"))
    resource = CLUSTER_WORKFLOW_TEMPLATES if cluster_wide else WORKFLOW_TEMPLATES
    try:
        return store.get(resource, "" if cluster_wide else namespace, str(reference.get("name", "")))
    except ApiError as error:
        raise WorkflowSpecError(error.message) from None
