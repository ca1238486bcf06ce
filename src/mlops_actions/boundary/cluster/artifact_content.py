"""The content of an artifact as the Argo Server sends it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from mlops_actions.boundary.cluster.transport import ByteBlocks
from mlops_actions.core.errors import Unavailable

# Where the storage fails on the way, the server has sent 200 already, and writes this behind the content: `returnArtifact`
# and `httpFromError` of https://github.com/argoproj/argo-workflows/blob/v4.0.2/server/artifacts/artifact_server.go, the same
# in 3.6 and 3.7.
_FAILED = re.compile(rb"failed to stream artifact: (.{0,2000}?)\nInternal Server Error\n\Z", re.DOTALL)
_MAX_FAILED = 4096


class ArtifactContent:
    """The blocks of an artifact, as they come; raises Unavailable at the end of a part of it.

    `confirm` is called at the end, and raises where the blocks are not those of the artifact that was meant.
    """

    def __init__(self, blocks: ByteBlocks, path: str, confirm: Callable[[], None]) -> None:
        self._blocks = blocks
        self._path = path
        self._confirm = confirm

    def __iter__(self) -> Iterator[bytes]:
        end = b""
        for block in self._blocks:
            end = (end + block)[-_MAX_FAILED:]
            yield block
        if failed := _FAILED.search(end):
            reason = failed[1].decode(errors="replace")
            raise Unavailable(
                f"{self._blocks.server} sent only a part of the file to GET {self._path}: {reason}",
                "see the storage of the artifacts, then run the job again",
            )
        self._confirm()

    def close(self) -> None:
        """End the stream from any thread."""
        self._blocks.close()
