"""Render the reusable workflow: jobs that listen, train on a command, stop or resume a workflow, and conclude.

There are two files of it: GitHub starts no run whose caller grants less than one of the jobs asks for, whatever the inputs
say, and `permissions:` takes no expression. Jobs of the keyless one may ask for an identity token; its callers grant
`id-token: write`.
"""

from __future__ import annotations

from mlops_actions.core import render, template
from mlops_actions.core.declare import Input
from mlops_actions.pipeline import steps

# chatops' `environment` needs `deployments: write`, which every caller would have to grant, also where nothing is deployed:
# here the input of this name is the environment of the job that trains.
# The job that listens ends after ten minutes, which leaves no time to wait for checks.
_OMITTED = frozenset({"github-token", "environment", "environment-url", "wait-for-checks"})
_LISTEN_STEP = "chatops"
_OF_LISTENER = ("app-private-key",)  # the secret of a job that has no environment
# What cannot be one label is read as JSON, so that a list without its brackets is an error that names `runs-on`: as one
# label it would wait for a runner for a day.
_RUNS_ON = " || ".join(f"contains(inputs.runs-on, '{mark}')" for mark in ("[", "{", ",", '"'))
_WHAT = {
    False: "# The pipeline as a reusable workflow. docs/guides/reusable-workflow.md shows its caller and what it grants.",
    True: "# The pipeline as a reusable workflow that signs in to Google, AWS or Azure without a key: pipeline.yml, with\n"
    "# `id-token: write` for the jobs that sign in. See docs/guides/reusable-workflow.md.",
}


def workflow(*, keyless: bool = False) -> str:
    """Render the whole file."""
    values = {
        "generated": render.GENERATED,
        "what": _WHAT[keyless],
        "name": "MLOps pipeline without keys" if keyless else "MLOps pipeline",
        "runs-on": f"({_RUNS_ON}) && fromJSON(inputs.runs-on) || inputs.runs-on",
    }
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
        "identity": ["id-token: write # sign in to the cloud"] if keyless else [],
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
    lines = [f"{entry.name}:", f"  description: {render.quoted(render.description_of(entry))}", "  required: false"]
    own = _name_in_environment(entry.name)
    if own and entry.name not in _OF_LISTENER:
        lines += [f"{own}:", f"  description: {render.quoted(f'`{entry.name}` of the `environment`.')}", "  required: false"]
    return lines


def _name_in_environment(name: str) -> str:
    """Return the name that a secret has as one of an environment, where `-` is not allowed; empty where it is the same.

    GitHub ignores the case, and prefers a secret of the environment to one of the same name that the caller passes.
    """
    return name.replace("-", "_").upper() if "-" in name else ""


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
    if own := _name_in_environment(name) if entry.secret and step.identifier != _LISTEN_STEP else "":
        value = f"secrets.{own} || {value}"
    if not entry.runner_default:
        return value
    return f"{value} || {entry.runner_default.removeprefix('${{').removesuffix('}}').strip()}"
