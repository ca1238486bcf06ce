"""AWS: its security token service and the descriptions of EKS clusters, and the authenticator inside of such a cluster."""

from __future__ import annotations

import base64
import fnmatch
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mlops_sandbox.cluster.access import Identity, Rule
from mlops_sandbox.identity.github import Issuer, Refusal
from mlops_sandbox.identity.signature import SignedRequest, read_query

ACCOUNT = "111122223333"
AUDIENCE = "sts.amazonaws.com"
_SKEW = timedelta(minutes=5)
_PRESIGNED = timedelta(minutes=15)  # whatever X-Amz-Expires says
_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


class _Fault(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass
class AccessKey:
    """A key of `arn`; a temporary one has a token and an end."""

    secret: str
    arn: str
    token: str = ""
    end: datetime | None = None


@dataclass
class AwsCluster:
    """What AWS knows of a cluster: its endpoint, its authority (PEM), and its state."""

    endpoint: str
    authority: str
    status: str = "ACTIVE"


class Aws:
    """STS and EKS of one region at one address. `app` is the ASGI application.

    `roles` maps a role to the subjects (with `*`) of GitHub's tokens that it trusts, or to the ARN of another role.
    `describers` are the roles and users that may describe clusters, `publishers` those that may sign in to ECR.
    `lifetime` is that of a role's session, in seconds.
    """

    def __init__(self, issuer: Issuer, *, region: str = "eu-west-1", lifetime: int = 3600) -> None:
        self.issuer = issuer
        self.region = region
        self.lifetime = lifetime
        self.keys: dict[str, AccessKey] = {}
        self.roles: dict[str, str] = {}
        self.describers: set[str] = set()
        self.clusters: dict[str, AwsCluster] = {}
        self.sessions: list[str] = []
        self.publishers: set[str] = set()
        self.registry_passwords: list[str] = []
        self.app = Starlette(routes=[
            Route("/", self._sts, methods=["GET", "POST"]),
            Route("/clusters/{name}", self._describe),
        ])  # fmt: skip

    def add_key(self, arn: str) -> tuple[str, str]:
        """Add a user's key that does not expire, and return its id and secret."""
        key = f"AKIA{secrets.token_hex(8).upper()}"
        self.keys[key] = AccessKey(secrets.token_urlsafe(30), arn)
        return key, self.keys[key].secret

    async def _sts(self, request: Request) -> Response:
        signed = await _signed(request)
        if "x-amz-target" in request.headers:
            return self._ecr(signed, request.headers["x-amz-target"])
        form = {name: values[0] for name, values in parse_qs(signed.body.decode()).items()} | dict(signed.query)
        try:
            if form.get("Action") == "AssumeRoleWithWebIdentity":
                return self._assumed("AssumeRoleWithWebIdentity", form, self._by_token(form))
            caller = self.caller(signed, "sts", _PRESIGNED if request.method == "GET" else _SKEW)
            if form.get("Action") == "AssumeRole":
                if self.roles.get(form.get("RoleArn", "")) != caller:
                    raise _Fault(403, "AccessDenied", f"User: {caller} is not authorized to perform: sts:AssumeRole")
                return self._assumed("AssumeRole", form, form["RoleArn"])
            if form.get("Action") == "GetCallerIdentity":
                result = {"Arn": caller, "Account": ACCOUNT, "UserId": "AROAEXAMPLE:session"}
                return JSONResponse({"GetCallerIdentityResponse": {"GetCallerIdentityResult": result}})
            raise _Fault(400, "InvalidAction", f"Could not find operation {form.get('Action')}")
        except _Fault as fault:
            error = f"<Error><Type>Sender</Type><Code>{fault.code}</Code><Message>{escape(str(fault))}</Message></Error>"
            text = f'<ErrorResponse xmlns="{_NAMESPACE}">{error}<RequestId>1</RequestId></ErrorResponse>'
            return Response(text, fault.status, media_type="text/xml")

    def _ecr(self, signed: SignedRequest, target: str) -> Response:
        """GetAuthorizationToken of ECR and of ECR Public, which has the form of one entry."""
        services = {"AmazonEC2ContainerRegistry_V20150921": "ecr", "SpencerFrontendService": "ecr-public"}
        service = services.get(target.removesuffix(".GetAuthorizationToken"), "")
        try:
            if not service:
                raise _Fault(400, "UnknownOperationException", "")
            caller = self.caller(signed, service, _SKEW)
            if caller not in self.publishers:
                what = f"User: {caller} is not authorized to perform: ecr:GetAuthorizationToken on resource: *"
                raise _Fault(400, "AccessDeniedException", what)
        except _Fault as fault:
            return JSONResponse({"__type": fault.code, "message": str(fault)}, fault.status)
        self.registry_passwords.append(secrets.token_urlsafe(60))
        token = base64.b64encode(f"AWS:{self.registry_passwords[-1]}".encode()).decode()
        entry = {"authorizationToken": token, "expiresAt": 1.8e9}
        return JSONResponse({"authorizationData": entry if service == "ecr-public" else [entry]})

    def _by_token(self, form: Mapping[str, str]) -> str:
        """Return the role that a federated token may assume; raises _Fault."""
        try:
            claims = self.issuer.verify(form.get("WebIdentityToken", ""), AUDIENCE)
        except Refusal as refusal:
            code = "ExpiredTokenException" if "expired" in str(refusal) else "InvalidIdentityToken"
            raise _Fault(400, code, f"{refusal}") from None
        role = form.get("RoleArn", "")
        trusted = self.roles.get(role, "")
        if not trusted or trusted.startswith("arn:") or not fnmatch.fnmatchcase(claims["sub"], trusted):
            raise _Fault(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
        return role

    def _assumed(self, action: str, form: Mapping[str, str], role: str) -> Response:
        session = form.get("RoleSessionName", "")
        if not session:
            raise _Fault(400, "ValidationError", "Value null at 'roleSessionName' failed to satisfy constraint")
        key, made, end = self.open_session(role, session)
        parts = {"AccessKeyId": key, "SecretAccessKey": made.secret, "SessionToken": made.token, "Expiration": end}
        credentials = "".join(f"<{tag}>{text}</{tag}>" for tag, text in parts.items())
        user = (
            f"<AssumedRoleUser><Arn>{made.arn}</Arn><AssumedRoleId>AROAEXAMPLE:{session}</AssumedRoleId></AssumedRoleUser>"
        )
        result = f"<{action}Result><Credentials>{credentials}</Credentials>{user}</{action}Result>"
        return Response(f'<{action}Response xmlns="{_NAMESPACE}">{result}</{action}Response>', media_type="text/xml")

    def open_session(self, role: str, session: str) -> tuple[str, AccessKey, str]:
        """Make the credentials of a role's session; return the key's id, the key, and when it ends, as AWS writes it."""
        key, end = f"ASIA{secrets.token_hex(8).upper()}", datetime.now(UTC) + timedelta(seconds=self.lifetime)
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/{session}"
        self.keys[key] = AccessKey(secrets.token_urlsafe(30), arn, secrets.token_urlsafe(90), end)
        self.sessions.append(session)
        return key, self.keys[key], end.strftime("%Y-%m-%dT%H:%M:%SZ")

    def caller(self, signed: SignedRequest, service: str, valid: timedelta) -> str:
        """Return the ARN of who signed a request; raises _Fault."""
        parts = signed.parts
        scope = parts.get("Credential", "").split("/")
        if not parts.get("Signature") or len(scope) != 5:
            raise _Fault(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
        key = self.keys.get(scope[0])
        if key is None or parts["Token"] != key.token:
            raise _Fault(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
        if key.end is not None and key.end <= datetime.now(UTC):
            raise _Fault(403, "ExpiredToken", "The security token included in the request is expired")
        if scope[2:] != [self.region, service, "aws4_request"] or "host" not in parts["SignedHeaders"].split(";"):
            raise _Fault(403, "SignatureDoesNotMatch", f"Credential should be scoped to a valid region, not '{scope[2]}'.")
        if not -_SKEW < datetime.now(UTC) - signed.signed_at() < valid:
            raise _Fault(403, "SignatureDoesNotMatch", f"Signature expired: {parts['Date']}")
        if not signed.is_signed_by(key.secret):
            raise _Fault(403, "SignatureDoesNotMatch", "The request signature we calculated does not match")
        return _role_of(key.arn)

    async def _describe(self, request: Request) -> Response:
        name = request.path_params["name"]
        try:
            caller = self.caller(await _signed(request), "eks", _SKEW)
            if caller not in self.describers:
                what = f"User: {caller} is not authorized to perform: eks:DescribeCluster on resource: {name}"
                raise _Fault(403, "AccessDeniedException", what)
            if name not in self.clusters:
                raise _Fault(404, "ResourceNotFoundException", f"No cluster found for name: {name}.")
        except _Fault as fault:
            return JSONResponse({"message": str(fault)}, fault.status, {"x-amzn-errortype": fault.code})
        cluster = self.clusters[name]
        described: dict[str, Any] = {"name": name, "status": cluster.status}
        if cluster.status == "ACTIVE":
            data = base64.b64encode(cluster.authority.encode()).decode()
            described |= {"endpoint": cluster.endpoint, "certificateAuthority": {"data": data}}
        return JSONResponse({"cluster": described})

    def authenticator(self, cluster: str, host: str, users: Mapping[str, tuple[Rule, ...]]) -> EksAuthenticator:
        """Return the authenticator of a cluster, which lets these roles and users in; `host` is that of STS."""
        return EksAuthenticator(self, cluster, host, users)


@dataclass(frozen=True)
class EksAuthenticator:
    """What an EKS cluster does with a token: https://github.com/kubernetes-sigs/aws-iam-authenticator (pkg/token)."""

    aws: Aws
    cluster: str
    host: str
    users: Mapping[str, tuple[Rule, ...]]

    def __call__(self, token: str) -> Identity | None:
        """Return who a bearer token is; None where it is no token for this cluster."""
        prefix, _, text = token.partition(".")
        if prefix != "k8s-aws-v1" or len(token) > 4096 or "=" in text:
            return None
        try:
            url = urlsplit(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode())
            query = read_query(url.query)
        except ValueError:
            return None
        given = {name.lower(): value for name, value in query}
        known = {"action", "version", *(f"x-amz-{name}" for name in _PARAMETERS)}
        if (url.scheme, url.netloc, url.path) != ("https", self.host, "/") or set(given) - known or len(given) != len(query):
            return None
        if given.get("action") != "GetCallerIdentity" or not given.get("x-amz-expires", "").isdigit():
            return None
        if int(given["x-amz-expires"]) > 900 or "x-k8s-aws-id" not in given.get("x-amz-signedheaders", "").split(";"):
            return None
        signed = SignedRequest("GET", "/", query, {"host": self.host, "x-k8s-aws-id": self.cluster}, b"")
        try:
            arn = self.aws.caller(signed, "sts", _PRESIGNED)
        except (_Fault, ValueError):
            return None
        return Identity(arn, self.users[arn]) if arn in self.users else None


_PARAMETERS = ("algorithm", "credential", "date", "expires", "security-token", "signature", "signedheaders", "user-agent")


def _role_of(arn: str) -> str:
    """Return the role of a session, and every other identity as it is."""
    kind, _, rest = arn.rpartition(":")[2].partition("/")
    return f"arn:aws:iam::{ACCOUNT}:role/{rest.partition('/')[0]}" if kind == "assumed-role" else arn


async def _signed(request: Request) -> SignedRequest:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return SignedRequest(request.method, request.url.path, read_query(request.url.query), headers, await request.body())
