"""What an action says of an address that gives no answer."""

from __future__ import annotations

import pytest

from mlops_actions.boundary.http import remedy_of_unreachable


@pytest.mark.parametrize(
    ("url", "is_loopback"),
    [
        ("http://localhost:8080", True),
        ("https://127.0.0.1/api", True),
        ("https://[::1]:6443", True),
        ("http://user:password@localhost:8080/", True),
        ("https://api.wandb.ai", False),
        ("https://localhost.example.com", False),
    ],
)
def test_localhost_has_a_remedy_of_its_own(url: str, is_loopback: bool) -> None:
    remedy = remedy_of_unreachable(url, "check the network")
    assert ("'localhost' is the container itself" in remedy) is is_loopback
    assert (remedy == "check the network") is not is_loopback
