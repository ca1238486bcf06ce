"""A cluster by the kubernetes client, which also runs the plug-ins that a person's kubeconfig names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops_actions.core.errors import BadInput, Unavailable
from mlops_actions.doctor.ports import ApiAnswer

_SECONDS = 10
_IN_CLUSTER = "KUBERNETES_SERVICE_HOST"


class KubernetesApi:
    """Implements `doctor.ports.ClusterApi`; the kubeconfig is KUBECONFIG's, else `~/.kube/config`."""

    def __init__(self, environ: Mapping[str, str], context: str) -> None:
        import kubernetes.config as loader
        import yaml
        from kubernetes.client import ApiClient, Configuration

        configuration = Configuration()
        configuration.retries = False
        files = environ.get("KUBECONFIG") or f"{environ.get('HOME', '')}/.kube/config"
        try:
            if environ.get(_IN_CLUSTER) and not any(Path(file).is_file() for file in files.split(":")):
                loader.load_incluster_config(configuration)  # type: ignore[no-untyped-call]
                self._namespace = "default"
            else:
                loader.load_kube_config(  # type: ignore[no-untyped-call]
                    files, context=context or None, client_configuration=configuration
                )
                self._namespace = _namespace(loader, files, context)
        except (loader.ConfigException, OSError, ValueError, TypeError, KeyError, yaml.YAMLError) as error:
            text = " ".join(str(error).split())[:300]
            raise BadInput(f"no kubeconfig can be used: {text}", "kubectl config view --minify") from None
        self._configuration = configuration
        self._client = ApiClient(configuration).rest_client

    @property
    def namespace(self) -> str:
        """See the port."""
        return self._namespace

    def get(self, path: str) -> ApiAnswer:
        """See the port."""
        return self._request("GET", path, None)

    def create(self, path: str, body: Mapping[str, Any]) -> ApiAnswer:
        """See the port."""
        return self._request("POST", path, dict(body))

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> ApiAnswer:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        headers = {"Accept": "application/json", "Content-Type": "application/json", **self._authorization()}
        try:
            response = self._client.request(  # type: ignore[no-untyped-call]
                method, self._configuration.host + path, headers=headers, body=body, _request_timeout=_SECONDS
            )
            status, content = response.status, _content(response)
        except ApiException as refusal:
            if not refusal.status:
                raise self._unavailable(refusal.reason) from None
            status, content = refusal.status, refusal.body
        except (HTTPError, OSError) as error:
            raise self._unavailable(error) from None
        try:
            document = json.loads(content) if content else None
        except ValueError:
            document = None
        if status in (200, 201) and not isinstance(document, dict):
            raise Unavailable(
                f"{self._configuration.host} is not a Kubernetes API: it sends no JSON", "kubectl cluster-info"
            )
        return ApiAnswer(status, document, {})

    def _authorization(self) -> dict[str, str]:
        """Return the header with a bearer token or a password; a client certificate needs none."""
        bearer = self._configuration.auth_settings().get("BearerToken")
        if bearer:
            return {"Authorization": str(bearer["value"])}
        if self._configuration.username:
            return {"Authorization": str(self._configuration.get_basic_auth_token())}
        return {}

    def _unavailable(self, error: object) -> Unavailable:
        text = " ".join(str(error).split())[:300]
        return Unavailable(f"{self._configuration.host} gives no answer: {text}", "kubectl cluster-info")


def _namespace(loader: Any, files: str, context: str) -> str:
    contexts, active = loader.list_kube_config_contexts(files)
    chosen = next((entry for entry in contexts if entry["name"] == context), active) if context else active
    return str(chosen["context"].get("namespace") or "default")


def _content(response: Any) -> Any:
    """Return the body: older clients have read it already, newer ones read it on demand."""
    return response.data if getattr(response, "data", None) else response.read()
