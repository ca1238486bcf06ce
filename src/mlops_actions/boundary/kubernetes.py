"""The way to a Kubernetes API server: where it is, how it is trusted, as whom one speaks, and raw requests to it.

Only the kubernetes client's configuration and connection pool are used: its models are strict (an object with a field
missing raises) and expensive to import, and its own watch retries a 410 for ever.
"""

from __future__ import annotations

import binascii
import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, SSLError

from mlops_actions import __version__
from mlops_actions.argo_submit import kubeconfig as kubeconfigs
from mlops_actions.core.errors import BadInput, Unavailable
from mlops_actions.core.ports import Runner

Json = dict[str, Any]

ATTEMPTS: Final = 5
RETRIED: Final = frozenset({429, 500, 502, 503, 504})
LONGEST_PAUSE: Final = 60.0
IN_CLUSTER: Final = "KUBERNETES_SERVICE_HOST"
_TIMEOUT: Final = urllib3.Timeout(connect=10, read=60)
_URGENT: Final = urllib3.Timeout(connect=2, read=2)
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_LONGEST_LINE: Final = 16 * 1024 * 1024


class Failure(Exception):
    """An answer that is no success: the HTTP status, and the words of the server's `Status` object."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message


class ByteLines:
    """The lines of an answer as they come; `close` ends them from any thread."""

    def __init__(self, response: urllib3.BaseHTTPResponse, server: str) -> None:
        self._response = response
        self._server = server
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        buffer = b""
        try:
            for chunk in self._response.stream(65_536, decode_content=True):
                buffer += chunk
                *lines, buffer = buffer.split(b"\n")
                yield from lines
                if len(buffer) > _LONGEST_LINE:
                    raise Unavailable(f"{self._server} sent a line without end", "report what stands between you and it")
            if buffer:
                yield buffer
        except (HTTPError, OSError, ValueError) as error:
            # A socket that is shut down while it is read reports all kinds of things.
            if not self._closed.is_set():
                raise Unavailable(f"the connection to {self._server} broke: {_reason(error)}", "try again") from None
        finally:
            self._response.close()

    def close(self) -> None:
        """End the stream; a reader that waits is woken."""
        self._closed.set()
        with contextlib.suppress(RuntimeError, ValueError, OSError):  # it has ended by itself
            self._response.shutdown()


class Transport:
    """Raw requests with the cluster's credentials. `pause(seconds)` lets time pass before another attempt."""

    def __init__(self, configuration: Any, pause: Callable[[float], None]) -> None:
        from kubernetes.client.rest import RESTClientObject

        configuration.keep_alive = True  # a connection that silently died is noticed within a minute
        self._configuration = configuration
        self._pool: urllib3.PoolManager = RESTClientObject(configuration).pool_manager
        self._pause = pause
        self.server: str = configuration.host.rstrip("/")

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
        repeatable: bool = True,
        urgent: bool = False,
    ) -> Json:
        """Send a request and return the object of its answer; raises Failure, Unavailable.

        What may pass (429, 5xx, a broken connection) is tried again; `repeatable=False` where a repetition after a lost
        answer would do the work twice. `urgent`: one attempt of a few seconds.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json", "Content-Type": content_type}
        attempts = 1 if urgent else ATTEMPTS
        for attempt in range(1, attempts + 1):
            last = attempt == attempts
            try:
                response = self._request(method, path, query, headers, data, _URGENT if urgent else _TIMEOUT)
            except Unavailable:
                if last or not repeatable:
                    raise
                self._pause(_backoff(attempt))
                continue
            if response.status in RETRIED and not last:
                self._pause(_retry_after(response, attempt))
                continue
            return self._object(response)
        raise AssertionError("unreachable")

    def stream(self, path: str, query: Mapping[str, str], *, accept: str = "application/json", seconds: float) -> ByteLines:
        """Open an answer that is read as it comes, with at most `seconds` of silence; raises Failure, Unavailable."""
        timeout = urllib3.Timeout(connect=10, read=seconds)
        response = self._request("GET", path, query, {"Accept": accept}, None, timeout, preload=False)
        if response.status >= 300:
            try:
                data = response.read(1_000_000, decode_content=True)
            except HTTPError as error:
                raise Unavailable(f"the connection to {self.server} broke: {_reason(error)}", "try again") from None
            finally:
                response.close()
            if response.status in RETRIED:
                raise Unavailable(f"{self.server} answered {response.status}", "see whether the API server is well")
            raise _failure(response.status, data)
        return ByteLines(response, self.server)

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout: urllib3.Timeout,
        *,
        preload: bool = True,
    ) -> urllib3.BaseHTTPResponse:
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            return self._pool.request(
                method,
                url,
                body=body,
                headers={**headers, **self._identity()},
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=preload,
            )
        except SSLError as error:
            raise Unavailable(
                f"{self.server} could not prove who it is: {_reason(error)}",
                "correct the kubeconfig's certificate-authority-data, or the client certificate",
            ) from None
        except (HTTPError, OSError) as error:
            raise Unavailable(
                f"the cluster at {self.server} cannot be reached: {_reason(error)}",
                "check the address in the kubeconfig, and whether this runner can reach it (network, firewall, proxy)",
            ) from None

    def _identity(self) -> dict[str, str]:
        """Return the credentials' header; asked for anew each time, since tokens are refreshed."""
        headers = {"User-Agent": f"mlops-actions/{__version__}"}
        token = self._configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        if token:
            headers["Authorization"] = str(token)
        elif self._configuration.username:
            headers["Authorization"] = str(self._configuration.get_basic_auth_token())
        return headers

    def _object(self, response: urllib3.BaseHTTPResponse) -> Json:
        if response.status in RETRIED:
            failure = _failure(response.status, response.data)
            raise Unavailable(
                f"{self.server} answered {response.status} {ATTEMPTS} times: {failure.message}",
                "see whether the API server is well, then run the job again",
            )
        if response.status >= 300:
            raise _failure(response.status, response.data)
        try:
            found = json.loads(response.data)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Unavailable(
                f"what answers at {self.server} is no Kubernetes API: it sent no JSON object",
                "check the address in the kubeconfig and the proxy on the way",
            )
        return found


