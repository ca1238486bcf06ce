"""An exit handler that has the workflow itself tell the repository how it ended, long after the job has gone. Pure.

It is added beside what the workflow has already:

    onExit: mlops-exit
    templates:
    - name: mlops-exit         where there was an exit handler: that one first, then the call-back, whatever became of it
    - name: mlops-call-back    one step that may fail: a GitHub out of reach must not make good work a failed workflow
    - name: mlops-post         the request

The token never leaves the cluster: it is a secret there, reaches the container as a variable, and curl by standard input.
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
# What Argo's controller says of a workflow of its own where `templateReferencing` is Strict or Secure.
TEMPLATE_REFERENCES_ONLY = "must use workflowTemplateRef"
# A secret or an image that is not there keeps a pod waiting for ever, and with it the workflow that has long done its work.
POST_SECONDS = 900
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# --retry: what may pass (a broken name look-up, 408, 429, 5xx), with growing pauses, about four minutes in all.
SCRIPT = """\
printf 'Authorization: Bearer %s\\n' "$CALL_BACK_TOKEN" |
  curl --silent --show-error --fail-with-body --max-time 60 --retry 7 --retry-connrefused --header @- \\
    --header 'Accept: application/vnd.github+json' --header 'Content-Type: application/json' \\
    --data-raw "$CALL_BACK_BODY" "$CALL_BACK_URL"
"""


@dataclass(frozen=True)
class CallbackRequest:
    """What the workflow is to tell, and with what; `secret` is a Kubernetes secret that holds the token as `token`."""

    url: str
    body: str
    image: str
    secret: str


def callback_request(revision: WorkflowRevision, context: Context, image: str, secret: str) -> CallbackRequest:
    """Return what a workflow about this subject is to tell; raises BadInput where the reading side could not use it."""
    if revision.pr_number is None:
        raise BadInput(
            "input 'callback' needs to know the pull request, and the event is of none",
            "give 'pr-number': who is called back",
        )
    if not is_sha(revision.sha):
        raise BadInput("input 'callback' needs to know the commit, and it is not known", "check it out, or give 'sha'")
    if not (context.run_id.isascii() and context.run_id.isdigit()):
        raise BadInput("input 'callback' needs GITHUB_RUN_ID, which is not set", "run this as a step of a GitHub workflow")
    address = urlsplit(context.api_url)
    if address.scheme != "https" and address.hostname not in LOOPBACK:
        raise BadInput(
            f"GitHub's API is at {context.api_url}: the token of 'callback' would be sent in plain text",
            "have GITHUB_API_URL be an https address",
        )
    claim = CallBack(
        sha=revision.sha,
        pull_request=revision.pr_number,
        run=int(context.run_id),
        workflow="{{workflow.name}}",
        phase="{{workflow.status}}",
        namespace="{{workflow.namespace}}",
        uid="{{workflow.uid}}",
        step=_told(step=context.step).step,
        image=_told(image=revision.image).image,
    )
    body = json.dumps({"event_type": EVENT_TYPE, "client_payload": claim.payload()}, separators=(",", ":"))
    return CallbackRequest(f"{context.api_url}/repos/{context.repository}/dispatches", body, image, secret)


def with_exit_handler(workflow: Json, what: CallbackRequest) -> Json:
    """Return the workflow with the exit handler; raises BadInput where it has no place.

    A workflow may not bring templates along beside a `workflowTemplateRef` (Argo's validation refuses them).
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
    taken = sorted({EXIT, CALL_BACK, POST} & {str(one.get("name")) for one in templates})
    if taken:
        raise BadInput(f"input 'callback' adds a template of the name '{taken[0]}', which is there", "rename that template")
    handler = spec.get("onExit")
    made = [_call_back(), _post(what)]
    if handler:
        made.insert(0, _both(str(handler), templates, _declared(spec)))
    return {**workflow, "spec": {**spec, "onExit": EXIT if handler else CALL_BACK, "templates": templates + made}}


def _both(handler: str, templates: list[Json], declared: set[str]) -> Json:
    """Run the handler as Argo would have, then call back; both are targets, so that the handler's failure stays one."""
    inputs = next((one.get("inputs") or {} for one in templates if one.get("name") == handler), {})
    # Argo binds the exit handler's parameters to the workflow's of the same name; a task must say so.
    bound = [
        {"name": one["name"], "value": f"{{{{workflow.parameters.{one['name']}}}}}"}
        for one in inputs.get("parameters") or []
        if one.get("name") in declared
    ]
    if any(not one.get("optional") and "raw" not in one for one in inputs.get("artifacts") or []):
        raise BadInput(
            f"input 'callback' cannot be added: the exit handler '{handler}' takes artifacts",
            "have it read them by itself, or call back from it",
        )
    before: Json = {"name": "before", "template": handler}
    if bound:
        before["arguments"] = {"parameters": bound}
    after = {
        "name": "call-back",
        "template": CALL_BACK,
        "depends": "before.Succeeded || before.Failed || before.Errored || before.Skipped || before.Omitted",
    }
    return {"name": EXIT, "dag": {"target": "before call-back", "failFast": False, "tasks": [before, after]}}


def _call_back() -> Json:
    step = {"name": "post", "template": POST, "continueOn": {"failed": True, "error": True}}
    return {"name": CALL_BACK, "steps": [[step]]}


def _post(what: CallbackRequest) -> Json:
    token = {"secretKeyRef": {"name": what.secret, "key": SECRET_KEY}}
    return {
        "name": POST,
        "activeDeadlineSeconds": POST_SECONDS,
        "container": {
            "image": what.image,
            "command": ["sh", "-c", SCRIPT],
            "env": [
                {"name": "CALL_BACK_TOKEN", "valueFrom": token},
                {"name": "CALL_BACK_URL", "value": what.url},
                {"name": "CALL_BACK_BODY", "value": what.body},
            ],
        },
    }


def _declared(spec: Mapping[str, Any]) -> set[str]:
    return {str(one["name"]) for one in (spec.get("arguments") or {}).get("parameters") or []}


def _told(*, step: str = "", image: str = "") -> CallBack:
    """Return a call-back that holds this where it may be told; what the reading side would refuse is left out."""
    sample = CallBack("0" * 40, 1, 1, "x", "Succeeded")
    try:
        return read(replace(sample, step=step, image=image).payload())
    except ValueError:
        return sample
