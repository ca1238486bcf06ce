"""The built-in commands as declarations, so that arguments, help and refusals are those of every command."""

from __future__ import annotations

from dataclasses import replace

from mlops_actions.chatops.parameters import Command, Parameter

FAILED = "failed"
# A name as Kubernetes has it, with or without its namespace.
_WORKFLOW = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?/)?[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
_WORKFLOW_PARAMETER = Parameter(
    "workflow",
    pattern=_WORKFLOW,
    positional=True,
    description="its name, or NAMESPACE/NAME; needed where several wait",
)
_DECLARATIONS = (
    Command("status", "show what runs and waits on this pull request", parameters=()),
    Command(
        "stop",
        "stop what runs and waits on this pull request",
        parameters=(Parameter("command", positional=True, description="stop only this command"),),
    ),
    Command(
        "retry",
        "give the last command again, on the head commit as it is now",
        parameters=(
            Parameter(
                "what",
                choices=(FAILED,),
                positional=True,
                description="`failed` continues its workflow from the failed nodes",
            ),
        ),
    ),
    Command("approve", "let a workflow go on that waits for an approval", parameters=(_WORKFLOW_PARAMETER,)),
    Command("reject", "stop a workflow that waits for an approval", parameters=(_WORKFLOW_PARAMETER,)),
)


def control(name: str, role: str) -> Command:
    """Return the declaration of a control, which needs this role; empty: the role of `permission`."""
    declared = next(command for command in _DECLARATIONS if command.name == name)
    return replace(declared, permission=role, is_control=True)