def connect(
    kubeconfig: str | None,
    context: str | None,
    environ: Mapping[str, str],
    runner: Runner,
    pause: Callable[[float], None],
    google: Callable[[], Callable[[], str]],
) -> tuple[Transport, str]:
    """Return the way to the cluster and the namespace that its configuration names (else `default`); raises BadInput.

    In order: the input (path, YAML or base64), `KUBECONFIG`, the service account of the pod. `google` logs in where the
    kubeconfig counts on GKE's plug-in, and returns what gives a token that is valid at the moment.
    """
    import kubernetes.config as loader
    from kubernetes.client.configuration import Configuration

    config, base, origin = _find(kubeconfig, environ)
    if config is None:
        return _in_cluster(runner, pause)
    for secret in kubeconfigs.secrets(config):
        runner.mask(secret)
    chosen = kubeconfigs.choose(config, context, origin)
    _settle_files(chosen.config, base, origin)
    if chosen.config["clusters"][0]["cluster"].get("insecure-skip-tls-verify"):
        runner.warning(f"{origin} says insecure-skip-tls-verify: whoever stands in between can read the credentials")
    _refuse_plain_text(chosen)
    configuration: Any = Configuration()
    try:
        loader.load_kube_config_from_dict(  # type: ignore[no-untyped-call]
            chosen.config,
            chosen.context,
            configuration,
            persist_config=False,
            temp_file_path=str(runner.private_directory()),
        )
    except (loader.ConfigException, binascii.Error, ValueError, OSError) as error:
        raise BadInput(f"{origin} cannot be used: {type(error).__name__}", "check its certificates and keys") from None
    _mask_token(configuration, runner)
    if chosen.by_google:
        configuration.refresh_api_key_hook = _refreshing(google())
    try:
        return Transport(configuration, pause), chosen.namespace or "default"
    except (OSError, ValueError) as error:  # a certificate that is none
        raise BadInput(f"{origin} cannot be used: {_reason(error)}", "check its certificates and keys") from None


def connect_by_token(
    url: str, authority: Path | None, token: Callable[[], str], pause: Callable[[float], None]
) -> Transport:
    """Return the way to a cluster by a token that is asked for before each request; without authority trust the system's."""
    from kubernetes.client.configuration import Configuration

    configuration: Any = Configuration(host=url)
    configuration.ssl_ca_cert = str(authority) if authority else None
    configuration.refresh_api_key_hook = _refreshing(token)
    return Transport(configuration, pause)


def _refreshing(token: Callable[[], str]) -> Callable[[Any], None]:
    def refresh(configuration: Any) -> None:
        configuration.api_key["authorization"] = f"Bearer {token()}"

    return refresh


