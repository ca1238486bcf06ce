"""Google's Application Default Credentials, against stand-ins of its token exchange and of a machine's metadata server."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from mlops_actions.boundary.google import access_token
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.core.errors import ActionError, BadInput, Refused
from mlops_sandbox.host import Host

TOKEN = "ya29.federated"
IDENTITY = "the-job-s-identity"


@contextmanager
def google() -> Iterator[tuple[str, list[str]]]:
    """Play GitHub's identity tokens, Google's security token service and a machine's metadata server."""
    seen: list[str] = []

    async def identity(request: Request) -> Response:
        seen.append(request.headers.get("authorization", ""))
        return JSONResponse({"value": IDENTITY})

    async def exchange(request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        if form["subject_token"] != [IDENTITY]:
            return JSONResponse({"error": "invalid_grant", "error_description": "unknown identity"}, 400)
        seen.append(form["scope"][0])
        return JSONResponse({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})

    async def metadata(request: Request) -> Response:
        flavor = {"Metadata-Flavor": "Google"}
        if request.url.path.endswith("/token"):
            return JSONResponse({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}, headers=flavor)
        if request.url.path.endswith("/service-accounts/default/"):
            return JSONResponse({"email": "trainer@example.invalid", "scopes": [], "aliases": []}, headers=flavor)
        return PlainTextResponse("project", headers=flavor)

    routes = [
        Route("/identity", identity),
        Route("/exchange", exchange, methods=["POST"]),
        Route("/{path:path}", metadata),
    ]
    with Host(Starlette(routes=routes)) as host:
        yield host.url, seen


def federated(url: str) -> dict[str, object]:
    """What google-github-actions/auth writes for workload identity federation."""
    return {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/github",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{url}/exchange",
        "credential_source": {
            "url": f"{url}/identity",
            "headers": {"Authorization": "Bearer of-the-runner"},
            "format": {"type": "json", "subject_token_field_name": "value"},
        },
    }


NAME = "gha-creds-0123456789abcdef.json"


def token_of(folder: Path, log: io.StringIO | None = None, named: str = f"/home/runner/work/digits/digits/{NAME}") -> str:
    environ = {"GITHUB_WORKSPACE": str(folder), "GOOGLE_APPLICATION_CREDENTIALS": named}
    return access_token(environ, GitHubRunner({}, log if log is not None else io.StringIO()))


def test_the_credentials_file_of_google_s_action_is_exchanged_for_a_token(tmp_path: Path) -> None:
    with google() as (url, seen):
        (tmp_path / NAME).write_text(json.dumps(federated(url)))
        log = io.StringIO()
        assert token_of(tmp_path, log) == TOKEN
        assert seen == ["Bearer of-the-runner", "https://www.googleapis.com/auth/cloud-platform"]
        assert log.getvalue().splitlines() == [f"::add-mask::{TOKEN}"]


def test_a_google_machine_asks_its_metadata_server(tmp_path: Path) -> None:
    """In a process of its own: the library reads the server's address once, when it is imported."""
    program = (
        "import os, sys; from mlops_actions.boundary.google import access_token;"
        "from mlops_actions.boundary.runner import GitHubRunner; access_token(os.environ, GitHubRunner({}, sys.stdout))"
    )
    with google() as (url, _):
        address = url.removeprefix("http://")
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GITHUB_WORKSPACE": str(tmp_path)}
        environ |= {"GCE_METADATA_HOST": address, "GCE_METADATA_IP": address, "CLOUDSDK_CONFIG": str(tmp_path)}
        done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"::add-mask::{TOKEN}\n"), done.stderr


def test_credentials_that_google_refuses_are_reported(tmp_path: Path) -> None:
    with google() as (url, _):
        info = federated(url)
        (tmp_path / NAME).write_text(json.dumps(info | {"credential_source": {"file": str(tmp_path / "id")}}))
        (tmp_path / "id").write_text("another identity")
        with pytest.raises(Refused, match="invalid_grant"):
            token_of(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not JSON", "is not JSON"),
        ("[]", "is not JSON"),
        ('{"type": "service_account", "private_key": "hush"}', "malformed|no credentials"),
        ('{"type": "external_account", "credential_source": {"executable": {"command": "/bin/sh"}}}', "program"),
    ],
)
def test_an_unusable_file_is_reported_and_never_quoted(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / NAME).write_text(content)
    with pytest.raises(ActionError, match=message) as error:
        token_of(tmp_path)
    assert "hush" not in str(error.value)


def test_debug_logging_shows_the_requests_for_a_token(tmp_path: Path) -> None:
    with google() as (url, _):
        (tmp_path / NAME).write_text(json.dumps(federated(url)))
        out = io.StringIO()
        environ = {"GITHUB_WORKSPACE": str(tmp_path), "GOOGLE_APPLICATION_CREDENTIALS": NAME}
        access_token(environ, GitHubRunner({"RUNNER_DEBUG": "1"}, out))
    lines = [line for line in out.getvalue().splitlines() if line.startswith("::debug::")]
    host = url.removeprefix("http://")
    assert re.fullmatch(rf"::debug::GET {host}/identity 200 [0-9]+ ms", lines[0])
    assert re.fullmatch(rf"::debug::POST {host}/exchange 200 [0-9]+ ms", lines[1])


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    """Also where the checked out commit holds one: such a file could send any file of the job to any address."""
    (tmp_path / "gha-creds-planted.json").write_text("{}")
    with pytest.raises(BadInput, match="does not exist here") as error:
        token_of(tmp_path, named="/nowhere.json")
    assert "google-github-actions/auth" in error.value.remedy
