"""Find what the input `ssh` names before anything is built: BuildKit's own error does not tell of the container."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mlops_actions.core.errors import BadInput

_REMEDY = (
    "start the agent with its socket in the runner's temporary folder, which this step sees: "
    "'ssh-agent -a \"$RUNNER_TEMP/agent.sock\"', or 'ssh-auth-sock: ${{ runner.temp }}/agent.sock' of webfactory/ssh-agent"
)


def resolve(entries: Sequence[str], environ: Mapping[str, str], find_socket: Callable[[str], str | None]) -> tuple[str, ...]:
    """Return the entries as `ID=PATH` with paths that this step sees; raises BadInput for an agent that it does not see."""
    return tuple(_resolve(entry, environ, find_socket) for entry in entries)


def _resolve(entry: str, environ: Mapping[str, str], find_socket: Callable[[str], str | None]) -> str:
    identity, separator, given = entry.partition("=")
    socket = given if separator else environ.get("SSH_AUTH_SOCK", "")
    if not socket:
        raise BadInput(f"input 'ssh' is {entry!r}, but no agent runs: SSH_AUTH_SOCK is not set", _REMEDY)
    found = find_socket(socket)
    if found is None:
        origin = f"input 'ssh' names {socket!r}" if separator else f"input 'ssh' is {entry!r}, and SSH_AUTH_SOCK {socket!r}"
        raise BadInput(f"{origin}, which this step's container does not see", _REMEDY)
    return f"{identity}={found}"
