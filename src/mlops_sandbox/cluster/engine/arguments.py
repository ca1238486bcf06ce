"""Bind the inputs of templates to the arguments of a call, and collect the outputs of DAG and steps templates."""

from __future__ import annotations

from pathlib import Path

from mlops_actions.core.types import Json
from mlops_sandbox.cluster.engine.calls import Variables, by_name
from mlops_sandbox.cluster.engine.substitution import WorkflowSpecError, as_text, only_tag, substitute


def bind_parameters(template: Json, arguments: Json, variables: Variables) -> dict[str, str]:
    """Return a template's input parameters: the caller's values, or the declared ones; raises WorkflowSpecError."""
    passed = by_name(arguments.get("parameters"), "argument")
    bound: dict[str, str] = {}
    for name, declared in by_name(template.get("inputs", {}).get("parameters"), "input parameter").items():
        if name in passed and "value" in passed[name]:
            bound[name] = as_text(substitute(passed[name]["value"], variables.texts))
        elif "value" in declared:
            bound[name] = as_text(substitute(declared["value"], variables.texts))
        elif "default" in declared:
            bound[name] = as_text(declared["default"])
        else:
            raise WorkflowSpecError(f"inputs.parameters.{name} was not supplied")
        choices = declared.get("enum")
        if choices and bound[name] not in [as_text(choice) for choice in choices]:
            raise WorkflowSpecError(f"inputs.parameters.{name}: {bound[name]!r} is not one of {choices}")
    return bound


def bind_artifacts(template: Json, arguments: Json, variables: Variables, workspace: Path) -> dict[str, Path]:
    """Return a template's input artifacts; raw data is first written below `workspace`. Raises WorkflowSpecError."""
    passed = by_name(arguments.get("artifacts"), "artifact")
    bound: dict[str, Path] = {}
    for name, declared in by_name(template.get("inputs", {}).get("artifacts"), "input artifact").items():
        source = passed.get(name, declared)
        if "raw" in source:
            path = workspace / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(str(substitute(source["raw"].get("data", ""), variables.texts)), encoding="utf-8")
            bound[name] = path
        elif "from" in source and only_tag(source["from"]) in variables.artifacts:
            bound[name] = variables.artifacts[only_tag(source["from"])]
        elif not declared.get("optional", source.get("optional", False)):
            raise WorkflowSpecError(f"inputs.artifacts.{name} was not supplied")
    return bound


def input_texts(parameters: dict[str, str], template: Json) -> dict[str, str]:
    """Return the tags that a template's inputs and declared paths define for its body."""
    texts = {f"inputs.parameters.{name}": text for name, text in parameters.items()}
    texts["inputs.parameters"] = as_text([{"name": name, "value": text} for name, text in parameters.items()])
    for kind in ("inputs", "outputs"):
        for artifact in template.get(kind, {}).get("artifacts") or []:
            texts[f"{kind}.artifacts.{artifact['name']}.path"] = str(artifact.get("path", ""))
    for parameter in template.get("outputs", {}).get("parameters") or []:
        texts[f"outputs.parameters.{parameter['name']}.path"] = str(parameter.get("valueFrom", {}).get("path", ""))
    return texts


def composed_outputs(template: Json, variables: Variables) -> tuple[dict[str, str], dict[str, Path]]:
    """Return the outputs that a DAG or steps template takes from its tasks or steps; raises WorkflowSpecError."""
    parameters: dict[str, str] = {}
    artifacts: dict[str, Path] = {}
    outputs = template.get("outputs", {})
    for name, declared in by_name(outputs.get("parameters"), "output parameter").items():
        source = declared.get("valueFrom", {})
        try:
            parameters[name] = str(substitute(source.get("parameter", ""), variables.texts))
        except WorkflowSpecError:
            if "default" not in source:
                raise
            parameters[name] = as_text(source["default"])
    for name, declared in by_name(outputs.get("artifacts"), "output artifact").items():
        tag = only_tag(str(declared.get("from", "")))
        if tag in variables.artifacts:
            artifacts[name] = variables.artifacts[tag]
        elif not declared.get("optional", False):
            raise WorkflowSpecError(f"failed to resolve {{{{{tag}}}}}")
    return parameters, artifacts


def global_names(template: Json) -> dict[str, str]:
    """Return the global names of the output parameters that the whole workflow can use."""
    declared = template.get("outputs", {}).get("parameters") or []
    return {parameter["name"]: parameter["globalName"] for parameter in declared if parameter.get("globalName")}
