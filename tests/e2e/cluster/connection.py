"""A patient client of the API server: it outlives a restart."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from mlops_actions.core.types import Json

PATIENCE = 60.0
PAUSE = 0.1
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


class Connection:
    """Requests with one token. Where the server does not answer, or says that it cannot now, they are sent again."""

    def __init__(self, url: str, authority: Path, token: str) -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {token}"}
        trusted = ssl.create_default_context(cafile=authority)
        self._client = httpx.Client(base_url=url, verify=trusted, headers=headers, timeout=30, trust_env=False)

    def call(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        accept: tuple[int, ...] = (),
        form: str = "application/json",
    ) -> Json:
        """Return the answer's body; a refusal that is not among `accept` raises httpx.HTTPStatusError.

        `form` is the media type of the answer, one of Kubernetes' forms of JSON.
        """
        headers = {**(MERGE_PATCH if method == "PATCH" else {"Content-Type": "application/json"}), "Accept": form}
        content = None if body is None else json.dumps(body)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self._client.request(method, path, content=content, headers=headers)
                if answer.status_code < 500 and answer.status_code != 429:
                    break
                if time.monotonic() > deadline:
                    answer.raise_for_status()
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE)
        if answer.is_error and answer.status_code not in accept:
            message = f"{method} {path}: {answer.text}"
            raise httpx.HTTPStatusError(message, request=answer.request, response=answer)
        return dict(answer.json())

    def apply(self, path: str, value: Json) -> None:
        """Create an object; one that is there already stays as it is."""
        self.call("POST", path, value, accept=(409,))

    def watch(self, path: str) -> Iterator[Json]:
        """Yield the events of one watch, to its end; raises httpx.TransportError where it breaks off."""
        with self._client.stream("GET", path, timeout=httpx.Timeout(30, read=None)) as answer:
            for line in answer.iter_lines():
                if line:
                    yield json.loads(line)

    def close(self) -> None:
        self._client.close()
