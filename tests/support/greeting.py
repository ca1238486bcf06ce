"""A server that answers the first bytes of a conversation as BuildKit does, or otherwise."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

# The head of HTTP/2's SETTINGS frame (RFC 9113, section 4.1), which grpc-go sends first, and a parameter.
SETTINGS = bytes((0, 0, 6, 4, 0, 0, 0, 0, 0)) + bytes((0, 5, 0, 0, 64, 0))


@contextlib.contextmanager
def greeting(
    answer: bytes | None = SETTINGS,
    *,
    after: float = 0.0,
    socket_path: Path | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[str]:
    """Serve, and return the address: each connection gets `answer` `after` some seconds, or nothing (None) until the end."""
    if socket_path is not None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(socket_path))
        listener.listen()
        address = f"unix://{socket_path}"
    else:
        listener = socket.create_server(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    def talk(plain: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            connection = stack.enter_context(tls.wrap_socket(plain, server_side=True) if tls else plain)
            connection.recv(1 << 12)
            time.sleep(after)
            if answer is None:
                ended.wait()
            else:
                connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield address
    finally:
        ended.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
