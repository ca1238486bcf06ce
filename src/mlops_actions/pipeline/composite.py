"""The root `action.yml`: the whole in one step, for a workflow that needs nothing special; text out."""

from __future__ import annotations

from mlops_actions.core import render
from mlops_actions.core.declare import Input
from mlops_actions.pipeline import parts

TITLE = "MLOps actions"
DESCRIPTION = "Train, measure and accept a model on the pull request: /train builds, runs on Argo, and reports from W&B"


def action_yml() -> str:
    """Render the whole file."""
    lines = [
        render.GENERATED,
        f"name: {render.quoted(TITLE)}",
        f"description: {render.quoted(DESCRIPTION)}",
        "author: machine-learning-apps",
        "branding:",
        "  icon: git-pull-request",
        "  color: purple",
        "inputs:",
    ]
    for entry in parts.inputs():
        lines += _input(entry)
    lines.append("outputs:")
    for name, part, output in parts.outputs():
        lines += [
            f"  {name}:",
            f"    description: {render.quoted(output.help)}",
            f"    value: ${{{{ steps.{part.identifier}.outputs.{output.name} }}}}",
        ]
    lines += ["runs:", "  using: composite", "  steps:"]
    for part in parts.PARTS:
        lines += _step(part)
        if part.identifier == "chatops":
            lines += _checkout()
    return "\n".join(lines) + "\n"


def _input(entry: Input) -> list[str]:
    lines = [
        f"  {entry.name}:",
        f"    description: {render.quoted(render.described(entry))}",
        f"    required: {str(entry.required).lower()}",
    ]
    if default := parts.own_default(entry):
        lines.append(f"    default: {render.quoted(default)}")
    return lines


def _checkout() -> list[str]:
    return [
        "    - name: Check out the commit that was authorised",
        f"      if: {parts.CHECKOUT_CONDITION}",
        f"      uses: {parts.CHECKOUT}",
        "      with:",
        "        ref: ${{ steps.chatops.outputs.sha }}",
        "        persist-credentials: false",
    ]


def _step(part: parts.Part) -> list[str]:
    lines = [f"    - id: {part.identifier}", f"      name: {part.title}"]
    if part.condition:
        lines.append(f"      if: {part.condition}")
    lines += [f"      uses: {parts.uses(part)}", "      with:"]
    lines += [f"        {name}: ${{{{ inputs.{part.public(name)} }}}}" for name in part.takes]
    lines += [f"        {name}: ${{{{ {expression} }}}}" for name, expression in part.told.items()]
    return lines


def inputs_table() -> str:
    """Render the inputs as a Markdown table."""
    return render.table_of_inputs(parts.inputs())


def outputs_table() -> str:
    """Render the outputs as a Markdown table."""
    rows = ["| output | meaning |", "| --- | --- |"]
    rows += [f"| `{name}` | {render.cell(output.help)} |" for name, _, output in parts.outputs()]
    return "\n".join(rows)
