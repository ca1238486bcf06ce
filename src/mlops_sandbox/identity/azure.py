"""Azure: Microsoft Entra's token endpoint, the Resource Manager's kubeconfigs, and the authenticator of an AKS cluster."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mlops_sandbox.cluster.access import Identity, Rule
from mlops_sandbox.identity.github import ALGORITHM, Issuer, Refusal, signing_key

AUDIENCE = "api://AzureADTokenExchange"
AKS_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
MANAGER = "https://management.azure.com"
REGISTRY = "https://containerregistry.azure.net"
TENANT = "00000000-1111-2222-3333-444444444444"
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_GROUP = "/subscriptions/{subscription}/resourceGroups/{group}"
_CLUSTER = f"{_GROUP}/providers/Microsoft.ContainerService/managedClusters/{{name}}/listClusterUserCredential"


@dataclass(frozen=True)
class FederatedCredential:
    """Whose identity tokens an application accepts, by the exact subject; `may_list` lets it read kubeconfigs.

    With a `secret` the application may also sign in by that.
    """

    subject: str
    may_list: bool = True
    secret: str = field(default="", repr=False)


class Azure:
    """Entra of one tenant and the Resource Manager, at one address. `app` is the ASGI application.

    `applications` maps a client id to its credential, `kubeconfigs` a path of the Resource Manager to a kubeconfig.
    `identities` are the managed identities of a machine, by client id; who is on it knows `machine_secret`.
    """

    def __init__(self, issuer: Issuer, *, lifetime: int = 3600) -> None:
        self.issuer = issuer
        self.lifetime = lifetime
        self.applications: dict[str, FederatedCredential] = {}
        self.kubeconfigs: dict[str, str] = {}
        self.identities: set[str] = set()
        self.machine_secret = secrets.token_urlsafe(16)
        self.tokens: list[str] = []
        self.registry_passwords: list[str] = []
        self._key = signing_key("Entra")
        self.app = Starlette(routes=[
            Route("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self._configuration),
            Route("/msi/token", self._managed),
            Route("/oauth2/exchange", self._exchange, methods=["POST"]),
            Route(_CLUSTER, self._kubeconfig, methods=["POST"]),
        ])  # fmt: skip

    def add_cluster(self, subscription: str, group: str, name: str, kubeconfig: str) -> None:
        """Let the Resource Manager give a kubeconfig for a cluster."""
        self.kubeconfigs[_CLUSTER.format(subscription=subscription, group=group, name=name)] = kubeconfig

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        scope, client = form.get("scope", ""), form.get("client_id", "")
        resource, _, suffix = scope.rpartition("/")
        credential = self.applications.get(client)
        if request.path_params["tenant"] != TENANT:
            return _entra(400, 90002, f"Tenant '{request.path_params['tenant']}' not found.")
        if form.get("grant_type") != "client_credentials":
            return _entra(400, 70003, "The app requested an unsupported grant type.")
        if credential is None:
            return _entra(400, 700016, f"Application with identifier '{client}' was not found in the directory.")
        if resource not in (AKS_SERVER, MANAGER, REGISTRY) or suffix != ".default":
            return _entra(400, 500011, f"The resource principal named {resource} was not found in the tenant.")
        by_secret = bool(credential.secret) and form.get("client_secret") == credential.secret
        if not by_secret and form.get("client_assertion_type") != _JWT_BEARER:
            return _entra(401, 7000215, "Invalid client secret provided.")
        return self._issued(client, resource) if by_secret else self._federated(client, credential, form, resource)

    def _federated(self, client: str, credential: FederatedCredential, form: Mapping[str, str], resource: str) -> Response:
        try:
            claims = self.issuer.verify(form.get("client_assertion", ""), AUDIENCE)
        except Refusal as refusal:
            code = 700024 if "expired" in str(refusal) else 700212 if "udience" in str(refusal) else 50027
            return _entra(401, code, f"The client assertion is not accepted: {refusal}")
        if claims["sub"] != credential.subject:
            return _entra(401, 700213, f"No matching federated identity record found for subject '{claims['sub']}'.")
        return self._issued(client, resource)

    async def _exchange(self, request: Request) -> Response:
        """https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        is_for_this = form.get("service") == request.headers["host"] and form.get("grant_type") == "access_token"
        if not is_for_this or self.claims(form.get("access_token", ""), REGISTRY) is None:
            return JSONResponse({"errors": [{"code": "UNAUTHORIZED", "message": "retrieving permissions failed"}]}, 401)
        self.registry_passwords.append(secrets.token_urlsafe(40))
        return JSONResponse({"refresh_token": self.registry_passwords[-1]})

    async def _managed(self, request: Request) -> Response:
        """https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference."""
        query = request.query_params
        if request.headers.get("x-identity-header") != self.machine_secret or query.get("api-version") != "2019-08-01":
            return JSONResponse({"statusCode": 400, "message": "The header or the api-version is wrong."}, 400)
        if query.get("resource") not in (AKS_SERVER, MANAGER):
            return JSONResponse({"statusCode": 400, "message": "The resource is unknown."}, 400)
        if query.get("client_id") not in self.identities:
            message = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
            return JSONResponse({"statusCode": 400, "message": message}, 400)
        token, end = self._signed(query["client_id"], query["resource"])
        answer = {"access_token": token, "expires_on": str(end), "resource": query["resource"], "token_type": "Bearer"}
        return JSONResponse({**answer, "client_id": query["client_id"]})

    def _issued(self, client: str, resource: str) -> Response:
        token, _ = self._signed(client, resource)
        return JSONResponse({"token_type": "Bearer", "expires_in": self.lifetime, "access_token": token})

    def _signed(self, client: str, resource: str) -> tuple[str, int]:
        """Return a token and when it ends, in seconds since 1970."""
        now = int(time.time())
        made = {"aud": resource, "appid": client, "oid": f"oid-{client}", "iat": now, "exp": now + self.lifetime}
        self.tokens.append(jwt.encode({**made, "jti": secrets.token_hex(8)}, self._key, algorithm=ALGORITHM))
        return self.tokens[-1], now + self.lifetime

    async def _configuration(self, request: Request) -> Response:
        base = f"{request.url.scheme}://{request.url.netloc}/{request.path_params['tenant']}"
        return JSONResponse({
            "issuer": f"{base}/v2.0", "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize", "jwks_uri": f"{base}/discovery/v2.0/keys",
        })  # fmt: skip

    async def _kubeconfig(self, request: Request) -> Response:
        claims = self.claims(request.headers.get("authorization", "").removeprefix("Bearer "), MANAGER)
        if claims is None:
            return _manager(401, "AuthenticationFailed", "Authentication failed.")
        if not request.query_params.get("api-version"):
            return _manager(400, "MissingApiVersionParameter", "The api-version query parameter is required.")
        if not self.applications[claims["appid"]].may_list:
            what = "does not have authorization to perform action 'Microsoft.ContainerService/managedClusters/"
            return _manager(403, "AuthorizationFailed", f"The client '{claims['appid']}' {what}listClusterUserCredential'.")
        text = self.kubeconfigs.get(request.url.path)
        if text is None:
            return _manager(404, "ResourceNotFound", f"The Resource '{request.path_params['name']}' was not found.")
        value = base64.b64encode(text.encode()).decode()
        return JSONResponse({"kubeconfigs": [{"name": "clusterUser", "value": value}]})

    def claims(self, token: str, audience: str) -> Mapping[str, Any] | None:
        """Return the claims of one of this tenant's tokens; None where it is none, for another audience, or expired."""
        try:
            found: dict[str, Any] = jwt.decode(token, self._key.public_key(), [ALGORITHM], audience=audience)
        except jwt.PyJWTError:
            return None
        return found

    def authenticator(self, users: Mapping[str, tuple[Rule, ...]]) -> AksAuthenticator:
        """Return the authenticator of a cluster, which lets these applications in."""
        return AksAuthenticator(self, users)


@dataclass(frozen=True)
class AksAuthenticator:
    """What an AKS cluster does with a token: it must be Entra's, for the application that stands for AKS."""

    azure: Azure
    users: Mapping[str, tuple[Rule, ...]]

    def __call__(self, token: str) -> Identity | None:
        """Return who a bearer token is; None where it is no token for a cluster."""
        claims = self.azure.claims(token, AKS_SERVER)
        application = "" if claims is None else str(claims["appid"])
        return Identity(f"oid-{application}", self.users[application]) if application in self.users else None


def _entra(status: int, code: int, message: str) -> Response:
    """https://learn.microsoft.com/entra/identity-platform/reference-error-codes."""
    error = "unauthorized_client" if code == 700016 else "invalid_client" if status == 401 else "invalid_request"
    return JSONResponse({"error": error, "error_description": f"AADSTS{code}: {message}", "error_codes": [code]}, status)


def _manager(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status)
