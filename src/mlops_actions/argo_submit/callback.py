"""Add an exit handler by which a workflow reports its end to the repository, however long the job has ended. Pure.

These templates are added to the workflow:

    onExit: mlops-exit
    templates:
    - name: mlops-exit         only where the workflow has an exit handler: runs it first, then the callback in any case
    - name: mlops-call-back    one step that may fail: the workflow must not fail because GitHub cannot be reached
    - name: mlops-post         sends the request

The token never leaves the cluster: a secret holds it, the container gets it as a variable, and curl by standard input.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from mlops_actions.argo_submit.revision import WorkflowRevision
from mlops_actions.core.callback import EVENT_TYPE, CallBack, read
from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.provenance import is_sha
from mlops_actions.core.types import Json

EXIT = "mlops-exit"
CALL_BACK = "mlops-call-back"
POST = "mlops-post"
SECRET_KEY = "token"  # noqa: S105 - the name of the key, not a token
# Argo's controller rejects a workflow with this message where `templateReferencing` is Strict or Secure.
TEMPLATE_REFERENCES_ONLY = "must use workflowTemplateRef"
# A missing secret or image keeps the pod waiting, and without a deadline the finished workflow would never end.
POST_SECONDS = 900
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# --retry repeats what may pass (a failed name lookup, 408, 429, 5xx) with growing pauses, for about four minutes in all.
SCRIPT = """\
printf 'Authorization: Bearer %s\\n' "$CALL_BACK_TOKEN" |
  curl --silent --show-error --fail-with-body --max-time 60 --retry 7 --retry-connrefused --header @- \\
    --header 'Accept: application/vnd.github+json' --header 'Content-Type: application/json' \\
    --data-raw "$CALL_BACK_BODY" "$CALL_BACK_URL"
"""


@dataclass(frozen=True, kw_only=True)
class CallbackRequest:
    """The request that the exit handler sends; the Kubernetes secret `secret` holds the token under the key `token`."""

    url: str
    body: str
    image: str
    secret: str


def callback_request(revision: WorkflowRevision, context: Context, image: str, secret: str) -> CallbackRequest:
    """Return the request for a workflow of this revision; raises BadInput where chatops could not use the callback."""
    if revision.pr_number is None:
        raise BadInput(
            "input 'callback' needs to know the pull request, and the event belongs to none",
            "give 'pr-number', the pull request that gets the callback",
        )
    if not is_sha(revision.sha):
        raise BadInput(
            "input 'callback' needs to know the commit, and it is not known", "check out the commit, or give 'sha'"
        )
    if not (context.run_id.isascii() and context.run_id.isdigit()):
        raise BadInput("input 'callback' needs GITHUB_RUN_ID, which is not set", "run this as a step of a GitHub workflow")
    address = urlsplit(context.api_url)
    if address.scheme != "https" and address.hostname not in LOOPBACK:
        raise BadInput(
            f"GitHub's API is at {context.api_url}: the token of 'callback' would be sent in plain text",
            "set GITHUB_API_URL to an https address",
        )
    callback = CallBack(
        sha=revision.sha,
        pull_request=revision.pr_number,
        run=int(context.run_id),
        workflow="{{workflow.name}}",
        phase="{{workflow.status}}",
        namespace="{{workflow.namespace}}",
        uid="{{workflow.uid}}",
        step=_accepted(step=context.step).step,
        image=_accepted(image=revision.image).image,
    )
    body = json.dumps({"event_type": EVENT_TYPE, "client_payload": callback.payload()}, separators=(",", ":"))
    url = f"{context.api_url}/repos/{context.repository}/dispatches"
    return CallbackRequest(url=url, body=body, image=image, secret=secret)


def with_exit_handler(workflow: Json, request: CallbackRequest) -> Json:
    """Return the workflow with the exit handler; raises BadInput where it cannot be added.

    Argo's validation refuses a workflow with both templates and a `workflowTemplateRef`.
    """
    spec = workflow["spec"]
    if spec.get("workflowTemplateRef"):
        raise BadInput(
            "input 'callback' cannot be added to a workflow that refers to a template by 'workflowTemplateRef'",
            "give 'from' instead, which runs a copy of the template's spec, or report from the template's own 'onExit'",
        )
    if (spec.get("hooks") or {}).get("exit"):
        raise BadInput(
            "input 'callback' cannot be added beside 'hooks.exit': Argo runs one of the two exit handlers",
            "turn 'hooks.exit' into 'onExit'",
        )
    templates = list(spec.get("templates") or [])
    used = sorted({EXIT, CALL_BACK, POST} & {str(template.get("name")) for template in templates})
    if used:
        raise BadInput(
            f"input 'callback' adds a template of the name '{used[0]}', and the workflow has one already",
            "rename the workflow's template",
        )
    handler = spec.get("onExit")
    added = [_call_back_template(), _post_template(request)]
    if handler:
        added.insert(0, _exit_template(str(handler), templates, _parameter_names(spec)))
    return {**workflow, "spec": {**spec, "onExit": EXIT if handler else CALL_BACK, "templates": templates + added}}


def _exit_template(handler: str, templates: list[Json], declared: set[str]) -> Json:
    """Run the handler as Argo would, then the callback. Both are targets, so that a failing handler fails the workflow."""
    inputs = next((template.get("inputs") or {} for template in templates if template.get("name") == handler), {})
    # Argo passes the workflow's parameters to an exit handler by name; a task of a DAG must pass them explicitly.
    arguments = [
        {"name": parameter["name"], "value": f"{{{{workflow.parameters.{parameter['name']}}}}}"}
        for parameter in inputs.get("parameters") or []
        if parameter.get("name") in declared
    ]
    if any(not artifact.get("optional") and "raw" not in artifact for artifact in inputs.get("artifacts") or []):
        raise BadInput(
            f"input 'callback' cannot be added: the exit handler '{handler}' takes artifacts",
            "let the handler read them by itself, or report from the handler",
        )
    before: Json = {"name": "before", "template": handler}
    if arguments:
        before["arguments"] = {"parameters": arguments}
    after = {
        "name": "call-back",
        "template": CALL_BACK,
        "depends": "before.Succeeded || before.Failed || before.Errored || before.Skipped || before.Omitted",
    }
    return {"name": EXIT, "dag": {"target": "before call-back", "failFast": False, "tasks": [before, after]}}


def _call_back_template() -> Json:
    step = {"name": "post", "template": POST, "continueOn": {"failed": True, "error": True}}
    return {"name": CALL_BACK, "steps": [[step]]}


def _post_template(request: CallbackRequest) -> Json:
    token = {"secretKeyRef": {"name": request.secret, "key": SECRET_KEY}}
    return {
        "name": POST,
        "activeDeadlineSeconds": POST_SECONDS,
        "container": {
            "image": request.image,
            "command": ["sh", "-c", SCRIPT],
            "env": [
                {"name": "CALL_BACK_TOKEN", "valueFrom": token},
                {"name": "CALL_BACK_URL", "value": request.url},
                {"name": "CALL_BACK_BODY", "value": request.body},
            ],
        },
    }


def _parameter_names(spec: Mapping[str, Any]) -> set[str]:
    return {str(parameter["name"]) for parameter in (spec.get("arguments") or {}).get("parameters") or []}


def _accepted(*, step: str = "", image: str = "") -> CallBack:
    """Return a callback with this text, or without it where the reading side would refuse it."""
    sample = CallBack(sha="0" * 40, pull_request=1, run=1, workflow="x", phase="Succeeded")
    try:
        return read(replace(sample, step=step, image=image).payload())
    except ValueError:
        return sample
