"""The workflow's name: the same for the same request, so that a request that is made twice is carried out once. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from mlops_actions.core.context import Context
from mlops_actions.core.provenance import PREFIX

KEY: Final = f"{PREFIX}/idempotency-key"
NAME_LIMIT: Final = 63
DIGEST_LENGTH: Final = 10
DEFAULT_BASE: Final = "workflow-"


def key(workflow: Mapping[str, Any], mode: str, context: Context, sha: str) -> str:
    """Return what identifies the request (a hash); empty where every request is to be a new workflow.

    The workflow counts before it is labelled. With `run`, the GitHub run, job and step count too, so that the legs of a
    matrix, which differ in their parameters, are different requests, and a re-run of the job is the same one.
    """
    if mode == "none":
        return ""
    parts: list[object] = [context.repository, workflow]
    parts += [context.run_id, context.job, context.step] if mode == "run" else [sha]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def of_commit(metadata: Mapping[str, Any], sha: str) -> dict[str, Any]:
    """Return the metadata with the commit's first digits behind `generateName`, as the replaced actions named workflows."""
    base = str(metadata.get("generateName") or "")
    if not base or not sha:
        return dict(metadata)
    return {**metadata, "generateName": f"{base.rstrip('-')}-{sha[:7]}-"}


def named(metadata: Mapping[str, Any], request_key: str, *, attempt: int = 0) -> dict[str, Any]:
    """Return the metadata with a name made of the key; a name that was given stays, and so does everything without a key.

    `attempt` (from 2 on) tells a repetition of a request that had failed from the first one.
    """
    made = dict(metadata)
    if not request_key:
        if not made.get("name"):
            made["generateName"] = made.get("generateName") or DEFAULT_BASE
        return made
    suffix = f"-{attempt}" if attempt > 1 else ""
    if made.get("name"):
        if suffix:
            made["name"] = made["name"][: NAME_LIMIT - len(suffix)].rstrip("-.") + suffix
    else:
        base = str(made.pop("generateName", "") or DEFAULT_BASE)
        tail = request_key[:DIGEST_LENGTH] + suffix
        base = base[: NAME_LIMIT - len(tail)]
        made["name"] = base + tail
    made["annotations"] = {**(made.get("annotations") or {}), KEY: request_key}
    return made
