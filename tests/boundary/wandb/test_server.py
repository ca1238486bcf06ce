"""Where W&B is and with which key, as the SDK resolves them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.boundary.wandb.server import DEFAULT_BASE_URL, Server, app_url, resolve
from mlops_actions.core.errors import BadInput

KEY = "local-" + "k" * 80

ADDRESSES = [
    ("https://api.wandb.ai", "https://forge.coreweave.com/wandb"),
    (DEFAULT_BASE_URL, "https://forge.coreweave.com/wandb"),
    ("https://api.wandb.example.com", "https://wandb.example.com"),
    ("https://api.team.example.com", "https://app.team.example.com"),
    ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ("https://wandb.example.com", "https://wandb.example.com"),
]


@pytest.mark.parametrize(("base_url", "pages"), ADDRESSES)
def test_page_addresses_follow_the_sdk(base_url: Any, pages: Any) -> None:
    assert app_url(base_url, {}) == pages
    assert app_url(base_url, {"WANDB_APP_URL": "https://mine/"}) == "https://mine"


def test_the_sdk_derives_the_same_page_addresses() -> None:
    script = "from wandb.sdk.lib import urls; from wandb import util\nprint(urls.DEFAULT_BASE_URL)\n" + "".join(
        f"print(util.api_to_app_url({base!r}))\n" for base, _ in ADDRESSES
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [DEFAULT_BASE_URL, *(pages for _, pages in ADDRESSES)]


def test_an_address_is_taken_from_input_then_settings_then_default(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    assert resolve(KEY, None, environ).base_url == DEFAULT_BASE_URL
    settings = tmp_path / ".config" / "wandb" / "settings"
    settings.parent.mkdir(parents=True)
    settings.write_text("[default]\nbase_url = https://mine.example\nproject = %x\n")
    assert resolve(KEY, None, environ).base_url == "https://mine.example"
    assert resolve(KEY, "https://given.example", environ).base_url == "https://given.example"
    settings.write_text("not an ini file")
    assert resolve(KEY, None, environ).base_url == DEFAULT_BASE_URL


def test_settings_in_the_checkout_are_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "settings").write_text("[default]\nbase_url = https://evil.example\n")
    monkeypatch.chdir(tmp_path)
    assert resolve(KEY, None, {}).base_url == DEFAULT_BASE_URL


@pytest.mark.parametrize("machine", ["api.wandb.ai", "api.forge.coreweave.com"])
def test_the_netrc_is_read_under_both_names_of_the_hosted_service(tmp_path: Path, machine: Any) -> None:
    (tmp_path / ".netrc").write_text(f"machine {machine}\n  login user\n  password {KEY}\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert resolve(None, None, {"HOME": str(tmp_path)}).api_key == KEY


@pytest.mark.parametrize("text", ["", "machine other login u password p", "machine \n garbage {", "\xff"])
def test_a_netrc_without_a_key_gives_no_key(tmp_path: Path, text: str) -> None:
    (tmp_path / "rc").write_text(text, encoding="latin-1")
    with pytest.raises(BadInput, match="there is no W&B API key"):
        resolve(None, None, {"NETRC": str(tmp_path / "rc")})


@pytest.mark.parametrize("key", ["a b", "ключ", "x\ny", "x\x00y"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(BadInput) as caught:
        resolve(key, None, {})
    assert key not in str(caught.value)


@pytest.mark.parametrize("key", ["k" * 40, KEY, "eyJhbGciOi.eyJzdWIi.c2ln", "x"])
def test_keys_of_any_length_are_accepted(key: str) -> None:
    assert resolve(key, None, {}).api_key == key


def test_a_key_is_in_no_repr_of_the_server() -> None:
    assert KEY not in repr(Server("u", "u", KEY))


def test_the_address_of_the_web_pages_is_refused() -> None:
    with pytest.raises(BadInput, match="web pages"):
        resolve(KEY, "https://wandb.ai", {})


HOSTED = ("https://wandb.ai", "https://api.wandb.ai", "https://app.wandb.ai", "https://api.forge.coreweave.com")


@pytest.mark.parametrize(
    "base_url",
    ["", "https://api.wandb.ai", "https://api.forge.coreweave.com/", "https://API.wandb.ai:443/", "HTTPS://api.wandb.ai"],
)
@pytest.mark.parametrize("environ", [{}, {"WANDB_APP_URL": "https://wandb.ai"}])
def test_the_hosted_server_is_one_deployment_under_several_addresses(base_url: str, environ: dict[str, str]) -> None:
    server = resolve("k" * 40, base_url, environ)
    assert set(HOSTED) <= {server.app_url, *server.other_addresses}


@pytest.mark.parametrize(
    "base_url", ["https://wandb.corp.example", "https://api.wandb.corp.example", "https://api.wandb.ai.evil.example"]
)
def test_another_server_is_not_the_hosted_one(base_url: str) -> None:
    server = resolve("k" * 40, base_url, {})
    assert server.other_addresses[0] == base_url
    assert not set(HOSTED) & {server.app_url, *server.other_addresses}


@pytest.mark.parametrize(
    ("base_url", "addresses"),
    [
        ("https://acme.wandb.io", {"https://acme.wandb.io"}),
        ("https://ACME.wandb.io:443/", {"https://acme.wandb.io"}),
        ("https://api.wandb.acme.example", {"https://api.wandb.acme.example", "https://wandb.acme.example"}),
        ("https://wandb.acme.example:8443/team/", {"https://wandb.acme.example:8443/team"}),
    ],
)
def test_a_server_of_ones_own_has_the_addresses_of_its_api_and_its_pages(base_url: str, addresses: set[str]) -> None:
    assert set(resolve(KEY, base_url, {"WANDB_APP_URL": "https://proxy.example"}).other_addresses) == addresses
