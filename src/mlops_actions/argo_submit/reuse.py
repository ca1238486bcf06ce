"""What a new submission of a failed workflow would take from its caches (Argo's memoization) instead of running it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.core.types import Json

MAX_NAMES = 5


def describe(workflow: Json, status: WorkflowStatus) -> str:
    """Say in one clause which succeeded nodes a new submission would reuse, by the templates that have `memoize`."""
    succeeded = [node for node in status.nodes.values() if node.type == "Pod" and node.phase == "Succeeded"]
    cached = {str(template.get("name")) for template in _templates(workflow) if template.get("memoize")}
    reused = sorted({node.display_name for node in succeeded if node.template in cached})
    if not reused:
        return f"none of its {len(succeeded)} succeeded nodes has 'memoize', so that all of them would run again"
    names = ", ".join(f"'{name}'" for name in reused[:MAX_NAMES]) + (" …" if len(reused) > MAX_NAMES else "")
    rest = len(succeeded) - sum(node.template in cached for node in succeeded)
    return f"by 'memoize' it would reuse {names} while their caches last, and run {rest} other succeeded nodes again"


def _templates(workflow: Json) -> Iterator[dict[str, Any]]:
    """Yield the workflow's templates, and those of the templates that it refers to, as Argo has stored them."""
    status = workflow.get("status") or {}
    stored = status.get("storedWorkflowTemplateSpec") or {}
    for templates in ((workflow.get("spec") or {}).get("templates"), stored.get("templates")):
        yield from (template for template in templates or () if isinstance(template, dict))
    yield from (one for one in (status.get("storedTemplates") or {}).values() if isinstance(one, dict))
