"""The reusable workflow: a light listener, the pipeline only on a command, and the end in a job of its own; text out."""

from __future__ import annotations

from mlops_actions.core import render
from mlops_actions.core.declare import Input
from mlops_actions.pipeline import parts

_HEAD = """\
# The pipeline as a reusable workflow; its caller, and the permissions that the caller grants, are in the README.
#
#   listen   reads the comment, on every comment that may hold a command; it is given no secret but the App's key
#   train    only on a command, one at a time for each pull request: image, workflow, report
#   finish   concludes what listen began, however train ended
name: MLOps pipeline
"""
_RUNS_ON = "runs-on: ${{ inputs.runs-on }}"
# `environment` needs `deployments: write`, which every caller would have to grant, also where nothing is deployed.
_NOT_HERE = frozenset({"github-token", "environment"})
_OWN_INPUTS = (
    ("runs-on", "string", "ubuntu-latest", "Label of the runners, which must be Linux with Docker."),
    ("timeout-minutes", "number", "360", "When GitHub gives up on the training's job."),
)
# Only to spare a machine for most comments: chatops itself decides what is a command, and whose.
_WORTH_LISTENING = (
    "github.event_name != 'issue_comment' || (github.event.issue.pull_request && "
    "contains(github.event.comment.body, inputs.prefix || '/'))"
)


def workflow() -> str:
    """Render the whole file."""
    lines = [render.GENERATED, *_HEAD.splitlines(), "", "on:", "  workflow_call:", "    inputs:"]
    for entry in _inputs():
        lines += _input(entry.name, _type(entry), _default(entry), render.described(entry), required=entry.required)
    for name, kind, default, help_ in _OWN_INPUTS:
        lines += _input(name, kind, default, help_)
    lines.append("    secrets:")
    for entry in _secrets():
        lines += _secret(entry)
    lines.append("    outputs:")
    for name, part, output in parts.outputs():
        job = "listen" if part.identifier == "chatops" else "train"
        lines += [
            f"      {name}:",
            f"        description: {render.quoted(output.help)}",
            f"        value: ${{{{ jobs.{job}.outputs.{output.name if job == 'listen' else name} }}}}",
        ]
    lines += ["", "permissions: {}", "", "jobs:", *_listen(), "", *_train(), "", *_finish()]
    return "\n".join(lines) + "\n"


def _inputs() -> list[Input]:
    return [entry for entry in parts.inputs() if not entry.secret and entry.name not in _NOT_HERE]


def _secrets() -> list[Input]:
    return [entry for entry in parts.inputs() if entry.secret and entry.name not in _NOT_HERE]


def _type(entry: Input) -> str:
    if entry.default in ("true", "false"):
        return "boolean"
    return "number" if entry.default.isdigit() else "string"


def _default(entry: Input) -> str:
    """The default of a typed input; one of a string stays with its action, as in the composite."""
    return parts.own_default(entry) if _type(entry) == "string" and not entry.runner_default else entry.default


def _input(name: str, kind: str, default: str, help_: str, *, required: bool = False) -> list[str]:
    lines = [f"      {name}:", f"        description: {render.quoted(help_)}", f"        type: {kind}"]
    if required:
        return [*lines, "        required: true"]
    return [*lines, f"        default: {render.quoted(default) if kind == 'string' else default}"]


def _secret(entry: Input) -> list[str]:
    return [
        f"      {entry.name}:",
        f"        description: {render.quoted(render.described(entry))}",
        "        required: false",
    ]


def _value(part: parts.Part, name: str) -> str:
    """The expression for an input that is handed through."""
    public = part.public(name)
    (entry,) = (one for one in parts.inputs() if one.name == public)
    given = f"{'secrets' if entry.secret else 'inputs'}.{public}"
    if not entry.runner_default:
        return given
    return f"{given} || {entry.runner_default.removeprefix('${{').removesuffix('}}').strip()}"


