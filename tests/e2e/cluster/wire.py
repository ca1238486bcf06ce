"""A proxy between a job and the API server that tests disturb: it cuts, silences or refuses connections, or holds a request.

It terminates TLS on either side (with the API server's own certificate), and so records requests and answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.support.cluster_certificates import Certificate

PATIENCE = 180.0
ANSWER_SECONDS = 10.0
PAUSE = 0.1
CHUNK = 65_536
_REQUEST = re.compile(rb"^(GET|POST|PUT|PATCH|DELETE) (\S+) HTTP/1\.1\r$", re.MULTILINE)
_EXPIRED = b'"code":410'
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset


@dataclass(frozen=True)
class Asked:
    """A request, as far as the test cares."""

    method: str
    path: str


@dataclass
class Hold:
    """Stops what travels at the first request of this kind: before it reaches the server, or its answer.

    `reached` tells that it happened; `release` lets go. Other connections are not concerned.
    """

    method: str
    part: str  # of the path
    answer: bool  # the request goes through, its answer does not
    reached: threading.Event = field(default_factory=threading.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def fits(self, asked: Asked) -> bool:
        return not self.reached.is_set() and asked.method == self.method and self.part in asked.path

    async def wait(self) -> None:
        self.reached.set()
        await self.released.wait()


class Wire:
    """A proxy on a loopback port of its own, from `__enter__` to `__exit__`. Its methods are for the test's thread."""

    def __init__(self, server: str, certificate: Certificate) -> None:
        self._server = urlsplit(server)
        self._inward = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._inward.load_cert_chain(certificate.certificate, certificate.key)
        self._outward = ssl.create_default_context(cafile=certificate.certificate)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(100)
        self._listener.setblocking(False)
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: set[asyncio.WriteTransport] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._passing = asyncio.Event()
        self._passing.set()
        self._refusing = False
        self._holds: list[Hold] = []
        self.asked: list[Asked] = []
        self.expired: list[str] = []  # paths of the watches that the server answered with 410
        self.cuts = 0

    def cut(self) -> None:
        """Break off every connection there is."""
        self._do(self._cut)

    def refuse(self) -> None:
        """Break off every connection, and every new one, until `restore`."""
        self._refusing = True
        self.cut()

    def silence(self) -> None:
        """Let no byte through, in either direction, and answer nobody, until `restore`. Nothing is broken off."""
        self._do(self._passing.clear)

    def restore(self) -> None:
        """Let everything through again; what was held back by `silence` follows."""
        self._refusing = False
        self._do(self._passing.set)

    def hold(self, method: str, part: str, *, answer: bool) -> Hold:
        """Stop the next request of this kind, or its answer; see `Hold`."""
        made = Hold(method, part, answer)
        self._holds.append(made)
        return made

    def release(self, hold: Hold) -> None:
        """Let what was held go on its way: if the client has gone meanwhile, a request still reaches the server."""
        self._do(hold.released.set)

    def count(self, method: str, part: str) -> int:
        """How often something of this kind was asked."""
        return sum(one.method == method and part in one.path for one in list(self.asked))

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for something that was asked or answered; raises AssertionError where it is not."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, f"it was not asked or answered; the last: {self.asked[-20:]}, {self.expired}"
            time.sleep(PAUSE)

    def _do(self, action: Callable[[], object]) -> None:
        """Do it in the loop's thread, and return when it is done."""
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (action(), done.set()))
        assert done.wait(PATIENCE)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _cut(self) -> None:
        self.cuts += 1
        for transport in list(self._open):
            transport.abort()

    async def _accept(self) -> None:
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            if self._refusing:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                client.close()
            else:
                self._start(self._serve(client))

    async def _serve(self, client: socket.socket) -> None:
        await self._passing.wait()
        with contextlib.suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError), contextlib.ExitStack() as stack:
            stack.callback(client.close)
            inward = await self._streams(client)
            stack.callback(self._forget, inward[1])
            outward = await asyncio.open_connection(self._server.hostname, self._server.port, ssl=self._outward)
            stack.callback(self._forget, outward[1])
            self._open |= {inward[1].transport, outward[1].transport}
            line = _Line(self, self._holds)
            pumps = [
                self._start(self._pump(inward[0], outward[1], line.request)),
                self._start(self._pump(outward[0], inward[1], line.answer)),
            ]
            stack.callback(lambda: [pump.cancel() for pump in pumps])
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            if line.has_held:  # a request that was held is carried out, even if nobody waits for its answer any more
                await asyncio.wait(pumps, timeout=ANSWER_SECONDS)

    async def _streams(self, client: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await self._loop.connect_accepted_socket(lambda: protocol, client, ssl=self._inward)
        return reader, asyncio.StreamWriter(transport, protocol, reader, self._loop)

    def _forget(self, writer: asyncio.StreamWriter) -> None:
        self._open.discard(writer.transport)
        writer.transport.abort()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        see: Callable[[bytes], Coroutine[Any, Any, None]],
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                await see(data)
                await self._passing.wait()
                writer.write(data)
                await writer.drain()

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(lambda: self._start(self._accept()))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        async def end() -> None:
            tasks = [task for task in self._tasks if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._loop.stop()

        asyncio.run_coroutine_threadsafe(end(), self._loop)
        self._thread.join(PATIENCE)
        self._loop.close()
        self._listener.close()


class _Line:
    """One connection: notes what is asked and answered on it, and waits where a hold says so."""

    def __init__(self, wire: Wire, holds: list[Hold]) -> None:
        self._wire = wire
        self._holds = holds
        self._path = ""
        self._tail = b""
        self._held: Hold | None = None
        self.has_held = False

    async def request(self, data: bytes) -> None:
        for method, path in _REQUEST.findall(data):
            asked = Asked(method.decode(), path.decode())
            self._path = asked.path
            self._wire.asked.append(asked)
            for hold in self._holds:
                if hold.fits(asked):
                    self.has_held = True
                    if hold.answer:
                        self._held = hold
                    else:
                        await hold.wait()

    async def answer(self, data: bytes) -> None:
        if _EXPIRED in self._tail + data:
            self._wire.expired.append(self._path)
        self._tail = data[-len(_EXPIRED) + 1 :]
        if self._held is not None:
            await self._held.wait()
            self._held = None
