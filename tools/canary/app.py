"""The token of a GitHub App, by the standard library and `openssl`."""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from canary.api import Api, CanaryError


def token_of(environ: Mapping[str, str]) -> str:
    """Return CANARY_TOKEN, else a token of the App in CANARY_APP_ID and CANARY_APP_PRIVATE_KEY, else nothing."""
    if environ.get("CANARY_TOKEN"):
        return environ["CANARY_TOKEN"]
    identifier, key = environ.get("CANARY_APP_ID", ""), environ.get("CANARY_APP_PRIVATE_KEY", "")
    return _installation_token(environ, identifier, key) if identifier and key else ""


def _installation_token(environ: Mapping[str, str], identifier: str, key: str) -> str:
    login = _signed(identifier, key)
    installation = Api(environ, login).must("GET", "/installation")["id"]
    request = urllib.request.Request(
        f"{environ['GITHUB_API_URL']}/app/installations/{installation}/access_tokens",
        data=json.dumps({"repositories": [environ["GITHUB_REPOSITORY"].partition("/")[2]]}).encode(),
        method="POST",
        headers={"Authorization": f"Bearer {login}", "Accept": "application/vnd.github+json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return str(json.load(response)["token"])
    except OSError as error:
        raise CanaryError(f"the App gets no token: {error}") from error


def _signed(identifier: str, key: str) -> str:
    now = int(time.time())
    claims = {"iat": now - 60, "exp": now + 540, "iss": identifier}
    text = ".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "key.pem")
        file.touch(mode=0o600)
        file.write_text(f"{key.strip()}\n", encoding="utf-8")
        command = ["openssl", "dgst", "-sha256", "-sign", str(file)]
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    if done.returncode:
        raise CanaryError("the key in CANARY_APP_PRIVATE_KEY cannot sign: give the PEM file that GitHub made")
    return f"{text}.{_encoded(done.stdout)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
