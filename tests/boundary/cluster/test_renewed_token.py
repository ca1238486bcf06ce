"""A short-lived token is fetched again before it ends, and once where several requests were refused."""

from __future__ import annotations

import base64
import io
import itertools
import json

import pytest

from mlops_actions.boundary.cluster.oidc import lifetime
from mlops_actions.boundary.cluster.renewed_token import IssuedToken, RenewedToken, retried
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.core.errors import Unavailable


class Tokens:
    """Issues `token-1`, `token-2`, …, and tells the time."""

    def __init__(self, *, lifetime: float, margin: float = 60.0) -> None:
        self.now = 0.0
        self.log = io.StringIO()
        numbers = itertools.count(1)
        self.renewed = RenewedToken(
            lambda: IssuedToken(f"token-{next(numbers)}", lifetime),
            GitHubRunner({}, self.log),
            margin=margin,
            now=lambda: self.now,
        )

    def at(self, moment: float) -> str:
        self.now = moment
        return self.renewed()


@pytest.mark.parametrize(
    ("seconds", "last_use"),
    [(900.0, 839.0), (300.0, 239.0), (90.0, 44.0), (10.0, 4.0)],
    ids=["EKS", "GitHub", "short", "very short"],
)
def test_a_token_is_replaced_before_it_ends(seconds: float, last_use: float) -> None:
    tokens = Tokens(lifetime=seconds)
    assert (tokens.at(0), tokens.at(last_use), tokens.at(last_use + 1)) == ("token-1", "token-1", "token-2")
    assert tokens.log.getvalue().count("::add-mask::") == 2


def test_a_refused_token_is_replaced_once() -> None:
    tokens = Tokens(lifetime=900.0)
    assert tokens.renewed.credentials.header() == "Bearer token-1"
    for _ in range(3):  # several requests were refused together
        tokens.renewed.renew("Bearer token-1")
    assert tokens.renewed() == "token-2"


@pytest.mark.parametrize("text", ["", "two words", "line\nX-Evil: 1", "ümlaut"])
def test_what_cannot_be_a_token_is_not_sent(text: str) -> None:
    token = RenewedToken(lambda: IssuedToken(text, 60.0), GitHubRunner({}, io.StringIO()))
    with pytest.raises(Unavailable):
        token()


def test_a_call_is_repeated_after_growing_waits() -> None:
    waits: list[float] = []

    def fail() -> None:
        raise Unavailable("cause", "remedy")

    with pytest.raises(Unavailable):
        retried(fail, waits.append)
    assert waits == [1.0, 2.0, 4.0]
    left = iter([True])

    def fail_once() -> str:
        if next(left, False):
            fail()
        return "answer"

    assert retried(fail_once, waits.append) == "answer"


def unsigned(claims: object) -> str:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{part}.c2ln"


@pytest.mark.parametrize(
    ("token", "seconds"),
    [
        (unsigned({"iat": 1000, "nbf": 400, "exp": 1300}), 300.0),
        (unsigned({"iat": 1000, "exp": 900}), 0.0),
        (unsigned({"exp": 1300}), 60.0),
        (unsigned({"iat": "soon", "exp": 1300}), 60.0),
        (unsigned([1]), 60.0),
        ("a.?.c", 60.0),
    ],
)
def test_the_lifetime_of_an_identity_token_is_read_from_its_claims(token: str, seconds: float) -> None:
    assert lifetime(token) == seconds
