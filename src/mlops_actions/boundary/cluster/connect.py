"""Connect to a Kubernetes API server: address, trust and credentials.

A kubeconfig with a token, a password or a certificate is read here, and so is the service account of a pod: to import the
kubernetes package takes longer than all other work before the first request, and no image holds it.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from mlops_actions.boundary.cluster import kubeconfig as kubeconfigs
from mlops_actions.boundary.cluster.logins import Login
from mlops_actions.boundary.cluster.refusals import with_nearest
from mlops_actions.boundary.cluster.renewed_token import Pause
from mlops_actions.boundary.cluster.transport import ClusterCredentials, ClusterTransport, ErrorTexts
from mlops_actions.boundary.committed import refuse_committed
from mlops_actions.boundary.http import HttpClient, Trust
from mlops_actions.boundary.retry import reason_of
from mlops_actions.core.errors import BadInput, Unavailable
from mlops_actions.core.ports import Log, Runner
from mlops_actions.core.types import Json

IN_CLUSTER = "KUBERNETES_SERVICE_HOST"
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LOGINS = ("token", "tokenFile", "username", "password", "client-certificate", "client-certificate-data")


@dataclass(frozen=True)
class LogIns:
    """Make the credentials that a kubeconfig does not hold itself.

    `by_plugin` takes what a known plug-in stands for. `by_identity` sends the job's own identity token; None where the
    inputs do not ask for that.
    """

    by_plugin: Callable[[Login], ClusterCredentials]
    by_identity: Callable[[], ClusterCredentials] | None = None


def connect(
    kubeconfig: str | None, context: str | None, environ: Mapping[str, str], runner: Runner, pause: Pause, log_ins: LogIns
) -> tuple[ClusterTransport, str]:
    """Return a transport to the cluster, and the namespace that its configuration names (else `default`); raises BadInput.

    The first of these that is given counts: the input (path, YAML or base64), `KUBECONFIG`, the service account of the pod.
    """
    source = _load(kubeconfig, environ)
    if source is None and log_ins.by_identity is not None:
        raise BadInput(
            "input 'oidc-audience' needs a kubeconfig: this pod's service account is another login",
            "give 'kubeconfig' with the cluster's address and certificate authority, and no user",
        )
    if source is None:
        return _in_cluster(environ, runner, pause)
    return open_kubeconfig(source, context, environ, runner, pause, log_ins)


@dataclass(frozen=True)
class KubeconfigSource:
    """A parsed kubeconfig, the base of its paths, the directory they must stay in (None: any), and its name in errors.

    `paths` are the files that it was read from.
    """

    config: Json
    base: Path
    confines: Path | None
    origin: str
    paths: tuple[Path, ...] = ()


def open_kubeconfig(
    source: KubeconfigSource,
    context: str | None,
    environ: Mapping[str, str],
    runner: Runner,
    pause: Pause,
    log_ins: LogIns,
    texts: ErrorTexts | None = None,
) -> tuple[ClusterTransport, str]:
    """Return a transport to the cluster of one context, and its namespace (else `default`); raises BadInput."""
    config, base, confines, origin = source.config, source.base, source.confines, source.origin
    for secret in kubeconfigs.secrets(config):
        runner.mask(secret)
    selected = kubeconfigs.select_context(config, context, origin)
    cluster, user = selected.config["clusters"][0]["cluster"], selected.config["users"][0]["user"]
    _resolve_files(cluster, user, base, confines, origin)
    if cluster.get("insecure-skip-tls-verify"):
        runner.warning(f"{origin} sets insecure-skip-tls-verify: anybody on the network path can read the credentials")
    by_identity = log_ins.by_identity is not None
    if by_identity or selected.login is not None or user.get("tokenFile"):
        # A token that this file does not hold itself goes to the server that it names.
        named = [Path(path) for entry in (cluster, user) for _, path in kubeconfigs.files(entry)]
        refuse_committed(
            [*source.paths, *(named if confines is not None else ())],
            environ,
            what=f"{origin} chooses the server that gets a token of this job, and depends on the file",
            remedy="have an earlier step write this file, which git must not track; or give the kubeconfig's text, such as "
            "a variable of the repository; or name the cluster ('gke-cluster', 'eks-cluster', 'aks-cluster')",
        )
    _refuse_plain_text(selected, by_identity=by_identity)
    try:
        credentials = replace(_log_in(selected, runner, log_ins, origin), impersonation=selected.impersonation)
        proxy = str(cluster.get("proxy-url") or "")
        client = HttpClient(runner, trust=_trust(cluster, user, runner), environ=environ, proxy=proxy)
    except (OSError, ValueError) as error:  # an invalid certificate or key
        raise BadInput(f"{origin} cannot be used: {reason_of(error)}", "check its certificates and keys") from None
    transport = ClusterTransport(selected.server, client, credentials, pause=pause, texts=texts, warn=warnings_to(runner))
    return transport, selected.namespace or "default"


@dataclass(frozen=True)
class Address:
    """The address of a cluster's API; `authority` is its own CA (PEM), empty where the system's authorities count."""

    url: str
    authority: str


def connect_by_token(
    address: Address,
    credentials: ClusterCredentials,
    environ: Mapping[str, str],
    log: Log,
    pause: Pause,
    texts: ErrorTexts | None = None,
) -> ClusterTransport:
    """Return a transport to a cluster whose address is known."""
    client = HttpClient(log, trust=Trust(address.authority), environ=environ)
    return ClusterTransport(address.url, client, credentials, pause=pause, texts=texts, warn=warnings_to(log))


def warnings_to(log: Log) -> Callable[[str], None]:
    """Return what shows a warning of the API server, with the nearest name where it names an unknown field."""

    def warn(text: str) -> None:
        log.warning(f"the cluster warns: {with_nearest(text)}", title="argo-submit")

    return warn


class TokenFile:
    """A token in a file, which is read for every request, since its owner renews it there. Each new token is masked."""

    def __init__(self, path: Path, runner: Runner) -> None:
        self._path = path
        self._runner = runner
        self._masked = ""

    def header(self) -> str:
        """Return the Authorization header; raises Unavailable where the file holds no token, as while it is written."""
        try:
            token = self._path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            token = ""
        if not kubeconfigs.is_token(token):
            raise Unavailable(f"the file {self._path.name!r} holds no token", "check the program that writes this file")
        if token != self._masked:
            self._runner.mask(token)
            self._masked = token
        return f"Bearer {token}"


def _log_in(selected: kubeconfigs.SelectedContext, runner: Runner, log_ins: LogIns, origin: str) -> ClusterCredentials:
    user = selected.config["users"][0]["user"]
    if log_ins.by_identity is not None:
        own = "exec" if selected.login is not None else next((key for key in _LOGINS if user.get(key)), "")
        if own:
            raise BadInput(
                f"input 'oidc-audience' sends the job's identity token, but {origin} has a login of its own: '{own}'",
                "take the login out of the kubeconfig, or leave 'oidc-audience' out",
            )
        return log_ins.by_identity()
    return log_ins.by_plugin(selected.login) if selected.login is not None else _credentials(user, runner)


def _credentials(user: Json, runner: Runner) -> ClusterCredentials:
    """Return the credentials that kubectl would use: a token file before a token, and either before a password."""
    if user.get("tokenFile"):
        return _by_file(Path(str(user["tokenFile"])), runner)
    if user.get("token"):
        token = str(user["token"])
        return ClusterCredentials(lambda: f"Bearer {token}")
    if user.get("username"):
        login = base64.b64encode(f"{user['username']}:{user.get('password') or ''}".encode()).decode()
        runner.mask(login)
        return ClusterCredentials(lambda: f"Basic {login}")
    return ClusterCredentials(lambda: "")


def _by_file(path: Path, runner: Runner) -> ClusterCredentials:
    file = TokenFile(path, runner)
    try:
        file.header()
    except Unavailable as error:  # at the start: waiting would not help
        raise BadInput(error.cause, error.remedy) from None
    return ClusterCredentials(file.header)


def _trust(cluster: Json, user: Json, runner: Runner) -> Trust:
    certificate, key = _pem(user, "client-certificate"), _pem(user, "client-key")
    return Trust(
        authority=_pem(cluster, "certificate-authority"),
        client_certificate=_as_file(certificate + key, runner) if certificate else None,
        server_name=str(cluster.get("tls-server-name") or ""),
        verified=not cluster.get("insecure-skip-tls-verify"),
    )


def _as_file(text: str, runner: Runner) -> Path:
    """Write a client's certificate and key to a private file: Python reads them from a file only."""
    path = runner.private_directory() / "client.pem"
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return path


