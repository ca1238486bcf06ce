"""Choose the login for the registry; the job's own token is sent to GitHub's registries only. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mlops_actions.core import registries
from mlops_actions.docker_publish.inputs import Inputs


@dataclass(frozen=True)
class RegistryLogin:
    """A user name and password, or None for both: anonymous. `note` says why credentials were held back."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    note: str = ""


def choose(inputs: Inputs, host: str, server_url: str) -> RegistryLogin:
    """Choose the login for `host`; `server_url` is the job's GitHub (Enterprise Server has a registry of its own)."""
    if not inputs.password or not inputs.username:
        return RegistryLogin()
    if inputs.password == inputs.github_token and not _takes_job_token(host, server_url):
        return RegistryLogin(
            note=f"no credentials are sent to {host}: the only password is the job's own token, which is for GitHub alone"
        )
    return RegistryLogin(inputs.username, inputs.password)


def _takes_job_token(host: str, server_url: str) -> bool:
    server = urlsplit(server_url).hostname or ""
    is_enterprise_server = server != "github.com" and bool(server)
    return registries.known(host).takes_job_token or (
        is_enterprise_server and (host == server or host.endswith("." + server))
    )


def takes_access_token(host: str) -> bool:
    """Tell whether a registry accepts an access token of the job's cloud credentials, and no push without one."""
    return bool(registries.known(host).token_username)


def with_access_token(host: str, token: str) -> RegistryLogin:
    """Sign in with an access token of the job's cloud credentials."""
    return RegistryLogin(registries.known(host).token_username, token)
