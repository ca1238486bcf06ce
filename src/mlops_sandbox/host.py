"""Serve an ASGI application on a loopback port from a background thread."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp

START_TIMEOUT = 10.0


class Host:
    """One application on its own port, from `__enter__` (or `start`) to `__exit__` (or `stop`).

    `address` is the interface (loopback by default; containers on a bridge need another), and with `port` 0 the system
    chooses one; `url` has no trailing slash and is valid once started. `certificate` is a PEM file with its key, for HTTPS.
    """

    def __init__(self, app: ASGIApp, *, address: str = "127.0.0.1", port: int = 0, certificate: Path | None = None) -> None:
        config = uvicorn.Config(
            app, host=address, port=port, log_level="error", access_log=False, lifespan="off", ssl_certfile=certificate
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="sandbox-host", daemon=True)
        self._address = address
        self._scheme = "https" if certificate else "http"

    @property
    def port(self) -> int:
        """The port that the application listens on; raises RuntimeError before `start`."""
        if not self._server.started:
            raise RuntimeError("the host has not been started")
        socket_name: tuple[str, int] = self._server.servers[0].sockets[0].getsockname()
        return socket_name[1]

    @property
    def url(self) -> str:
        """Base address, without a trailing slash."""
        return f"{self._scheme}://{self._address}:{self.port}"

    def start(self) -> Self:
        """Return once the port accepts connections; raises RuntimeError where it does not in time."""
        self._thread.start()
        deadline = time.monotonic() + START_TIMEOUT
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"the sandbox could not listen on {self._address}")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """Close the port and cut open streams."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(START_TIMEOUT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
