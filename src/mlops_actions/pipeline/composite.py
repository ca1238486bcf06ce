"""Render the root `action.yml`: the pipeline as one step, for a workflow that needs nothing special."""

from __future__ import annotations

from mlops_actions.core import render, template
from mlops_actions.core.declare import Input
from mlops_actions.pipeline import steps


def action_yml() -> str:
    """Render the whole file."""
    values = {"generated": render.GENERATED}
    blocks = {
        "inputs": [line for entry in steps.inputs() for line in _input(entry)],
        "outputs": [line for output in steps.outputs() for line in _output(output)],
        **steps.blocks_of_inputs(lambda step, name: f"inputs.{step.public_input(name)}"),
    }
    return template.fill(template.read(__package__, "action.yml.template"), values, blocks)


def _input(entry: Input) -> list[str]:
    lines = [
        f"{entry.name}:",
        f"  description: {render.quoted(render.description_of(entry))}",
        f"  required: {str(entry.required).lower()}",
    ]
    if default := steps.literal_default(entry):
        lines.append(f"  default: {render.quoted(default)}")
    return lines


def _output(output: steps.PipelineOutput) -> list[str]:
    return [
        f"{output.name}:",
        f"  description: {render.quoted(output.source.help)}",
        f"  value: ${{{{ {output.expression} }}}}",
    ]


def inputs_table() -> str:
    """Render the inputs as a Markdown table."""
    return render.table_of_inputs(steps.inputs())


def outputs_table() -> str:
    """Render the outputs as a Markdown table."""
    rows = ["| output | meaning |", "| --- | --- |"]
    rows += [f"| `{output.name}` | {render.cell(output.source.help)} |" for output in steps.outputs()]
    return "\n".join(rows)
