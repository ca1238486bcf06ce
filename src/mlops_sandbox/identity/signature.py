"""AWS's signature of a request, version 4, computed anew from the request and the secret that the reader knows.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class SignedRequest:
    """A request with its query and headers (names in lower case); `signature` and its parts are None where it has none."""

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def parts(self) -> Mapping[str, str]:
        """What the request says of its signature: Credential, SignedHeaders, Signature, Date, Token; empty without one."""
        given = dict(self.query)
        if "X-Amz-Signature" in given:
            names = ("Credential", "SignedHeaders", "Signature", "Date")
            found = {name: given.get(f"X-Amz-{name}", "") for name in names}
            return found | {"Token": given.get("X-Amz-Security-Token", "")}
        algorithm, _, rest = self.headers.get("authorization", "").partition(" ")
        if algorithm != ALGORITHM:
            return {}
        pairs = (part.strip().partition("=") for part in rest.split(","))
        token = self.headers.get("x-amz-security-token", "")
        return {name: value for name, _, value in pairs} | {"Date": self.headers.get("x-amz-date", ""), "Token": token}

    def signed_at(self) -> datetime:
        """Return when it was signed; raises ValueError."""
        return datetime.strptime(self.parts["Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    def is_signed_by(self, secret: str) -> bool:
        """Tell whether the signature is this secret's, of this very request."""
        date, region, service, _ = self.parts["Credential"].split("/")[1:]
        key = f"AWS4{secret}".encode()
        for part in (date, region, service, "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        scope = f"{date}/{region}/{service}/aws4_request"
        canonical = hashlib.sha256(self._canonical().encode()).hexdigest()
        text = "\n".join((ALGORITHM, self.parts["Date"], scope, canonical))
        return hmac.compare_digest(hmac.new(key, text.encode(), "sha256").hexdigest(), self.parts["Signature"])

    def _canonical(self) -> str:
        query = sorted((_quoted(name), _quoted(value)) for name, value in self.query if name != "X-Amz-Signature")
        names = self.parts["SignedHeaders"].split(";")
        headers = "".join(f"{name}:{' '.join(self.headers.get(name, '').split())}\n" for name in names)
        text = "&".join(f"{name}={value}" for name, value in query)
        body = hashlib.sha256(self.body).hexdigest()
        return "\n".join((self.method, quote(self.path, safe="/-_.~"), text, headers, ";".join(names), body))


def read_query(text: str) -> list[tuple[str, str]]:
    """Return the pairs of a query."""
    return parse_qsl(text, keep_blank_values=True)


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
