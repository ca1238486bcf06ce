"""Which server gets which credential."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_actions.boundary.doctor import github, registry
from mlops_actions.boundary.doctor.remote import remote_of
from mlops_actions.boundary.git import _git, _output
from mlops_actions.core.errors import BadInput


def test_the_github_token_goes_to_github_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    environ = {"GH_TOKEN": "token"}
    assert github.token_of(environ, "github.com") == "token"
    with pytest.raises(BadInput) as caught:
        github.token_of(environ, "git.example")
    assert caught.value.remedy == "gh auth login --hostname git.example"
    assert github.token_of({**environ, "GITHUB_API_URL": "https://git.example/api/v3"}, "git.example") == "token"
    assert github.token_of({"GH_ENTERPRISE_TOKEN": "other"}, "git.example") == "other"


@pytest.mark.parametrize(
    ("environ", "remote", "expected"),
    [
        ({}, "", ("github.com", "https://api.github.com")),
        ({}, "https://git.example/o/r", ("git.example", "https://git.example/api/v3")),
        ({}, "git@acme.ghe.com:o/r.git", ("acme.ghe.com", "https://api.acme.ghe.com")),
        ({"GITHUB_API_URL": "https://git.example/api/v3/"}, "", ("git.example", "https://git.example/api/v3")),
        ({"GITHUB_SERVER_URL": "https://git.example"}, "https://github.com/o/r",
         ("git.example", "https://git.example/api/v3")),
    ],
)  # fmt: skip
def test_the_server_is_that_of_the_environment_else_of_the_remote(
    tmp_path: Path, environ: dict[str, str], remote: str, expected: tuple[str, str]
) -> None:
    if remote:
        for arguments in (("init", "--quiet"), ("remote", "add", "origin", remote)):
            _output(_git(tmp_path, *arguments))
    assert github.server_of(environ, tmp_path) == expected


def test_a_registry_gets_only_its_own_login(tmp_path: Path) -> None:
    environ = {
        "DOCKER_CONFIG": str(tmp_path),
        "REGISTRY": "registry.example",
        "REGISTRY_USERNAME": "ada",
        "REGISTRY_PASSWORD": "pass",
    }
    assert registry.credentials("registry.example", environ) == ("ada", "pass")
    assert registry.credentials("ghcr.io", environ) is None
    (tmp_path / "config.json").write_text('{"auths": {"ghcr.io": {"auth": "Ym9iOnNlY3JldA=="}}}')
    assert registry.credentials("ghcr.io", environ) == ("bob", "secret")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/octo/digits.git", ("github.com", "octo/digits")),
        ("git@github.com:octo/digits.git", ("github.com", "octo/digits")),
        ("ssh://git@git.example:2222/octo/digits", ("git.example", "octo/digits")),
        ("https://user:token@git.example/octo/digits/", ("git.example", "octo/digits")),
        ("https://git.example/octo_corp/digits.v2_x", ("git.example", "octo_corp/digits.v2_x")),
        ("/srv/digits.git", ("", "")),
        # What is printed with the name is pasted into a shell.
        ("https://github.com/octo/$(touch${IFS}ran)", ("", "")),
        ("git@github.com;touch ran:octo/digits", ("", "")),
        ("git@git.example:octo/a b", ("", "")),
        ("https://git.example/octo/\udce9", ("", "")),
    ],
)
def test_the_repository_is_that_of_the_remote(tmp_path: Path, url: str, expected: tuple[str, str]) -> None:
    for arguments in (("init", "--quiet"), ("remote", "add", "origin", url)):
        _output(_git(tmp_path, *arguments))
    assert remote_of(tmp_path) == expected
