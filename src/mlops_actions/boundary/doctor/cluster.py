"""A cluster by the kubernetes client: by a kubeconfig with its plug-ins, by Google's API, or by an Argo Server."""

from __future__ import annotations

import base64
import binascii
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlops_actions.boundary.cluster import kubeconfig as kubeconfigs
from mlops_actions.boundary.cluster.logins import AwsLogin, AzureLogin
from mlops_actions.boundary.google import SignIn
from mlops_actions.boundary.http import authorities, one_line
from mlops_actions.boundary.job_identity import JobIdentity
from mlops_actions.boundary.retry import reason_of
from mlops_actions.core import shell
from mlops_actions.core.errors import BadInput, Unavailable
from mlops_actions.core.json_text import parse_json
from mlops_actions.core.ports import Log
from mlops_actions.doctor.job import is_job
from mlops_actions.doctor.ports import ApiAnswer, ClusterApi, ClusterTarget, Endpoint

_SECONDS = 10
_CHOOSE = "export KUBECONFIG=FILE  # kubectl config view --minify shows the one in use"
_IN_CLUSTER = "KUBERNETES_SERVICE_HOST"


def connect(target: ClusterTarget, environ: Mapping[str, str], log: Log, *, renew_kubeconfig: str = "") -> ClusterApi:
    """Return the API of a cluster; raises BadInput, Refused, Unavailable.

    `renew_kubeconfig` is how a job gets another kubeconfig; a person, who has none stored, names another file.
    """
    if target.argo_server:
        return _argo_server(target, environ, log)
    if target.gke_cluster:
        return _gke(target, environ, log)
    if target.eks_cluster:
        return _eks(target, environ, log)
    if target.aks_cluster:
        return _aks(target, environ, log)
    return _kubeconfig(target, environ, log, renew_kubeconfig or _CHOOSE)


class HttpApi:
    """Implements `doctor.ports.ClusterApi`: requests of the kubernetes client, without its models.

    `probe` is the command that shows what is wrong with the connection; `find_namespace` is asked once it is needed;
    `authority` is the server's private certificate authority (PEM), where the configuration names no file of one;
    `impersonation` are the headers that ask to act as another user.
    """

    def __init__(
        self,
        configuration: Any,
        find_namespace: Callable[[HttpApi], str],
        probe: str,
        *,
        authority: str = "",
        impersonation: Sequence[tuple[str, str]] = (),
    ) -> None:
        from kubernetes.client import ApiClient

        configuration.retries = False
        if authority:
            self._directory = tempfile.TemporaryDirectory(prefix="mlops-actions-", ignore_cleanup_errors=True)
            file = Path(self._directory.name) / "authority.pem"
            file.write_text(authority, encoding="utf-8")
            configuration.ssl_ca_cert = str(file)
        self._configuration = configuration
        self._find_namespace = find_namespace
        self._probe = probe
        self._impersonation = impersonation
        self._client = ApiClient(configuration).rest_client

    @property
    def namespace(self) -> str:
        """See the port."""
        return self._find_namespace(self)

    @property
    def endpoint(self) -> Endpoint:
        """See the port."""
        configuration = self._configuration
        file = configuration.ssl_ca_cert
        # The client also takes a proxy from the environment, and keeps even one that `no_proxy` excepts.
        own_proxy = "" if getattr(configuration, "_proxy_from_env", True) else configuration.proxy
        return Endpoint(
            url=configuration.host,
            authority=Path(file).read_text(encoding="utf-8") if file else "",
            server_name=configuration.tls_server_name or "",
            verified=configuration.verify_ssl,
            proxy=own_proxy or "",
        )

    def get(self, path: str) -> ApiAnswer:
        """See the port."""
        return self._request("GET", path, None)

    def create(self, path: str, body: Mapping[str, Any]) -> ApiAnswer:
        """See the port."""
        return self._request("POST", path, dict(body))

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> ApiAnswer:
        from kubernetes.client.exceptions import ApiException
        from urllib3 import HTTPHeaderDict
        from urllib3.exceptions import HTTPError

        given = {"Accept": "application/json", "Content-Type": "application/json", **self._authorization()}
        headers = HTTPHeaderDict(given)
        headers.extend(self._impersonation)
        try:
            response = self._client.request(  # type: ignore[no-untyped-call]
                method, self._configuration.host + path, headers=headers, body=body, _request_timeout=_SECONDS
            )
            status, content = response.status, _content(response)
        except ApiException as refusal:
            if not refusal.status:
                raise self._unavailable(method, path, refusal.reason) from None
            status, content = refusal.status, refusal.body
        except (HTTPError, OSError, ValueError) as error:  # ValueError: a redirect to what is no address
            raise self._unavailable(method, path, error) from None
        try:
            document = parse_json(content) if content else None
        except ValueError:
            document = None
        if status in (200, 201) and not isinstance(document, dict):
            raise self._unavailable(method, path, "", "the answer is no JSON, so this is no API of a cluster")
        return ApiAnswer(status, document, {})

    def _authorization(self) -> dict[str, str]:
        """Return the header with a bearer token or a password; a client certificate needs none."""
        bearer = self._configuration.auth_settings().get("BearerToken")
        if bearer:
            return {"Authorization": str(bearer["value"])}
        if self._configuration.username:
            return {"Authorization": str(self._configuration.get_basic_auth_token())}
        return {}

    def _unavailable(self, method: str, path: str, error: object, text: str = "") -> Unavailable:
        reason = reason_of(error) if isinstance(error, BaseException) else str(error)
        if "timed out" in reason:
            text = f"no answer within {_SECONDS:g} s"
        call = f"{method} {self._configuration.host}{path.partition('?')[0]}"
        return Unavailable(f"{call}: {text or f'no answer: {one_line(reason)}'}", self._probe)


