"""`actions/checkout` for the sandbox: check out one commit of a local git repository, and store no credentials."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from mlops_sandbox.git import GitError, git
from mlops_sandbox.runner.workflow import WorkflowError

_INPUTS = {"ref", "persist-credentials", "fetch-depth", "path"}
_SHA = re.compile(r"[0-9a-f]{40}")


def checkout(
    origin: Path, workspace: Path, inputs: Mapping[str, str], default: str, write_log: Callable[[str], None]
) -> str:
    """Check out the input `ref` (else `default`, a SHA) of `origin` and return the commit's SHA.

    Raises WorkflowError for an unsupported input, or a commit that git cannot fetch.
    """
    unknown = sorted(set(inputs) - _INPUTS)
    if unknown:
        raise WorkflowError(f"actions/checkout: the sandbox's runner does not support the input `{unknown[0]}`")
    target = (workspace / inputs.get("path", "")).resolve()
    if not target.is_relative_to(workspace.resolve()):
        raise WorkflowError(f"actions/checkout: the path {inputs['path']!r} leaves the workspace")
    target.mkdir(parents=True, exist_ok=True)
    ref = inputs.get("ref") or default
    refspec = ref if _SHA.fullmatch(ref) else f"refs/heads/{ref.removeprefix('refs/heads/')}"
    try:
        git(target, "init", "--quiet", "--initial-branch", "checkout")
        git(target, "fetch", "--quiet", "--depth", inputs.get("fetch-depth") or "1", origin.resolve().as_uri(), refspec)
        git(target, "checkout", "--quiet", "--detach", "--force", "FETCH_HEAD")
    except GitError as error:
        raise WorkflowError(f"actions/checkout: {error}") from error
    write_log(f"HEAD is now at {git(target, 'log', '-1', '--format=%h %s')}")
    return git(target, "rev-parse", "HEAD")
