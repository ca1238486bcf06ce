"""Acting as a GitHub App: its key signs a token of ten minutes, which mints one for a single repository."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_actions.boundary.github.failures import GitHubRefused
from mlops_actions.boundary.github.transport import Transport
from mlops_actions.core.errors import BadInput, Refused, Unavailable
from mlops_actions.core.ports import Log

# An empty one is no permission; some permissions of an organisation know an `admin` above.
_LEVELS = ("", "read", "write", "admin")
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
    permissions: Mapping[str, str]


def mint(
    key: AppKey,
    api_url: str,
    repository: str,
    log: Log,
    permissions: Mapping[str, str],
    *,
    all_of_them: bool = False,
) -> Installation:
    """Mint a token for this repository and these `permissions` alone (GitHub's names, such as `pull_requests: write`).

    What the installation was not granted is left out, or with `all_of_them` an error. The token is masked before it is
    returned. Raises BadInput (no key), Refused and Unavailable.
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
        narrowed = _narrowed(permissions, _granted(installation))
        if lacking := [name for name, level in permissions.items() if narrowed.get(name) != level]:
            _check(lacking, narrowed, permissions, all_of_them, f"the App {key.app_id} on {repository}")
        _, made = transport.send(
            "POST",
            f"/app/installations/{installation['id']}/access_tokens",
            body={"repositories": [repository.partition("/")[2]], "permissions": narrowed},
            repeatable=True,
        )
        log.mask(made["token"])
        return Installation(made["token"], installation["id"], f"{installation['app_slug']}[bot]", made["permissions"])
    except GitHubRefused as refused:
        raise _explained(refused, key, repository) from None
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable(
            f"GitHub's answer about the App {key.app_id} is not of the documented form: {type(error).__name__}",
            "check that GITHUB_API_URL is GitHub's",
        ) from None


def _granted(installation: Mapping[str, Any]) -> Mapping[str, str]:
    # Every App that sees a repository may read its metadata, whether or not the list says so.
    return {"metadata": "read", **installation["permissions"]}


def _narrowed(permissions: Mapping[str, str], granted: Mapping[str, str]) -> dict[str, str]:
    """Return what is both wanted and granted, each at the lower of the two levels."""
    found = {name: min(level, granted.get(name, ""), key=_LEVELS.index) for name, level in permissions.items()}
    return {name: level for name, level in found.items() if level}


def _check(
    lacking: Sequence[str], narrowed: Mapping[str, str], wanted: Mapping[str, str], all_of_them: bool, app: str
) -> None:
    """Refuse what GitHub would answer with 422, and a token without any permission: for none it would give all."""
    if all_of_them or not narrowed:
        raise Refused(
            f"{app} was not granted {', '.join(f'{name}: {wanted[name]}' for name in lacking)}",
            "grant it in the App's settings and accept it for the installation, or take it out of 'app-permissions'",
        )


def _explained(refused: GitHubRefused, key: AppKey, repository: str) -> Refused:
    if refused.status == 401:
        return Refused(
            refused.cause, "the App does not know this key: check that 'app-id' and 'app-private-key' belong together"
        )
    if refused.status == 404:
        return Refused(refused.cause, f"install the App {key.app_id} on {repository}")
    return refused
