"""The arguments of a requested command, on its line and below it, and the command with another commit pinned."""

from __future__ import annotations

from dataclasses import replace

from mlops_actions.chatops import grammar, typography
from mlops_actions.chatops.parameters import PIN
from mlops_actions.chatops.request import CommandRequest


def parse_arguments(request: CommandRequest) -> grammar.Arguments:
    """Parse the arguments of a command, those below it too; raises ArgumentError."""
    on_line = parse_line(request)
    below = request.below.options if request.below else ()
    return replace(on_line, options=(*on_line.options, *(option for _, option in below)))


def problems_below(request: CommandRequest) -> list[str]:
    """Return what is wrong with the lines below a command whose own line can be parsed."""
    if request.below is None:
        return []
    return [*request.below.problems, *request.below.repeated(parse_line(request).options)]


def parse_line(request: CommandRequest) -> grammar.Arguments:
    """Parse the arguments on the line of a command; raises ArgumentError."""
    if not request.is_phrase and (mark := typography.not_understood(request.rest)):
        raise grammar.ArgumentError(
            f"{mark} is not clear: write -- for an option, and straight quotes (\" or ') around a text; "
            "a dash or a quote that is meant as text stands between straight quotes"
        )
    try:
        return grammar.parse_arguments(request.rest, request.command.switches)
    except grammar.ArgumentError:
        # The replaced action knew no quoting: it took a line word by word.
        if not request.is_phrase:
            raise
        return grammar.parse_plain_arguments(request.rest, PIN)


def rest_without_pin(request: CommandRequest) -> str:
    """Return the rest of a command's line without its `sha=`; a line that cannot be parsed is returned unchanged."""
    try:
        return grammar.remove_option(request.rest, parse_line(request), PIN)
    except grammar.ArgumentError:
        return request.rest


def repeated_command(request: CommandRequest) -> str:
    """Return the command as it is given once more, for the head that the pull request has then."""
    return _with_lines_below(request, " ".join(filter(None, (request.name, rest_without_pin(request)))))


def pinned_command(request: CommandRequest, sha: str) -> str:
    """Return the command with `sha=` directly after its name (after a `--` it would be no option any more).

    Parameters from below the command stand in lines below it again.
    """
    rest = rest_without_pin(request)
    line = f"{request.name} {PIN}={sha}" + (f" {rest}" if rest else "")
    return _with_lines_below(request, line)


def _with_lines_below(request: CommandRequest, line: str) -> str:
    return "\n".join((line, *(request.below.lines_without(PIN) if request.below else ())))
