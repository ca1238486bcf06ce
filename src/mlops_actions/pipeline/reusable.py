"""Render the reusable workflow: jobs that listen, train on a command, stop or resume a workflow, and conclude."""

from __future__ import annotations

from mlops_actions.core import render, template
from mlops_actions.core.declare import Input
from mlops_actions.pipeline import steps

# `environment` needs `deployments: write`, which every caller would have to grant, also where nothing is deployed.
# The job that listens ends after ten minutes, which leaves no time to wait for checks.
_OMITTED = frozenset({"github-token", "environment", "environment-url", "wait-for-checks"})
_LISTEN_STEP = "chatops"


def workflow() -> str:
    """Render the whole file."""
    values = {"generated": render.GENERATED}
    listen, train = (
        [output for output in steps.outputs() if (output.step.identifier == _LISTEN_STEP) is is_listen]
        for is_listen in (True, False)
    )
    blocks = {
        "inputs": [line for entry in _inputs(secret=False) for line in _input(entry)],
        "secrets": [line for entry in _inputs(secret=True) for line in _secret(entry)],
        # Within its job, an output of chatops keeps the name that chatops gives it.
        "outputs": [
            *(line for output in listen for line in _output(output, f"jobs.listen.outputs.{output.source.name}")),
            *(line for output in train for line in _output(output, f"jobs.train.outputs.{output.name}")),
        ],
        "outputs-of-listen": [_job_output(output.source.name, output) for output in listen],
        "outputs-of-train": [_job_output(output.name, output) for output in train],
        **steps.blocks_of_inputs(_passed_on),
    }
    return template.fill(template.read(__package__, "pipeline.yml.template"), values, blocks)


def _inputs(*, secret: bool) -> list[Input]:
    return [entry for entry in steps.inputs() if entry.secret is secret and entry.name not in _OMITTED]


def _input(entry: Input) -> list[str]:
    kind = _type(entry)
    lines = [f"{entry.name}:", f"  description: {render.quoted(render.description_of(entry))}", f"  type: {kind}"]
    if entry.required:
        return [*lines, "  required: true"]
    return [*lines, f"  default: {render.quoted(_string_default(entry)) if kind == 'string' else entry.default}"]


def _type(entry: Input) -> str:
    if entry.default in ("true", "false"):
        return "boolean"
    return "number" if entry.default.isdigit() else "string"


def _string_default(entry: Input) -> str:
    """Return the default of a string; a default that the runner evaluates is part of the step's expression instead."""
    return entry.default if entry.runner_default else steps.literal_default(entry)


def _secret(entry: Input) -> list[str]:
    return [f"{entry.name}:", f"  description: {render.quoted(render.description_of(entry))}", "  required: false"]


def _output(output: steps.PipelineOutput, source: str) -> list[str]:
    return [
        f"{output.name}:",
        f"  description: {render.quoted(output.source.help)}",
        f"  value: ${{{{ {source} }}}}",
    ]


def _job_output(name: str, output: steps.PipelineOutput) -> str:
    return f"{name}: ${{{{ {output.expression} }}}}"


def _passed_on(step: steps.Step, name: str) -> str | None:
    """Return the expression that passes on an input or a secret; None for what this workflow does not take."""
    name = step.public_input(name)
    if name in _OMITTED:
        return None
    entry = next(entry for entry in steps.inputs() if entry.name == name)
    value = f"{'secrets' if entry.secret else 'inputs'}.{name}"
    if not entry.runner_default:
        return value
    return f"{value} || {entry.runner_default.removeprefix('${{').removesuffix('}}').strip()}"
