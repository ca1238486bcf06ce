"""The one policy of retries: what servers ask for, and its bounds."""

from __future__ import annotations

from email.utils import formatdate
from time import time

import pytest
import urllib3
from urllib3.exceptions import NewConnectionError, ProtocolError

from mlops_actions.boundary.retry import Answer, Retry, RetryPolicy


def answer(status: int = 503, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(urllib3.HTTPResponse(status=status, headers=named))


def first_wait(header: str, **policy: float) -> float | None:
    retry = Retry.under(RetryPolicy("it", **policy))  # type: ignore[arg-type]
    following = retry.following("GET", "/", answer(Retry_After=header), None)
    return None if following is None else following.wait


@pytest.mark.parametrize(("header", "wait"), [("7", 7.0), (" 7 ", 7.0), ("0", 0.0), ("0.25", 0.25), ("2.5", 2.5)])
def test_a_number_of_seconds_is_obeyed(header: str, wait: float) -> None:
    assert first_wait(header) == wait


def test_a_date_is_obeyed() -> None:
    wait = first_wait(formatdate(time() + 30, usegmt=True))
    assert wait is not None
    assert 28 <= wait <= 30
    assert first_wait(formatdate(time() - 30, usegmt=True)) == 0


@pytest.mark.parametrize(
    "header", ["", "soon", "-5", "1e9", "nan", "inf", "٣", "Fri, 99 Foo 99999 99:99:99 GMT", "5 minutes"]
)
def test_nonsense_is_ignored(header: str) -> None:
    wait = first_wait(header, backoff=1.0)
    assert wait is not None
    assert 1.0 <= wait <= 1.5


@pytest.mark.parametrize("header", ["99999", "9" * 5000, "9" * 400 + ".5", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_hostile_wait_is_bounded(header: str) -> None:
    assert first_wait(header, max_wait=60.0) == 60.0
    assert first_wait(header, max_wait=float("inf"), patience=120.0) is None


def test_all_waits_together_are_bounded() -> None:
    retry: Retry | None = Retry.under(RetryPolicy("it", attempts=100, max_wait=60.0, patience=150.0))
    waits = 0
    while retry and (retry := retry.following("GET", "/", answer(Retry_After="60"), None)):
        waits += 1
    assert waits == 2


def test_attempts_are_bounded_and_waits_grow() -> None:
    retry: Retry | None = Retry.under(RetryPolicy("it", attempts=4, backoff=1.0))
    waits = []
    while retry and (retry := retry.following("GET", "/", answer(), None)):
        waits.append(retry.wait)
    assert [int(wait) for wait in waits] == [1, 2, 4]


def test_only_a_request_that_was_never_sent_is_repeated_where_a_repetition_would_do_the_work_twice() -> None:
    retry = Retry.under(RetryPolicy("it", repeatable=False))
    assert retry.following("POST", "/", None, ProtocolError("cut")) is None
    refused = NewConnectionError(urllib3.connection.HTTPConnection("127.0.0.1"), "refused")
    assert retry.following("POST", "/", None, refused) is not None
