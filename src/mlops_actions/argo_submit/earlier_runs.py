"""Find out how long the last successful run of the same step took, as far as the cluster still holds it."""

from __future__ import annotations

from collections.abc import Mapping

from mlops_actions.argo_submit import status
from mlops_actions.argo_submit.ports import Cluster
from mlops_actions.core import provenance
from mlops_actions.core.errors import ActionError
from mlops_actions.core.types import Json


def last_duration(cluster: Cluster, metadata: Json) -> float | None:
    """Return the seconds, by one listing and one read; None where nothing is known, or these credentials may not list.

    `metadata` is that of the workflow that runs now: its labels name the repository and the step.
    """
    labels: Mapping[str, str] = metadata.get("labels") or {}
    own = {name: labels.get(name, "") for name in (provenance.REPOSITORY, provenance.STEP)}
    if not all(own.values()):
        return None
    selected = {**own, status.LABEL_PHASE: "Succeeded"}
    namespace = metadata["namespace"]
    try:
        listed = cluster.list_workflows(namespace, ",".join(f"{name}={value}" for name, value in selected.items()))
        others = [one["metadata"] for one in listed if one["metadata"]["name"] != metadata["name"]]
        if not others:
            return None
        newest = max(others, key=lambda one: (str(one.get("creationTimestamp")), one["name"]))
        return status.read(cluster.get_workflow(namespace, newest["name"])).seconds
    except ActionError:
        return None
