"""Turn a cluster's refusals into errors with a remedy, and recognise denials that last only for a moment."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from mlops_actions.argo_submit.ports import AlreadyExists, Conflict, Expired, NotFound
from mlops_actions.argo_submit.schema import suggest_field
from mlops_actions.boundary.cluster.shapes import OddAnswer
from mlops_actions.boundary.cluster.transport import ByteBlocks, ClusterTransport, Failure
from mlops_actions.core.errors import ActionError, BadInput, Refused, Unavailable
from mlops_actions.core.json_text import parse_json
from mlops_actions.core.types import Json

T = TypeVar("T")

# An API server that has just started denies every request until it has read its roles (seen in kube-apiserver 1.35).
PASSING_DENIAL_SECONDS = 30.0
# Kubernetes answers 410; the Argo Server passes on only the message.
_EXPIRED = re.compile(r"too old resource version|resourceVersion .* too old|[Tt]he resourceVersion .* is too old")
_UNKNOWN_FIELD = re.compile(r'unknown field "([^"]{1,300})"')
_DENIAL = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)

# The Argo Server asks Kubernetes itself whether the caller may list, and answers in its own words.
_DENIAL_OF_LIST = re.compile(r'you are not allowed to (?P<verb>\w+) (?P<resource>\w+) in namespace "(?P<namespace>[^"]+)"')


class Redirected(Refused):
    """The server sends the request on to another address."""

    def __init__(self, cause: str, remedy: str, location: str = "") -> None:
        super().__init__(cause, remedy)
        self.location = location


class SeenRights:
    """The rights that the server has allowed so far. A later denial of one of them may last only for a moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._denied_since: dict[str, float | None] = {}  # by right that was allowed before

    def allowed(self, right: str) -> None:
        """Record that the server allowed a right."""
        with self._lock:
            self._denied_since[right] = None

    def may_pass(self, right: str) -> bool:
        """Tell whether a denial may pass: the right was allowed before, and the denials have not lasted long."""
        now = time.monotonic()
        with self._lock:
            if right not in self._denied_since:
                return False
            since = self._denied_since[right]
            if since is None:
                since = self._denied_since[right] = now
            return now - since < PASSING_DENIAL_SECONDS


class ClusterRequests:
    """Send requests, and raise the errors of the port: Refused and its kinds, Expired, BadInput, Unavailable."""

    def __init__(self, transport: ClusterTransport) -> None:
        self._transport = transport
        self._seen_rights = SeenRights()
        self.server = transport.server

    def send(self, method: str, path: str, check: Callable[[Any], Json], **options: Any) -> Json:
        """Send a request, and return its answer as `check` does, which raises OddAnswer; see `ClusterTransport.send`."""
        call = f"{method} {path}"
        try:
            answer = check(self._transport.send(method, path, **options))
        except Failure as failure:
            raise self.error(failure, call) from None
        except OddAnswer as odd:
            raise self._transport.odd(call, str(odd)) from None
        self._seen_rights.allowed(call)
        return answer

    def stream(
        self, path: str, query: Mapping[str, str], right: str, *, accept: str, seconds: float, files: bool = False
    ) -> ByteBlocks:
        """Open a stream; `right` names the right that the server allows by answering."""
        try:
            blocks = self._transport.stream(path, query, accept=accept, seconds=seconds, files=files)
        except Failure as failure:
            raise self.error_of_watch(failure, f"GET {path}", right) from None
        self._seen_rights.allowed(right)
        return blocks

    def parse(self, line: bytes, path: str, parse: Callable[[Any], T]) -> T:
        """Parse the JSON of a stream's line; `parse` raises OddAnswer. Raises Unavailable where the line is none."""
        try:
            return parse(parse_json(line))
        except OddAnswer as odd:
            raise self._transport.odd(f"GET {path}", str(odd)) from None
        except ValueError:
            raise self._transport.odd(f"GET {path}", "it sent a line that is no JSON") from None

    def odd(self, call: str, problem: str) -> Unavailable:
        """Return the error for an answer that this API does not give."""
        return self._transport.odd(call, problem)

    def error_of_watch(self, failure: Failure, call: str, right: str = "") -> ActionError | Expired:
        """Return the error for a failed watch: its resource version may have expired (410)."""
        if failure.code == 410 or (failure.code == 400 and _EXPIRED.search(failure.message)):
            return Expired(failure.message)
        return self.error(failure, call, right)

    def error(self, failure: Failure, call: str, right: str = "") -> ActionError:
        """Return the error for a failure; a denial of a right (by default that to the call) that was allowed may pass."""
        texts = self._transport.texts
        if failure.code == 403 and self._seen_rights.may_pass(right or call):
            denied = _denied(failure, call)
            return Unavailable(f"{denied.cause}, which was allowed before", denied.remedy)
        if failure.code == 401:
            return Refused(
                f"the {texts.side} at {self.server} does not accept the credentials (401)",
                f"the token may have expired or been revoked: {texts.credentials}",
            )
        return refusal(failure, call, side=texts.side, server=self.server, health=texts.health)


