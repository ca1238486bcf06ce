"""GitHub's rate limits: requests an hour and new content a minute, for each token."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from typing import Any

from mlops_sandbox.github.accounts import Token
from mlops_sandbox.github.faults import SECONDARY_DOCS, SECONDARY_MESSAGE
from mlops_sandbox.github.responses import ApiError

# https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
ANONYMOUS_LIMIT = 60
WORKFLOW_LIMIT = 1_000
AUTHENTICATED_LIMIT = 5_000
MAX_CONTENT_PER_MINUTE = 80
HOUR = 3600


class RateLimits:
    """Counts requests by token. `limit` overrides the hourly limit; `content_per_minute` None disables that limit."""

    def __init__(self) -> None:
        self.limit: int | None = None
        self.content_per_minute: int | None = MAX_CONTENT_PER_MINUTE
        self._used: dict[str, int] = defaultdict(int)
        self._content: dict[str, deque[float]] = defaultdict(deque)
        self._reset = int(time.time()) + HOUR

    def exhaust(self, token: Token | None, *, reset_in: int = HOUR) -> None:
        """Use up a token's hourly limit, which resets in `reset_in` seconds."""
        self._used[self._key(token)] = self._limit(token)
        self._reset = int(time.time()) + reset_in

    def count(self, token: Token | None, method: str, *, free: bool) -> None:
        """Count a request; raises 403 beyond a limit. A `free` request (`/rate_limit`) does not count."""
        key = self._key(token)
        if time.time() >= self._reset:
            self._used.clear()
            self._reset = int(time.time()) + HOUR
        if free:
            return
        if self._used[key] >= self._limit(token):
            client = token.actor.login if token else "this address"
            raise ApiError(403, f"API rate limit exceeded for {client}.")
        self._used[key] += 1
        if method != "GET" and self.content_per_minute is not None:
            recent = self._content[key]
            now = time.monotonic()
            while recent and recent[0] < now - 60:
                recent.popleft()
            if len(recent) >= self.content_per_minute:
                headers = {"Retry-After": "60"}
                raise ApiError(403, SECONDARY_MESSAGE, headers=headers, documentation_url=SECONDARY_DOCS)
            recent.append(now)

    def overview(self, token: Token | None) -> dict[str, Any]:
        """Return a `RateLimitOverview`."""
        core = self._state(token)
        search = {"limit": 30, "remaining": 30, "reset": core["reset"], "used": 0}
        return {"resources": {"core": core, "search": search}}

    def headers(self, token: Token | None) -> dict[str, str]:
        """Return the `x-ratelimit-*` headers."""
        state = self._state(token)
        return {f"X-RateLimit-{name.title()}": str(value) for name, value in state.items()} | {
            "X-RateLimit-Resource": "core"
        }

    def _state(self, token: Token | None) -> dict[str, int]:
        limit, used = self._limit(token), self._used[self._key(token)]
        return {"limit": limit, "remaining": max(limit - used, 0), "reset": self._reset, "used": used}

    def _limit(self, token: Token | None) -> int:
        if self.limit is not None:
            return self.limit
        if token is None:
            return ANONYMOUS_LIMIT
        return AUTHENTICATED_LIMIT if token.starts_workflows else WORKFLOW_LIMIT

    @staticmethod
    def _key(token: Token | None) -> str:
        return token.value if token else ""
