"""The part of a kubelet that the API server calls: logs, and the `exec` by which Argo's controller ends containers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from mlops_sandbox.cluster.logs import ContainerLog, LogQuery
from tests.support.cluster_certificates import Certificate

START_TIMEOUT = 10.0
# (namespace, pod, container) → its log, None before it has started
FindLog = Callable[[str, str, str], ContainerLog | None]
# (namespace, pod, container, command)
Execute = Callable[[str, str, str, list[str]], None]


class Kubelet:
    """An HTTPS server on a loopback port of its own."""

    def __init__(self, certificate: Certificate, find_log: FindLog, execute: Execute) -> None:
        self._find_log = find_log
        self._execute = execute
        path = "{namespace}/{pod}/{container}"
        app = Starlette(
            routes=[
                Route(f"/containerLogs/{path}", self._log),
                Route(f"/exec/{path}", self._exec, methods=["GET", "POST"]),
            ]
        )
        config = uvicorn.Config(
            app,
            host="127.0.0.1",
            port=0,
            log_level="critical",
            access_log=False,
            lifespan="off",
            ssl_certfile=certificate.certificate,
            ssl_keyfile=certificate.key,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="kubelet", daemon=True)

    @property
    def port(self) -> int:
        name: tuple[str, int] = self._server.servers[0].sockets[0].getsockname()
        return name[1]

    async def _log(self, request: Request) -> Response:
        where = request.path_params
        log = self._find_log(where["namespace"], where["pod"], where["container"])
        if log is None:
            text = f'container "{where["container"]}" in pod "{where["pod"]}" is waiting to start: ContainerCreating'
            return PlainTextResponse(text, 400)
        query = request.query_params
        wanted = LogQuery(
            follow=query.get("follow") == "true",
            timestamps=query.get("timestamps") == "true",
            since=datetime.fromisoformat(query["sinceTime"]) if "sinceTime" in query else None,
            tail_lines=int(query["tailLines"]) if "tailLines" in query else None,
            limit_bytes=int(query["limitBytes"]) if "limitBytes" in query else None,
        )
        return StreamingResponse(log.read(wanted), media_type="text/plain")

    async def _exec(self, request: Request) -> Response:
        where = request.path_params
        self._execute(where["namespace"], where["pod"], where["container"], request.query_params.getlist("command"))
        # The controller asks for a stream (SPDY); it takes a refusal for a command that failed, and goes on.
        return PlainTextResponse("done, but nothing can be said about it", 501)

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + START_TIMEOUT
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the kubelet could not listen")
            time.sleep(0.01)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(START_TIMEOUT)
