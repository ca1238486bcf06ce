"""The ports of argo-submit. `boundary.cluster` implements `Cluster`, `boundary.github` implements `PullRequests`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.argo_submit.suspension import ResumeRequest
from mlops_actions.core.errors import Refused
from mlops_actions.core.ports import Clock, PullRequests, Runner, Workspace
from mlops_actions.core.types import Json

T_co = TypeVar("T_co", covariant=True)


# A listing ends after this many workflows.
MAX_LISTED = 1_000
# How often a change is made again that met another one: the controller changes a workflow often, but not at each read.
MAX_CONFLICTS = 5


class NotFound(Refused):
    """The cluster does not have the object (404)."""


class AlreadyExists(Refused):
    """The cluster has an object of this name already (409)."""


class Conflict(Refused):
    """The object has changed since it was read (409): read it again."""


class Expired(Exception):
    """A watch can no longer start at this resource version (410): read the object, then watch from its version."""


@dataclass(frozen=True)
class WatchEvent:
    """One event of a watch: ADDED, MODIFIED or DELETED, and the object (of workflows the metadata alone)."""

    type: str
    object: Json

    @property
    def resource_version(self) -> str:
        """The version at which the next watch starts."""
        return str((self.object.get("metadata") or {}).get("resourceVersion") or "")


class Stream(Protocol[T_co]):
    """Items that arrive one by one; any thread may close the stream."""

    def __iter__(self) -> Iterator[T_co]:
        """Read until the server ends the stream; raises Unavailable where the connection breaks."""

    def close(self) -> None:
        """End the stream, and wake the thread that reads it."""


class Cluster(Protocol):
    """A Kubernetes API. Calls raise Refused (also NotFound, AlreadyExists, Conflict), BadInput, Unavailable."""

    @property
    def namespace(self) -> str:
        """The namespace that the configuration names, else `default`."""

    def create_workflow(self, namespace: str, workflow: Json, *, dry_run: bool = False, strict: bool = True) -> Json:
        """Create a workflow. A named one is sent again where the answer was lost, so that it may raise AlreadyExists.

        `strict` lets the server refuse a field that it does not know, where it can; else it warns.
        """

    def lint_workflow(self, namespace: str, workflow: Json) -> str:
        """Have the server check a workflow by Argo's rules; return why it could not, empty where it accepts the workflow."""

    def get_workflow(self, namespace: str, name: str) -> Json:
        """Read a workflow."""

    def list_workflows(self, namespace: str, selector: str) -> list[Json]:
        """Return the metadata of the workflows that a label selector selects, at most MAX_LISTED, in an object each."""

    def get_archived(self, namespace: str, name: str, uid: str) -> Json:
        """Read a workflow that is gone from the archive; raises NotFound where there is no archive, or not this workflow."""

    def get_template(self, kind: str, namespace: str, name: str) -> Json:
        """Read a `workflowtemplate`, `clusterworkflowtemplate` or `cronworkflow`."""

    def shut_down(self, namespace: str, name: str, strategy: str, *, urgent: bool = False) -> None:
        """Set `spec.shutdown` to `Stop` or `Terminate`; `urgent` makes one quick attempt, for a job that is being killed."""

    def resume(self, namespace: str, name: str, request: ResumeRequest) -> Json:
        """Continue a suspended workflow, as `argo resume` does, and return it; one that is not suspended stays as it is.

        Raises BadInput where the values for its nodes are missing or do not fit, Conflict where somebody else was faster.
        """

    def retry(self, namespace: str, name: str, uid: str, parameters: Mapping[str, str], restart: str) -> Json | None:
        """Restart a failed workflow at its failed nodes, as `argo retry` does; None where this API has no such call.

        One that is only in the archive is created again, with another uid. The parameters replace those of the workflow.
        `restart` selects nodes that run again though they succeeded; empty: none.
        Not sent again after a lost answer: read the workflow then.
        """

    def watch_workflow(self, namespace: str, name: str, resource_version: str, seconds: int) -> Stream[WatchEvent]:
        """Watch one workflow's metadata from a resource version on; reading raises Expired (410)."""

    def watch_pods(self, namespace: str, workflow: str, resource_version: str, seconds: int) -> Stream[WatchEvent]:
        """Watch a workflow's pods; an empty version starts with the pods that exist. Reading raises Expired (410)."""

    def get_pod(self, namespace: str, name: str) -> Json:
        """Read a pod."""

    def read_artifact(self, workflow: WorkflowStatus, node_id: str, name: str) -> Stream[bytes]:
        """Read an output artifact in pieces, also of an archived workflow; raises Refused where this API serves none.

        Raises WorkFailed for a folder of files that Argo has not packed into an archive.
        """

    def stream_log(self, namespace: str, pod: str, container: str, since: str, *, previous: bool = False) -> Stream[bytes]:
        """Follow a container's log, in blocks of bytes, from a time on; an empty one starts at the log's beginning.

        The lines begin with timestamps where the machine sends them. `previous` reads the run before a restart.
        """

    def sends_timestamps(self, namespace: str, pod: str, container: str, first: bytes) -> bool:
        """Tell whether the timestamp at the start of a log's first line is the machine's, not the container's own."""


class ArtifactFolder(Protocol):
    """Where artifacts come into the workspace. Every call raises BadInput."""

    def check(self, folder: str) -> None:
        """Raise BadInput where the folder is outside of the workspace."""

    def put(self, folder: str, parts: tuple[str, ...], file_name: str, content: Iterator[bytes]) -> tuple[str, int]:
        """Write an artifact, unpacked, below a folder, under these names; return its path and the bytes that were read.

        `file_name` is the name of an artifact that is no archive. Raises WorkFailed where the content is not accepted.
        """


@dataclass(frozen=True, kw_only=True)
class Ports:
    """What argo-submit reaches the world through.

    `cluster` and `pull_requests` connect at their first call. `pull_requests` returns None where there is no token.
    """

    cluster: Callable[[], Cluster]
    pull_requests: Callable[[], PullRequests | None]
    workspace: Workspace
    runner: Runner
    clock: Clock
    artifacts: ArtifactFolder
