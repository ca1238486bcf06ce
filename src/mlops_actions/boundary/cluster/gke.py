"""Clusters on Google Kubernetes Engine without gcloud: where a cluster is, and a token that is renewed while one waits."""

from __future__ import annotations

import base64
import binascii
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mlops_actions.boundary.cluster.connect import connect_by_token
from mlops_actions.boundary.cluster.transport import ClusterCredentials, ClusterTransport, ErrorTexts
from mlops_actions.core.errors import BadInput, Refused, Unavailable
from mlops_actions.core.ports import Runner
from mlops_actions.core.types import Json

SCOPES: Final = (
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/userinfo.email",
)
# gcloud's own variable for another address of the API, such as a private one (Private Google Access).
ENDPOINT_VARIABLE: Final = "CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER"
SECONDS: Final = 30
TEXTS: Final = ErrorTexts(
    address="'gke-endpoint'",
    trust="try again, or another 'gke-endpoint'",
    credentials="see that the account still exists, and may use the cluster",
)
_LOGIN: Final = "add google-github-actions/auth before this step, or give 'google-credentials' (a service account's key)"


@dataclass(frozen=True)
class Wanted:
    """Which cluster, as the inputs name it; `endpoint` is `auto`, `public`, `private` or `dns`."""

    cluster: str
    location: str
    project: str
    endpoint: str


@dataclass(frozen=True)
class Address:
    """Where a cluster's API is; `authority` is its own CA (PEM), empty where the system's are to be trusted."""

    url: str
    authority: str


class Token:
    """Google's access token, renewed when it is about to expire; safe to use from any thread."""

    def __init__(self, credentials: Any, runner: Runner) -> None:
        self._credentials = credentials
        self._runner = runner
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
        """What requests are sent with."""
        return ClusterCredentials(lambda: f"Bearer {self()}", self.renew)

    def _refresh(self) -> None:
        from google.auth import exceptions
        from google.auth.transport.requests import Request

        try:
            self._credentials.refresh(Request())
        except exceptions.TransportError as error:
            words = _first_line(error)
            raise Unavailable(f"Google's token server cannot be reached: {words}", "try again") from None
        except exceptions.GoogleAuthError as error:
            raise Refused(f"Google does not accept the credentials: {_first_line(error)}", _LOGIN) from None
        self._runner.mask(str(self._credentials.token))


def connect(
    wanted: Wanted, credentials: str | None, environ: Mapping[str, str], runner: Runner, pause: Callable[[float], None]
) -> tuple[ClusterTransport, str]:
    """Return the way to the cluster and its default namespace; raises BadInput, Refused, Unavailable."""
    found, project = _credentials(credentials, environ, runner)
    wanted = Wanted(wanted.cluster, wanted.location, wanted.project or project or "", wanted.endpoint)
    for name, value in (("gke-location", wanted.location), ("gke-project", wanted.project)):
        if not value:
            raise BadInput(f"input 'gke-cluster' needs '{name}'", f"give '{name}', as the cluster's page shows it")
    token = Token(found, runner)
    address = choose(describe(wanted, token(), environ), wanted)
    try:
        return connect_by_token(address.url, address.authority, token.credentials, environ, runner, pause, TEXTS), "default"
    except (OSError, ValueError):
        raise Unavailable("what Google says is the cluster's certificate authority is none", "try again") from None


def log_in(credentials: str | None, environ: Mapping[str, str], runner: Runner) -> ClusterCredentials:
    """Return what requests are sent with to a cluster whose address is known already; raises BadInput."""
    return Token(_credentials(credentials, environ, runner)[0], runner).credentials


def describe(wanted: Wanted, token: str, environ: Mapping[str, str]) -> Any:
    """Ask Google for the cluster's description; raises Refused, Unavailable."""
    import google.oauth2.credentials as oauth
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError
    from google.cloud import container_v1

    options = {"api_endpoint": environ[ENDPOINT_VARIABLE].rstrip("/")} if environ.get(ENDPOINT_VARIABLE) else None
    name = f"projects/{wanted.project}/locations/{wanted.location}/clusters/{wanted.cluster}"
    try:
        # By the very token that the cluster will see: the library would make another for its own API alone.
        bearer = oauth.Credentials(token)  # type: ignore[no-untyped-call]
        client = container_v1.ClusterManagerClient(credentials=bearer, transport="rest", client_options=options)
        return client.get_cluster(name=name, timeout=SECONDS)
    except (exceptions.NotFound, exceptions.InvalidArgument):
        raise Refused(
            f"Google knows no cluster '{wanted.cluster}' in '{wanted.location}' of the project '{wanted.project}'",
            "check 'gke-cluster', 'gke-location' (a region or a zone) and 'gke-project'",
        ) from None
    except (exceptions.Forbidden, exceptions.Unauthorized) as error:
        raise Refused(
            f"Google does not let this account see the cluster: {_first_line(error)}",
            "grant it the role roles/container.clusterViewer (permission container.clusters.get) in the project",
        ) from None
    except (exceptions.GoogleAPIError, GoogleAuthError, OSError) as error:
        raise Unavailable(f"Google's container API does not answer: {_first_line(error)}", "try again") from None


