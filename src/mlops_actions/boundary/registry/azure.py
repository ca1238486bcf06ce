"""Passwords for Azure Container Registry, from the job's identity: a token of Microsoft Entra, exchanged at the registry.

The exchange is that of `az acr login`: https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md. Application and tenant come
from AZURE_CLIENT_ID and AZURE_TENANT_ID, the proof from AZURE_FEDERATED_TOKEN_FILE, else from GitHub's identity token.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlencode

from urllib3.exceptions import HTTPError

from mlops_actions.boundary.http import HttpClient, Limits, RefusedRedirect, is_loopback, one_line
from mlops_actions.boundary.job_identity import JobIdentity
from mlops_actions.boundary.retry import Answer, Retry, RetryPolicy, reason_of
from mlops_actions.core.errors import ActionError, BadInput, Refused, Unavailable
from mlops_actions.core.ports import Log

# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust
AUDIENCE = "api://AzureADTokenExchange"
_SCOPE = "https://containerregistry.azure.net/.default"
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_AUTHORITY = "https://login.microsoftonline.com"
_AUTHORITIES = {".azurecr.us": "https://login.microsoftonline.us", ".azurecr.cn": "https://login.chinacloudapi.cn"}
_LIMITS = Limits(max_bytes=1_000_000, max_seconds=60.0)
_LOGIN = (
    "set AZURE_CLIENT_ID and AZURE_TENANT_ID in the step's 'env:', of an application that trusts this repository's identity "
    "tokens, and give the job `permissions: id-token: write`; or give 'username' and 'password'"
)


def password(host: str, environ: Mapping[str, str], log: Log, pause: Callable[[float], None] = time.sleep) -> str:
    """Return a password of the user that stands for tokens, masked; raises BadInput, Refused and Unavailable."""
    client, tenant = environ.get("AZURE_CLIENT_ID", ""), environ.get("AZURE_TENANT_ID", "")
    if not client or not re.fullmatch(r"[\w.-]+", tenant, re.ASCII):
        raise BadInput(f"there are no Azure credentials to sign in to {host} with", _LOGIN)
    suffix = host[host.rfind(".azurecr") :] if ".azurecr" in host else ""
    authority = (environ.get("AZURE_AUTHORITY_HOST") or _AUTHORITIES.get(suffix, _AUTHORITY)).rstrip("/")
    form = {"grant_type": "client_credentials", "client_id": client, "scope": _SCOPE, "client_assertion_type": _JWT_BEARER}
    form["client_assertion"] = _assertion(environ, log, pause)
    post = _Post(environ, log, pause)
    entra = post("Microsoft Entra", f"{authority}/{tenant}/oauth2/v2.0/token", form, "access_token")
    log.mask(entra)
    form = {"grant_type": "access_token", "service": host, "tenant": tenant, "access_token": entra}
    scheme = "http" if is_loopback(host) else "https"
    found = post(f"the registry {host}", f"{scheme}://{host}/oauth2/exchange", form, "refresh_token")
    log.mask(found)
    return found


def _assertion(environ: Mapping[str, str], log: Log, pause: Callable[[float], None]) -> str:
    named = environ.get("AZURE_FEDERATED_TOKEN_FILE", "")
    if not named:
        return JobIdentity(environ, log, pause).token(AUDIENCE)
    try:
        token = Path(named).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        token = ""
    if token.count(".") != 2 or not token.isprintable():
        raise BadInput(f"AZURE_FEDERATED_TOKEN_FILE names a file that holds no token: {named!r}", _LOGIN)
    log.mask(token)
    return token


class _Post:
    """Sends a form and reads one token of the answer."""

    def __init__(self, environ: Mapping[str, str], log: Log, pause: Callable[[float], None]) -> None:
        self._client = HttpClient(log, environ=environ)
        self._pause = pause

    def __call__(self, service: str, url: str, form: Mapping[str, str], wanted: str) -> str:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        retry = Retry.under(RetryPolicy(service, pause=self._pause))
        try:
            answer = self._client.send(
                "POST", url, headers=headers, body=urlencode(form).encode(), retry=retry, limits=_LIMITS
            )
        except (HTTPError, RefusedRedirect, OSError, ValueError) as error:
            raise Unavailable(
                f"{service} cannot be reached for the sign-in: {reason_of(error)}",
                "check the network and proxy of this runner",
            ) from None
        if answer.status != 200:
            raise _refusal(service, answer)
        try:
            token = answer.json[wanted]
        except (LookupError, TypeError, ValueError):
            token = None
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise Unavailable(f"what answers as {service} sent no token", "check the proxy on the way")
        return token


def _refusal(service: str, answer: Answer) -> ActionError:
    try:
        document = answer.json
        errors = document.get("errors") or [{}]
        message = one_line(str(document.get("error_description") or errors[0].get("message") or ""))
    except (ValueError, AttributeError, LookupError, TypeError):
        message = ""
    said = f"{service} answered {answer.status} to the sign-in: {message}".rstrip(": ")
    if answer.status >= 500 or answer.status == 429:
        return Unavailable(said, "run the job again later")
    return Refused(
        said,
        "check AZURE_CLIENT_ID and AZURE_TENANT_ID, the application's federated credential for this repository, and its "
        "role on the registry (AcrPull, AcrPush)",
    )
