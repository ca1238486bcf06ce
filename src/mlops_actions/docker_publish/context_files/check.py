"""Check the context of a request before the build, for warnings only: what cannot be read is left to the build to report."""

from __future__ import annotations

from mlops_actions.docker_publish.context_files import findings, local_sources, warnings
from mlops_actions.docker_publish.dockerfile import instructions
from mlops_actions.docker_publish.request import BuildRequest
from mlops_actions.docker_publish.reuse import fingerprint


def context_warnings(request: BuildRequest) -> tuple[str, ...]:
    """Return one warning of each kind, the most urgent first."""
    sources = request.sources
    try:
        text = sources.dockerfile.read_text(encoding="utf-8", errors="surrogateescape")
        ignore = fingerprint.read_ignore(sources.context, sources.dockerfile)
        found = findings.inspect(
            sources.context,
            ignore,
            local_sources.find(instructions.parse(text)),
            root=request.context.workspace.resolve(),
        )
    except (OSError, ValueError, RecursionError):
        return ()
    return tuple(warnings.texts(found))
