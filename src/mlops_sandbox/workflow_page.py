"""Pages of the workflows of the sandbox's cluster, at the addresses that they have in Argo's own UI, and their list."""

from __future__ import annotations

from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.resources import PODS, WORKFLOWS
from mlops_sandbox.cluster.status import ApiError

_NODE_ID = "workflows.argoproj.io/node-id"
MAX_LINES = 400

_FRAME = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{% block title %}{% endblock %}</title>
<style>
:root { color-scheme: light dark }
body { font: 14px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; display: block; overflow: auto }
th, td { border-bottom: 1px solid #8884; padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top }
pre { overflow: auto; border: 1px solid #8884; padding: .8rem; max-height: 24rem }
</style>
</head>
<body>
{% block body %}{% endblock %}
</body>
</html>
"""
_WORKFLOW = """\
{% extends "frame" %}
{% block title %}{{ name }}{% endblock %}
{% block body %}
<p><a href="/workflows">Workflows</a></p>
<h1>{{ name }}</h1>
<p>{{ phase }}{% if message %}: {{ message }}{% endif %}</p>
<h2>Parameters</h2>
<table>
{% for parameter in parameters %}
<tr><th>{{ parameter.name }}</th><td>{{ parameter.value }}</td></tr>
{% endfor %}
</table>
<h2>Nodes</h2>
{% for node in nodes %}
<h3>{{ node.name }} · {{ node.phase }}</h3>
<p>{{ node.type }}, {{ node.started }} – {{ node.finished }}{% if node.message %}. {{ node.message }}{% endif %}</p>
{% if node.log %}<pre>{{ node.log }}</pre>{% endif %}
{% endfor %}
{% endblock %}
"""
_LIST = """\
{% extends "frame" %}
{% block title %}Workflows{% endblock %}
{% block body %}
<h1>Workflows</h1>
<table>
<tr><th>Workflow</th><th>Phase</th><th>Started</th><th>Finished</th></tr>
{% for workflow in workflows %}
<tr><td><a href="/workflows/{{ workflow.namespace }}/{{ workflow.name }}">{{ workflow.name }}</a></td>
<td>{{ workflow.phase }}</td><td>{{ workflow.started }}</td><td>{{ workflow.finished }}</td></tr>
{% endfor %}
</table>
{% endblock %}
"""
_pages = Environment(
    loader=DictLoader({"frame": _FRAME, "workflow": _WORKFLOW, "list": _LIST}), autoescape=True, undefined=StrictUndefined,
    trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip


def application(cluster: Cluster) -> Starlette:
    """Return the application that serves the pages of a cluster, at `/workflows` and `/workflows/{namespace}/{name}`."""

    async def show_all(_: Request) -> Response:
        return HTMLResponse(_render_list(cluster))

    async def show(request: Request) -> Response:
        try:
            workflow = cluster.store.get(WORKFLOWS, request.path_params["namespace"], request.path_params["name"])
        except ApiError:
            return PlainTextResponse("Not Found", 404)
        return HTMLResponse(render(cluster, workflow))

    return Starlette(routes=[Route("/workflows", show_all), Route("/workflows/{namespace}/{name}", show)])


def _render_list(cluster: Cluster) -> str:
    workflows = [
        {
            "namespace": workflow["metadata"]["namespace"],
            "name": workflow["metadata"]["name"],
            "phase": (status := workflow.get("status") or {}).get("phase") or "Pending",
            "started": status.get("startedAt") or "",
            "finished": status.get("finishedAt") or "",
        }
        for workflow in cluster.store.items(WORKFLOWS)[0]
    ]
    newest_first = sorted(workflows, key=lambda workflow: workflow["started"] or "~", reverse=True)
    return _pages.get_template("list").render(workflows=newest_first)


def render(cluster: Cluster, workflow: dict[str, Any]) -> str:
    """Return the page of a workflow: its parameters, and its nodes with their logs."""
    status = workflow.get("status") or {}
    pods, _ = cluster.store.items(PODS, workflow["metadata"]["namespace"])
    by_node = {pod["metadata"].get("annotations", {}).get(_NODE_ID): pod["metadata"]["uid"] for pod in pods}
    nodes = [
        {
            "name": node.get("displayName", identity),
            "type": node.get("type", ""),
            "phase": node.get("phase", ""),
            "message": node.get("message", ""),
            "started": node.get("startedAt") or "",
            "finished": node.get("finishedAt") or "",
            "log": "\n".join(cluster.logs.open(by_node[identity], "main").tail(MAX_LINES)) if identity in by_node else "",
        }
        for identity, node in (status.get("nodes") or {}).items()
    ]
    parameters = (workflow["spec"].get("arguments") or {}).get("parameters") or []
    return _pages.get_template("workflow").render(
        name=workflow["metadata"]["name"],
        phase=status.get("phase") or "Pending",
        message=status.get("message", ""),
        parameters=[{"name": parameter.get("name"), "value": parameter.get("value", "")} for parameter in parameters],
        nodes=nodes,
    )
