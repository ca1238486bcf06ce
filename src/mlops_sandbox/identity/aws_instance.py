"""The metadata service of an EC2 instance (IMDSv2), which gives credentials of the instance's role.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
"""

from __future__ import annotations

import secrets

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from mlops_sandbox.identity.aws import Aws

_MAX_TTL = 21_600
_CREDENTIALS = "/latest/meta-data/iam/security-credentials/"


class InstanceMetadata:
    """Serves an instance; `role` is the ARN of its role, empty without an instance profile. `app` is the ASGI application.

    It answers only requests with a token of its own, as an instance that requires IMDSv2.
    """

    def __init__(self, aws: Aws, role: str = "") -> None:
        self._aws = aws
        self.role = role
        self._tokens: set[str] = set()
        self.app = Starlette(routes=[
            Route("/latest/api/token", self._token, methods=["PUT"]),
            Route(_CREDENTIALS, self._name),
            Route(f"{_CREDENTIALS}{{name}}", self._credentials),
        ])  # fmt: skip

    async def _token(self, request: Request) -> Response:
        seconds = request.headers.get("x-aws-ec2-metadata-token-ttl-seconds", "")
        if "x-forwarded-for" in request.headers:
            return PlainTextResponse("", 403)
        if not seconds.isdigit() or not 1 <= int(seconds) <= _MAX_TTL:
            return PlainTextResponse("", 400)
        token = secrets.token_urlsafe(42)
        self._tokens.add(token)
        return PlainTextResponse(token)

    async def _name(self, request: Request) -> Response:
        return self._refusal(request) or PlainTextResponse(self.role.rpartition("/")[2])

    async def _credentials(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        if request.path_params["name"] != self.role.rpartition("/")[2]:
            return PlainTextResponse("", 404)
        key, made, end = self._aws.open_session(self.role, "i-0123456789abcdef0")
        return JSONResponse({
            "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": key, "SecretAccessKey": made.secret, "Token": made.token,
            "Expiration": end,
        })  # fmt: skip

    def _refusal(self, request: Request) -> Response | None:
        if request.headers.get("x-aws-ec2-metadata-token") not in self._tokens:
            return PlainTextResponse("", 401)
        return None if self.role else PlainTextResponse("", 404)