def _pem(entry: Json, name: str) -> str:
    if data := entry.get(f"{name}-data"):
        return base64.b64decode("".join(str(data).split()), validate=True).decode() + "\n"
    return Path(str(entry[name])).read_text(encoding="utf-8") + "\n" if entry.get(name) else ""


def _load(kubeconfig: str | None, environ: Mapping[str, str]) -> KubeconfigSource | None:
    """Return the kubeconfig of the input or of KUBECONFIG; None where the service account of the pod counts."""
    if kubeconfig:
        origin = "input 'kubeconfig'"
        text = kubeconfigs.inline(kubeconfig)
        if text is not None:
            return KubeconfigSource(kubeconfigs.parse(text, origin), Path(), None, origin)
        path = Path(kubeconfig.strip())
        confines = _confines(path, environ, "the kubeconfig")
        config = kubeconfigs.parse(_read(path, origin), "the kubeconfig")
        return KubeconfigSource(config, path.parent, confines, "the kubeconfig", (path,))
    if variable := environ.get("KUBECONFIG", "").strip():
        paths = [Path(part) for part in variable.split(os.pathsep) if part]
        existing = [path for path in paths if path.is_file()] or paths[:1]
        configs = []
        for path in existing:
            config = kubeconfigs.parse(_read(path, "KUBECONFIG"), f"the kubeconfig {str(path)!r}")
            for cluster in config.get("clusters") or []:
                _make_absolute(cluster.get("cluster"), path.parent)
            for user in config.get("users") or []:
                _make_absolute(user.get("user"), path.parent)
            configs.append(config)
        origin = "the kubeconfig of KUBECONFIG"
        directories = [_confines(path, environ, origin) for path in existing]
        confines = next((directory for directory in directories if directory), None)
        return KubeconfigSource(kubeconfigs.merged(configs), existing[0].parent, confines, origin, tuple(existing))
    if environ.get(IN_CLUSTER):
        return None
    raise BadInput(
        "no kubeconfig: the input 'kubeconfig' and the variable KUBECONFIG are empty, and this is not a pod of a cluster",
        "give 'kubeconfig' (a path, its YAML, or its base64), preferably from a secret",
    )


