"""Read the input `registries`: further registries with a login each. Pure; no message shows a value of an entry."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_actions.core import image_name, registries
from mlops_actions.core.errors import BadInput
from mlops_actions.core.parsers import items, yaml_value

_KEYS = ("username", "password", "push")
_EXAMPLE = "write each registry as in 'nvcr.io: {username: $oauthtoken, password: …}', one a line"
_TOKEN_REMEDY = "give both, or neither for a registry that takes a token of the job's cloud credentials"  # noqa: S105


@dataclass(frozen=True)
class RegistryEntry:
    """A registry and its login; without one, the job's cloud credentials or no login.

    `pushes` says whether the image is pushed there too, under `repository` or else under the image's own path.
    `has_empty_password` marks an entry whose password the workflow names and this run does not have.
    """

    host: str
    username: str = ""
    password: str = field(default="", repr=False)
    pushes: bool = False
    repository: str = ""
    has_empty_password: bool = False


def parse(text: str) -> tuple[RegistryEntry, ...]:
    """Read the mapping; raises BadInput, which names the host and never a value."""
    try:
        document = yaml_value(text, scalars_as_text=True)
    except ValueError as error:
        # The rest of such a message may quote a password.
        place = re.search(r"\(line [0-9]+, column [0-9]+\)", str(error))
        raise BadInput(f"input 'registries' is not valid YAML{f' {place[0]}' if place else ''}", _EXAMPLE) from None
    if not isinstance(document, dict):
        raise BadInput("input 'registries' is not a mapping from hosts to logins", _EXAMPLE)
    entries: dict[str, RegistryEntry] = {}
    for name, value in document.items():
        entry = _entry(_host(str(name)), value)
        if entry.host in entries:
            raise BadInput(f"input 'registries' names {entry.host} twice", "give each registry once")
        entries[entry.host] = entry
    return tuple(entries.values())


def registry_hosts(text: str) -> tuple[str, ...]:
    """Read a list of registries' hosts."""
    hosts = []
    for item in items(text):
        host = re.sub(r"^https?://", "", item, flags=re.IGNORECASE).rstrip("/").lower()
        if not image_name.HOST.fullmatch(host):
            raise ValueError(f"has {item!r}, which is no host such as 'registry.internal:5000'")
        hosts.append(host)
    return tuple(hosts)


def secrets_in(text: str) -> Iterator[str]:
    """Yield the passwords, in each form in which they are sent; the whole text where it cannot be read."""
    try:
        document = yaml_value(text, scalars_as_text=True)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        yield text
        return
    for value in document.values():
        if not isinstance(value, dict):
            yield from _texts(value)
            continue
        password = value.get("password")
        if password and isinstance(password, str):
            yield password
            yield base64.b64encode(f"{value.get('username', '')}:{password}".encode()).decode()
        # A misspelt `pasword`, or a list in its place, is refused, and its value stays a secret.
        for key, other in value.items():
            if key not in _KEYS or not isinstance(other, str):
                yield from _texts(other)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        yield from _texts(list(value.values()))


def _host(name: str) -> str:
    text = re.sub(r"^https?://", "", name.strip(), flags=re.IGNORECASE).rstrip("/").lower()
    host, _, path = text.partition("/")
    # Docker Hub's own address carries an API version: https://index.docker.io/v1/
    if registries.canonical(host) == registries.DOCKER_HUB and path in ("v1", "v2"):
        path = ""
    if path or not image_name.HOST.fullmatch(host):
        raise BadInput(
            f"input 'registries' names {image_name.shown(name)}, which is not the host of a registry",
            "write the host alone, as in 'nvcr.io' or 'localhost:5000'",
        )
    return registries.canonical(host)


def _entry(host: str, value: Any) -> RegistryEntry:
    if value in ("", None):
        return RegistryEntry(host)
    if not isinstance(value, Mapping) or not all(isinstance(part, str) for part in value.values()):
        raise BadInput(f"input 'registries' has no login for {host}", _EXAMPLE)
    unknown = [str(key) for key in value if key not in _KEYS]
    if unknown:
        raise BadInput(
            f"input 'registries' has {image_name.shown(unknown[0])} for {host}",
            f"give {', '.join(_KEYS[:-1])} and push alone",
        )
    username, password = str(value.get("username") or "").strip(), str(value.get("password") or "").strip()
    if username and "password" in value and not password:
        # Secrets are empty in a run for a fork's pull request, and for Dependabot's: its build may do without the login.
        username = ""
    elif bool(username) != bool(password):
        missing, given = ("password", "username") if username else ("username", "password")
        raise BadInput(f"input 'registries' has a {given} for {host} and no {missing}", _TOKEN_REMEDY)
    if ":" in username:
        raise BadInput(f"the username for {host} in input 'registries' has a colon", "give the user name alone")
    pushes, repository = _push(host, value)
    is_held_back = "password" in value and not password
    return RegistryEntry(host, username, password, pushes=pushes, repository=repository, has_empty_password=is_held_back)


def _push(host: str, value: Mapping[str, Any]) -> tuple[bool, str]:
    text = str(value.get("push") or "false").strip()
    if text.lower() in ("true", "false"):
        return text.lower() == "true", ""
    path = text.strip("/").lower()
    if not all(image_name.COMPONENT.fullmatch(part) for part in path.split("/")):
        raise BadInput(
            f"input 'registries' has a 'push' for {host} that is neither true, false nor the path of a repository",
            "write it as in 'push: team/trainer', without host and tag",
        )
    return True, path