def with_nearest(message: str) -> str:
    """Return a server's message with the nearest known field behind each unknown one."""
    return _UNKNOWN_FIELD.sub(lambda match: match[0] + suggest_field(match[1]), message)


def refusal(failure: Failure, call: str, *, side: str, server: str, health: str) -> ActionError:
    """Return the error for a refusal, with its remedy."""
    if failure.code == 403:
        return _denied(failure, call)
    if failure.code == 404:
        return NotFound(
            f"the cluster does not have this object (404 to {call}): {failure.message}", _missing(failure.message)
        )
    if failure.reason == "AlreadyExists" or (failure.code == 409 and "already exists" in failure.message):
        return AlreadyExists(failure.message, "choose another name")
    if failure.code == 409:
        return Conflict(f"the {side} refuses this (409 to {call}): {failure.message}", "run the job again")
    if failure.code == 400 and _UNKNOWN_FIELD.search(failure.message):
        return BadInput(
            f"the {side} does not know a field ({failure.code}): {with_nearest(failure.message)}",
            "correct or remove the field; with 'strict: false' the cluster leaves it out, and warns",
        )
    if failure.code in (400, 412, 422):
        return BadInput(
            f"the {side} does not accept this ({failure.code}): {failure.message}",
            "correct the field it names",
        )
    if failure.code >= 500 or failure.code == 429:
        return Unavailable(f"{server} answered {failure.code} to {call}: {failure.message}", health)
    if failure.code < 400:
        return Redirected(
            f"the {side} at {server} redirects this request ({failure.code} to {call}): {failure.message}",
            "give the address of the server itself: credentials are not sent to another address",
            failure.location,
        )
    return Refused(f"the {side} refuses this ({failure.code} to {call}): {failure.message}", "see its message")


def denial_in(message: str) -> Refused | None:
    """Return the error for a denial by Kubernetes that a text quotes, with the rule that allows it; None without one."""
    match = _DENIAL.search(message)
    if match is None:
        return None
    where = f" in the namespace '{match['namespace']}'" if match["namespace"] else ""
    kind = "Role" if match["namespace"] else "ClusterRole"
    return Refused(
        f"the user '{match['user']}' may not {match['verb']} {match['resource']}{where} (403)",
        f"add this rule to a {kind} that is bound to this user: - {_rule(match['group'], match['resource'], match['verb'])}",
    )


def _denied(failure: Failure, call: str) -> Refused:
    if denied := denial_in(failure.message):
        return denied
    if match := _DENIAL_OF_LIST.search(failure.message):
        return Refused(
            f"the token may not {match['verb']} {match['resource']} in the namespace '{match['namespace']}' (403)",
            f"add this rule to a Role that is bound to its user: - {_rule('argoproj.io', match['resource'], match['verb'])}",
        )
    return Refused(f"the cluster denies this (403 to {call}): {failure.message}", "ask the cluster's administrator for it")


def _rule(group: str, resource: str, verb: str) -> str:
    return f'{{apiGroups: ["{group}"], resources: ["{resource}"], verbs: ["{verb}"]}}'


def _missing(message: str) -> str:
    if "requested resource" in message:
        return "install Argo Workflows in this cluster: its custom resource definitions are missing"
    return "check the name and the namespace"
