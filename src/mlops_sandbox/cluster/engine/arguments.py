"""Inputs and outputs of templates: what a call hands over, and what a DAG or steps template hands back."""

from __future__ import annotations

from pathlib import Path

from mlops_actions.core.types import Json
from mlops_sandbox.cluster.engine.calls import Variables, by_name
from mlops_sandbox.cluster.engine.substitution import WorkflowSpecError, as_text, only_tag, substitute


def bind_parameters(template: Json, arguments: Json, names: Variables) -> dict[str, str]:
    """Return a template's input parameters: the caller's values, else the declared ones; raises WorkflowSpecError."""
    given = by_name(arguments.get("parameters"), "argument")
    bound: dict[str, str] = {}
    for name, declared in by_name(template.get("inputs", {}).get("parameters"), "input parameter").items():
        if name in given and "value" in given[name]:
            bound[name] = as_text(substitute(given[name]["value"], names.texts))
        elif "value" in declared:
            bound[name] = as_text(substitute(declared["value"], names.texts))
        elif "default" in declared:
            bound[name] = as_text(declared["default"])
        else:
            raise WorkflowSpecError(f"inputs.parameters.{name} was not supplied")
        choices = declared.get("enum")
        if choices and bound[name] not in [as_text(one) for one in choices]:
            raise WorkflowSpecError(f"inputs.parameters.{name}: {bound[name]!r} is not one of {choices}")
    return bound


def bind_artifacts(template: Json, arguments: Json, names: Variables, workspace: Path) -> dict[str, Path]:
    """Return a template's input artifacts; raw data is first written below `workspace`. Raises WorkflowSpecError."""
    given = by_name(arguments.get("artifacts"), "artifact")
    bound: dict[str, Path] = {}
    for name, declared in by_name(template.get("inputs", {}).get("artifacts"), "input artifact").items():
        source = given.get(name, declared)
        if "raw" in source:
            path = workspace / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(str(substitute(source["raw"].get("data", ""), names.texts)), encoding="utf-8")
            bound[name] = path
        elif "from" in source and only_tag(source["from"]) in names.artifacts:
            bound[name] = names.artifacts[only_tag(source["from"])]
        elif not declared.get("optional", source.get("optional", False)):
            raise WorkflowSpecError(f"inputs.artifacts.{name} was not supplied")
    return bound


def input_texts(parameters: dict[str, str], template: Json) -> dict[str, str]:
    """Return the tags that a template's inputs and declared paths make available in its body."""
    texts = {f"inputs.parameters.{name}": text for name, text in parameters.items()}
    texts["inputs.parameters"] = as_text([{"name": name, "value": text} for name, text in parameters.items()])
    for kind in ("inputs", "outputs"):
        for artifact in template.get(kind, {}).get("artifacts") or []:
            texts[f"{kind}.artifacts.{artifact['name']}.path"] = str(artifact.get("path", ""))
    for parameter in template.get("outputs", {}).get("parameters") or []:
        texts[f"outputs.parameters.{parameter['name']}.path"] = str(parameter.get("valueFrom", {}).get("path", ""))
    return texts


def composed_outputs(template: Json, names: Variables) -> tuple[dict[str, str], dict[str, Path]]:
    """Return the outputs that a DAG or steps template takes from its parts; raises WorkflowSpecError."""
    parameters: dict[str, str] = {}
    artifacts: dict[str, Path] = {}
    outputs = template.get("outputs", {})
    for name, declared in by_name(outputs.get("parameters"), "output parameter").items():
        source = declared.get("valueFrom", {})
        try:
            parameters[name] = str(substitute(source.get("parameter", ""), names.texts))
        except WorkflowSpecError:
            if "default" not in source:
                raise
            parameters[name] = as_text(source["default"])
    for name, declared in by_name(outputs.get("artifacts"), "output artifact").items():
        tag = only_tag(str(declared.get("from", "")))
        if tag in names.artifacts:
            artifacts[name] = names.artifacts[tag]
        elif not declared.get("optional", False):
            raise WorkflowSpecError(f"failed to resolve {{{{{tag}}}}}")
    return parameters, artifacts


def global_names(template: Json) -> dict[str, str]:
    """Return which output parameters are also known to the whole workflow, and by what name."""
    declared = template.get("outputs", {}).get("parameters") or []
    return {one["name"]: one["globalName"] for one in declared if one.get("globalName")}
