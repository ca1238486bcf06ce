"""Choose the identity that writes feedback or sees a team's members, and mint the GitHub App's token for later steps."""

from __future__ import annotations

from threading import Lock

from mlops_actions.chatops.inputs import Inputs
from mlops_actions.chatops.ports import Ports, Reader, Writer
from mlops_actions.core.errors import ActionError

# What the App's token needs for the feedback. The exported token is another one, with the permissions of later steps.
_FEEDBACK_PERMISSIONS = {"issues": "write", "pull_requests": "write", "checks": "write", "deployments": "write"}
# A permission of the organisation: an App can be granted it, a job's own token cannot ask for it.
_MEMBERS_PERMISSIONS = {"members": "read"}


class MembersReader:
    """Returns the client that asks who is in a team: the App's where one is configured, else that of `github-token`.

    The App's token is minted at the first call. Several threads may call.
    """

    def __init__(self, inputs: Inputs, ports: Ports) -> None:
        self._inputs = inputs
        self._ports = ports
        self._lock = Lock()
        self._client: Reader | None = None

    def __call__(self) -> Reader:
        """Return the client; raises ActionError where the App's token cannot be minted."""
        with self._lock:
            if self._client is None:
                clients = self._ports.clients()
                has_app = self._inputs.app_id is not None
                self._client = clients.as_app(_MEMBERS_PERMISSIONS) if has_app else clients.as_job()
            return self._client


def feedback_client(inputs: Inputs, ports: Ports) -> Writer:
    """Return a client that acts as the configured GitHub App; where that fails, warn and use the job's token."""
    clients = ports.clients()
    if inputs.app_id is None:
        return clients.as_job()
    try:
        return clients.as_app(_FEEDBACK_PERMISSIONS)
    except ActionError as error:
        ports.runner.warning(f"feedback uses 'github-token', since the GitHub App cannot act: {error}", title="chatops")
        return clients.as_job()


def export_token(inputs: Inputs, repository: str, ports: Ports) -> str:
    """Mint the token that the step emits; empty where none is requested. Raises ActionError."""
    if not inputs.exports_token:
        return ""
    require_all = inputs.app_permissions is not None
    token, permissions = ports.clients().app_token(inputs.token_permissions, require_all=require_all)
    granted = ", ".join(f"{name}: {level}" for name, level in sorted(permissions.items()))
    ports.runner.info(f"the App's token is valid for {repository} only, with {granted}")
    return token
