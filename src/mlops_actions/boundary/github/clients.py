"""The clients for the workflow's repository: one with the job's token, one as a GitHub App."""

from __future__ import annotations

from collections.abc import Mapping

from mlops_actions.boundary.github.app import AppKey, InstallationToken, mint_token
from mlops_actions.boundary.github.repository import GitHub
from mlops_actions.boundary.github.transport import GitHubTransport
from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.ports import Log


class GitHubClients:
    """Makes a client for each identity; nothing is sent before a client is used, except to mint an App's token."""

    def __init__(self, *, token: str, app_id: str | None, private_key: str | None, context: Context, log: Log) -> None:
        self._token = token
        self._key = AppKey(app_id, private_key) if app_id and private_key else None
        self._context = context
        self._log = log
        self._job_client: GitHub | None = None

    def as_job(self) -> GitHub:
        """Return the client that uses the job's token."""
        if self._job_client is None:
            self._job_client = GitHub.connect(self._token, self._context, self._log)
        return self._job_client

    def as_app(self, permissions: Mapping[str, str]) -> GitHub:
        """Return a client that acts as the App, with a new token that has those of the `permissions` the App was granted."""
        token = self._mint(permissions, require_all=False)
        transport = GitHubTransport(token.token, self._context.api_url, self._log, as_app=True)
        return GitHub(transport, self._context.repository, login=token.login)

    def app_token(self, permissions: Mapping[str, str], *, require_all: bool) -> tuple[str, Mapping[str, str]]:
        """Mint a token of the App for later steps; returns it and its permissions."""
        token = self._mint(permissions, require_all=require_all)
        return token.token, token.permissions

    def _mint(self, permissions: Mapping[str, str], *, require_all: bool) -> InstallationToken:
        if self._key is None:
            raise BadInput("no GitHub App is configured", "set 'app-id' and 'app-private-key' in the step's 'with:'")
        context = self._context
        return mint_token(
            self._key,
            context.api_url,
            repository=context.repository,
            log=self._log,
            permissions=permissions,
            require_all=require_all,
        )
