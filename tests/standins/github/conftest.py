"""A scene on a served stand-in, and a plain HTTP client for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import requests

from mlops_sandbox.github import GitHubServer, Token
from tests.support.payloads import Sample, make_sample

EVERYTHING = "write-all"


@dataclass
class Client:
    """Calls the API with one token; paths are GitHub's, and `{repo}` is the path of the scene's repository."""

    github: GitHubServer
    token: Token | str | None

    def __call__(self, route: str, body: Any = None, **query: Any) -> requests.Response:
        method, _, path = route.partition(" ")
        value = self.token.value if isinstance(self.token, Token) else self.token
        headers = {"Authorization": f"Bearer {value}"} if value else {}
        url = self.github.api_url + path.replace("{repo}", "/repos/octo-org/digits")
        return requests.request(method, url, json=body, params=query, headers=headers, timeout=10)


@pytest.fixture
def sample(github: GitHubServer) -> Sample:
    return make_sample(github)


@pytest.fixture
def call(sample: Sample) -> Client:
    """A workflow's token that may do everything a workflow's token can."""
    return Client(sample.github, sample.github.workflow_token(sample.repository, EVERYTHING))
