"""The replies to a commenter, as Markdown. Text that others wrote stands in a fence or in code, cut to length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.parameters import Command, Parameter, Value, format_value
from mlops_actions.chatops.reasons import REASONS
from mlops_actions.chatops.request import CommandSource, Decision
from mlops_actions.core.event import PullRequest
from mlops_actions.core.markdown import code, cut, escape, fence, fold, link, table

_MARKER = "<!-- mlops-actions:chatops -->"
_MAX_DETAIL = 300
_MAX_DETAILS = 20
# A command line that is cut is another command, so a longer one is not offered.
_MAX_PASTE = 2000
_MAX_NAME = 100
# The summary travels to the post stage in an environment variable.
_MAX_SUMMARY = 8000


def denial(name: str, decision: Decision, run_url: str) -> str:
    """Explain a denial; `name` is the command with its prefix."""
    parts = [f"{code(name[:_MAX_NAME])} was **not** run. {REASONS[decision.reason].reply}"]
    if decision.details:
        shown = [_shortened(line) for line in decision.details[:_MAX_DETAILS]]
        hidden = len(decision.details) - len(shown)
        parts.append(fence("\n".join(shown + ([f"… and {hidden} more"] if hidden else [])), "text"))
    if decision.paste and len(decision.paste) <= _MAX_PASTE:
        parts.append(fence(decision.paste, "text"))
    parts.append(_footer(decision.reason, run_url))
    return "\n\n".join(parts)


def started(name: str, commit_url: str, params: Mapping[str, Value], run_url: str) -> str:
    """Confirm that a command runs; its result shows on the pull request later."""
    parts = [f"{code(name[:_MAX_NAME])} runs for commit {_commit_link(commit_url)}.", *_params_table(params)]
    parts.append(f"<sub>{link('follow the run', run_url)}</sub>\n{_MARKER}")
    return "\n\n".join(parts)


def moved_on(workflow: str, phase: str, commit_url: str, pull_request: PullRequest, run_url: str) -> str:
    """Say that a workflow has ended for a commit that is not, or not any more, what the open pull request shows."""
    parts = [f"Workflow {code(workflow[:_MAX_NAME])} of commit {_commit_link(commit_url)} has ended: {code(phase)}."]
    if pull_request.head.sha not in commit_url:
        parts[0] += f" The head of this pull request has moved since: it is {code(pull_request.head.sha[:7])} now."
    if pull_request.state != "open":
        parts[0] += f" The pull request is {'merged' if pull_request.merged else 'closed'}."
    parts.append(f"<sub>{link('the run', run_url)}</sub>\n{_MARKER}")
    return "\n\n".join(parts)


def left_open(outcome: str, names: Mapping[str, str], run_url: str) -> str:
    """Say that a check run or a deployment still shows as running; `names` maps its kind to its name."""
    subjects = " and ".join(f"the {kind} {code(name[:_MAX_NAME])}" for kind, name in names.items())
    verb = "shows" if len(names) == 1 else "show"
    parts = [f"{code(outcome[:_MAX_NAME])}. GitHub did not take this outcome for {subjects}, which still {verb} as running."]
    parts.append(f"<sub>{link('the run', run_url)}</sub>\n{_MARKER}")
    return "\n\n".join(parts)


def summary(name: str, source: CommandSource, commit_url: str, params: Mapping[str, Value]) -> str:
    """Describe the command in the check run: who gave it, on which commit, with which parameters."""
    actor = f"**{escape(source.actor.login)}**"
    place = f" in {link('a comment', source.comment_url)}" if source.comment_url else ""
    first = f"{code(name[:_MAX_NAME])} by {actor}{place}, for commit {_commit_link(commit_url)}."
    return cut("\n\n".join([first, *_params_table(params)]), _MAX_SUMMARY, "_Cut here._")


def help_text(commands: Sequence[Command], inputs: Inputs, run_url: str) -> str:
    """List the declared commands and their parameters."""
    rows = [
        (code(command.usage(inputs.prefix)), escape(command.description), code(command.permission or inputs.permission))
        for command in commands
    ]
    parts = [REASONS["help"].reply, table(("command", "what it does", "role needed"), rows)]
    parts += [
        fold(f"Parameters of {inputs.prefix}{command.name}", _parameters_table(command.parameters))
        for command in commands
        if command.parameters
    ]
    if inputs.head != "latest":
        parts.append(f"Any command may name the commit it is meant for: {code('sha=')} and its 40 digits.")
    parts.append(_footer("help", run_url))
    return "\n\n".join(parts)


def _commit_link(url: str) -> str:
    return f"[{code(url.rpartition('/')[2][:7])}]({url})"


def _params_table(params: Mapping[str, Value]) -> list[str]:
    rows = [(code(key), code(_format_values(value))) for key, value in params.items()]
    return [table(("parameter", "value"), rows)] if rows else []


def _parameters_table(parameters: Sequence[Parameter]) -> str:
    rows = [
        (code(parameter.name), code(parameter.allowed), _default(parameter), escape(parameter.description))
        for parameter in parameters
    ]
    return table(("parameter", "takes", "default", "meaning"), rows)


def _default(parameter: Parameter) -> str:
    if parameter.required:
        return "required"
    return "" if parameter.default is None else code(format_value(parameter.default))


def _format_values(value: Value) -> str:
    return _shortened(", ".join(map(format_value, value if isinstance(value, list) else [value])))


def _shortened(line: str) -> str:
    one_line = " ".join(line.splitlines())
    return one_line if len(one_line) <= _MAX_DETAIL else one_line[: _MAX_DETAIL - 1] + "…"


def _footer(reason: str, run_url: str) -> str:
    return f"<sub>{code(reason)} · {link('log', run_url)}</sub>\n{_MARKER}"
