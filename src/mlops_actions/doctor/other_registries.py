"""Read which other registries a step pushes to: the input `registries` of docker-publish. No value of it is kept."""

from __future__ import annotations

from mlops_actions.core.parsers import yaml_value
from mlops_actions.core.registries import canonical
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import ActionStep


def pushed_to(step: ActionStep, scope: Scope, own_path: str) -> list[tuple[str, str]]:
    """Return host and path of each registry that the image is copied to; none where only a job can read the input."""
    try:
        document = yaml_value(scope.known(step, "registries") or step.inputs.get("registries", ""), scalars_as_text=True)
    except ValueError:
        return []
    targets = []
    for name, entry in document.items() if isinstance(document, dict) else ():
        push = str(entry.get("push") or "false").strip() if isinstance(entry, dict) else "false"
        if push.lower() != "false":
            path = own_path if push.lower() == "true" else push.strip("/").lower()
            targets.append((canonical(str(name).lower()), path))
    return targets
