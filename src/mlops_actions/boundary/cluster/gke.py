"""Clusters on Google Kubernetes Engine without gcloud: a cluster's address, and a token that is renewed during a wait."""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mlops_actions.boundary.cluster.connect import Address, connect_by_token
from mlops_actions.boundary.cluster.renewed_token import Pause
from mlops_actions.boundary.cluster.transport import ClusterCredentials, ClusterTransport, ErrorTexts
from mlops_actions.boundary.google import SignIn, first_line, load, refresh
from mlops_actions.core.errors import BadInput, Refused, Unavailable
from mlops_actions.core.json_text import refuse_deep_nesting
from mlops_actions.core.ports import Log

SCOPES = (
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/userinfo.email",
)
# gcloud's own variable for another address of the API, such as a private one (Private Google Access).
ENDPOINT_VARIABLE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER"
SECONDS = 30
TEXTS = ErrorTexts(
    address="'gke-endpoint'",
    trust="try again, or another 'gke-endpoint'",
    credentials="see that the account still exists, and may use the cluster",
)
_LOGIN = (
    "give 'google-identity-provider' (with `permissions: id-token: write`), or add google-github-actions/auth before this "
    "step, or give 'google-credentials' (a service account's key)"
)


@dataclass(frozen=True)
class ClusterRef:
    """The cluster that the inputs name; `endpoint` is `auto`, `public`, `private` or `dns`."""

    cluster: str
    location: str
    project: str
    endpoint: str


class Token:
    """Google's access token, renewed when it is about to expire; safe to use from any thread."""

    def __init__(self, credentials: Any, log: Log, login: str = _LOGIN) -> None:
        self._login = login
        self._credentials = credentials
        self._log = log
        self._lock = threading.Lock()

    def __call__(self) -> str:
        """Return a token that is valid now; raises Refused, Unavailable."""
        with self._lock:
            if not self._credentials.valid:
                self._refresh()
            return str(self._credentials.token)

    def renew(self, refused: str) -> None:
        """Get another token though this one seems valid, unless another thread that was refused has done so."""
        with self._lock:
            if refused == f"Bearer {self._credentials.token}":
                self._refresh()

    @property
    def credentials(self) -> ClusterCredentials:
        """The credentials of requests."""
        return ClusterCredentials(lambda: f"Bearer {self()}", self.renew)

    def _refresh(self) -> None:
        refresh(self._credentials, self._log, self._login)


def connect(
    ref: ClusterRef,
    sign_in: SignIn,
    environ: Mapping[str, str],
    log: Log,
    pause: Pause,
) -> tuple[ClusterTransport, str]:
    """Connect to the cluster, and return its default namespace too; raises BadInput, Refused, Unavailable."""
    try:
        address, token = find(ref, sign_in, environ, log)
        return connect_by_token(address, token.credentials, environ, log, pause, TEXTS), "default"
    except (OSError, ValueError):
        raise Unavailable("what Google says is the cluster's certificate authority is none", "try again") from None


def find(
    ref: ClusterRef, sign_in: SignIn, environ: Mapping[str, str], log: Log, *, login: str = _LOGIN
) -> tuple[Address, Token]:
    """Ask Google where the cluster is; return the token too. Raises BadInput, Refused, Unavailable.

    `login` is the remedy where there are no credentials, or Google refuses them.
    """
    google_credentials, project = load(sign_in, environ, log, scopes=SCOPES, remedy=login)
    ref = replace(ref, project=ref.project or project or "")
    for name, value in (("gke-location", ref.location), ("gke-project", ref.project)):
        if not value:
            raise BadInput(f"input 'gke-cluster' needs '{name}'", f"give '{name}', as the cluster's page shows it")
    token = Token(google_credentials, log, login)
    return choose(describe(ref, token(), environ), ref), token


def log_in(sign_in: SignIn, environ: Mapping[str, str], log: Log) -> ClusterCredentials:
    """Return the credentials for a cluster whose address is known already; raises BadInput."""
    return Token(load(sign_in, environ, log, scopes=SCOPES, remedy=_LOGIN)[0], log).credentials


