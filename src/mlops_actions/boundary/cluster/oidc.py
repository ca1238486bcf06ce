"""Clusters whose API server trusts GitHub's issuer: the job's own identity token signs in.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from mlops_actions.boundary.cluster.renewed_token import IssuedToken, Pause, RenewedToken
from mlops_actions.boundary.cluster.transport import ClusterCredentials
from mlops_actions.boundary.job_identity import JobIdentity
from mlops_actions.core.json_text import parse_json
from mlops_actions.core.ports import Log

_UNKNOWN = 60.0  # seconds, where a token does not say how long it lives


def log_in(audience: str, environ: Mapping[str, str], log: Log, pause: Pause) -> ClusterCredentials:
    """Return credentials that send the job's identity token, renewed before it expires; each use may raise ActionError."""
    identity = JobIdentity(environ, log, pause)

    def fetch() -> IssuedToken:
        token = identity.token(audience)
        return IssuedToken(token, lifetime(token))

    token = RenewedToken(fetch, log)
    token()  # at the start: without the permission, no request is needed to say so
    return token.credentials


def lifetime(token: str) -> float:
    """Return for how many seconds a fresh token is valid, by its own claims: this machine's clock may be wrong. Pure."""
    part = token.split(".")[1]
    try:
        claims = parse_json(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return max(float(claims["exp"]) - float(claims["iat"]), 0.0)
    except (binascii.Error, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return _UNKNOWN
