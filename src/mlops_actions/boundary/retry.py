"""When a request is sent again, and after which wait: one policy for every system, on urllib3's counters."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from random import random
from typing import Any, Self

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, InvalidHeader, MaxRetryError, NewConnectionError, ProxyError

from mlops_actions.core.json_text import parse_json

TRANSIENT = frozenset({429, 500, 502, 503, 504})
# With the other statuses the server may have done the work, and only its answer was lost on the way.
NOT_BEGUN = frozenset({429, 503})
# Waits for a rate limit do not use up attempts: this bounds them where a server asks for waits of no length.
_MAX_LIMITED = 50
_DAY = 86_400.0
_NUMBER = re.compile(r"\s*[0-9]+(?:\.[0-9]+)?\s*")


@dataclass(frozen=True)
class Answer:
    """An answer; `data` is its body where the request read it, else empty; `url` is the address that gave it."""

    response: urllib3.BaseHTTPResponse = field(repr=False)
    data: bytes = field(default=b"", repr=False)
    url: str = ""

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status

    def header(self, name: str) -> str:
        """Return a header, empty where the answer has none."""
        return str(self.response.headers.get(name, ""))

    @property
    def text(self) -> str:
        """The body as text."""
        return self.data.decode(errors="replace")

    @cached_property
    def json(self) -> Any:
        """The body's JSON; raises ValueError."""
        return parse_json(self.data)


@dataclass(frozen=True)
class RetryPolicy:
    """The limits of a request's retries, in seconds and attempts.

    `backoff` is the first wait where the server asks for none; each later one is twice as long, and has a random part, so
    that two jobs do not try again at the same moment. `max_wait` bounds one wait, `patience` all waits of a request.
    `service` and `call` name server and request in messages. `repeatable` tells whether the server may get the request
    twice; one that was never sent is repeated in any case.
    """

    service: str
    call: str = ""
    attempts: int = 4
    statuses: frozenset[int] = TRANSIENT
    backoff: float = 1.0
    max_wait: float = 60.0
    patience: float = 600.0
    repeatable: bool = True
    pause: Callable[[float], None] = time.sleep


class Retry(urllib3.Retry):
    """The state of a request's retries under a policy. Systems with rules of their own derive from it."""

    policy: RetryPolicy
    wait = 0.0  # seconds before this attempt
    waited = 0.0  # seconds before all attempts up to this one
    limited = 0  # rate limits so far
    notice = ""  # the log line of the wait before this attempt

    @classmethod
    def under(cls, policy: RetryPolicy) -> Self:
        """Begin the first attempt."""
        retry = cls(total=policy.attempts - 1, redirect=False, allowed_methods=None, status_forcelist=policy.statuses)
        retry.policy = policy
        return retry

    def new(self, **changes: Any) -> Self:
        """Copy the state with changes; see urllib3."""
        copy = super().new(**changes)
        copy.policy, copy.waited, copy.limited = self.policy, self.waited, self.limited
        return copy

    # What a system may decide by its own rules

    def is_transient(self, answer: Answer) -> bool:
        """Tell whether another attempt may get a better answer."""
        return answer.status in self.status_forcelist

    def is_limit(self, answer: Answer) -> bool:  # noqa: ARG002
        """Tell whether the answer is a rate limit whose wait does not count as an attempt."""
        return False

    def requested_wait(self, answer: Answer) -> float | None:
        """Return the seconds that the server asks to wait; None where it names none."""
        return self.get_retry_after(answer.response)

    def describe(self, answer: Answer | None, failure: Exception | None) -> str:  # noqa: ARG002
        """Return the cause of another attempt, for the log."""
        if answer is not None:
            return f"{self.policy.service} answered {answer.status}"
        return f"{self.policy.service} could not be reached"

    def announce(self, answer: Answer | None, failure: Exception | None, wait: float) -> str:
        """Return the log line of a wait."""
        reason = f" ({reason_of(failure)})" if failure else ""
        return f"{self.describe(answer, failure)}; trying again in {seconds(wait)}{reason}"

    # The policy

    def following(self, method: str, url: str, answer: Answer | None, failure: Exception | None) -> Self | None:
        """Return the state of the next attempt, not yet waited for; None where this attempt was the last."""
        if failure is not None and not self._may_repeat(failure):
            return None
        if answer is not None and self.is_limit(answer):
            if self.limited >= _MAX_LIMITED:
                return None
            copy = self.new()
            copy.limited += 1
        else:
            try:
                copy = self.increment(method, url, response=answer.response if answer else None, error=failure)
            except MaxRetryError:
                return None
        asked = self.requested_wait(answer) if answer is not None else None
        copy.wait = copy.get_backoff_time() if asked is None else min(asked, self.policy.max_wait)
        copy.waited = self.waited + copy.wait
        copy.notice = self.announce(answer, failure, copy.wait)
        return copy if copy.waited <= self.policy.patience else None

    def pause(self) -> None:
        """Let the wait before this attempt pass."""
        self.policy.pause(self.wait)

    def _may_repeat(self, failure: Exception) -> bool:
        return not is_distrust(failure) and not is_without_tls(failure) and (self.policy.repeatable or is_unsent(failure))

    def get_backoff_time(self) -> float:
        """Return the wait before this attempt where the server asks for none."""
        failures = max(len(self.history), 1)
        return float(min(self.policy.backoff * (2.0 ** (failures - 1) + random() / 2), self.policy.max_wait))  # noqa: S311

    def get_retry_after(self, response: urllib3.BaseHTTPResponse) -> float | None:
        """Return the seconds of `Retry-After`, at most a day; None where it is missing or makes no sense."""
        header = response.headers.get("Retry-After")
        if header is None:
            return None
        number = parse_seconds(header)
        return self._seconds_until(header) if number is None else number

    def _seconds_until(self, date: str) -> float | None:
        try:
            return min(float(self.parse_retry_after(date)), _DAY)
        except (InvalidHeader, ValueError, OverflowError):
            return None


def parse_seconds(text: str) -> float | None:
    """Return a header's number of seconds, at most a day; None where it is no number."""
    return min(float(text), _DAY) if text.isascii() and _NUMBER.fullmatch(text) else None


def seconds(wait: float) -> str:
    """Write a wait for the log."""
    return f"{round(wait, 1):g} s"


def is_unsent(failure: BaseException) -> bool:
    """Tell whether the connection failed before the request was sent, so that the server cannot have carried it out."""
    return not isinstance(failure, HTTPError) or isinstance(failure, ConnectTimeoutError | NewConnectionError | ProxyError)


def is_distrust(failure: BaseException) -> bool:
    """Tell a certificate that is not trusted from a handshake that broke off: it will not be trusted later either."""
    causes = [failure, *failure.args, failure.__cause__, failure.__context__]
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes)


def is_without_tls(failure: BaseException) -> bool:
    """Tell whether a server answered an encrypted request in another protocol: it speaks plain HTTP."""
    return "WRONG_VERSION_NUMBER" in reason_of(failure)  # OpenSSL's word for a first answer that is no TLS


def reason_of(error: BaseException) -> str:
    """Return the innermost message of a connection's failure: urllib3 wraps it several times. With the time waited."""
    inner = error
    while (deeper := inner.__cause__ or getattr(inner, "reason", None)) is not None and isinstance(deeper, BaseException):
        if isinstance(inner, urllib3.exceptions.TimeoutError):
            return str(inner.args[-1]).rpartition(": ")[2]  # "Connection to HOST timed out. (connect timeout=10.0)"
        inner = deeper
    return str(inner).rpartition(">: ")[2] or type(inner).__name__
