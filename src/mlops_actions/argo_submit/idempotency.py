"""Idempotency: a request that is made twice has the same key, so the same name, and creates one workflow. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from mlops_actions.argo_submit.object_names import MAX_NAME_LENGTH
from mlops_actions.core.context import Context
from mlops_actions.core.provenance import PREFIX

KEY_ANNOTATION = f"{PREFIX}/idempotency-key"
DIGEST_LENGTH = 10
DEFAULT_GENERATE_NAME = "workflow-"


def request_key(
    workflow: Mapping[str, Any],
    mode: str,
    context: Context,
    sha: str,
    *,
    matrix: Mapping[str, Any] | None = None,
    section: str | None = None,
) -> str:
    """Return a hash that identifies the request; empty where every request creates a new workflow.

    The hash covers the workflow before the suite labels it. In the mode `run` it covers the GitHub run, job and step too,
    with the matrix values and the name of its section: legs of a matrix, and two calls of a reusable workflow, are different
    requests, and a re-run of a job is the same request.
    """
    if mode == "none":
        return ""
    parts: list[object] = [context.repository, workflow]
    parts += [context.run_id, context.job, context.step, matrix or {}, section or ""] if mode == "run" else [sha]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def with_commit(metadata: Mapping[str, Any], sha: str) -> dict[str, Any]:
    """Return the metadata with the short commit SHA appended to `generateName`, as the replaced actions named workflows."""
    generate_name = str(metadata.get("generateName") or "")
    if not generate_name or not sha:
        return dict(metadata)
    return {**metadata, "generateName": f"{generate_name.rstrip('-')}-{sha[:7]}-"}


def with_name(metadata: Mapping[str, Any], key: str, *, attempt: int = 0) -> dict[str, Any]:
    """Return the metadata with a name derived from the key. A given name stays; without a key the server makes the name.

    `attempt` (from 2 on) marks a request that is repeated because its workflow failed.
    """
    named = dict(metadata)
    if not key:
        if not named.get("name"):
            named["generateName"] = named.get("generateName") or DEFAULT_GENERATE_NAME
        return named
    suffix = f"-{attempt}" if attempt > 1 else ""
    if named.get("name"):
        if suffix:
            named["name"] = named["name"][: MAX_NAME_LENGTH - len(suffix)].rstrip("-.") + suffix
    else:
        tail = key[:DIGEST_LENGTH] + suffix
        generate_name = str(named.pop("generateName", "") or DEFAULT_GENERATE_NAME)
        named["name"] = generate_name[: MAX_NAME_LENGTH - len(tail)] + tail
    named["annotations"] = {**(named.get("annotations") or {}), KEY_ANNOTATION: key}
    return named
