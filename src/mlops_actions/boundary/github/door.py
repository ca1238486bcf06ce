"""The two ways to reach a repository: with the job's token, or as a GitHub App."""

from __future__ import annotations

from collections.abc import Mapping

from mlops_actions.boundary.github.app import AppKey, mint
from mlops_actions.boundary.github.repository import GitHub
from mlops_actions.boundary.github.transport import Transport
from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.ports import Log


class Door:
    """Makes each identity once; nothing is sent before it is used, except to mint an App's token."""

    def __init__(self, token: str, app_id: str | None, private_key: str | None, context: Context, log: Log) -> None:
        self._token = token
        self._key = AppKey(app_id, private_key) if app_id and private_key else None
        self._context = context
        self._log = log
        self._job: GitHub | None = None

    def as_job(self) -> GitHub:
        """With the job's token."""
        if self._job is None:
            self._job = GitHub.connect(self._token, self._context, self._log)
        return self._job

    def as_app(self, permissions: Mapping[str, str] | None) -> tuple[GitHub, str]:
        """As the App, with a token minted now (also returned), narrowed to `permissions`; None takes all it was granted."""
        if self._key is None:
            raise BadInput("no GitHub App is configured", "give 'app-id' and 'app-private-key'")
        made = mint(self._key, self._context.api_url, self._context.repository, self._log, permissions)
        transport = Transport(made.token, self._context.api_url, self._log)
        return GitHub(transport, self._context.repository, login=made.login), made.token
