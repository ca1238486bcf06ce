"""GitHub's issuer of identity tokens: https://docs.github.com/actions/reference/security/oidc."""

from __future__ import annotations

import json
import secrets
import time
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

SUBJECT = "repo:octo-org/digits:ref:refs/heads/main"
ALGORITHM = "RS256"
_NOT_BEFORE = 600  # GitHub's tokens are valid from ten minutes before they are issued


@cache
def signing_key(_owner: str) -> rsa.RSAPrivateKey:
    """Return an issuer's key, made once in a process: making one takes longer than all else here."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Refusal(Exception):
    """A token that its reader does not accept; the text is the reason."""


class Issuer:
    """Signs identity tokens for the job that holds `request_token`, and publishes the key. `app` is the ASGI application.

    `url` is the issuer's name, which tokens and readers must share. `lifetime` is in seconds, `subject` the job's; the
    issuer `refuses` with a status where it is not 0.
    """

    def __init__(self, url: str = "https://token.actions.githubusercontent.com", *, lifetime: int = 300) -> None:
        self.url = url
        self.subject = SUBJECT
        self.lifetime = lifetime
        self.refuses = 0
        self.request_token = secrets.token_urlsafe(32)
        self.tokens: list[str] = []
        self._key = signing_key("GitHub")
        self.app = Starlette(routes=[
            Route("/token", self._token),
            Route("/.well-known/openid-configuration", self._configuration),
            Route("/.well-known/jwks", self._keys),
        ])  # fmt: skip

    def variables(self, address: str) -> dict[str, str]:
        """Return the variables of a job with `id-token: write`, whose issuer is served at `address`."""
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{address}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.request_token,
        }

    def issue(self, audience: str, **changes: Any) -> str:
        """Sign a token; `changes` replace claims."""
        now = int(time.time())
        owner = self.subject.split(":")[1].partition("/")[0]
        claims = {
            "iss": self.url, "sub": self.subject, "aud": audience, "iat": now, "nbf": now - _NOT_BEFORE,
            "exp": now + self.lifetime, "jti": secrets.token_hex(8), "repository_owner": owner, **changes,
        }  # fmt: skip
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": "1"})

    def verify(self, token: str, audience: str) -> dict[str, Any]:
        """Return a token's claims, as a reader that trusts this issuer; raises Refusal."""
        key = self._key.public_key()
        try:
            claims: dict[str, Any] = jwt.decode(
                token, key, [ALGORITHM], audience=audience, issuer=self.url, options={"require": ["exp", "iat", "sub"]}
            )
        except jwt.PyJWTError as error:
            raise Refusal(str(error)) from None
        return claims

    async def _token(self, request: Request) -> Response:
        if self.refuses or request.headers.get("authorization") != f"Bearer {self.request_token}":
            return JSONResponse({"message": "the token of the job is not valid"}, self.refuses or 401)
        owner = self.subject.split(":")[1].partition("/")[0]
        self.tokens.append(self.issue(request.query_params.get("audience") or f"https://github.com/{owner}"))
        return JSONResponse({"count": len(self.tokens[-1]), "value": self.tokens[-1]})

    async def _configuration(self, _: Request) -> Response:
        return JSONResponse({
            "issuer": self.url, "jwks_uri": f"{self.url}/.well-known/jwks", "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": [ALGORITHM],
        })  # fmt: skip

    async def _keys(self, _: Request) -> Response:
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return JSONResponse({"keys": [{**key, "kid": "1", "use": "sig", "alg": ALGORITHM}]})