def describe(ref: ClusterRef, token: str, environ: Mapping[str, str]) -> Any:
    """Ask Google for the cluster's description; raises Refused, Unavailable."""
    import google.oauth2.credentials as oauth
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError
    from google.cloud import container_v1
    from google.protobuf.json_format import ParseError

    options = {"api_endpoint": environ[ENDPOINT_VARIABLE].rstrip("/")} if environ.get(ENDPOINT_VARIABLE) else None
    name = f"projects/{ref.project}/locations/{ref.location}/clusters/{ref.cluster}"
    try:
        # By the very token that the cluster will see: the library would make another for its own API alone.
        bearer = oauth.Credentials(token)  # type: ignore[no-untyped-call]
        client = container_v1.ClusterManagerClient(credentials=bearer, transport="rest", client_options=options)
        # The library shows no answer before it has parsed it.
        client.transport._session.hooks["response"].append(_refuse_deep_nesting)  # type: ignore[attr-defined]
        return client.get_cluster(name=name, timeout=SECONDS)
    except (exceptions.NotFound, exceptions.InvalidArgument):
        raise Refused(
            f"Google knows no cluster '{ref.cluster}' in '{ref.location}' of the project '{ref.project}'",
            "check 'gke-cluster', 'gke-location' (a region or a zone) and 'gke-project'",
        ) from None
    except (exceptions.Forbidden, exceptions.Unauthorized) as error:
        raise Refused(
            f"Google does not let this account see the cluster: {first_line(error)}",
            "grant it the role roles/container.clusterViewer (permission container.clusters.get) in the project",
        ) from None
    except (exceptions.GoogleAPIError, GoogleAuthError, OSError) as error:
        raise Unavailable(
            f"Google's container API does not answer GET /v1/{name}: {first_line(error)}", "try again"
        ) from None
    except (ParseError, ValueError, TypeError, AttributeError):  # the library does not check what it reads
        raise Unavailable(
            f"what answers GET /v1/{name} is not Google's container API: it sent no description of a cluster",
            f"check the proxy on the way, and the variable {ENDPOINT_VARIABLE} where it is set",
        ) from None


def _refuse_deep_nesting(response: Any, *_arguments: Any, **_options: Any) -> None:
    refuse_deep_nesting(response.content.decode(errors="replace"))


def choose(cluster: Any, ref: ClusterRef) -> Address:
    """Choose the endpoint from the cluster's description; raises BadInput where it has none of the kind. Pure.

    `auto`: the public address, unless the cluster has closed it; then DNS, if that takes calls from outside; then private.
    """
    dns = cluster.control_plane_endpoints_config.dns_endpoint_config
    by_ip = cluster.control_plane_endpoints_config.ip_endpoints_config
    old = cluster.private_cluster_config
    closed = bool(old.enable_private_endpoint)
    addresses = {
        "public": "" if closed else by_ip.public_endpoint or old.public_endpoint or cluster.endpoint,
        "dns": dns.endpoint if dns.allow_external_traffic else "",
        "private": by_ip.private_endpoint or old.private_endpoint or (cluster.endpoint if closed else ""),
    }
    kinds = list(addresses) if ref.endpoint == "auto" else [ref.endpoint]
    kind = next((name for name in kinds if addresses[name]), None)
    if kind is None:
        has = ", ".join(name for name, address in addresses.items() if address) or "none that can be used"
        raise BadInput(
            f"the cluster '{ref.cluster}' has no {ref.endpoint} endpoint",
            f"give 'gke-endpoint', one it has: {has}",
        )
    if kind == "dns":  # *.gke.goog: a certificate of the public web
        return Address(f"https://{addresses[kind]}", "")
    return Address(f"https://{addresses[kind]}", base64.b64decode(cluster.master_auth.cluster_ca_certificate).decode())
