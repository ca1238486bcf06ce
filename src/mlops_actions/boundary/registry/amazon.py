"""Passwords for Amazon ECR, from the job's AWS credentials: one signed request, without the AWS command line or library.

The credentials are those that aws-actions/configure-aws-credentials puts into the environment of later steps. The request is
GetAuthorizationToken (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html), signed by
version 4 (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError

from mlops_actions.boundary.http import HttpClient, Limits, RefusedRedirect, one_line
from mlops_actions.boundary.retry import Answer, Retry, RetryPolicy, reason_of
from mlops_actions.core.errors import ActionError, BadInput, Refused, Unavailable
from mlops_actions.core.ports import Log
from mlops_actions.core.registries import AMAZON_HOST, AMAZON_PUBLIC

_ALGORITHM = "AWS4-HMAC-SHA256"
_LIMITS = Limits(max_bytes=1_000_000, max_seconds=60.0)
_LOGIN = (
    "add aws-actions/configure-aws-credentials before this step (with `permissions: id-token: write`), or give "
    "'username: AWS' and the output of `aws ecr get-login-password`"
)
_PUBLIC_REGION = "us-east-1"  # https://docs.aws.amazon.com/general/latest/gr/ecr-public.html


@dataclass(frozen=True)
class TokenService:
    """Where a registry's passwords are issued: the API's host, the region, the name of the service, and the call."""

    host: str
    region: str
    service: str
    target: str


def endpoint_of(host: str) -> TokenService:
    """Return the API of a registry; raises BadInput for a host that is none of Amazon's. Pure."""
    if host == AMAZON_PUBLIC:
        target = "SpencerFrontendService.GetAuthorizationToken"
        return TokenService(f"api.ecr-public.{_PUBLIC_REGION}.amazonaws.com", _PUBLIC_REGION, "ecr-public", target)
    parts = AMAZON_HOST.fullmatch(host)
    if parts is None:
        raise BadInput(f"{host} is no registry of Amazon", "write it as in '123456789012.dkr.ecr.eu-west-1.amazonaws.com'")
    region = parts["region"]
    # Partitions: https://docs.aws.amazon.com/general/latest/gr/ecr.html
    suffix = (
        "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.eu" if region.startswith("eusc-") else "amazonaws.com"
    )
    api = f"ecr-fips.{region}.{suffix}" if parts["fips"] else f"api.ecr.{region}.{suffix}"
    return TokenService(api, region, "ecr", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken")


def password(host: str, environ: Mapping[str, str], log: Log, pause: Callable[[float], None] = time.sleep) -> str:
    """Return a password of the user `AWS`, valid for 12 hours, masked; raises BadInput, Refused and Unavailable."""
    endpoint = endpoint_of(host)
    key, secret = environ.get("AWS_ACCESS_KEY_ID", ""), environ.get("AWS_SECRET_ACCESS_KEY", "")
    if not key or not secret:
        raise BadInput(f"there are no AWS credentials to sign in to {host} with", _LOGIN)
    session = environ.get("AWS_SESSION_TOKEN", "")
    for text in (secret, session):
        if text:
            log.mask(text)
    address = environ.get(f"AWS_ENDPOINT_URL_{endpoint.service.upper().replace('-', '_')}") or environ.get(
        "AWS_ENDPOINT_URL"
    )
    url = (address or f"https://{endpoint.host}").rstrip("/") + "/"

    def headers() -> Mapping[str, str]:  # for each attempt anew: a signature is valid for minutes
        return _signed(urlsplit(url).netloc, endpoint, (key, secret, session), datetime.now(UTC))

    policy = RetryPolicy("Amazon ECR", pause=pause)
    try:
        client = HttpClient(log, environ=environ)
        answer = client.send("POST", url, headers=headers, body=b"{}", retry=Retry.under(policy), limits=_LIMITS)
    except (HTTPError, RefusedRedirect, OSError, ValueError) as error:
        raise Unavailable(
            f"Amazon ECR at {endpoint.host} cannot be reached: {reason_of(error)}",
            "check the registry's region, and the network and proxy of this runner",
        ) from None
    if answer.status != 200:
        raise _refusal(host, answer)
    token = _token(answer)
    log.mask(token)
    return token


def _signed(host: str, endpoint: TokenService, login: tuple[str, str, str], now: datetime) -> dict[str, str]:
    """Return the headers of the request, signed. Pure."""
    key, secret, session = login
    moment, date = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}"
    headers = {"content-type": "application/x-amz-json-1.1", "host": host, "x-amz-date": moment}
    if session:
        headers["x-amz-security-token"] = session
    headers["x-amz-target"] = endpoint.target
    names = ";".join(headers)  # in order of the alphabet
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = "\n".join(("POST", "/", "", lines, names, hashlib.sha256(b"{}").hexdigest()))
    scope = f"{date}/{endpoint.region}/{endpoint.service}/aws4_request"
    text = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    signing = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        signing = hmac.digest(signing, part.encode(), "sha256")
    signature = hmac.new(signing, text.encode(), "sha256").hexdigest()
    authorization = f"{_ALGORITHM} Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "Authorization": authorization}


def _token(answer: Answer) -> str:
    """Read the password out of `AWS:password` in base64; ECR has a list of one, ECR Public one."""
    try:
        data = answer.json["authorizationData"]
        text = base64.b64decode((data[0] if isinstance(data, list) else data)["authorizationToken"], validate=True).decode()
        user, _, found = text.partition(":")
    except (LookupError, TypeError, ValueError, binascii.Error):
        user = found = ""
    if user != "AWS" or not re.fullmatch(r"[\x21-\x7e]+", found):
        raise Unavailable(
            "what answers GetAuthorizationToken is not Amazon ECR: it sent no token", "check the proxy on the way"
        )
    return found


def _refusal(host: str, answer: Answer) -> ActionError:
    try:
        document = answer.json
        code = str(document.get("__type") or "").rpartition("#")[2]
        message = one_line(str(document.get("message") or document.get("Message") or ""))
    except (ValueError, AttributeError):
        code = message = ""
    said = f"Amazon ECR answered {answer.status} {code} to the sign-in to {host}: {message}".rstrip(": ")
    if answer.status >= 500 or answer.status == 429 or "Throttling" in code or not code:
        return Unavailable(said, "run the job again later")
    if code == "AccessDeniedException":
        return Refused(said, "grant the role the permission ecr:GetAuthorizationToken, and those to pull and push")
    return Refused(said, f"the AWS credentials have expired or are wrong: {_LOGIN}")