def _find(kubeconfig: str | None, environ: Mapping[str, str]) -> tuple[Json | None, Path, str]:
    """Return the configuration, the directory that its paths start at, and what to call it."""
    if kubeconfig:
        text = kubeconfigs.inline(kubeconfig)
        if text is not None:
            return kubeconfigs.parse(text, "input 'kubeconfig'"), Path(), "input 'kubeconfig'"
        path = Path(kubeconfig.strip())
        return kubeconfigs.parse(_read(path, "input 'kubeconfig'"), "the kubeconfig"), path.parent, "the kubeconfig"
    if variable := environ.get("KUBECONFIG", "").strip():
        paths = [Path(part) for part in variable.split(os.pathsep) if part]
        existing = [path for path in paths if path.is_file()] or paths[:1]
        configs = []
        for path in existing:
            one = kubeconfigs.parse(_read(path, "KUBECONFIG"), f"the kubeconfig {str(path)!r}")
            for cluster in one.get("clusters") or []:
                _absolute(cluster.get("cluster"), path.parent)
            for user in one.get("users") or []:
                _absolute(user.get("user"), path.parent)
            configs.append(one)
        return kubeconfigs.merged(configs), existing[0].parent, "the kubeconfig of KUBECONFIG"
    if environ.get(IN_CLUSTER):
        return None, Path(), ""
    raise BadInput(
        "no kubeconfig: the input 'kubeconfig' and the variable KUBECONFIG are empty, and this is no pod of a cluster",
        "give 'kubeconfig' (a path, its YAML, or its base64), best from a secret",
    )


def _read(path: Path, origin: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInput(
            f"{origin} names a file that does not exist, and is no kubeconfig itself",
            "give a path that exists inside the container (files in the workspace do), the YAML, or its base64",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{origin} cannot be read: {type(error).__name__}", "give a readable file") from None


def _absolute(entry: object, base: Path) -> None:
    for key in ("certificate-authority", "client-certificate", "client-key", "tokenFile"):
        if isinstance(entry, dict) and entry.get(key):
            entry[key] = str(base / str(entry[key]))


def _settle_files(config: Json, base: Path, origin: str) -> None:
    """Make the paths inside absolute, and say which file is missing before the loader does."""
    for entry in (config["clusters"][0]["cluster"], config["users"][0]["user"]):
        _absolute(entry, base)
        for key in ("certificate-authority", "client-certificate", "client-key", "tokenFile"):
            if entry.get(key) and not entry.get(f"{key}-data") and not Path(entry[key]).is_file():
                raise BadInput(
                    f"{origin} refers to a file that does not exist here: {key} {entry[key]!r}",
                    "print the kubeconfig with `kubectl config view --raw --flatten`, which holds everything itself",
                )


def _refuse_plain_text(chosen: kubeconfigs.Chosen) -> None:
    address = urlsplit(chosen.server)
    user = chosen.config["users"][0]["user"]
    if address.scheme == "http" and address.hostname not in _LOOPBACK and (user.get("token") or user.get("tokenFile")):
        raise BadInput(
            f"the cluster's address is {chosen.server}: the token would be sent in plain text", "give an https address"
        )


def _mask_token(configuration: Any, runner: Runner) -> None:
    """Mask the token also where it came from a file."""
    for token in configuration.api_key.values():
        runner.mask(str(token).removeprefix("Bearer "))


def _in_cluster(runner: Runner, pause: Callable[[float], None]) -> tuple[Transport, str]:
    import kubernetes.config as loader
    from kubernetes.client.configuration import Configuration
    from kubernetes.config import incluster_config

    configuration = Configuration()
    try:
        loader.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
    except loader.ConfigException as error:
        raise BadInput(
            f"this is a pod of a cluster, but its service account cannot be used: {error}",
            "mount the service account's token, or give 'kubeconfig'",
        ) from None
    _mask_token(configuration, runner)
    namespace = Path(incluster_config.SERVICE_TOKEN_FILENAME).parent / "namespace"
    found = namespace.read_text(encoding="utf-8").strip() if namespace.is_file() else ""
    return Transport(configuration, pause), found or "default"


def _failure(code: int, data: bytes) -> Failure:
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if isinstance(found, dict) and found.get("kind") == "Status":
        return Failure(code, str(found.get("reason") or ""), str(found.get("message") or ""))
    return Failure(code, "", data[:200].decode(errors="replace"))


def _retry_after(response: urllib3.BaseHTTPResponse, attempt: int) -> float:
    text = response.headers.get("Retry-After", "")
    return min(float(text), LONGEST_PAUSE) if text.isascii() and text.isdigit() else _backoff(attempt)


def _backoff(attempt: int) -> float:
    return float(2 ** (attempt - 1))


def _reason(error: Exception) -> str:
    """Return the innermost words of a connection's failure: urllib3 wraps them several times."""
    inner: BaseException = error
    while (deeper := inner.__cause__ or getattr(inner, "reason", None)) is not None and isinstance(deeper, BaseException):
        inner = deeper
    text = str(inner).rpartition(">: ")[2] or type(inner).__name__
    return text if isinstance(text, str) else type(inner).__name__
