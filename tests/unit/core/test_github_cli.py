from __future__ import annotations

import pytest

from mlops_actions.core import github_cli


@pytest.mark.parametrize(
    ("host", "api_url", "repository", "server"),
    [
        ("github.com", "https://api.github.com", "-R o/r", ""),
        ("git.example", "https://git.example/api/v3", "-R git.example/o/r", " --hostname git.example"),
        ("acme.ghe.com", "https://api.acme.ghe.com", "-R acme.ghe.com/o/r", " --hostname acme.ghe.com"),
        ("api.git.example", "https://api.git.example/api/v3", "-R api.git.example/o/r", " --hostname api.git.example"),
    ],
)
def test_a_command_of_gh_names_each_server_but_github_com(host: str, api_url: str, repository: str, server: str) -> None:
    assert github_cli.api_of(host) == api_url
    assert github_cli.host_of(api_url) == host
    assert github_cli.flag("o/r", host) == repository
    assert github_cli.on(host) == server
