"""AWS's stand-in computes signatures anew: what botocore signs is accepted, and a changed request is not."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore import session

from mlops_sandbox.identity import Aws, Issuer
from mlops_sandbox.identity.signature import SignedRequest

HOST = "sts.eu-west-1.amazonaws.com"
USER = "arn:aws:iam::111122223333:user/ci"


@pytest.fixture
def aws() -> Aws:
    return Aws(Issuer())


def presigned(key: str, secret: str, cluster: str = "train", *, header: str = "x-k8s-aws-id", expires: int = 60) -> str:
    """Return what botocore signs for a token."""
    one = session.Session()
    one.set_credentials(key, secret)
    one.set_config_variable("sts_regional_endpoints", "regional")
    client = one.create_client("sts", region_name="eu-west-1", endpoint_url=f"https://{HOST}")

    def name_cluster(request: Any, **_: Any) -> None:
        request.headers[header] = cluster

    client.meta.events.register("before-sign.sts.GetCallerIdentity", name_cluster)
    return str(client.generate_presigned_url("get_caller_identity", ExpiresIn=expires, HttpMethod="GET"))


def token(url: str) -> str:
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


CHANGES: dict[str, Callable[[str], str]] = {
    "another signature": lambda url: url[:-1] + ("0" if url[-1] != "0" else "1"),
    "another host": lambda url: url.replace(HOST, "sts.evil.test"),
    "plain text": lambda url: url.replace("https", "http"),
    "another path": lambda url: url.replace("/?", "/x?"),
    "another action": lambda url: url.replace("GetCallerIdentity", "GetSessionToken"),
    "another day": lambda url: url.replace("X-Amz-Date=20", "X-Amz-Date=19"),
    "longer": lambda url: url.replace("X-Amz-Expires=60", "X-Amz-Expires=901"),
    "an edited lifetime": lambda url: url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"),
    "an unknown parameter": lambda url: url + "&X=1",
    "a repeated parameter": lambda url: url + "&Action=GetCallerIdentity",
    "another key": lambda url: url.replace("AKIA", "AKIB"),
    "no signature": lambda url: url.partition("&X-Amz-Signature")[0],
}


def test_a_token_is_accepted_as_botocore_signs_it(aws: Aws) -> None:
    key, secret = aws.add_key(USER)
    identity = aws.authenticator("train", HOST, {USER: ()})(token(presigned(key, secret)))
    assert identity is not None
    assert identity.user == USER


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_token_is_refused(aws: Aws, name: str) -> None:
    key, secret = aws.add_key(USER)
    url = presigned(key, secret)
    assert CHANGES[name](url) != url
    assert aws.authenticator("train", HOST, {USER: ()})(token(CHANGES[name](url))) is None


def test_a_token_is_for_one_cluster_one_user_and_a_quarter_of_an_hour(aws: Aws) -> None:
    key, secret = aws.add_key(USER)
    authenticate = aws.authenticator("train", HOST, {USER: ()})
    good = presigned(key, secret)
    assert authenticate(token(presigned(key, secret, "another"))) is None
    assert authenticate(token(presigned(key, secret, header="x-other"))) is None
    assert authenticate(token(presigned(key, "another"))) is None
    assert authenticate("k8s-aws-v1." + base64.urlsafe_b64encode(good.encode()).decode() + "=") is None
    assert authenticate(token(good).replace("k8s-aws-v1", "k8s-aws-v2")) is None
    assert aws.authenticator("train", HOST, {})(token(good)) is None
    aws.keys[key].end = datetime.now(UTC) - timedelta(seconds=1)
    assert authenticate(token(good)) is None


def test_the_computed_signature_is_that_of_aws_s_documentation() -> None:
    """The example of https://docs.aws.amazon.com/amazonglacier/latest/dev/amazon-glacier-signing-requests.html."""
    credential = "AKIAIOSFODNN7EXAMPLE/20120525/us-east-1/glacier/aws4_request"
    signature = "3ce5b2f2fffac9262b4da9256f8d086b4aaf42eba5f111c21681a65a127b7c2a"
    signed_headers = "host;x-amz-date;x-amz-glacier-version"
    headers = {
        "host": "glacier.us-east-1.amazonaws.com",
        "x-amz-date": "20120525T002453Z",
        "x-amz-glacier-version": "2012-06-01",
        "authorization": f"AWS4-HMAC-SHA256 Credential={credential},SignedHeaders={signed_headers},Signature={signature}",
    }
    request = SignedRequest("PUT", "/-/vaults/examplevault", [], headers, b"")
    secret = "/".join(("wJalrXUtnFEMI", "K7MDENG", "bPxRfiCYEXAMPLEKEY"))
    assert request.is_signed_by(secret)
    assert not request.is_signed_by(secret + "x")
