"""The repositories of the actions that workflow files use, as whoever asks for their releases finds them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mlops_sandbox.github.state import GitHubState

_USES = re.compile(r"uses:\s*([\w.-]+/[\w.-]+)[\w./-]*@([\w.-]+)(?:\s+#\s*(v[0-9][\w.]*))?")
_FULL_VERSION = re.compile(r"v[0-9]+\.[0-9]+\.[0-9]+")
_SHA = re.compile(r"[0-9a-f]{40}")


def publish_actions(github: GitHubState, workflows: Iterable[str]) -> None:
    """Create the repository of each `uses:` with the commit, tag or release that it names, as the newest one."""
    for name, ref, comment in {match for text in workflows for match in _USES.findall(text)}:
        sha = ref if _SHA.fullmatch(ref) else None
        repository = github.repository(name, sha=sha)
        tag = comment or ("" if sha else ref)
        if tag and tag not in repository.tags:
            repository.release(tag if _FULL_VERSION.fullmatch(tag) else f"{tag}.0.0", tag, sha=sha)
