"""What a cluster refuses, put into words with a remedy; and what it denies for a moment only."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from typing import Any

from mlops_actions.argo_submit.ports import AlreadyExists, Expired, NotFound
from mlops_actions.boundary.cluster.transport import ByteLines, Failure, Transport
from mlops_actions.core.errors import ActionError, BadInput, Refused, Unavailable
from mlops_actions.core.types import Json

# An API server that has just started denies everything until it has read its roles (seen in kube-apiserver 1.35).
PASSING_DENIAL_SECONDS = 30.0
# Kubernetes says 410; what the Argo Server makes of it has the words alone.
_EXPIRED = re.compile(r"too old resource version|resourceVersion .* too old|[Tt]he resourceVersion .* is too old")
_DENIAL = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)


class SeenRights:
    """What the server has allowed so far: when it denies that, it may be for a moment only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._denied_since: dict[str, float | None] = {}  # of each right that was allowed before

    def allowed(self, right: str) -> None:
        """Remember it."""
        with self._lock:
            self._denied_since[right] = None

    def may_pass(self, right: str) -> bool:
        """Tell whether a denial now is one to wait out."""
        now = time.monotonic()
        with self._lock:
            if right not in self._denied_since:
                return False
            since = self._denied_since[right]
            if since is None:
                since = self._denied_since[right] = now
            return now - since < PASSING_DENIAL_SECONDS


class ClusterRequests:
    """Requests whose failures are errors of the port: Refused, NotFound, AlreadyExists, Expired, BadInput, Unavailable."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._granted = SeenRights()
        self.server = transport.server

    def send(self, method: str, path: str, **options: Any) -> Json:
        """Send a request; see `Transport.send`."""
        try:
            answer = self._transport.send(method, path, **options)
        except Failure as failure:
            raise self.error(failure, f"{method} {path}") from None
        self._granted.allowed(f"{method} {path}")
        return answer

    def stream(self, path: str, query: Mapping[str, str], right: str, *, accept: str, seconds: float) -> ByteLines:
        """Open a stream; `right` is what the server is remembered to allow."""
        try:
            lines = self._transport.stream(path, query, accept=accept, seconds=seconds)
        except Failure as failure:
            raise self.error_of_watch(failure, right) from None
        self._granted.allowed(right)
        return lines

    def error_of_watch(self, failure: Failure, right: str = "") -> ActionError | Expired:
        """Return the error that a watch's failure is: it may have asked for what is past (410)."""
        if failure.code == 410 or (failure.code == 400 and _EXPIRED.search(failure.message)):
            return Expired(failure.message)
        return self.error(failure, right)

    def error(self, failure: Failure, right: str = "") -> ActionError:
        """Return the error that a failure is; a denial of what was allowed before may pass."""
        words = self._transport.words
        if failure.code == 403 and self._granted.may_pass(right):
            denied = _denied(failure)
            return Unavailable(f"{denied.cause}, which was allowed before", denied.remedy)
        if failure.code == 401:
            return Refused(
                f"the {words.side} at {self.server} does not accept the credentials (401)",
                f"the token may have expired or been revoked: {words.credentials}",
            )
        return refusal(failure, words.side, self.server, words.health)


def refusal(failure: Failure, side: str, server: str, health: str) -> ActionError:
    """Put a refusal into an error with its remedy."""
    if failure.code == 403:
        return _denied(failure)
    if failure.code == 404:
        return NotFound(f"the cluster does not have it (404): {failure.message}", _missing(failure.message))
    if failure.reason == "AlreadyExists" or (failure.code == 409 and "already exists" in failure.message):
        return AlreadyExists(failure.message, "choose another name")
    if failure.code in (400, 412, 422):
        return BadInput(f"the {side} does not accept this ({failure.code}): {failure.message}", "correct what it names")
    if failure.code >= 500 or failure.code == 429:
        return Unavailable(f"{server} answered {failure.code}: {failure.message}", health)
    if failure.code < 400:
        return Refused(
            f"the {side} at {server} does not answer this itself ({failure.code}): {failure.message}",
            "give the address that answers itself: credentials are not sent on to another",
        )
    return Refused(f"the {side} refuses this ({failure.code}): {failure.message}", "see what its message says")


def _denied(failure: Failure) -> Refused:
    match = _DENIAL.search(failure.message)
    if match is None:
        return Refused(f"the cluster does not allow this (403): {failure.message}", "ask an administrator for the right")
    where = f" in the namespace '{match['namespace']}'" if match["namespace"] else ""
    kind = "Role" if match["namespace"] else "ClusterRole"
    rule = f'{{apiGroups: ["{match["group"]}"], resources: ["{match["resource"]}"], verbs: ["{match["verb"]}"]}}'
    return Refused(
        f"the user '{match['user']}' may not {match['verb']} {match['resource']}{where} (403)",
        f"add to the rules of a {kind} that is bound to this user: - {rule}",
    )


def _missing(message: str) -> str:
    if "requested resource" in message:
        return "Argo Workflows is not installed in this cluster: its resource definitions are missing"
    return "check the name and the namespace"
