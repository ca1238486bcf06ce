"""A bare client of the Argo Server's API, so that the suite depends on nothing that it tests."""

from __future__ import annotations

import json
import ssl
import uuid
from typing import Any

import httpx

from mlops_actions.core.types import Json

WORKFLOWS = "/api/v1/workflows/default"
EVENTS = "/api/v1/workflow-events/default"
SECONDS = 60.0
WATCHED = "error,result.type,result.object.metadata.name,result.object.metadata.labels"


class ArgoApi:
    """Requests with a token."""

    def __init__(self, url: str, token: str, reader_token: str, image: str, trust: ssl.SSLContext | bool) -> None:
        self.token = token
        self.reader_token = reader_token
        self.image = image
        self._client = httpx.Client(base_url=url, verify=trust, timeout=SECONDS, trust_env=False)

    def request(self, method: str, path: str, *, authorization: str | None = None, **options: Any) -> httpx.Response:
        header = f"Bearer {self.token}" if authorization is None else authorization
        headers = {"Authorization": header} if header else {}
        return self._client.request(method, path, headers=headers, **options)

    def get(self, path: str, **params: str) -> Json:
        answer = self.request("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def workflow(self, spec: Json, **metadata: Any) -> Json:
        name = f"argo-{uuid.uuid4().hex[:10]}"
        return {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"name": name, "namespace": "default", **metadata},
            "spec": spec,
        }

    def create(self, workflow: Json, **body: Any) -> httpx.Response:
        return self.request("POST", WORKFLOWS, json={"namespace": "default", "workflow": workflow, **body})

    def submitted(self, spec: Json) -> str:
        answer = self.create(self.workflow(spec))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["metadata"]["name"])

    def container(self, script: str) -> Json:
        container = {"image": self.image, "command": ["sh", "-c"], "args": [script]}
        return {"entrypoint": "main", "templates": [{"name": "main", "container": container}]}

    def lines(self, path: str, *, until: str = "", **params: str) -> list[Json]:
        """What a stream sends, to its end or to the first line that holds a text."""
        lines = []
        headers = {"Authorization": f"Bearer {self.token}"}
        with self._client.stream("GET", path, params=params, headers=headers) as answer:
            assert answer.status_code == 200, answer.read()
            for line in answer.iter_lines():
                if line.strip():
                    lines.append(json.loads(line))
                    if until and until in line:
                        break
        return lines

    def until_node(self, name: str, kind: str) -> None:
        """Wait until a node of this type runs."""
        query = {**watching(name), "fields": "error,result.type,result.object.metadata.name,result.object.status.nodes"}
        self.lines(EVENTS, until=f'"type":"{kind}"', **query)

    def until_nodes(self, name: str, *display_names: str) -> None:
        """Wait until nodes of these names exist."""
        query = {**watching(name), "fields": "error,result.type,result.object.metadata.name,result.object.status.nodes"}
        for display_name in display_names:
            self.lines(EVENTS, until=f'"displayName":"{display_name}"', **query)

    def ended(self, name: str) -> Json:
        """Wait for a workflow's end."""
        self.lines(EVENTS, until='"workflows.argoproj.io/completed":"true"', **watching(name))
        return self.get(f"{WORKFLOWS}/{name}")


def watching(name: str, seconds: int = 50) -> dict[str, str]:
    return {
        "listOptions.fieldSelector": f"metadata.name={name}",
        "listOptions.timeoutSeconds": str(seconds),
        "fields": WATCHED,
    }
