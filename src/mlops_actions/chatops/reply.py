"""What the commenter is told, as Markdown. Whatever somebody else wrote stands in a fence or in code, cut to length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlops_actions.chatops.hear import Place, Verdict
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.reasons import REASONS
from mlops_actions.chatops.schema import Command, Parameter, Value, spell
from mlops_actions.core.markdown import code, cut, escape, fence, fold, link, table

_MARKER = "<!-- mlops-actions:chatops -->"
_LONGEST_DETAIL = 300
_MOST_DETAILS = 20
# A command line that had to be cut would not be the command any more, so a longer one is not offered.
_LONGEST_PASTE = 2000
_LONGEST_NAME = 100
# It travels to the post step in an environment variable.
_LONGEST_TOLD = 8000


def denial(name: str, verdict: Verdict, run_url: str) -> str:
    """Explain a refusal; `name` is the command with its prefix."""
    parts = [f"{code(name[:_LONGEST_NAME])} was **not** taken. {REASONS[verdict.reason].says}"]
    if verdict.details:
        shown = [_shortened(line) for line in verdict.details[:_MOST_DETAILS]]
        hidden = len(verdict.details) - len(shown)
        parts.append(fence("\n".join(shown + ([f"… and {hidden} more"] if hidden else [])), "text"))
    if verdict.paste and len(verdict.paste) <= _LONGEST_PASTE:
        parts.append(fence(verdict.paste, "text"))
    parts.append(_footer(verdict.reason, run_url))
    return "\n\n".join(parts)


def started(name: str, commit_url: str, params: Mapping[str, Value], run_url: str) -> str:
    """Say that a command was taken; what became of it shows on the pull request."""
    parts = [f"{code(name[:_LONGEST_NAME])} was taken, for commit {_commit(commit_url)}.", *_values(params)]
    parts.append(f"<sub>{link('follow the run', run_url)}</sub>\n{_MARKER}")
    return "\n\n".join(parts)


def commanded(name: str, place: Place, commit_url: str, params: Mapping[str, Value]) -> str:
    """Say in the check run who commanded what, on which commit."""
    by = f"**{escape(place.actor.login)}**" + (f" in {link('a comment', place.comment_url)}" if place.comment_url else "")
    told = "\n\n".join([f"{code(name[:_LONGEST_NAME])} by {by}, for commit {_commit(commit_url)}.", *_values(params)])
    return cut(told, _LONGEST_TOLD, "_Cut here._")


def help_text(commands: Sequence[Command], inputs: Inputs, run_url: str) -> str:
    """List the declared commands and their parameters."""
    rows = [
        (code(command.usage(inputs.prefix)), escape(command.description), code(command.permission or inputs.permission))
        for command in commands
    ]
    parts = [REASONS["help"].says, table(("command", "what it does", "role needed"), rows)]
    parts += [
        fold(f"Parameters of {inputs.prefix}{command.name}", _parameters(command.parameters))
        for command in commands
        if command.parameters
    ]
    if inputs.head != "latest":
        parts.append(f"Any command may carry {code('sha=')} with the 40 digits of the commit it is meant for.")
    parts.append(_footer("help", run_url))
    return "\n\n".join(parts)


def _commit(url: str) -> str:
    return f"[{code(url.rpartition('/')[2][:7])}]({url})"


def _values(params: Mapping[str, Value]) -> list[str]:
    rows = [(code(key), code(_spelled(value))) for key, value in params.items()]
    return [table(("parameter", "value"), rows)] if rows else []


def _parameters(parameters: Sequence[Parameter]) -> str:
    rows = [
        (
            code(parameter.name),
            code(parameter.allowed),
            "required" if parameter.required else code(spell(parameter.default)) if parameter.default is not None else "",
            escape(parameter.description),
        )
        for parameter in parameters
    ]
    return table(("parameter", "takes", "default", "meaning"), rows)


def _spelled(value: Value) -> str:
    words = [spell(item) for item in value] if isinstance(value, list) else [spell(value)]
    return _shortened(", ".join(words))


def _shortened(line: str) -> str:
    one_line = " ".join(line.splitlines())
    return one_line if len(one_line) <= _LONGEST_DETAIL else one_line[: _LONGEST_DETAIL - 1] + "…"


def _footer(reason: str, run_url: str) -> str:
    return f"<sub>{code(reason)} · {link('log', run_url)}</sub>\n{_MARKER}"
