"""Logins in Docker's configuration file."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from mlops_actions.core.docker_config import StoredLogin, login_of

USER = StoredLogin("u", "s")


def auth(text: str, **more: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode(), **more}


@pytest.mark.parametrize(
    ("document", "host", "login"),
    [
        ({}, "ghcr.io", None),
        ({"auths": {"ghcr.io": auth("u:s")}}, "ghcr.io", USER),
        ({"auths": {"ghcr.io": auth("u:s")}}, "nvcr.io", None),
        ({"auths": {"https://ghcr.io": auth("u:s")}}, "ghcr.io", USER),
        ({"auths": {"https://index.docker.io/v1/": auth("u:s")}}, "docker.io", USER),
        ({"auths": {"registry-1.docker.io": auth("u:s")}}, "docker.io", USER),
        ({"auths": {"localhost:5000": auth("u:s")}}, "localhost:5000", USER),
        ({"auths": {"r.example": auth("u:a:b")}}, "r.example", StoredLogin("u", "a:b")),
        ({"auths": {"r.azurecr.io": auth("u:", identitytoken="t")}}, "r.azurecr.io", StoredLogin("u", "t")),
        ({"auths": {"ghcr.io": auth("u:")}}, "ghcr.io", None),
        ({"auths": {"ghcr.io": auth("u")}}, "ghcr.io", None),
        ({"auths": {"ghcr.io": auth("u:s\r\nX: y")}}, "ghcr.io", None),
        ({"auths": {"ghcr.io": {"auth": "no base64"}}}, "ghcr.io", None),
        ({"auths": {"ghcr.io": {}}}, "ghcr.io", None),
        ({"auths": {"ghcr.io": "u:s"}}, "ghcr.io", None),
        ({"auths": ["ghcr.io"]}, "ghcr.io", None),
        ({"auths": {"ghcr.io": {}}, "credsStore": "desktop"}, "ghcr.io", StoredLogin(helper="desktop")),
        ({"auths": {"ghcr.io": {}}, "credsStore": "desktop"}, "nvcr.io", None),
        ({"credsStore": "ecr-login"}, "ghcr.io", None),
        ({"credHelpers": {"gcr.io": "gcloud"}}, "gcr.io", StoredLogin(helper="gcloud", of_this_host=True)),
        ({"credHelpers": {"gcr.io": "gcloud"}}, "eu.gcr.io", None),
        ({"credHelpers": {"gcr.io": 1}}, "gcr.io", None),
    ],
)
def test_a_login_is_found_by_its_host(document: dict[str, Any], host: str, login: StoredLogin | None) -> None:
    assert login_of(document, host) == login
