"""A server that repeats what it was sent: doctor shows `***` in the place of each secret, wherever the secret comes from."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from mlops_sandbox.host import Host
from tests.actions.doctor.world import World

Told = list[str]


@pytest.fixture
def echo() -> Iterator[str]:
    """A server that refuses every request, and repeats its credentials."""

    async def repeat(request: Request) -> JSONResponse:
        sent = request.headers.get("authorization", "")
        plain = base64.b64decode(sent.partition(" ")[2]).decode("utf-8", "replace") if sent.startswith("Basic ") else ""
        message = f"you sent {sent} {plain}"
        body = {"message": message, "errors": [{"code": "DENIED", "message": message}]}
        if not sent:
            return JSONResponse(body, 401, {"WWW-Authenticate": 'Basic realm="echo"'})
        return JSONResponse(body, 200 if request.url.path.endswith("/graphql") else 403)  # GraphQL tells errors with 200

    methods = ["GET", "POST", "HEAD", "PUT", "PATCH"]
    with Host(Starlette(routes=[Route("/{path:path}", repeat, methods=methods)])) as host:
        yield host.url


def github_cli(world: World, url: str, secret: str) -> None:
    """Let `gh auth token` print the token."""
    program = world.checkout.parent / "bin" / "gh"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho {secret}\n")
    program.chmod(0o755)
    world.environ["PATH"] = f"{program.parent}:/usr/bin:/bin"
    del world.environ["GH_TOKEN"]
    world.environ["GITHUB_API_URL"] = url


def netrc(world: World, url: str, secret: str) -> None:
    path = Path(world.environ["HOME"]) / ".netrc"
    path.write_text(f"machine {url.rpartition('//')[2]}\nlogin user\npassword {secret}\n")
    path.chmod(0o600)
    del world.environ["WANDB_API_KEY"]
    world.settings.variables["WANDB_BASE_URL"] = world.environ["WANDB_BASE_URL"] = url


def docker_config(world: World, url: str, secret: str) -> None:
    host = url.rpartition("//")[2]
    folder = Path(world.environ["HOME"]) / ".docker"
    folder.mkdir()
    login = base64.b64encode(f"publisher:{secret}".encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": login}}}))
    for name in ("REGISTRY", "REGISTRY_USERNAME", "REGISTRY_PASSWORD"):
        del world.environ[name]
    world.settings.variables["REGISTRY"] = host


def kubeconfig(world: World, url: str, secret: str) -> None:
    path = Path(world.environ["KUBECONFIG"])
    world.cluster.write_kubeconfig(path, url, token=secret)


@pytest.mark.parametrize(
    ("group", "prepare"),
    [("github", github_cli), ("wandb", netrc), ("registry", docker_config), ("cluster", kubeconfig)],
    ids=["gh auth token", "netrc", "Docker's configuration", "kubeconfig"],
)
def test_a_secret_that_a_server_repeats_is_not_shown(
    world: World, echo: str, monkeypatch: pytest.MonkeyPatch, group: str, prepare: Callable[[World, str, str], None]
) -> None:
    secret = secrets.token_hex(20)  # as long as a W&B key
    prepare(world, echo, secret)
    monkeypatch.setenv("PATH", world.environ["PATH"])  # where doctor's own process finds gh
    monkeypatch.setenv("HOME", world.environ["HOME"])
    diagnosed = world.ask("--only", group)
    assert diagnosed.named("fails"), diagnosed.text
    assert secret not in diagnosed.text
    assert base64.b64encode(f"publisher:{secret}".encode()).decode() not in diagnosed.text
    assert "***" in diagnosed.text, diagnosed.text
