"""Read what suspend nodes ask for, and who suspended a workflow, and when. Pure.

See https://argo-workflows.readthedocs.io/en/latest/intermediate-inputs/. The Argo Server labels a workflow with who acted on
it; the API server notes when a program last changed which fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_actions.core import shell

ACTION, ACTORS = "workflows.argoproj.io/action", ("actor-preferred-username", "actor-email", "actor")
MAX_TEXT = 200


@dataclass(frozen=True)
class Approval:
    """What a suspend node asks for: its output parameters that need a value, its inputs as `NAME=VALUE`, its duration."""

    asked: tuple[str, ...] = ()
    required: tuple[str, ...] = ()  # those that have no default
    given: tuple[str, ...] = ()
    duration: str = ""

    @property
    def text(self) -> str:
        """Say it in one line; empty where there is nothing to say."""
        parts = [f"it asks for {', '.join(self.asked)}"] if self.asked else []
        parts += [f"given {', '.join(self.given)}"] if self.given else []
        parts += [f"it goes on by itself {self.duration} after its start"] if self.duration else []
        return "; ".join(parts)

    @property
    def options(self) -> str:
        """Return the options of `argo node set` that give the required values."""
        return " ".join(f"--output-parameter {shell.word(name)}=VALUE" for name in self.required)


def approvals(nodes: Mapping[str, Any], templates: Iterable[Any]) -> dict[str, Approval]:
    """Return what the suspend nodes that run ask for, by their ids."""
    waiting = {
        str(identity): node
        for identity, node in nodes.items()
        if isinstance(node, dict) and node.get("type") == "Suspend" and node.get("phase") == "Running"
    }
    if not waiting:
        return {}
    durations = {
        str(one.get("name")): str(one["suspend"].get("duration") or "")
        for one in templates
        if isinstance(one, dict) and isinstance(one.get("suspend"), dict)
    }
    return {
        identity: _approval(node, durations.get(str(node.get("templateName")), "")) for identity, node in waiting.items()
    }


def suspended_by(metadata: Mapping[str, Any]) -> str:
    """Return who suspended a workflow through the Argo Server; empty where nobody is named."""
    labels = metadata.get("labels") or {}
    if labels.get(ACTION) != "Suspend":
        return ""
    return next((str(labels[key]) for name in ACTORS if labels.get(key := f"workflows.argoproj.io/{name}")), "")


def suspended_at(metadata: Mapping[str, Any]) -> str:
    """Return the time of the last change by the program that set `spec.suspend`; empty where it is not known.

    In Argo's definitions the spec is atomic, so that it has one owner, and no field of it is named.
    """
    managers = metadata.get("managedFields")
    for entry in managers if isinstance(managers, list) else ():
        fields = entry.get("fieldsV1") if isinstance(entry, dict) else None
        spec = fields.get("f:spec") if isinstance(fields, dict) else None
        if isinstance(spec, dict) and (not spec or "f:suspend" in spec):
            return str(entry.get("time") or "")
    return ""


def _approval(node: Mapping[str, Any], duration: str) -> Approval:
    asked, required = [], []
    for parameter in _parameters(node, "outputs"):
        source = parameter.get("valueFrom")
        if isinstance(source, dict) and "supplied" in source and parameter.get("value") is None:
            asked.append(_question(parameter))
            if source.get("default") is None:
                required.append(str(parameter.get("name")))
    given = [f"{one.get('name')}={one.get('value')}" for one in _parameters(node, "inputs") if one.get("value") is not None]
    return Approval(
        tuple(asked), tuple(required), tuple(_short(one) for one in given), "" if "{{" in duration else _seconds(duration)
    )


def _question(parameter: Mapping[str, Any]) -> str:
    choices = parameter.get("enum")
    options = f" ({', '.join(str(one) for one in choices)})" if isinstance(choices, list) and choices else ""
    description = str(parameter.get("description") or "")
    return _short(f"'{parameter.get('name')}'{options}" + (f": {description}" if description else ""))


def _parameters(node: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    holder = node.get(field)
    entries = holder.get("parameters") if isinstance(holder, dict) else None
    return [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []


def _seconds(duration: str) -> str:
    return f"{duration}s" if duration.isdigit() else duration


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= MAX_TEXT else f"{flat[: MAX_TEXT - 1]}…"