def _step(part: parts.Part, *more: str) -> list[str]:
    lines = [f"      - id: {part.identifier}", f"        name: {part.title}"]
    if condition := _of_the_job(part.condition):
        lines.append(f"        if: {condition}")
    lines += [f"        uses: {parts.uses(part)}", "        with:"]
    taken = [name for name in part.takes if part.public(name) not in _NOT_HERE]
    lines += [f"          {name}: ${{{{ {_value(part, name)} }}}}" for name in taken]
    lines += [f"          {name}: ${{{{ {_elsewhere(expression)} }}}}" for name, expression in part.told.items()]
    return [*lines, *(f"          {line}" for line in more)]


def _elsewhere(expression: str) -> str:
    """An expression of the composite, in a job to which chatops is an earlier one."""
    return expression.replace("steps.chatops.outputs.", "needs.listen.outputs.")


def _of_the_job(condition: str) -> str:
    """A step's condition, without what the job's own says."""
    said = "needs.listen.outputs.triggered == 'true' && "
    return _elsewhere(condition).removeprefix(said)


def _listen() -> list[str]:
    chatops = parts.PARTS[0]
    return [
        "  listen:",
        "    name: Listen",
        f"    if: {_WORTH_LISTENING}",
        f"    {_RUNS_ON}",
        "    timeout-minutes: 10",
        "    permissions:",
        "      contents: read # prove that the commenter saw this commit",
        "      pull-requests: write # react, reply, label",
        "      checks: write # the check run of `check-name`",
        "    outputs:",
        *(f"      {output.name}: ${{{{ steps.chatops.outputs.{output.name} }}}}" for output in chatops.outputs),
        "    steps:",
        *_step(chatops, "conclude: false"),
    ]


def _train() -> list[str]:
    later = [(name, part, output) for name, part, output in parts.outputs() if part.identifier != "chatops"]
    return [
        "  train:",
        "    name: Train",
        "    needs: listen",
        "    if: needs.listen.outputs.triggered == 'true'",
        f"    {_RUNS_ON}",
        "    timeout-minutes: ${{ inputs.timeout-minutes }}",
        "    # A second command waits for the first. In the caller, any comment would take the place of one that waits.",
        "    concurrency:",
        "      group: mlops-${{ github.workflow }}-${{ needs.listen.outputs.pr-number }}",
        "      cancel-in-progress: false",
        "    permissions:",
        "      contents: read # check the commit out",
        "      packages: write # push to ghcr.io",
        "      pull-requests: write # the comment that becomes the report",
        "      checks: write # the check run of `report-check-name`",
        "    outputs:",
        *(f"      {name}: ${{{{ steps.{part.identifier}.outputs.{output.name} }}}}" for name, part, output in later),
        "    steps:",
        "      - name: Check out the commit that was authorised",
        f"        if: {_of_the_job(parts.CHECKOUT_CONDITION)}",
        f"        uses: {parts.CHECKOUT}",
        "        with:",
        "          ref: ${{ needs.listen.outputs.sha }}",
        "          persist-credentials: false",
        *(line for part in parts.PARTS[1:] for line in _step(part)),
    ]


def _finish() -> list[str]:
    chatops = parts.PARTS[0]
    return [
        "  finish:",
        "    name: Finish",
        "    needs: [listen, train]",
        "    if: always() && needs.listen.outputs.triggered == 'true'",
        f"    {_RUNS_ON}",
        "    timeout-minutes: 10",
        "    permissions:",
        "      pull-requests: write # reaction and label",
        "      checks: write # the check run of `check-name`",
        "    steps:",
        "      - name: Conclude what the command began",
        f"        uses: {parts.uses(chatops)}",
        "        with:",
        "          mode: finish",
        "          begun: ${{ needs.listen.outputs.result }}",
        "          job-status: ${{ needs.train.result }}",
        *(f"          {name}: ${{{{ {_value(chatops, name)} }}}}" for name in _CONCLUDES),
    ]


# What concluding reads of the inputs.
_CONCLUDES = ("success-label", "failure-label", "app-id", "app-private-key")
