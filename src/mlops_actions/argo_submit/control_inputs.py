"""Which inputs go together with those that name a workflow to resume, stop, terminate or retry. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mlops_actions.core.declare import DeclaredInputs
from mlops_actions.core.errors import BadInput

PULL_REQUEST = "pull-request"  # in the place of a name: all workflows of the event's pull request
# Each of these says what to submit, and changes nothing about a workflow that exists already.
OF_A_SUBMISSION = (
    *("strict", "image", "sha", "name", "generate-name", "labels", "annotations", "service-account", "entrypoint"),
    *("priority", "idempotency", "callback", "callback-image", "dry-run"),
)
# These too, but a retry may change parameters.
PARAMETERS = ("parameters", "parameter-file", "parameter_file_path", "unknown-parameters")


# https://argo-workflows.readthedocs.io/en/latest/node-field-selector/
_FIELD = r"(displayName|id|name|phase|templateName|templateRef\.(name|template)|inputs\.parameters\.[\w-]+\.value)"
_TERM = rf"{_FIELD}(==?|!=)(\\.|[^,=\\])+"


def read_node_selector(text: str) -> str:
    """Read a selector of nodes; raises ValueError. Argo lets one with an unknown field select nothing, and says nothing."""
    selector = text.strip()
    if re.fullmatch(rf"{_TERM}(,{_TERM})*", selector) is None:
        raise ValueError(
            "must be FIELD=VALUE or FIELD!=VALUE, joined by commas, with a field such as displayName or templateName"
        )
    return selector


def problems(
    inputs: DeclaredInputs, controls: Sequence[tuple[str, str | None]], *, of_pull_request: bool
) -> Iterator[BadInput]:
    """Yield what does not go together with the given one of `controls`, pairs of an input and its value."""
    control = next((name for name, value in controls if value), "")
    if control != "retry" and inputs.was_given("restart-successful"):
        yield BadInput("input 'restart-successful' has no meaning without 'retry'", "leave it out")
    if not control:
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
