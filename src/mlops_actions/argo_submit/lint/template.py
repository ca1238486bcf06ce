"""The fields of one template: its type, inputs, outputs, and what its type needs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from mlops_actions.argo_submit.lint.names import check_name, check_names, cycle
from mlops_actions.argo_submit.schema import Path, Problem
from mlops_actions.core import kubernetes_yaml
from mlops_actions.core.suggest import did_you_mean
from mlops_actions.core.types import Json

TYPES = ("container", "containerSet", "steps", "script", "resource", "dag", "suspend", "data", "http", "plugin")
LEAVES = frozenset(TYPES) - {"steps", "dag", "suspend"}
_RETRY_POLICIES = ("Always", "OnError", "OnFailure", "OnTransientError")
_ACTIONS = ("apply", "create", "delete", "get", "patch", "replace")
_SECONDS = re.compile(r"\+?[0-9]{1,18}|-0+")
_METRIC = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_METRIC_RULE = "use letters, digits and '_', with no digit at its start"
_OUTPUT_SOURCES = ("path", "jqFilter", "jsonPath", "parameter", "expression")
_NOT_LOCATIONS = {
    "name", "path", "mode", "from", "globalName", "archive", "archiveLogs", "optional", "recurseMode", "deleted",
    "artifactGC",
}  # fmt: skip


def types_of(template: Mapping[str, Any]) -> list[str]:
    """Return the types that a template gives; one is right."""
    return [name for name in TYPES if template.get(name) is not None]


def check_template(template: Json, path: Path, kind: str, defaults: Mapping[str, Any]) -> Iterator[Problem]:
    """Check a template by itself; `defaults` are the workflow's `templateDefaults`."""
    yield from _inputs(template, path, is_leaf=kind in LEAVES)
    yield from _settings(template, path, kind)
    if kind not in ("steps", "dag"):
        yield from _leaf(template, path, kind, defaults)
    yield from _outputs(template, path, kind)


def _inputs(template: Json, path: Path, *, is_leaf: bool) -> Iterator[Problem]:
    inputs = template.get("inputs") or {}
    for key in ("parameters", "artifacts"):
        yield from check_names(inputs.get(key), (*path, "inputs", key))
    for number, artifact in enumerate(inputs.get("artifacts") or []):
        place = (*path, "inputs", "artifacts", number)
        yield from _artifact_path(artifact, place, is_leaf=is_leaf)
        yield from _git(artifact, place)
        if artifact.get("from"):
            yield Problem((*place, "from"), "has no meaning in inputs", "give it in the arguments of the step or task")


def _artifact_path(artifact: Json, place: Path, *, is_leaf: bool) -> Iterator[Problem]:
    if is_leaf and not artifact.get("path"):
        yield Problem(place, f"gives artifact '{artifact.get('name')}' no path", "give 'path'")
    if not is_leaf and artifact.get("path"):
        yield Problem((*place, "path"), "has a meaning only in a template with a container or script", "remove it")


