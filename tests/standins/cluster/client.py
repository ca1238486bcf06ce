"""A bare client of the Kubernetes API, so that the suite depends on nothing that it tests."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import yaml

from mlops_actions.core.types import Json

WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/{namespace}/workflows"
PODS = "/api/v1/namespaces/{namespace}/pods"
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
SECONDS = 60


class KubernetesApi:
    """Requests with a token; paths may hold `{namespace}`."""

    def __init__(
        self,
        url: str,
        token: str,
        reader_token: str,
        *,
        namespace: str = "default",
        image: str = "python:3",
        authority: str | None = None,
    ) -> None:
        self.url = url
        self.token = token
        self.reader_token = reader_token
        self.namespace = namespace
        self.image = image
        verify = ssl.create_default_context(cafile=authority) if authority else True
        self._client = httpx.Client(base_url=url, verify=verify, timeout=SECONDS, trust_env=False)

    def path(self, path: str) -> str:
        return path.replace("{namespace}", self.namespace)

    def request(self, method: str, path: str, *, token: str | None = None, **options: Any) -> httpx.Response:
        headers = {**options.pop("headers", {})}
        bearer = self.token if token is None else token
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        return self._client.request(method, self.path(path), headers=headers, **options)

    def get(self, path: str, **options: Any) -> Json:
        answer = self.request("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def submit(self, text: str | Json, **options: Any) -> Json:
        """Create a workflow from YAML in which IMAGE stands for the image."""
        manifest = yaml.safe_load(text.replace("IMAGE", self.image)) if isinstance(text, str) else text
        answer = self.request("POST", WORKFLOWS, json=manifest, **options)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def patch(self, path: str, patch: Json) -> Json:
        answer = self.request("PATCH", path, content=json.dumps(patch), headers=MERGE_PATCH)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    @contextmanager
    def watch(self, path: str, *, headers: dict[str, str] | None = None, **params: Any) -> Iterator[Iterator[Json]]:
        """Yield the events of a watch."""
        query = {"watch": "1", "timeoutSeconds": SECONDS, **params}
        all_headers = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        with self._client.stream("GET", self.path(path), params=query, headers=all_headers) as answer:
            assert answer.status_code == 200, answer.read()
            yield (json.loads(line) for line in answer.iter_lines() if line)

    def wait(self, name: str, holds: Callable[[Json], bool]) -> Json:
        """Return the workflow as soon as it holds; fails where the watch ends before."""
        with self.watch(WORKFLOWS, fieldSelector=f"metadata.name={name}") as events:
            for event in events:
                if event["type"] != "BOOKMARK" and holds(event["object"]):
                    return dict(event["object"])
        raise AssertionError(f"{name} did not get there: {self.get(f'{WORKFLOWS}/{name}').get('status')}")

    def run(self, text: str) -> Json:
        """Submit a workflow and return it when it has ended."""
        return self.wait(self.submit(text)["metadata"]["name"], ended)


def ended(workflow: Json) -> bool:
    labels = workflow["metadata"].get("labels") or {}
    return labels.get("workflows.argoproj.io/completed") == "true"


def nodes_by_display_name(workflow: Json) -> dict[str, Json]:
    return {node["displayName"]: node for node in workflow["status"]["nodes"].values()}


def outputs(node: Json) -> dict[str, str]:
    return {parameter["name"]: parameter["value"] for parameter in node.get("outputs", {}).get("parameters", [])}
