"""Who signs in to the registry: the job's own token never leaves GitHub. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.names import GITHUB


@dataclass(frozen=True)
class SignIn:
    """A user name and password, or None for both: anonymous. `note` says what was held back."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    note: str = ""


def choose(inputs: Inputs, host: str, server_url: str) -> SignIn:
    """Choose what is sent to `host`; `server_url` is the GitHub the job runs on (Enterprise Server has its own registry)."""
    if not inputs.password or not inputs.username:
        return SignIn()
    if inputs.password == inputs.github_token and not _is_github(host, server_url):
        return SignIn(note=f"no credentials are sent to {host}: only the job's own token is known, and it is GitHub's alone")
    return SignIn(inputs.username, inputs.password)


def _is_github(host: str, server_url: str) -> bool:
    server = urlsplit(server_url).hostname or ""
    return host == GITHUB or (server != "github.com" and bool(server) and (host == server or host.endswith("." + server)))


def is_google(host: str) -> bool:
    """Whether a registry is one of Google's: they take an access token, and no push without."""
    return host == "gcr.io" or host.endswith(("-docker.pkg.dev", ".gcr.io"))


def google(token: str) -> SignIn:
    """Sign in with an access token of the job's Application Default Credentials."""
    return SignIn("oauth2accesstoken", token)