def _read(path: Path, origin: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInput(
            f"{origin} names a file that does not exist, and is not a kubeconfig itself",
            "give a path that exists inside the container (files in the workspace do), the YAML, or its base64",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{origin} cannot be read: {type(error).__name__}", "give a readable file") from None


def _make_absolute(entry: object, base: Path) -> None:
    for key in kubeconfigs.FILE_KEYS:
        if isinstance(entry, dict) and entry.get(key):
            entry[key] = str(base / str(entry[key]))


def _resolve_files(cluster: Json, user: Json, base: Path, confines: Path | None, origin: str) -> None:
    """Make the paths absolute; refuse a file that is missing or outside of `confines` before it is opened."""
    for entry in (cluster, user):
        _make_absolute(entry, base)
        for key, path in kubeconfigs.files(entry):
            if not Path(path).is_file():
                raise BadInput(
                    f"{origin} refers to a file that does not exist here: {key} {path!r}",
                    "print the kubeconfig with `kubectl config view --raw --flatten`, which includes the files' contents",
                )
            if confines is not None and not Path(path).resolve().is_relative_to(confines):
                raise BadInput(
                    f"{origin} is in the workspace, and refers to a file outside of its own directory: {key} {path!r}",
                    "a pull request can change it: include the file's content in it, or give it from a secret",
                )


def _confines(path: Path, environ: Mapping[str, str], origin: str) -> Path | None:
    """Return the directory that a kubeconfig's files must be in: its own, where it is in the workspace; else None.

    A pull request may have written the files of the workspace: it could send any file of this machine to its own server.
    """
    workspace = Path(os.path.abspath(environ.get("GITHUB_WORKSPACE") or "/"))  # noqa: PTH100 - resolving would hide links
    lexical = Path(os.path.abspath(path))  # noqa: PTH100
    if workspace == Path("/") or not lexical.is_relative_to(workspace):
        return None
    if not lexical.resolve().is_relative_to(workspace.resolve()):
        raise BadInput(f"{origin} is a link that leads out of the workspace", "give the path of a file that is not a link")
    return lexical.resolve().parent


def _refuse_plain_text(selected: kubeconfigs.SelectedContext, *, by_identity: bool) -> None:
    address = urlsplit(selected.server)
    user = selected.config["users"][0]["user"]
    secret = by_identity or selected.login is not None or any(user.get(key) for key in ("token", "tokenFile", "password"))
    if address.scheme == "http" and address.hostname not in LOOPBACK and secret:
        raise BadInput(
            f"the cluster's address is {selected.server}: the token would be sent in plain text", "give an https address"
        )


def _in_cluster(environ: Mapping[str, str], runner: Runner, pause: Pause) -> tuple[ClusterTransport, str]:
    """Connect by the service account that Kubernetes mounts into a pod."""
    try:
        authority = (SERVICE_ACCOUNT / "ca.crt").read_text(encoding="utf-8")
        if not authority.strip():
            raise ValueError("its ca.crt is empty")
        client = HttpClient(runner, trust=Trust(authority), environ=environ)
        token = _by_file(SERVICE_ACCOUNT / "token", runner)  # the kubelet renews it there
    except (OSError, ValueError) as error:
        raise BadInput(
            f"this runs in a pod of a cluster, but the pod's service account cannot be used: {error}",
            "mount the service account's token, or give 'kubeconfig'",
        ) from None
    host, port = environ[IN_CLUSTER], environ.get("KUBERNETES_SERVICE_PORT") or "443"
    address = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    namespace = SERVICE_ACCOUNT / "namespace"
    own = namespace.read_text(encoding="utf-8").strip() if namespace.is_file() else ""
    return ClusterTransport(address, client, token, pause=pause, warn=warnings_to(runner)), own or "default"
