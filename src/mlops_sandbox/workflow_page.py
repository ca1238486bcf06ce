"""A page for each workflow of the sandbox's cluster, at the address that it has in Argo's own UI."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.resources import PODS, WORKFLOWS
from mlops_sandbox.cluster.status import ApiError

_NODE_ID = "workflows.argoproj.io/node-id"
MAX_LINES = 400

_page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ name }}</title>
<style>
:root { color-scheme: light dark }
body { font: 14px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse }
th, td { border-bottom: 1px solid #8884; padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top }
pre { overflow: auto; border: 1px solid #8884; padding: .8rem; max-height: 24rem }
</style>
</head>
<body>
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
</body>
</html>
""")


def application(cluster: Cluster) -> Starlette:
    """Return the application that serves the pages of a cluster at `/workflows/{namespace}/{name}`."""

    async def show(request: Request) -> Response:
        try:
            workflow = cluster.store.get(WORKFLOWS, request.path_params["namespace"], request.path_params["name"])
        except ApiError:
            return PlainTextResponse("Not Found", 404)
        return HTMLResponse(_render(cluster, workflow))

    return Starlette(routes=[Route("/workflows/{namespace}/{name}", show)])


def _render(cluster: Cluster, workflow: dict[str, Any]) -> str:
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
    return _page.render(
        name=workflow["metadata"]["name"],
        phase=status.get("phase") or "Pending",
        message=status.get("message", ""),
        parameters=[{"name": parameter.get("name"), "value": parameter.get("value", "")} for parameter in parameters],
        nodes=nodes,
    )
