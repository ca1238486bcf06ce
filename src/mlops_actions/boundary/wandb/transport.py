"""GraphQL over HTTP to a W&B server: authorisation, rate limits, error texts."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from urllib3.exceptions import HTTPError, SSLError

from mlops_actions.boundary.http import HttpClient, Limits, remedy_of_unreachable
from mlops_actions.boundary.retry import Answer, Retry, RetryPolicy, parse_seconds, reason_of
from mlops_actions.boundary.wandb.server import Server
from mlops_actions.core.errors import Refused, Unavailable
from mlops_actions.core.json_text import parse_json
from mlops_actions.core.ports import Log

ATTEMPTS = 5
READ_SECONDS = 120.0
_CONNECT_SECONDS = 15.0
_MAX_WAIT = 300.0  # seconds, whatever the server asks for
_MAX_MESSAGE = 300
_MAX_BYTES = 512 << 20  # a page of a thousand runs whose fields the server could not select
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Rejected(Exception):
    """The server understood the request and its GraphQL refuses it; holds the messages."""

    def __init__(self, messages: Sequence[str]) -> None:
        super().__init__(" · ".join(messages))
        self.messages = tuple(messages)


class ServerFailed(Unavailable):
    """The server failed (5xx) at every attempt."""


class WandbRetry(Retry):
    """Waits as W&B asks: `Retry-After`, else `RateLimit-Reset` (seconds until the quota is back)."""

    def is_transient(self, answer: Answer) -> bool:
        """Count answers of 200 without JSON too: a proxy's page, or an answer that was cut, is like a server's fault."""
        return super().is_transient(answer) or (answer.status == 200 and not _is_json(answer))

    def requested_wait(self, answer: Answer) -> float | None:
        """Return the seconds that the server asks to wait."""
        after = super().requested_wait(answer)
        return parse_seconds(answer.header("RateLimit-Reset")) if after is None else after

    def describe(self, answer: Answer | None, failure: Exception | None) -> str:
        """Return the cause of another attempt."""
        if answer is not None and answer.status == 200:
            return "W&B sent no JSON"
        return super().describe(answer, failure)


class GraphQL:
    """One server. `pause` lets time pass before another attempt."""

    def __init__(
        self,
        server: Server,
        log: Log,
        pause: Callable[[float], None],
        *,
        read_seconds: float = READ_SECONDS,
        connect_seconds: float = _CONNECT_SECONDS,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._server = server
        self._url = f"{server.base_url}/graphql"
        self._base_url = server.base_url
        self._authorization = server.authorization if server.api_key else ""
        self._log = log
        self._attempts = attempts
        self._limits = Limits(connect=connect_seconds, silence=read_seconds, max_bytes=_MAX_BYTES)
        # Reading is by POST here, so every request may be repeated.
        self._policy = RetryPolicy(
            "W&B", attempts=attempts, max_wait=_MAX_WAIT, patience=_MAX_WAIT * (ATTEMPTS - 1), pause=pause
        )
        self._client = HttpClient(log)

    def hasty(self, *, attempts: int, read_seconds: float) -> GraphQL:
        """Return a client of the same connections that gives up earlier."""
        client = copy.copy(self)
        client._attempts = attempts
        client._limits = replace(self._limits, silence=min(read_seconds, self._limits.silence))
        client._policy = replace(self._policy, attempts=attempts)
        return client

    def ask(self, query: str, variables: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Send one operation; returns its data, and the messages of its errors where only parts are there.

        Raises Rejected where GraphQL refuses the operation, Refused where the server refuses us, Unavailable.
        """
        body = json.dumps({"query": query, "variables": variables}).encode()
        if not self._authorization:
            self._authorization = f"Bearer {self._access_token()}"
        answer = self._send(self._url, body, {"Authorization": self._authorization, "Content-Type": "application/json"})
        self._refuse(answer)
        try:
            return self._data(_document(answer))
        except ValueError:
            raise Unavailable(
                f"what answers at {self._url} sent no JSON", "check 'base-url' and the proxy on the way"
            ) from None

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
        """Exchange the identity token for an access token (RFC 7523), as the SDK does; raises Refused, Unavailable."""
        form = {"grant_type": _JWT_BEARER, "assertion": self._server.identity_token}
        answer = self._send(
            f"{self._base_url}/oidc/token",
            urlencode(form).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        if 300 <= answer.status < 500 and answer.status != 429:
            raise Refused(
                f"W&B at {self._base_url} did not accept the identity token ({answer.status})",
                "check the token's audience and issuer, and the organisation's settings for federated identities",
            )
        if answer.status != 200:
            raise Unavailable(
                f"W&B at {self._base_url} answered {answer.status} where the identity token is exchanged",
                "see the state of the server, then re-run the job",
            )
        try:
            document = answer.json
        except ValueError:
            document = None
        token = document.get("access_token") if isinstance(document, dict) else None
        # What a header cannot hold is no token, and could start another header.
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or token.split() != [token]:
            raise Unavailable(
                f"what answers at {self._base_url}/oidc/token is no W&B: no access token for the identity token",
                "check 'base-url' and the proxy on the way",
            )
        self._log.mask(token)
        return token

    def _send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a request; it follows no redirect, so that the key reaches no other server."""
        headers = {"Accept-Encoding": "gzip", **headers}
        try:
            retry = WandbRetry.under(self._policy)
            return self._client.send("POST", url, headers=headers, body=body, retry=retry, limits=self._limits)
        except HTTPError as error:
            remedy = (
                "name the file of your certificate authority in REQUESTS_CA_BUNDLE, in the job's 'env:'"
                if isinstance(error, SSLError)
                else remedy_of_unreachable(
                    self._base_url, "check 'base-url', the proxy and the network, then re-run the job"
                )
            )
            cause = f"W&B at {self._base_url} could not be reached: {reason_of(error)}"
            raise Unavailable(cause, remedy) from None

    def _refuse(self, answer: Answer) -> None:
        status = answer.status
        if status in (200, 400, 422):  # 422 is what gqlgen answers to a document that its schema does not allow
            return
        where = f"W&B at {self._base_url}"
        by_key = bool(self._server.api_key)
        credential = "API key" if by_key else "access token"
        if status == 401:
            remedy = (
                "check 'api-key': the key is wrong, expired or another server's"
                if by_key
                else "it gave this token for the identity token itself: check the identity's access in the organisation's "
                "settings, or give 'api-key'"
            )
            raise Refused(f"{where} refused the {credential} (401)", remedy)
        if status == 403:
            owner = "the key's owner" if by_key else "the job's federated identity"
            raise Refused(
                f"{where} refused the request (403)", f"{owner} may not read this project, or a proxy is in the way"
            )
        if 300 <= status < 400:
            raise Refused(
                f"{where} redirects elsewhere ({status}); the {credential} was not sent there",
                f"if you trust it, set 'base-url' to {_one_line(answer.header('Location'))!r}",
            )
        if status == 404:
            raise Refused(f"{where} has no GraphQL API (404)", "'base-url' must be the address of a W&B server")
        if status == 429:
            remedy = "it limits how often it may be asked: re-run the job later"
            raise Unavailable(f"{where} answered 429 after {self._attempts} attempts", remedy)
        remedy = "see the state of the server, then re-run the job"
        if status >= 500:
            raise ServerFailed(f"{where} answered {status} after {self._attempts} attempts", remedy)
        raise Unavailable(f"{where} answered {status}", remedy)


def _is_json(answer: Answer) -> bool:
    try:
        _document(answer)
    except ValueError:
        return False
    return True


def _document(answer: Answer) -> Any:
    """Return the answer's JSON; raises ValueError. A server may write NaN and infinities of a run as JavaScript does."""
    try:
        return answer.json
    except ValueError:
        return parse_json(answer.data, any_number=True)


def _message(error: Any) -> str:
    return _one_line(str(error.get("message", "") if isinstance(error, dict) else error))


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_MAX_MESSAGE]
