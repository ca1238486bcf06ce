"""Act as a GitHub App: its key signs a token of some minutes, which mints a token for a single repository."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_actions.boundary.github import shapes
from mlops_actions.boundary.github.failures import GitHubRefused
from mlops_actions.boundary.github.transport import GitHubTransport
from mlops_actions.boundary.openssl import sign_rs256
from mlops_actions.core.errors import BadInput, Refused
from mlops_actions.core.ports import Log

# From none to most; some permissions of an organisation have the level `admin`.
_LEVELS = ("", "read", "write", "admin")
_KEY_REMEDY = "set 'app-private-key' to the whole text of the App's .pem file, from '-----BEGIN' to '-----END …-----'"


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

    def signed(self) -> str:
        """Return the App's JSON web token, valid for some minutes; raises BadInput where the key cannot sign."""
        from github import Auth

        try:
            return Auth.AppAuth(self.app_id, sign_func=self._sign).token
        except (ValueError, TypeError) as error:
            raise BadInput(f"input 'app-private-key' cannot sign: {error}", _KEY_REMEDY) from None

    def _sign(self, claims: dict[str, Any]) -> str:
        """Sign for PyGithub, which would need a package of ciphers for it."""
        parts = ({"alg": "RS256", "typ": "JWT"}, claims)
        text = ".".join(_base64url(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
        return f"{text}.{_base64url(sign_rs256(self.pem, text.encode()))}"


@dataclass(frozen=True)
class InstallationToken:
    """A token of an App's installation, valid for one repository and one hour; `login` is the App's account."""

    token: str = field(repr=False)
    installation_id: int
    login: str
    permissions: Mapping[str, str]


def mint_token(
    key: AppKey,
    api_url: str,
    repository: str,
    log: Log,
    permissions: Mapping[str, str],
    *,
    require_all: bool = False,
) -> InstallationToken:
    """Mint a token with only these `permissions` (GitHub's names, such as `pull_requests: write`) in only this repository.

    A permission that the installation was not granted is left out; with `require_all` it is an error. The token is masked
    before it is returned. Raises BadInput (no key), Refused and Unavailable.
    """
    transport = GitHubTransport(key.signed(), api_url, log)
    try:
        installation = transport.get(f"/repos/{repository}/installation", shapes.INSTALLATION)
        available = _narrow(permissions, _granted_permissions(installation))
        if missing := [name for name, level in permissions.items() if available.get(name) != level]:
            _check_missing(
                missing,
                available,
                requested=permissions,
                require_all=require_all,
                app=f"the App {key.app_id} on {repository}",
            )
        _, answer = transport.send(
            "POST",
            f"/app/installations/{installation['id']}/access_tokens",
            shapes.INSTALLATION_TOKEN,
            body={"repositories": [repository.partition("/")[2]], "permissions": available},
            repeatable=True,
        )
        log.mask(answer["token"])
        return InstallationToken(
            token=answer["token"],
            installation_id=installation["id"],
            login=f"{installation['app_slug']}[bot]",
            permissions=answer["permissions"],
        )
    except GitHubRefused as refused:
        raise _explained(refused, key, repository) from None


def _granted_permissions(installation: Mapping[str, Any]) -> Mapping[str, str]:
    # Every App that sees a repository may read its metadata, whether or not the list holds it.
    return {"metadata": "read", **installation["permissions"]}


def _narrow(permissions: Mapping[str, str], granted: Mapping[str, str]) -> dict[str, str]:
    """Return the permissions that are both requested and granted, each at the lower of the two levels."""
    levels = {name: min(level, granted.get(name, ""), key=_level) for name, level in permissions.items()}
    return {name: level for name, level in levels.items() if level}


def _level(name: str) -> int:
    return _LEVELS.index(name) if name in _LEVELS else 0  # a level that nobody knows grants nothing


def _check_missing(
    missing: Sequence[str], available: Mapping[str, str], requested: Mapping[str, str], require_all: bool, app: str
) -> None:
    """Refuse a request that GitHub would answer with 422, and a token without permissions: GitHub would give it all."""
    if require_all or not available:
        remedy = "grant it in the App's settings, and accept it for the installation"
        raise Refused(
            f"{app} was not granted {', '.join(f'{name}: {requested[name]}' for name in missing)}",
            f"{remedy}; or remove it from 'app-permissions'" if require_all else remedy,
        )


def _explained(refused: GitHubRefused, key: AppKey, repository: str) -> Refused:
    if refused.status == 401:
        return Refused(
            refused.cause, "the App does not know this key: check that 'app-id' and 'app-private-key' belong together"
        )
    if refused.status == 404:
        return Refused(refused.cause, f"install the App {key.app_id} on {repository}")
    return refused


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
