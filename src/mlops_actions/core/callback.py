"""Read and write the callback of a detached workflow: the `repository_dispatch` by which it reports its end.

    POST /repos/{owner}/{repo}/dispatches
    {
      "event_type": "mlops-workflow-ended",
      "client_payload": {
        "schema": 1,
        "sha": "0123456789abcdef0123456789abcdef01234567",   the commit that the workflow was submitted for
        "pr": 7,                                             the pull request
        "run": 4711,                                         the GitHub run that submitted it
        "step": "train",                                     that run's step (optional)
        "workflow": {"name": "train-x7k2p", "namespace": "ml", "uid": "0b5a…",
                     "image": "ghcr.io/acme/digits@sha256:…"},  its input image (optional)
        "phase": "Succeeded"                                 Argo's phase: Succeeded, Failed or Error
      }
    }

The payload proves nothing: everybody with write access to the repository can send it. What it says about GitHub is looked up
before it is used. The job that submits the workflow names it in an annotation (see `record`), which the payload must agree
with. GitHub accepts at most ten top-level properties in a client_payload.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlops_actions.core.provenance import is_sha

EVENT_TYPE = "mlops-workflow-ended"
SCHEMA = 1
PHASES = ("Succeeded", "Failed", "Error")

RECORD_TITLE = "argo-submit: call-back"

_MAX_NUMBER = 2**53  # larger numbers are not exact in every JSON reader
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_UID = re.compile(r"[0-9A-Za-z-]{0,64}")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,511}")
_STEP = re.compile(r"[\w.-]{0,100}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CallBack:
    """The report of a workflow at its end."""

    sha: str
    pull_request: int
    run: int
    workflow: str
    phase: str
    namespace: str = ""
    uid: str = ""
    step: str = ""
    image: str = ""

    def payload(self) -> dict[str, Any]:
        """Return it as a `client_payload`."""
        return {
            "schema": SCHEMA,
            "sha": self.sha,
            "pr": self.pull_request,
            "run": self.run,
            "step": self.step,
            "workflow": {"name": self.workflow, "namespace": self.namespace, "uid": self.uid, "image": self.image},
            "phase": self.phase,
        }


def record(namespace: str, workflow: str, uid: str) -> str:
    """Return the text of the annotation by which a job says that this workflow reports its end to the repository."""
    return f"The workflow {namespace}/{workflow} ({uid}) will report its end."


def read(payload: Mapping[str, Any]) -> CallBack:
    """Read a `client_payload`; raises ValueError, which names the wrong property and quotes nothing else."""
    schema = payload.get("schema")
    if schema != SCHEMA or isinstance(schema, bool):
        raise ValueError(f"'schema' must be {SCHEMA}")
    workflow = payload.get("workflow")
    if not isinstance(workflow, Mapping):
        raise ValueError("'workflow' must be an object with 'name', 'namespace' and 'uid'")
    sha, phase = payload.get("sha"), payload.get("phase")
    if not isinstance(sha, str) or not is_sha(sha):
        raise ValueError("'sha' must be a commit's 40 lower-case hexadecimal digits")
    if phase not in PHASES:
        raise ValueError(f"'phase' must be one of {', '.join(PHASES)}")
    return CallBack(
        sha=sha,
        pull_request=_number(payload, "pr"),
        run=_number(payload, "run"),
        workflow=_text(workflow, "name", _NAME),
        phase=phase,
        namespace=_text(workflow, "namespace", _NAME, optional=True),
        uid=_text(workflow, "uid", _UID, optional=True),
        step=_text(payload, "step", _STEP, optional=True),
        image=_text(workflow, "image", _IMAGE, optional=True),
    )


def _number(payload: Mapping[str, Any], name: str) -> int:
    """Read a number, or its digits as text: a workflow's parameters are always text."""
    value = payload.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 16:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < _MAX_NUMBER:
        raise ValueError(f"'{name}' must be a positive number")
    return value


def _text(payload: Mapping[str, Any], name: str, form: re.Pattern[str], *, optional: bool = False) -> str:
    value = payload.get(name)
    if optional and value in (None, ""):
        return ""
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ValueError(f"'{name}' is not a name of the form that Kubernetes or GitHub uses")
    return value
