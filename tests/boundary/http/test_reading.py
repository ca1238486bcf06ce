"""The bounds of an answer that the client reads."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from mlops_actions.boundary.http import AnswerTooLong, HttpClient, Limits
from mlops_actions.boundary.retry import Retry, RetryPolicy
from tests.support.logs import LOG


@pytest.fixture
def dripping() -> Iterator[str]:
    """Serve a long answer, one byte at a time."""
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection = listener.accept()[0]
        with connection:
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            try:
                while True:
                    connection.sendall(b"x")
                    time.sleep(0.01)
            except OSError:
                return

    threading.Thread(target=drip, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    listener.close()


@pytest.mark.parametrize("limits", [Limits(max_seconds=0.2), Limits(max_bytes=10)])
def test_an_answer_that_comes_byte_by_byte_is_given_up(dripping: str, limits: Limits) -> None:
    with pytest.raises(AnswerTooLong):  # the whole answer would take hours
        HttpClient(LOG).send("GET", dripping, headers={}, retry=Retry.under(RetryPolicy("it", attempts=1)), limits=limits)
