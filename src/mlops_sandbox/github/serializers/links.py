"""Addresses of one server."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class Links:
    """Addresses under `origin`, which has no trailing slash; the API has the path of a GitHub Enterprise Server."""

    origin: str

    def api(self, *parts: object) -> str:
        """Return an address of the REST API."""
        return "/".join([f"{self.origin}/api/v3", *(quote(str(part), safe="/{}:+@") for part in parts)])

    def web(self, *parts: object) -> str:
        """Return an address of a page."""
        return "/".join([self.origin, *(quote(str(part), safe="/{}:+@[]") for part in parts)])