def _kubeconfig(target: ClusterTarget, environ: Mapping[str, str], log: Log, remedy: str) -> HttpApi:
    """Use the kubeconfig of KUBECONFIG, else `~/.kube/config`, else the pod's own account.

    With an audience the job's identity token signs in.
    """
    context = target.kube_context
    import kubernetes.config as loader
    import yaml
    from kubernetes.client import Configuration

    configuration = Configuration()
    files = environ.get("KUBECONFIG") or f"{environ.get('HOME', '')}/.kube/config"
    try:
        if environ.get(_IN_CLUSTER) and not any(Path(file).is_file() for file in files.split(":")):
            loader.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
            namespace = "default"
        else:
            loader.load_kube_config(  # type: ignore[no-untyped-call]
                files, context=context or None, client_configuration=configuration
            )
            namespace = _namespace(loader, files, context)
    except (loader.ConfigException, OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
        text = " ".join(str(error).split())[:300]
        raise BadInput(f"no kubeconfig can be used: {text}", remedy) from None
    basic = str(configuration.get_basic_auth_token() or "").removeprefix("Basic ") if configuration.username else ""
    if target.oidc_audience:
        token = JobIdentity(environ, log).token(target.oidc_audience)
        configuration.api_key = {"authorization": f"Bearer {token}"}
    for secret in (*configuration.api_key.values(), configuration.password or "", basic):
        log.mask(str(secret).removeprefix("Bearer "))
    acting = _impersonation(files, context)
    return HttpApi(configuration, lambda _: namespace, "kubectl cluster-info", impersonation=acting)


def _impersonation(files: str, context: str) -> Sequence[tuple[str, str]]:
    """Return the headers by which the kubeconfig's user acts as another one; the kubernetes client leaves them out."""
    paths = [Path(file) for file in files.split(":") if file]
    config = kubeconfigs.merged(
        [kubeconfigs.parse(path.read_text(encoding="utf-8"), "the kubeconfig") for path in paths if path.is_file()]
    )
    contexts = {str(entry["name"]): entry.get("context") or {} for entry in config["contexts"]}
    chosen = contexts.get(context or str(config["current-context"]), {}).get("user")
    users = [entry.get("user") for entry in config["users"] if entry["name"] == chosen]
    return tuple(kubeconfigs.impersonation(users[0], "the kubeconfig")) if users and isinstance(users[0], dict) else ()


def _namespace(loader: Any, files: str, context: str) -> str:
    contexts, active = loader.list_kube_config_contexts(files)
    chosen = next((entry for entry in contexts if entry["name"] == context), active) if context else active
    return str(chosen["context"].get("namespace") or "default")


def _gke(target: ClusterTarget, environ: Mapping[str, str], log: Log) -> HttpApi:
    """Use the job's identity token, else GOOGLE_CREDENTIALS (JSON or base64), else application default credentials.

    Google tells the address, so the token goes to no server that somebody else chose.
    """
    from mlops_actions.boundary.cluster import gke

    ref = gke.ClusterRef(
        cluster=target.gke_cluster, location=target.gke_location, project=target.gke_project, endpoint=target.gke_endpoint
    )
    login = {} if is_job(environ) else {"login": "gcloud auth application-default login"}
    provider = target.google_identity_provider if JobIdentity(environ, log).is_granted else ""
    sign_in = SignIn(environ.get("GOOGLE_CREDENTIALS", ""), provider, target.google_service_account)
    address, token = gke.find(ref, sign_in, environ, log, **login)
    where = f"--location={shell.word(target.gke_location)}"
    probe = f"gcloud container clusters describe {where} {shell.operand(target.gke_cluster)}"
    return HttpApi(_by_token(address.url, token(), environ), lambda _: "default", probe, authority=address.authority)


def _eks(target: ClusterTarget, environ: Mapping[str, str], log: Log) -> HttpApi:
    """Use the job's identity token for the input 'aws-role', else, as a person, the credentials of this machine."""
    from mlops_actions.boundary.cluster import eks

    role = target.aws_role if JobIdentity(environ, log).is_granted else ""
    address, token = eks.find(AwsLogin(target.eks_cluster, target.eks_region), role, environ, log, time.sleep)
    probe = f"aws eks describe-cluster --name={shell.word(target.eks_cluster)} --region={shell.word(target.eks_region)}"
    return HttpApi(_by_token(address.url, token(), environ), lambda _: "default", probe, authority=address.authority)


def _aks(target: ClusterTarget, environ: Mapping[str, str], log: Log) -> HttpApi:
    """Use the job's identity token. Azure tells the address, so the token goes to no server that somebody else chose."""
    from mlops_actions.boundary.cluster import aks

    application = aks.AzureApplication(
        target.azure_client_id or environ.get("AZURE_CLIENT_ID", ""),
        target.azure_tenant_id or environ.get("AZURE_TENANT_ID", ""),
    )
    subscription = target.aks_subscription or environ.get("AZURE_SUBSCRIPTION_ID", "")
    named = aks.AksCluster(target.aks_cluster, target.aks_resource_group, subscription)
    source = aks.find(named, application, environ, log, time.sleep)
    selected = kubeconfigs.select_context(source.config, None, source.origin)
    if not isinstance(selected.login, AzureLogin):
        raise BadInput(
            f"the cluster '{target.aks_cluster}' takes no tokens of Microsoft Entra",
            "az aks update --enable-aad  # or give a kubeconfig in 'kubeconfig'",
        )
    token = aks.Azure(selected.login, application, environ, log, time.sleep).cluster_token()
    authority = _pem(str(selected.config["clusters"][0]["cluster"].get("certificate-authority-data") or ""))
    probe = f"az aks show --name={shell.word(target.aks_cluster)} --resource-group={shell.word(target.aks_resource_group)}"
    return HttpApi(_by_token(selected.server, token(), environ), lambda _: "default", probe, authority=authority)


def _argo_server(target: ClusterTarget, environ: Mapping[str, str], log: Log) -> HttpApi:
    """Use ARGO_TOKEN, which goes only to the server that ARGO_SERVER names, whatever the workflow file says."""
    address = target.argo_server.rstrip("/")
    token = environ.get("ARGO_TOKEN", "").strip()
    trusted = environ.get("ARGO_SERVER", "").rstrip("/")
    if token and trusted not in (address, urlsplit(address).netloc):
        raise BadInput(
            f"the workflow file names the Argo Server {address} and ARGO_SERVER does not: ARGO_TOKEN is not sent there",
            f"export ARGO_SERVER={shell.word(urlsplit(address).netloc)}  # if you trust it",
        )
    token = token.removeprefix("Bearer ")
    log.mask(token)
    probe = f"curl -sS {shell.word(f'{address}/api/v1/version')}"
    return HttpApi(_by_token(address, token, environ), _managed_namespace, probe, authority=_pem(target.argo_ca))


def _managed_namespace(api: HttpApi) -> str:
    info = api.get("/api/v1/info")
    return str((info.body or {}).get("managedNamespace") or "default")


def _pem(text: str) -> str:
    """Return a certificate authority that is given as PEM or as its base64; raises BadInput."""
    if not text or "-----BEGIN" in text:
        return text
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        raise BadInput("input 'argo-ca' is neither PEM nor the base64 of PEM", "give its certificate in PEM") from None


def _by_token(url: str, token: str, environ: Mapping[str, str]) -> Any:
    from kubernetes.client import Configuration

    configuration = Configuration(host=url)
    configuration.ssl_ca_cert = authorities(environ)
    if token:
        configuration.api_key = {"authorization": f"Bearer {token}"}
    return configuration


def _content(response: Any) -> Any:
    """Return the body: older clients have read it already, newer ones read it on demand."""
    return response.data if getattr(response, "data", None) else response.read()
