"""A token that lives for minutes: fetched when it is needed, and fetched again before it expires or when it was refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from mlops_actions.boundary.cluster.kubeconfig import is_token
from mlops_actions.boundary.cluster.transport import ClusterCredentials
from mlops_actions.core.errors import Unavailable
from mlops_actions.core.ports import Log

T = TypeVar("T")
Pause = Callable[[float], None]  # lets seconds pass


@dataclass(frozen=True)
class IssuedToken:
    """A token, and for how many seconds from now it is valid."""

    text: str
    lifetime: float


class RenewedToken:
    """Keeps a token while it is valid. Safe to use from several threads; each new token is masked.

    It is replaced when less than `margin` seconds of it are left, or less than half where it lives that short.
    """

    def __init__(
        self, fetch: Callable[[], IssuedToken], log: Log, *, margin: float = 60.0, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._log = log
        self._margin = margin
        self._now = now
        self._lock = threading.Lock()
        self._text = ""
        self._end = 0.0

    def __call__(self) -> str:
        """Return a token that is valid now; raises what `fetch` raises."""
        with self._lock:
            if not self._text or self._now() >= self._end:
                self._renew()
            return self._text

    def renew(self, refused: str) -> None:
        """Fetch another token though this one seems valid, unless another thread that was refused has done so."""
        with self._lock:
            if refused == f"Bearer {self._text}":
                self._renew()

    @property
    def credentials(self) -> ClusterCredentials:
        """The credentials of requests to a cluster."""
        return ClusterCredentials(lambda: f"Bearer {self()}", self.renew)

    def _renew(self) -> None:
        token = self._fetch()
        if not is_token(token.text):
            raise Unavailable("a token was issued that is none", "check the proxy on the way")
        self._log.mask(token.text)
        self._text = token.text
        self._end = self._now() + max(token.lifetime - self._margin, token.lifetime / 2)


def retried(ask: Callable[[], T], pause: Pause, *, attempts: int = 4) -> T:
    """Return what `ask` returns; where it raises Unavailable, let time pass and call it again, `attempts` times in all."""
    for attempt in range(attempts - 1):
        try:
            return ask()
        except Unavailable:
            pause(2.0**attempt)
    return ask()
