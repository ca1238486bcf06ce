"""Federated tokens are refused by AWS's and Azure's stand-ins if one claim, or the signature, is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import urllib3
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.types import ASGIApp

from mlops_sandbox.host import Host
from mlops_sandbox.identity import Aws, Azure, FederatedCredential, Issuer
from mlops_sandbox.identity.azure import AKS_SERVER, TENANT
from mlops_sandbox.identity.github import SUBJECT

ROLE = "arn:aws:iam::111122223333:role/ci"
AWS, AZURE = "sts.amazonaws.com", "api://AzureADTokenExchange"


def by_another_key(issuer: Issuer, audience: str) -> str:
    claims = jwt.decode(issuer.issue(audience), options={"verify_signature": False})
    return jwt.encode(claims, rsa.generate_private_key(public_exponent=65537, key_size=2048), algorithm="RS256")


def unsigned(issuer: Issuer, audience: str) -> str:
    claims = jwt.decode(issuer.issue(audience), options={"verify_signature": False})
    return jwt.encode(claims, "", algorithm="none")


WRONG: dict[str, Callable[[Issuer, str], str]] = {
    "another key": by_another_key,
    "no signature": unsigned,
    "another issuer": lambda issuer, audience: issuer.issue(audience, iss="https://evil.test"),
    "another audience": lambda issuer, _: issuer.issue("https://github.com/octo-org"),
    "another subject": lambda issuer, audience: issuer.issue(audience, sub="repo:evil/fork:ref:refs/heads/main"),
    "expired": lambda issuer, audience: issuer.issue(audience, exp=int(time.time()) - 1),
    "not yet valid": lambda issuer, audience: issuer.issue(audience, nbf=int(time.time()) + 60),
    "no token": lambda _issuer, _audience: "a.b.c",
}


def posted(app: ASGIApp, path: str, form: dict[str, str]) -> Any:
    with Host(app) as host, urllib3.PoolManager() as http:
        return http.request("POST", f"{host.url}{path}", fields=form, encode_multipart=False)


def to_aws(issuer: Issuer, token: str) -> Any:
    aws = Aws(issuer)
    aws.roles[ROLE] = SUBJECT
    form = {"Action": "AssumeRoleWithWebIdentity", "RoleArn": ROLE, "RoleSessionName": "s", "WebIdentityToken": token}
    return posted(aws.app, "/", form)


def to_azure(issuer: Issuer, token: str) -> Any:
    azure = Azure(issuer)
    azure.applications["app"] = FederatedCredential(SUBJECT)
    form = {
        "grant_type": "client_credentials",
        "client_id": "app",
        "scope": f"{AKS_SERVER}/.default",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": token,
    }
    return posted(azure.app, f"/{TENANT}/oauth2/v2.0/token", form)


@pytest.mark.parametrize(("send", "audience"), [(to_aws, AWS), (to_azure, AZURE)], ids=["AWS", "Azure"])
def test_only_the_right_token_signs_in(send: Callable[[Issuer, str], Any], audience: str) -> None:
    issuer = Issuer()
    assert send(issuer, issuer.issue(audience)).status == 200
    accepted = [name for name, make in WRONG.items() if send(issuer, make(issuer, audience)).status < 400]
    assert accepted == []


def test_github_gives_a_token_to_the_job_alone() -> None:
    issuer = Issuer()
    with Host(issuer.app) as host, urllib3.PoolManager() as http:
        url = f"{host.url}/token?audience=a"
        assert http.request("GET", url).status == 401
        answer = http.request("GET", url, headers={"Authorization": f"Bearer {issuer.request_token}"})
    assert issuer.verify(answer.json()["value"], "a")["sub"] == SUBJECT


def test_a_token_of_entra_is_for_one_resource() -> None:
    issuer = Issuer()
    azure = Azure(issuer)
    azure.applications["app"] = FederatedCredential(SUBJECT)
    other = Azure(issuer)
    token = to_azure(issuer, issuer.issue(AZURE)).json()["access_token"]
    assert azure.claims(token, AKS_SERVER) is not None
    assert azure.claims(token, "https://management.azure.com") is None
    assert azure.claims(token[:-4] + "AAAA", AKS_SERVER) is None
    assert other.authenticator({})(token) is None
