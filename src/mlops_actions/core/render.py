"""Render declarations as `action.yml` and as the README's tables; pure functions from values to text."""

from __future__ import annotations

from collections.abc import Iterable

from mlops_actions.core.declare import Action, Input, Legacy, declared_inputs, retired_inputs

_BUILT = "built from this checkout; a release names a digest"
GENERATED = "# Generated from the declarations by `make docs`; edit those."


def action_yml(action: Action) -> str:
    """Render the whole `action.yml`; the post stage runs on every outcome of the job, also on a cancellation."""
    lines = [
        GENERATED,
        f"name: {quoted(action.title)}",
        f"description: {quoted(action.description)}",
        "author: machine-learning-apps",
        "branding:",
        f"  icon: {action.icon}",
        f"  color: {action.color}",
        "inputs:",
    ]
    for entry in declared_inputs(action.inputs):
        lines += _input(entry)
        for alias in entry.legacy:
            lines += [
                f"  {alias.name}:",
                f"    description: {quoted(f'Older name of `{entry.name}`. {alias.note}'.strip())}",
                f"    deprecationMessage: {quoted(_deprecation(entry, alias))}",
                "    required: false",
            ]
    for retired in retired_inputs(action.inputs):
        lines += [
            f"  {retired.name}:",
            "    description: 'An input of the replaced action; accepted and ignored.'",
            f"    deprecationMessage: {quoted(retired.message)}",
            "    required: false",
        ]
    lines.append("outputs:")
    for output in action.outputs:
        note = "Kept for users of the replaced action: " if output.legacy else ""
        lines += [f"  {output.name}:", f"    description: {quoted(note + output.help)}"]
    lines += [
        "runs:",
        "  using: docker",
        # zizmor knows a Dockerfile by that very name alone; this one is built from the same checkout.
        f"  image: ../../Dockerfile.{action.name} # zizmor: ignore[unpinned-images] {_BUILT}",
        f"  entrypoint: /opt/mlops-actions/bin/{action.name}",
        f"  post-entrypoint: /opt/mlops-actions/bin/{action.name}-post",
        "  post-if: always()",
    ]
    return "\n".join(lines) + "\n"


def _input(entry: Input) -> list[str]:
    lines = [f"  {entry.name}:", f"    description: {quoted(description_of(entry))}"]
    # The runner must not require an input that has an older name, because the older name is accepted as well.
    lines.append(f"    required: {'true' if entry.required and not entry.legacy else 'false'}")
    if entry.runner_default:
        lines.append(f"    default: {quoted(entry.runner_default)}")
    return lines


def description_of(entry: Input) -> str:
    """Describe an input, with its default and the environment variables that can replace it."""
    parts = [entry.help.rstrip()]
    if entry.default:
        parts.append(f"Default: `{entry.default}`.")
    if entry.env:
        parts.append("Else the environment's " + ", ".join(f"`{name}`" for name in entry.env) + ".")
    return " ".join(parts)


def _deprecation(entry: Input, alias: Legacy) -> str:
    return f"'{alias.name}' still works; its name is now '{entry.name}'. {alias.note}".strip()


def quoted(text: str) -> str:
    """Write text as a YAML scalar on one line."""
    return "'" + " ".join(text.split()).replace("'", "''") + "'"


def inputs_table(action: Action) -> str:
    """Render the inputs as a Markdown table: modern names first, older ones beside them; required ones in bold."""
    rows = [table_of_inputs(declared_inputs(action.inputs))]
    rows += [
        f"| `{retired.name}` |  | {cell(f'Older name, ignored. {retired.why}')} |"
        for retired in retired_inputs(action.inputs)
    ]
    return "\n".join(rows)


def table_of_inputs(inputs: Iterable[Input]) -> str:
    """Render some inputs as a Markdown table."""
    rows = ["| input | default | meaning |", "| --- | --- | --- |"]
    for entry in inputs:
        name = f"**`{entry.name}`**" if entry.required else f"`{entry.name}`"
        value = entry.runner_default or entry.default
        default = f"`{value}`" if value else ""
        meaning = entry.help
        if entry.env:
            meaning += " Else the environment's " + ", ".join(f"`{variable}`" for variable in entry.env) + "."
        if entry.legacy:
            meaning += " Older name: " + ", ".join(f"`{alias.name}`" for alias in entry.legacy) + "."
        rows.append(f"| {name} | {cell(default)} | {cell(meaning)} |")
    return "\n".join(rows)


def outputs_table(action: Action) -> str:
    """Render the outputs as a Markdown table, older names last."""
    rows = ["| output | meaning |", "| --- | --- |"]
    ordered = [output for output in action.outputs if not output.legacy] + [
        output for output in action.outputs if output.legacy
    ]
    rows += [f"| `{output.name}` | {'Older name. ' if output.legacy else ''}{cell(output.help)} |" for output in ordered]
    return "\n".join(rows)


def cell(text: str) -> str:
    """Write text as a table's cell."""
    return " ".join(text.split()).replace("|", "\\|")


def replace_block(document: str, name: str, content: str) -> str:
    """Replace the text between `<!-- name -->` and `<!-- /name -->`; raises ValueError where a mark is missing."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, opened, rest = document.partition(start)
    _, closed, after = rest.partition(end)
    if not opened or not closed:
        raise ValueError(f"the document has no block between {start} and {end}")
    return f"{before}{start}\n{content}\n{end}{after}"
