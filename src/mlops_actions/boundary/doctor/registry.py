"""Registries by the suite's own client, with the environment's credentials or those that Docker keeps."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from contextlib import suppress

from mlops_actions.boundary.registry import cloud_token
from mlops_actions.boundary.registry.client import BasicCredentials, RegistryClient
from mlops_actions.core import registries
from mlops_actions.core.errors import ActionError
from mlops_actions.core.ports import Log


def connect(
    host: str,
    environ: Mapping[str, str],
    log: Log,
    *,
    anonymous: bool,
    logins: Mapping[str, tuple[str, str]] | None = None,
    allows_http: bool = False,
    password_of: Callable[[str], str] | None = None,
) -> RegistryClient:
    """Return a client of a registry; `logins` are user and password by host, which a job's steps get for these alone.

    `allows_http` says whether the registry may be asked in plain HTTP, the login included. `password_of` gives that
    of a cloud's registry for which there is no other login; a check of its own tells why it gives none.
    """
    login = None if anonymous else (logins or {}).get(host) or credentials(host, environ)
    if login is None and password_of and (username := registries.known(host).token_username):
        with suppress(ActionError):
            login = username, password_of(host)
    if login:
        log.mask(login[1])
        log.mask(base64.b64encode(":".join(login).encode()).decode())  # as the header holds it
    return RegistryClient(host, BasicCredentials(*login) if login else None, log, retries=1, allows_http=allows_http)


def cloud_password(host: str, environ: Mapping[str, str], log: Log) -> str:
    """Return the password of a cloud's registry by the job's credentials for that cloud; raises ActionError."""
    return cloud_token.cloud_token(host, environ, log)


def credentials(host: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return user and password: the environment's for the registry it names, else Docker's, credential helpers included."""
    user, password = environ.get("REGISTRY_USERNAME", ""), environ.get("REGISTRY_PASSWORD", "")
    if user and password and host == (environ.get("REGISTRY") or registries.GITHUB):
        return user, password
    import docker.auth
    from docker.errors import DockerException

    folder = environ.get("DOCKER_CONFIG") or f"{environ.get('HOME', '')}/.docker"
    try:
        config = docker.auth.load_config(config_path=f"{folder}/config.json")
        entry = config.resolve_authconfig(registries.known(host).docker_config_key or host) or {}
    except (DockerException, OSError, ValueError):
        return None
    user = str(entry.get("username") or entry.get("Username") or "")
    password = str(entry.get("password") or entry.get("Password") or "")
    return (user, password) if user and password else None
