"""The stand-in spoken to by PyGithub, the client that the suite uses."""

from __future__ import annotations

import github as pygithub
import pytest

from mlops_actions.sandbox.github import GitHubServer


def test_a(github: GitHubServer) -> None:
    github.repository("octo/digits")
    with pytest.raises(pygithub.BadCredentialsException):
        pygithub.Github(auth=pygithub.Auth.Token("x"), base_url=github.api_url, retry=None).get_repo("octo/digits")
