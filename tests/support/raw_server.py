"""A server that sends the very bytes a test gives: for answers that no HTTP library would make."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass
class RawServer:
    """Answers by method and path (`GET /v2/`), each once per entry and the last one for good; `requests` are the heads."""

    answers: Mapping[str, list[bytes]]
    host: str = ""
    requests: list[str] = field(default_factory=list)

    def answer(self, head: str) -> bytes:
        """Return the bytes for a request's head."""
        self.requests.append(head)
        question = " ".join(head.split(" ", 2)[:2])
        found = next((self.answers[key] for key in self.answers if question.startswith(key)), None)
        if found is None:
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        return (found.pop(0) if len(found) > 1 else found[0]).replace(b"HOST", self.host.encode())


@contextlib.contextmanager
def serving_bytes(answers: Mapping[str, list[bytes]]) -> Iterator[RawServer]:
    """Serve on a port of the loopback; every connection is closed after its answer."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = RawServer({"GET /v2/ ": [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"], **answers})
    server.host = f"127.0.0.1:{listener.getsockname()[1]}"

    def serve() -> None:
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                head = b""
                while b"\r\n\r\n" not in head and (chunk := connection.recv(1 << 16)):
                    head += chunk
                head, _, body = head.partition(b"\r\n\r\n")
                length = re.search(rb"\r\ncontent-length: *([0-9]+)", head, re.IGNORECASE)
                while length and len(body) < int(length[1]) and (chunk := connection.recv(1 << 16)):
                    body += chunk  # a body that stays unread would reset the connection
                connection.sendall(server.answer(head.decode("latin-1")))

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
