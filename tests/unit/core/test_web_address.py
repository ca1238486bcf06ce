"""Addresses that mean the same have one form, and no others."""

from __future__ import annotations

import pytest

from mlops_actions.core.web_address import is_address, normal_form, shown

SAME = {
    "https://wandb.example": [
        "https://wandb.example/", "https://wandb.example//", "HTTPS://WANDB.Example", "https://wandb.example:443",
        "https://wandb.example.:443/", " https://wandb.example ",
    ],
    "http://wandb.example": ["http://wandb.example:80/"],
    "https://wandb.example:8443/team": ["https://WANDB.example:8443/team/"],
    "https://wandb.example/Team": ["https://wandb.example:443/Team/"],
    "https://[::1]:8080": ["https://[::1]:8080/"],
}  # fmt: skip
OTHER = [
    "https://wandb.example", "http://wandb.example", "https://wandb.example:8443", "https://wandb.example/team",
    "https://wandb.example/Team", "https://eve@wandb.example", "https://wandb.example@evil.example",
    "https://wandb.example?x", "https://wandb.example#x", "https://wandb.example:x", "ftp://wandb.example", "wandb.example",
    "https://wandb.example.evil.example", "https://", "", "https://[::1",
]  # fmt: skip


@pytest.mark.parametrize(("one", "others"), SAME.items())
def test_what_means_the_same_has_one_form(one: str, others: list[str]) -> None:
    assert {normal_form(other) for other in (one, *others)} == {one}


def test_what_means_something_else_has_another_form() -> None:
    assert len({normal_form(address) for address in OTHER}) == len(OTHER)


SHOWN = {
    "https://github.com/octo/app.git#main:sub/folder": "https://github.com/octo/app.git#main:sub/folder",
    "https://github.com//octo/app.git@v1": "https://github.com//octo/app.git@v1",
    "https://host:8443/a.tar.gz": "https://host:8443/a.tar.gz",
    "git@github.com:octo/app.git": "git@github.com:octo/app.git",
    "ssh://git@github.com/octo/app.git": "ssh://***@github.com/octo/app.git",
    "https://user:secret@host/app.git#v1": "https://***@host/app.git#v1",
    "https://secret@host/app.git": "https://***@host/app.git",
    "https://user:sec@ret@host/app.git": "https://***@host/app.git",
    "https://user:sec/ret@host/app.git": "https://***@host/app.git",
    "https://host/a.tar.gz?sig=secret": "https://host/a.tar.gz?***",
    "https://host/a.tar.gz?sig=secret#sub": "https://host/a.tar.gz?***#sub",
}


@pytest.mark.parametrize(("address", "text"), SHOWN.items())
def test_an_address_is_shown_without_what_may_be_credentials(address: str, text: str) -> None:
    assert is_address(address)
    assert shown(address) == text
    assert "secret" not in text
    assert "ret@" not in text


@pytest.mark.parametrize("path", [".", "app", "./https:", "a/b://c", "/etc", "me@home", "github.com/octo/app", ""])
def test_a_path_is_no_address(path: str) -> None:
    assert not is_address(path)
