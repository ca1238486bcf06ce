"""Labels, annotations and phases that Argo Workflows gives to its objects."""

from __future__ import annotations

WORKFLOW_LABEL = "workflows.argoproj.io/workflow"
NODE_ID_ANNOTATION = "workflows.argoproj.io/node-id"
NODE_NAME_ANNOTATION = "workflows.argoproj.io/node-name"
ENDED_PHASES = frozenset({"Succeeded", "Failed", "Error"})
FAILED_PHASES = frozenset({"Failed", "Error"})
POD_NAME_FORMAT_ANNOTATION = "workflows.argoproj.io/pod-name-format"
MAX_PREFIX_LENGTH = 242  # of the name of a pod, whose end is a hash


def pod_name(workflow: str, node_name: str, template: str) -> str:
    """Return the name that Argo gives to a node's pod: the workflow's name, the template's, and a hash of the node's."""
    if workflow == node_name:
        return workflow
    digest = 0x811C9DC5  # FNV-1a
    for byte in node_name.encode():
        digest = ((digest ^ byte) * 0x01000193) & 0xFFFFFFFF
    prefix = f"{workflow}-{template}" if template else workflow
    return f"{prefix[:MAX_PREFIX_LENGTH]}-{digest}"
