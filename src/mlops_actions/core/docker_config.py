"""Read the logins in Docker's configuration file (`config.json`). Pure; a credential helper is named and never run.

https://docs.docker.com/reference/cli/docker/login/#credential-stores
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

from mlops_actions.core.registries import canonical
from mlops_actions.core.types import Json


@dataclass(frozen=True)
class StoredLogin:
    """A login of one registry, or the name of the program, `docker-credential-HELPER`, that keeps it.

    `of_this_host` tells a helper that the file names for this very registry from one that keeps all logins.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    helper: str = ""
    of_this_host: bool = False


def login_of(document: Json, host: str) -> StoredLogin | None:
    """Return the login for a registry; None where the file holds none. What is malformed counts as missing."""
    helpers = _by_host(document.get("credHelpers"))
    if isinstance(helper := helpers.get(host), str) and helper:
        return StoredLogin(helper=helper, of_this_host=True)
    auths = _by_host(document.get("auths"))
    entry = auths.get(host)
    if isinstance(entry, dict):
        username, password = _decoded(entry)
        if username and password:
            return StoredLogin(username, password)
    store = document.get("credsStore")
    # With a store the entry stays, and is empty.
    return StoredLogin(helper=store) if isinstance(store, str) and store and host in auths else None


def hosts_of(document: Json) -> list[str]:
    """List the registries that the file has a login or a helper for."""
    return list(_by_host(document.get("credHelpers")) | _by_host(document.get("auths")))


def _by_host(entries: object) -> dict[str, object]:
    """Return entries by the registries' hosts: a key may be an address, such as `https://index.docker.io/v1/`."""
    if not isinstance(entries, dict):
        return {}
    return {_host(str(key)): value for key, value in entries.items()}


def _host(key: str) -> str:
    return canonical(re.sub(r"^https?://", "", key).partition("/")[0].lower())


def _decoded(entry: Json) -> tuple[str, str]:
    try:
        text = base64.b64decode(str(entry.get("auth") or ""), validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    username, _, password = text.partition(":")
    password = password.rstrip("\0")
    # `az acr login` and `docker login` by browser keep a token beside an empty password; a registry takes it as one.
    token = entry.get("identitytoken")
    if username and not password and isinstance(token, str):
        password = token
    return (username, password) if password.isprintable() else ("", "")