def choose(cluster: Any, wanted: Wanted) -> Address:
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
    kinds = list(addresses) if wanted.endpoint == "auto" else [wanted.endpoint]
    kind = next((one for one in kinds if addresses[one]), None)
    if kind is None:
        has = ", ".join(one for one, address in addresses.items() if address) or "none that can be used"
        raise BadInput(
            f"the cluster '{wanted.cluster}' has no {wanted.endpoint} endpoint", f"give 'gke-endpoint', one it has: {has}"
        )
    if kind == "dns":  # *.gke.goog: a certificate of the public web
        return Address(f"https://{addresses[kind]}", "")
    return Address(f"https://{addresses[kind]}", base64.b64decode(cluster.master_auth.cluster_ca_certificate).decode())


def _credentials(text: str | None, environ: Mapping[str, str], runner: Runner) -> tuple[Any, str | None]:
    import google.auth
    from google.auth import exceptions

    info, origin = _given(text, environ)
    try:
        if info is None:
            found, project = google.auth.default(scopes=SCOPES)
        else:
            _refuse_programs(info, origin)
            for key in ("private_key", "private_key_id", "refresh_token", "client_secret"):
                if isinstance(info.get(key), str):
                    runner.mask(info[key])
            found, project = _typed(info, origin), info.get("project_id")
    except (exceptions.GoogleAuthError, ValueError) as error:
        # The words of a ValueError may quote the credentials.
        words = _first_line(error) if isinstance(error, exceptions.GoogleAuthError) else "they are malformed"
        raise BadInput(f"there are no usable credentials for Google: {words}", _LOGIN) from None
    return found, project


def _typed(info: Json, origin: str) -> Any:
    """Make credentials of the kinds that are known to be data alone (Google warns of loading just any)."""
    from google.auth import identity_pool
    from google.oauth2 import credentials, service_account

    makers: dict[str, Any] = {
        "service_account": service_account.Credentials.from_service_account_info,
        "authorized_user": credentials.Credentials.from_authorized_user_info,
        "external_account": identity_pool.Credentials.from_info,
    }
    kind = str(info.get("type") or "")
    if kind not in makers:
        raise BadInput(f"{origin} is of the type {kind!r}, not one of {', '.join(makers)}", _LOGIN)
    return makers[kind](info, scopes=SCOPES)


def _given(text: str | None, environ: Mapping[str, str]) -> tuple[Json | None, str]:
    if text:
        return _parse(_plain(text), "input 'google-credentials'"), "input 'google-credentials'"
    named = environ.get("GOOGLE_APPLICATION_CREDENTIALS", "")
    # google-github-actions/auth names its file by the host's path, and not every such path is translated for a container.
    # The file itself lies in the workspace, under a random name: a file of any other name there could be the pull request's,
    # and say where tokens are sent.
    candidates = (Path(named), Path(environ.get("GITHUB_WORKSPACE") or ".") / Path(named).name) if named else ()
    for path in candidates:
        if path.is_file():
            return _parse(path.read_text(encoding="utf-8"), f"the credentials file {path.name!r}"), path.name
    if named:
        raise BadInput(f"GOOGLE_APPLICATION_CREDENTIALS names a file that does not exist here: {named!r}", _LOGIN)
    return None, ""


def _plain(text: str) -> str:
    stripped = text.strip()
    if stripped.startswith("{"):
        return stripped
    try:
        return base64.b64decode("".join(stripped.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return stripped


def _parse(text: str, origin: str) -> Json:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BadInput(f"{origin} is neither JSON nor the base64 of JSON", _LOGIN)
    return found


def _refuse_programs(info: Json, origin: str) -> None:
    source = info.get("credential_source")
    if isinstance(source, dict) and "executable" in source:
        raise BadInput(f"{origin} would have a program run to get its token, which is not done", _LOGIN)


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
