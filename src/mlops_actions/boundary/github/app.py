"""Acting as a GitHub App: its key signs a token of ten minutes, which mints one for a single repository."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from mlops_actions.boundary.github.failures import GitHubRefused
from mlops_actions.boundary.github.transport import Transport
from mlops_actions.core.errors import BadInput, Refused
from mlops_actions.core.ports import Log

_KEY_REMEDY = "give 'app-private-key' the whole text of the App's .pem file, from '-----BEGIN' to '-----END …-----'"


@dataclass(frozen=True)
class AppKey:
    """An App's id and private key: PEM, its base64, or PEM with escaped line ends (secrets hold all three)."""

    app_id: str
    private_key: str = field(repr=False)

    @property
    def pem(self) -> str:
        """The key as PEM; raises BadInput where it is not one."""
        text = self.private_key.strip().replace("\\n", "\n")
        if "-----BEGIN" not in text:
            try:
                text = base64.b64decode("".join(text.split()), validate=True).decode("ascii")
            except (binascii.Error, ValueError):
                text = ""
        if "-----BEGIN" not in text:
            raise BadInput("input 'app-private-key' is not a private key in PEM form", _KEY_REMEDY)
        return text.strip() + "\n"


@dataclass(frozen=True)
class Installation:
    """A token of an App's installation, good for one repository and one hour; `login` is how the App signs."""

    token: str = field(repr=False)
    installation_id: int
    login: str


def mint(key: AppKey, api_url: str, repository: str, log: Log, permissions: Mapping[str, str] | None = None) -> Installation:
    """Mint a token for this repository alone, masked before it is returned.

    `permissions` (GitHub's names, such as `pull_requests: write`) narrow it to those of them that the installation has;
    None takes all that it has. Raises BadInput (no key), GitHubRefused and Unavailable.
    """
    from github import Auth
    from jwt.exceptions import InvalidKeyError

    try:
        signed = Auth.AppAuth(key.app_id, key.pem).token
    except (InvalidKeyError, ValueError, TypeError) as error:
        raise BadInput(f"input 'app-private-key' cannot sign: {type(error).__name__}", _KEY_REMEDY) from None
    transport = Transport(signed, api_url, log)
    try:
        installation = transport.get(f"/repos/{repository}/installation")
        granted = installation["permissions"]
        body: dict[str, object] = {"repositories": [repository.partition("/")[2]]}
        if permissions is not None:
            body["permissions"] = {
                name: level for name, level in permissions.items() if granted.get(name) in (level, "write", "admin")
            }
        _, made = transport.send(
            "POST", f"/app/installations/{installation['id']}/access_tokens", body=body, repeatable=True
        )
    except GitHubRefused as refused:
        raise _explained(refused, key, repository) from None
    log.mask(made["token"])
    return Installation(made["token"], installation["id"], f"{installation['app_slug']}[bot]")


def _explained(refused: GitHubRefused, key: AppKey, repository: str) -> Refused:
    if refused.status == 401:
        return Refused(
            refused.cause, "the App does not know this key: check that 'app-id' and 'app-private-key' belong together"
        )
    if refused.status == 404:
        return Refused(refused.cause, f"install the App {key.app_id} on {repository}")
    return refused
