"""GraphQL over HTTP to a W&B server: authorised, through proxies, with retries that obey the server's headers."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, SSLError

from mlops_actions import __version__
from mlops_actions.boundary.wandb.server import Server
from mlops_actions.core.errors import Refused, Unavailable

ATTEMPTS = 5
_CONNECT_SECONDS = 15.0
READ_SECONDS = 120.0
_LONGEST_WAIT = 300.0  # seconds, whatever the server asks for
_LONGEST_WORDS = 300
_HEADERS = {"Accept-Encoding": "gzip", "User-Agent": f"mlops-actions/{__version__}"}
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Rejected(Exception):
    """The server understood the request and its GraphQL refuses it; holds the messages."""

    def __init__(self, messages: Sequence[str]) -> None:
        super().__init__(" · ".join(messages))
        self.messages = tuple(messages)


class _Retry(urllib3.Retry):
    """Waits as W&B asks: `Retry-After`, else `RateLimit-Reset` (seconds until the quota is back)."""

    pause: Callable[[float, str], None]

    @classmethod
    def pausing(cls, pause: Callable[[float, str], None]) -> Self:
        made = cls(
            total=ATTEMPTS - 1,
            redirect=False,
            status_forcelist=(429, 500, 502, 503, 504),
            allowed_methods=None,  # reading is by POST here
            backoff_factor=1.0,
            raise_on_status=False,
        )
        made.pause = pause
        return made

    def new(self, **changes: Any) -> Self:
        made = super().new(**changes)
        made.pause = self.pause
        return made

    def get_retry_after(self, response: urllib3.BaseHTTPResponse) -> float | None:
        after = super().get_retry_after(response)
        if after is None:
            reset = response.headers.get("RateLimit-Reset", "")
            after = float(reset) if reset.isascii() and reset.isdigit() else None
        return None if after is None else min(after, _LONGEST_WAIT)

    def sleep(self, response: urllib3.BaseHTTPResponse | None = None) -> None:
        asked = self.get_retry_after(response) if response is not None else None
        why = f"W&B answered {response.status}" if response is not None else "W&B could not be reached"
        self.pause(self.get_backoff_time() if asked is None else asked, why)


class GraphQL:
    """One server. `pause(seconds, why)` lets time pass before another attempt; `mask` hides a secret that turns up."""

    def __init__(
        self,
        server: Server,
        pause: Callable[[float, str], None],
        mask: Callable[[str], None],
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._server = server
        self._url = f"{server.base_url}/graphql"
        self._base_url = server.base_url
        self._authorization = server.authorization if server.api_key else ""
        self._mask = mask
        self._timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=read_seconds)
        self._pause = pause
        self._pool = _pool(self._url)

    def ask(self, query: str, variables: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Send one operation; returns its data, and the messages of its errors where only parts are there.

        Raises Rejected where GraphQL refuses the operation, Refused where the server refuses us, Unavailable.
        """
        body = json.dumps({"query": query, "variables": variables}).encode()
        if not self._authorization:
            self._authorization = f"Bearer {self._access_token()}"
        headers = {"Authorization": self._authorization, "Content-Type": "application/json"}
        for attempt in range(1, ATTEMPTS + 1):
            response = self._send(self._url, body, headers)
            self._refuse(response)
            try:
                document = json.loads(response.data)
                break
            except ValueError:
                # A proxy's page, or an answer that was cut: like a fault of the server.
                if attempt == ATTEMPTS:
                    raise Unavailable(
                        f"what answers at {self._url} sent no JSON", "check 'base-url' and the proxy on the way"
                    ) from None
                self._pause(float(2 ** (attempt - 1)), "W&B sent no JSON")
        return self._data(document)

    def _data(self, document: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
        errors = document.get("errors") if isinstance(document, dict) else None
        messages = tuple(_message(error) for error in errors) if isinstance(errors, list) else ()
        data = document.get("data") if isinstance(document, dict) else None
        if not isinstance(data, dict):
            if messages:
                raise Rejected(messages)
            raise Unavailable(f"what answers at {self._url} is no W&B: no data", "check 'base-url'")
        return data, messages

    def _access_token(self) -> str:
        """Change the identity token for an access token (RFC 7523), as the SDK's core does."""
        form = {"grant_type": _JWT_BEARER, "assertion": self._server.identity_token}
        response = self._send(
            f"{self._base_url}/oidc/token",
            urlencode(form).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        try:
            token = str(json.loads(response.data)["access_token"]) if response.status == 200 else ""
        except (ValueError, KeyError, TypeError):
            token = ""
        if not token:
            raise Refused(
                f"W&B at {self._base_url} did not accept the identity token ({response.status})",
                "check the token's audience and issuer, and the organisation's settings for federated identities",
            )
        self._mask(token)
        return token

    def _send(self, url: str, body: bytes, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(
                "POST",
                url,
                body=body,
                headers={**_HEADERS, **headers},
                retries=_Retry.pausing(self._pause),
                timeout=self._timeout,
                redirect=False,  # the key must not follow to another server
            )
        except HTTPError as error:
            cause = getattr(error, "reason", None) or error
            remedy = (
                "name the file of your certificate authority in REQUESTS_CA_BUNDLE, in the job's 'env:'"
                if isinstance(cause, SSLError)
                else "check 'base-url', the proxy and the network, then re-run the job"
            )
            raise Unavailable(f"W&B at {self._base_url} could not be reached: {cause}", remedy) from None

    def _refuse(self, response: urllib3.BaseHTTPResponse) -> None:
        status = response.status
        if status in (200, 400):
            return
        where = f"W&B at {self._base_url}"
        if status == 401:
            raise Refused(
                f"{where} refused the API key (401)", "check 'api-key': the key is wrong, expired or another server's"
            )
        if status == 403:
            raise Refused(
                f"{where} refused the request (403)", "the key's owner may not read this project, or a proxy is in the way"
            )
        if 300 <= status < 400:
            raise Refused(
                f"{where} redirects elsewhere ({status}); the API key was not sent there",
                f"if you trust it, set 'base-url' to {_words(response.headers.get('Location', ''))!r}",
            )
        if status == 404:
            raise Refused(f"{where} has no GraphQL API (404)", "'base-url' must be the address of a W&B server")
        raise Unavailable(
            f"{where} answered {status} after {ATTEMPTS} attempts"
            if status == 429 or status >= 500
            else f"{where} answered {status}",
            "it limits how often it may be asked: re-run the job later"
            if status == 429
            else "see the state of the server, then re-run the job",
        )


def _pool(url: str) -> urllib3.PoolManager:
    """Connect directly, or through the proxy the environment names; a private certificate authority is honoured."""
    parts = urlsplit(url)
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    authorities = next((os.environ[name] for name in names if os.environ.get(name)), None)
    proxy = urllib.request.getproxies().get(parts.scheme, "")
    if proxy and not urllib.request.proxy_bypass(parts.netloc):
        return urllib3.ProxyManager(proxy, ca_certs=authorities)
    return urllib3.PoolManager(ca_certs=authorities)


def _message(error: Any) -> str:
    return _words(str(error.get("message", "") if isinstance(error, dict) else error))


def _words(text: str) -> str:
    """Foreign words on one line, not too many."""
    return " ".join(text.split())[:_LONGEST_WORDS]
