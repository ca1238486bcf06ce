"""Choose the login for a registry; the job's own token is sent to GitHub's registries only. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mlops_actions.core import registries
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.registries.table import RegistryEntry


@dataclass(frozen=True)
class RegistryLogin:
    """A user name and password, or None for both: anonymous. `note` says why credentials were held back."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    note: str = ""


def choose(inputs: Inputs, host: str, server_url: str) -> RegistryLogin:
    """Choose the login for the image's own registry, `host`; `server_url` is the job's GitHub.

    GitHub Enterprise Server has a registry of its own. An entry of `registries` wins over `username` and `password`, which
    have values in every job.
    """
    entry = entry_of(inputs, host)
    if entry is not None and entry.password:
        return _guarded(entry.username, entry.password, inputs, host, server_url)
    if not inputs.password or not inputs.username:
        return RegistryLogin()
    return _guarded(inputs.username, inputs.password, inputs, host, server_url)


def choose_for_other(inputs: Inputs, host: str, server_url: str) -> RegistryLogin:
    """Choose the login for another registry than the image's own: only an entry of `registries` names one."""
    entry = entry_of(inputs, host)
    if entry is not None and entry.has_empty_password:
        return RegistryLogin(
            note=f"there is no login for {host}: its password in 'registries' is empty, as secrets are for forks"
        )
    if entry is None or not entry.password:
        return RegistryLogin()
    return _guarded(entry.username, entry.password, inputs, host, server_url)


def without_helper(host: str, helper: str) -> RegistryLogin:
    """Sign in to nothing, and say that a program of the runner, which a container does not have, keeps the login."""
    return RegistryLogin(
        note=f"there is no login for {host}: the program 'docker-credential-{helper}' keeps it, which this step's container "
        "does not have: give the login in 'registries'"
    )


def entry_of(inputs: Inputs, host: str) -> RegistryEntry | None:
    """Return the entry of `registries` for a host."""
    return next((entry for entry in inputs.registries or () if entry.host == host), None)


def _guarded(username: str, password: str, inputs: Inputs, host: str, server_url: str) -> RegistryLogin:
    if password == inputs.github_token and not _takes_job_token(host, server_url):
        return RegistryLogin(
            note=f"no credentials are sent to {host}: the only password is the job's own token, which is for GitHub alone"
        )
    return RegistryLogin(username, password)


def _takes_job_token(host: str, server_url: str) -> bool:
    """Tell whether a registry is that of the GitHub that issued the job's token: ghcr.io, or the Enterprise Server's."""
    server = urlsplit(server_url).hostname or ""
    if server in ("", "github.com"):
        return registries.known(host).takes_job_token
    return host in registries.hosts_of_enterprise_server(server)


def takes_access_token(host: str) -> bool:
    """Tell whether a registry accepts an access token of the job's cloud credentials, and no push without one."""
    return bool(registries.known(host).token_username)


def with_access_token(host: str, token: str) -> RegistryLogin:
    """Sign in with an access token of the job's cloud credentials."""
    return RegistryLogin(registries.known(host).token_username, token)
