"""Who signs in to a registry."""

from __future__ import annotations

import pytest

from mlops_actions.docker_publish.registries import credentials
from tests.support.docker_publish import make_inputs


@pytest.mark.parametrize(
    ("host", "server", "sent"),
    [
        ("ghcr.io", "https://github.com", True),
        ("docker.io", "https://github.com", False),
        ("ghcr.io.evil.example", "https://github.com", False),
        ("evil.github.com", "https://github.com", False),
        ("containers.ghe.example", "https://ghe.example", True),
        ("docker.ghe.example", "https://ghe.example", True),
        ("ghe.example", "https://ghe.example", True),
        ("evilghe.example", "https://ghe.example", False),
        ("pages.ghe.example", "https://ghe.example", False),
        ("ghcr.io", "https://ghe.example", False),  # a token of an Enterprise Server is nothing to github.com
        ("containers.team.ghe.com", "https://team.ghe.com", True),
        ("containers.other.ghe.com", "https://team.ghe.com", False),
    ],
)
def test_the_job_s_token_is_sent_to_github_s_registries_only(host: str, server: str, sent: bool) -> None:
    inputs = make_inputs(image="a", username="octo", password="ghs_1", github_token="ghs_1")
    login = credentials.choose(inputs, host, server)
    assert (login.password == "ghs_1") is sent
    assert "ghs_1" not in repr(login)
    with_own_password = make_inputs(image="a", username="octo", password="mine", github_token="ghs_1")
    assert credentials.choose(with_own_password, host, server).password == "mine"


@pytest.mark.parametrize("host", ["europe-docker.pkg.dev", "gcr.io", "eu.gcr.io"])
def test_google_s_registries_take_an_access_token(host: str) -> None:
    assert credentials.takes_access_token(host)
    assert not any(
        credentials.takes_access_token(similar) for similar in (host + ".attacker.example", "not" + host[:4], "ghcr.io")
    )
