"""Which inputs go together with those that name a workflow to resume, stop, terminate or retry. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlops_actions.argo_submit import parameters
from mlops_actions.core.declare import DeclaredInputs
from mlops_actions.core.errors import BadInput
from mlops_actions.core.parsers import items

PULL_REQUEST = "pull-request"  # in the place of a name: all workflows of the event's pull request
# Each of these says what to submit, and changes nothing about a workflow that exists already.
OF_A_SUBMISSION = (
    *("strict", "image", "sha", "name", "generate-name", "labels", "annotations", "service-account"),
    *("entrypoint", "workflow-entrypoint", "priority", "idempotency", "callback", "callback-image", "dry-run"),
)
# These too, but a retry may change parameters.
PARAMETERS = ("parameters", "parameter-file", "parameter_file_path", "unknown-parameters")


# What each of these says has a meaning only with one other input.
_NEEDS = {
    "restart-successful": "retry",
    "node-field-selector": "resume",
    "output-parameters": "resume",
    "node-message": "resume",
}


def read_runs(value: str) -> tuple[str, ...]:
    """Read ids of workflow runs; raises ValueError."""
    runs = items(value)
    for run in runs:
        if not (run.isascii() and run.isdigit()):
            raise ValueError(f"must hold ids of workflow runs, which are numbers, not {run!r}")
    return runs


def read_output_parameters(text: str) -> dict[str, str]:
    """Read values as `parameters` are read; raises ValueError. Argo puts them into the templates of what follows."""
    values = parameters.parse(text)
    for name, value in values.items():
        if "{{" in value:
            raise ValueError(f"must not hold '{{{{' in the value of {name!r}: Argo reads it as a template tag")
    return values


def problems(
    inputs: DeclaredInputs, controls: Sequence[tuple[str, str | None]], *, of_pull_request: bool, only_waiting: bool
) -> Iterator[BadInput]:
    """Yield what does not go together with the given one of `controls`, pairs of an input and its value."""
    control = next((name for name, value in controls if value), "")
    for name, needed in _NEEDS.items():
        if control != needed and inputs.was_given(name):
            yield BadInput(f"input '{name}' has no meaning without '{needed}'", "leave it out")
    of_one = (control, dict(controls).get(control)) in (("stop", PULL_REQUEST), ("terminate", PULL_REQUEST))
    if only_waiting and not of_one:
        yield BadInput(f"input 'only-waiting' has no meaning without 'stop: {PULL_REQUEST}'", "leave it out")
    if not control:
        if inputs.was_given("of-runs"):
            yield BadInput("input 'of-runs' has no meaning without 'retry', 'resume', 'stop' or 'terminate'", "leave it out")
        return
    without = OF_A_SUBMISSION if control == "retry" else (*PARAMETERS, *OF_A_SUBMISSION)
    if not of_pull_request:
        without = (*without, "superseded")
    if without_effect := [name for name in without if inputs.was_given(name)]:
        names = " and ".join(f"'{name}'" for name in without_effect)
        yield BadInput(
            f"{names} cannot be combined with '{control}', which acts on a workflow that exists already",
            "leave one of them out",
        )
    if inputs.was_given("wait") and of_pull_request:
        yield BadInput(f"'wait' has no meaning with '{control}: {PULL_REQUEST}'", "leave it out, or name one workflow")
