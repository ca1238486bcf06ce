"""`actions/checkout`, as far as the sandbox needs it: one commit of a local git repository, no credentials left behind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from mlops_sandbox.git import GitError, git
from mlops_sandbox.runner.workflow import WorkflowError

_KNOWN = {"ref", "persist-credentials", "fetch-depth", "path"}
_SHA = re.compile(r"[0-9a-f]{40}")


def checkout(origin: Path, workspace: Path, inputs: Mapping[str, str], default: str, say: Callable[[str], None]) -> str:
    """Check out the input `ref` (else `default`, a SHA) of `origin` and return the commit's SHA.

    Raises WorkflowError for an input that is not known here, or a commit that cannot be fetched.
    """
    unknown = sorted(set(inputs) - _KNOWN)
    if unknown:
        raise WorkflowError(f"actions/checkout: the sandbox's runner does not know the input `{unknown[0]}`")
    target = (workspace / inputs.get("path", "")).resolve()
    if not target.is_relative_to(workspace.resolve()):
        raise WorkflowError(f"actions/checkout: the path {inputs['path']!r} leaves the workspace")
    target.mkdir(parents=True, exist_ok=True)
    wanted = inputs.get("ref") or default
    refspec = wanted if _SHA.fullmatch(wanted) else f"refs/heads/{wanted.removeprefix('refs/heads/')}"
    try:
        git(target, "init", "--quiet", "--initial-branch", "checkout")
        git(target, "fetch", "--quiet", "--depth", inputs.get("fetch-depth") or "1", origin.resolve().as_uri(), refspec)
        git(target, "checkout", "--quiet", "--detach", "--force", "FETCH_HEAD")
    except GitError as error:
        raise WorkflowError(f"actions/checkout: {error}") from error
    say(f"HEAD is now at {git(target, 'log', '-1', '--format=%h %s')}")
    return git(target, "rev-parse", "HEAD")
