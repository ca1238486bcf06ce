"""The two ways to reach a repository: with the job's token, or as a GitHub App."""

from __future__ import annotations

from collections.abc import Mapping

from mlops_actions.boundary.github.app import AppKey, Installation, mint
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

    def as_app(self, permissions: Mapping[str, str]) -> GitHub:
        """As the App, with a token minted now: these of its permissions that it was granted, and no others."""
        made = self._mint(permissions, all_of_them=False)
        transport = Transport(made.token, self._context.api_url, self._log)
        return GitHub(transport, self._context.repository, login=made.login)

    def app_token(self, permissions: Mapping[str, str], *, all_of_them: bool) -> tuple[str, Mapping[str, str]]:
        """Mint a token of the App to hand on; returns it and the permissions it has."""
        made = self._mint(permissions, all_of_them=all_of_them)
        return made.token, made.permissions

    def _mint(self, permissions: Mapping[str, str], *, all_of_them: bool) -> Installation:
        if self._key is None:
            raise BadInput("no GitHub App is configured", "give 'app-id' and 'app-private-key'")
        context = self._context
        return mint(self._key, context.api_url, context.repository, self._log, permissions, all_of_them=all_of_them)
