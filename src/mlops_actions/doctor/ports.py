"""The ports of doctor, one for each system. A call raises Unavailable where the system gives no answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from mlops_actions.core.oci import Manifest

_MAX_PAGES = 20


@dataclass(frozen=True)
class ApiAnswer:
    """The answer to one request, whatever its status. `body` is parsed JSON, or None; header names are in lower case."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def message(self) -> str:
        """The status, and the server's own message if there is one."""
        text = self.body.get("message") if isinstance(self.body, Mapping) else ""
        return f"{self.status}: {' '.join(str(text).split())[:300]}" if text else str(self.status)


@dataclass(frozen=True)
class ClusterTarget:
    """The cluster that inputs of argo-submit name: an Argo Server, a cloud's cluster, else a context of the kubeconfig.

    Each field is the input of its name.
    """

    kube_context: str = ""
    argo_server: str = ""
    argo_ca: str = ""
    gke_cluster: str = ""
    gke_location: str = ""
    gke_project: str = ""
    gke_endpoint: str = "auto"
    google_identity_provider: str = ""
    google_service_account: str = ""
    eks_cluster: str = ""
    eks_region: str = ""
    aws_role: str = ""
    aks_cluster: str = ""
    aks_resource_group: str = ""
    aks_subscription: str = ""
    azure_client_id: str = ""
    azure_tenant_id: str = ""
    oidc_audience: str = ""

    @property
    def needs_identity(self) -> bool:
        """Whether only a job can sign in: a person has no identity token of GitHub's."""
        return bool(self.aks_cluster or self.oidc_audience)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """The address of a system's API, and how its server proves who it is.

    `authority` is the PEM text of a private certificate authority; `proxy` is the proxy that the system's own configuration
    names, which wins over the environment's.
    """

    url: str
    authority: str = field(default="", repr=False)
    server_name: str = ""
    verified: bool = True
    proxy: str = field(default="", repr=False)


class Stage(Enum):
    """The stages of a connection that can fail."""

    NAME = "name"
    CONNECTION = "connection"
    SILENCE = "silence"
    AUTHORITY = "authority"
    TLS = "tls"
    PROXY = "proxy"
    PROXY_LOGIN = "proxy login"


@dataclass(frozen=True, kw_only=True)
class Route:
    """How far a connection got: `detail` says it in words, and `failed` is the stage that failed, else None.

    `proxy_setting` is the variable, or the key of a kubeconfig, that names the proxy on the way; empty where there is none.
    """

    detail: str
    failed: Stage | None = None
    proxy_setting: str = ""


class GitHubApi(Protocol):
    """GitHub's REST API with one token. Several threads may ask at once."""

    @property
    def endpoint(self) -> Endpoint:
        """Where the requests go."""

    @property
    def token_prefix(self) -> str:
        """The start of the token that tells its kind: `ghp_`, `github_pat_`; else empty."""

    def get(self, path: str, **query: str | int) -> ApiAnswer:
        """Read; `path` starts with a slash."""

    def send(self, method: str, path: str, body: Mapping[str, Any]) -> ApiAnswer:
        """Change something; only `--try-writes` leads here."""


def pages(api: GitHubApi, path: str, key: str, *, size: int = 100) -> list[Any] | None:
    """Return the items of all pages; None where the first page is refused."""
    items: list[Any] = []
    for page in range(1, _MAX_PAGES + 1):
        answer = api.get(path, per_page=size, page=page)
        if answer.status != 200:
            return None if page == 1 else items
        found = answer.body[key] if key else answer.body
        items += found
        if len(found) < size:
            break
    return items


class RegistryApi(Protocol):
    """One registry as one user. Every call raises Refused or Unavailable."""

    @property
    def address(self) -> str:
        """Where the requests go."""

    @property
    def is_anonymous(self) -> bool:
        """Whether there is no login."""

    def sign_in(self) -> bool:
        """Ask `GET /v2/`; False where the registry asks for no login there."""

    def tags(self, repository: str) -> list[str]:
        """List the tags of a repository; an unknown repository has none."""

    def require_push(self, repository: str) -> None:
        """Begin an upload and cancel it; raise Refused if it may not begin."""

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """Return the manifest behind a tag or digest; None where there is none."""

    def blob(self, repository: str, digest: str) -> bytes:
        """Return a small blob."""


class ClusterApi(Protocol):
    """A Kubernetes API server, or an Argo Server."""

    @property
    def endpoint(self) -> Endpoint:
        """Where the requests go."""

    @property
    def namespace(self) -> str:
        """The namespace of the kubeconfig's context, or the one that the Argo Server manages; else `default`."""

    def get(self, path: str) -> ApiAnswer:
        """Read; `path` starts with a slash."""

    def create(self, path: str, body: Mapping[str, Any]) -> ApiAnswer:
        """Create an object that is not kept: an access review, or one with `dryRun=All`."""


class TrackerApi(Protocol):
    """W&B's GraphQL API. A call raises Refused or Unavailable."""

    @property
    def endpoint(self) -> Endpoint:
        """Where the requests go."""

    def ask(self, query: str, variables: Mapping[str, Any]) -> tuple[Mapping[str, Any], Sequence[str]]:
        """Send a query; return its data and the messages of its errors."""


class RunnerApi(Protocol):
    """This machine."""

    @property
    def is_job(self) -> bool:
        """Whether this runs as a step of a workflow, so that this machine is the runner."""

    def docker(self) -> str:
        """Return the version of the Docker daemon; raise Unavailable."""

    def runner_version(self) -> str:
        """Return the version of GitHub's runner that this process is a step of; empty where it cannot be told."""

    def reach(self, endpoint: Endpoint) -> Route:
        """Connect to a system's API, without a request; raises Unavailable where that cannot be told."""

    def free_bytes(self) -> int:
        """Return the free space of the disk that images are built on."""

    def now(self) -> float:
        """Return the seconds since the epoch by this machine's clock."""


@dataclass(frozen=True)
class Ports:
    """Connects each system when its group is asked; every function raises ActionError where it cannot."""

    github: Callable[[], GitHubApi]
    github_app: Callable[[str, str], GitHubApi]  # as an App, by its id and private key
    registry: Callable[[str, bool], RegistryApi]  # by host, and whether without credentials
    cloud_token: Callable[[str], str]  # the password of a cloud's registry, by host, from the job's cloud credentials
    cluster: Callable[[ClusterTarget], ClusterApi]
    tracker: Callable[[str], TrackerApi]  # by the base URL
    runner: Callable[[], RunnerApi]