def _git(location: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    if location.get("git") is not None and not location["git"].get("repo"):
        yield Problem((*path, "git"), "has no 'repo'", "give the address of the repository")


def _settings(template: Json, path: Path, kind: str) -> Iterator[Problem]:
    """Check the fields that every type of template has."""
    policy = (template.get("retryStrategy") or {}).get("retryPolicy") or ""
    if policy and policy not in _RETRY_POLICIES:
        cause = f"is not one of {', '.join(_RETRY_POLICIES)}: '{policy}'"
        yield Problem((*path, "retryStrategy", "retryPolicy"), cause, "give one of them")
    for number, container in enumerate(template.get("initContainers") or []):
        if not container.get("name"):
            yield Problem((*path, "initContainers", number), "has no name", "give it a name: 'name: …'")
    for number, metric in enumerate((template.get("metrics") or {}).get("prometheus") or []):
        yield from _metric(metric, (*path, "metrics", "prometheus", number))
    timeout = template.get("timeout") or ""
    if timeout and kind not in LEAVES:
        yield Problem((*path, "timeout"), f"has no meaning in a template with {kind}", "remove it")
    elif re.fullmatch(r"[+-]?[0-9]+", timeout):
        yield Problem((*path, "timeout"), f"has no unit: '{timeout}'", f'write "{timeout}s"')
    deadline = template.get("activeDeadlineSeconds")
    if kind in ("steps", "dag") and deadline is not None:
        yield Problem((*path, "activeDeadlineSeconds"), f"has no meaning in a template with {kind}", "remove it")
    elif deadline is not None and "{{" not in str(deadline) and not _SECONDS.fullmatch(str(deadline)):
        cause = f"is not a number of seconds: '{deadline}'"
        yield Problem((*path, "activeDeadlineSeconds"), cause, "write a whole number without unit, at least 0")
    yield from _git(template.get("archiveLocation") or {}, (*path, "archiveLocation"))


def _metric(metric: Json, path: Path) -> Iterator[Problem]:
    """Check a metric of Prometheus, whose name and labels hold letters, digits and `_`."""
    name = metric.get("name") or ""
    if not _METRIC.fullmatch(name):
        yield Problem((*path, "name"), f"is not a name for a metric: '{name}'", _METRIC_RULE)
    for number, label in enumerate(metric.get("labels") or []):
        if not _METRIC.fullmatch(label.get("key") or ""):
            cause = f"is not a name for a metric's label: '{label.get('key') or ''}'"
            yield Problem((*path, "labels", number, "key"), cause, _METRIC_RULE)
    if not metric.get("help"):
        yield Problem(path, f"gives metric '{name}' no help", "say in 'help' what it measures")
    for kind in ("gauge", "counter", "histogram"):
        value = (metric.get(kind) or {}).get("value")
        if metric.get(kind) is not None and not value:
            yield Problem((*path, kind), "has no value", "give 'value'")
        elif kind == "gauge" and value and metric[kind].get("realtime") and "resourcesDuration." in value:
            yield Problem((*path, kind, "value"), "is not known in real time", "set 'realtime: false', or use {{duration}}")


def _leaf(template: Json, path: Path, kind: str, defaults: Mapping[str, Any]) -> Iterator[Problem]:
    if template.get("parallelism") is not None:
        yield Problem((*path, "parallelism"), "has a meaning only in a template with steps or dag", "remove it")
    body = template[kind]
    if kind in ("container", "script") and not body.get("image") and not (defaults.get(kind) or {}).get("image"):
        yield Problem((*path, kind), "has no image", "give 'image'")
    if kind == "container":
        yield from _mounts(body.get("volumeMounts"), (template.get("inputs") or {}).get("artifacts"), (*path, kind))
    if kind == "containerSet":
        yield from _mounts(body.get("volumeMounts"), None, (*path, kind))
        yield from _container_set(template, (*path, kind))
    if kind == "resource":
        yield from _resource(template, (*path, kind))


def _mounts(mounts: Sequence[Json] | None, artifacts: Sequence[Json] | None, path: Path) -> Iterator[Problem]:
    seen: set[str] = set()
    places = [(mount.get("mountPath") or "", (*path, "volumeMounts", number)) for number, mount in enumerate(mounts or [])]
    inputs: Path = (*path[:-1], "inputs", "artifacts")
    places += [(artifact.get("path") or "", (*inputs, number)) for number, artifact in enumerate(artifacts or [])]
    for mounted, place in places:
        if mounted in seen:
            cause = f"uses the path '{mounted}', and another mount or artifact uses it too"
            yield Problem(place, cause, "choose another path")
        seen.add(mounted)


def _container_set(template: Json, path: Path) -> Iterator[Problem]:
    containers = template["containerSet"].get("containers") or []
    if not containers:
        yield Problem(path, "has no containers", "give at least one container")
    names: set[str] = set()
    for number, container in enumerate(containers):
        yield from check_name(container, (*path, "containers", number), "container", names)
    for number, container in enumerate(containers):
        for dependency in container.get("dependencies") or []:
            if dependency not in names:
                place = (*path, "containers", number, "dependencies")
                cause = f"names no container: '{dependency}'{did_you_mean(dependency, names)}"
                yield Problem(place, cause, "name a container")
    circle = cycle({entry.get("name") or "": dict.fromkeys(entry.get("dependencies") or (), False) for entry in containers})
    if circle:
        yield Problem((*path, "containers"), f"has containers that wait for each other: {' → '.join(circle)}", "remove one")
    inputs, outputs = template.get("inputs") or {}, template.get("outputs") or {}
    if (inputs.get("artifacts") or outputs.get("parameters") or outputs.get("artifacts")) and "main" not in names:
        yield Problem(path, "has no container 'main', and inputs or outputs need one", "call one of the containers 'main'")


def _resource(template: Json, path: Path) -> Iterator[Problem]:
    resource = template["resource"]
    action = str(resource.get("action") or "")
    if "{{" not in action and action not in _ACTIONS:
        yield Problem((*path, "action"), f"is not one of {', '.join(_ACTIONS)}: '{action}'", "give one of them")
    if action in ("delete", "get"):
        return
    if not resource.get("manifest") and resource.get("manifestFrom") is None:
        yield Problem(path, "has neither 'manifest' nor 'manifestFrom'", "give one of them")
    if resource.get("manifest") and resource.get("manifestFrom") is not None:
        yield Problem(path, "has both 'manifest' and 'manifestFrom'", "give one of them")
    if resource.get("manifest") and not _is_yaml(resource["manifest"]):
        yield Problem((*path, "manifest"), "is not YAML", "correct it")
    artifact = ((resource.get("manifestFrom") or {}).get("artifact") or {}).get("name")
    if artifact and artifact not in {entry.get("name") for entry in (template.get("inputs") or {}).get("artifacts") or []}:
        yield Problem((*path, "manifestFrom"), f"names no input artifact: '{artifact}'", "declare it under inputs.artifacts")


def _is_yaml(text: str) -> bool:
    """Return whether a text is YAML once its expressions are replaced; what begins with a variable is not known yet."""
    if text.lstrip().startswith("{{"):
        return True
    try:
        list(kubernetes_yaml.nodes(re.sub(r"\{\{\s*=.*?\}\}", "x", text)))
    except yaml.YAMLError:
        return False
    return True


def _outputs(template: Json, path: Path, kind: str) -> Iterator[Problem]:
    outputs = template.get("outputs") or {}
    for key in ("parameters", "artifacts"):
        yield from check_names(outputs.get(key), (*path, "outputs", key), with_variables=True)
    for number, artifact in enumerate(outputs.get("artifacts") or []):
        yield from _artifact_path(artifact, (*path, "outputs", "artifacts", number), is_leaf=kind in LEAVES)
    for number, parameter in enumerate(outputs.get("parameters") or []):
        place = (*path, "outputs", "parameters", number)
        source = parameter.get("valueFrom")
        if source is None and parameter.get("value") is None:
            yield Problem(place, f"gives output '{parameter.get('name')}' no value", "give 'valueFrom'")
        elif source is not None and parameter.get("value") is not None:
            yield Problem(place, "has both 'value' and 'valueFrom'", "give one of them")
        elif source is not None:
            yield from _output_source(source, (*place, "valueFrom"), kind)


def _output_source(source: Json, place: Path, kind: str) -> Iterator[Problem]:
    given = [key for key in _OUTPUT_SOURCES if source.get(key)]
    given += ["supplied"] if source.get("supplied") is not None else []
    needed = {
        "container": ("path",), "containerSet": ("path",), "script": ("path",), "resource": ("jqFilter", "jsonPath"),
        "steps": ("parameter", "expression"), "dag": ("parameter", "expression"),
    }.get(kind, ())  # fmt: skip
    if len(given) != 1:
        found = f"has several sources: {', '.join(given)}" if given else "has no source"
        yield Problem(place, found, f"give one of {', '.join(needed or _OUTPUT_SOURCES)}")
    elif needed and given[0] not in needed:
        yield Problem(place, f"needs {' or '.join(needed)} in a template with {kind}", f"give {' or '.join(needed)}")


def has_location(artifact: Mapping[str, Any]) -> bool:
    """Return whether an artifact says where it is; what is not known for sure counts as a location."""
    return any(value is not None for key, value in artifact.items() if key not in _NOT_LOCATIONS)


def missing_inputs(template: Json, arguments: Mapping[str, Any], path: Path, where: str) -> Iterator[Problem]:
    """Yield the inputs of a template that have no value of their own, and that the arguments in `where` do not give."""
    inputs = template.get("inputs") or {}
    given = {entry.get("name"): entry for entry in reversed(arguments.get("parameters") or [])}  # the first counts
    for parameter in inputs.get("parameters") or []:
        # An argument replaces the input's own source, also where it has no value.
        source = given.get(parameter.get("name"), parameter)
        values = [source.get("value"), parameter.get("default") if source is parameter else None]
        if values == [None, None] and not (source.get("valueFrom") or {}).get("configMapKeyRef"):
            cause = f"gives no value for the input '{parameter.get('name')}' of template '{template.get('name')}'"
            yield Problem(path, cause, f"give it in '{where}', or a default in the template")
    artifacts = {entry.get("name") for entry in arguments.get("artifacts") or []}
    for artifact in inputs.get("artifacts") or []:
        if not artifact.get("optional") and not has_location(artifact) and artifact.get("name") not in artifacts:
            cause = f"gives no artifact for the input '{artifact.get('name')}' of template '{template.get('name')}'"
            yield Problem(path, cause, f"give it in '{where}', or 'optional: true' in the template")
