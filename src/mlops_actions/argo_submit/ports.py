"""What argo-submit needs of the world outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from mlops_actions.core.errors import Refused
from mlops_actions.core.event import PullRequest
from mlops_actions.core.types import Json

T_co = TypeVar("T_co", covariant=True)


class NotFound(Refused):
    """The cluster does not know the object (404)."""


class AlreadyExists(Refused):
    """An object of this name is there already (409)."""


class Expired(Exception):
    """A watch cannot start at this version any more (410): read the object, then watch from there."""


@dataclass(frozen=True)
class Event:
    """One event of a watch: ADDED, MODIFIED or DELETED, and the object (of workflows: its metadata alone)."""

    kind: str
    value: Json

    @property
    def version(self) -> str:
        """The resourceVersion to go on from."""
        return str((self.value.get("metadata") or {}).get("resourceVersion") or "")


@dataclass(frozen=True)
class Line:
    """A line of a log; `stamp` is the moment as the server wrote it (RFC 3339), to resume at."""

    stamp: str
    text: str


class Stream(Protocol[T_co]):
    """Something that is read as it comes; `close` ends it from any thread."""

    def __iter__(self) -> Iterator[T_co]:
        """Read until the other side ends it; raises Unavailable where the connection breaks."""

    def close(self) -> None:
        """End it; a reader that waits is woken."""


class Cluster(Protocol):
    """A Kubernetes API. Calls raise Refused (also NotFound, AlreadyExists), BadInput (an invalid object), Unavailable."""

    @property
    def namespace(self) -> str:
        """Where the configuration names one, else `default`."""

    def create(self, namespace: str, workflow: Json, *, dry_run: bool = False) -> Json:
        """Create a workflow. One with a name is sent again where the answer was lost; it may then be there already."""

    def get(self, namespace: str, name: str) -> Json:
        """Read a workflow."""

    def template(self, kind: str, namespace: str, name: str) -> Json:
        """Read a `workflowtemplate`, `clusterworkflowtemplate` or `cronworkflow`."""

    def shut_down(self, namespace: str, name: str, strategy: str, *, urgent: bool = False) -> None:
        """Set `spec.shutdown` to `Stop` or `Terminate`; `urgent`: one quick attempt, for a job that is being killed."""

    def watch_workflow(self, namespace: str, name: str, version: str, seconds: int) -> Stream[Event]:
        """Watch one workflow's metadata from a version on; reading raises Expired (410)."""

    def watch_pods(self, namespace: str, workflow: str, version: str, seconds: int) -> Stream[Event]:
        """Watch a workflow's pods; an empty version starts with those that are there. Reading raises Expired (410)."""

    def pod(self, namespace: str, name: str) -> Json:
        """Read a pod."""

    def log(self, namespace: str, pod: str, container: str, since: str) -> Stream[Line]:
        """Follow a container's log from a stamp on (empty: from its beginning)."""


class PullRequests(Protocol):
    """The part of GitHub that shows what runs."""

    def upsert_comment(self, number: int, tag: str, body: str) -> str:
        """Write the one comment with this tag, or bring it up to date; returns its address."""

    def pull_request(self, number: int) -> PullRequest:
        """Read a pull request."""


class Clock(Protocol):
    """Time, as the tests may move it."""

    def now(self) -> datetime:
        """The current moment, UTC."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


class Files(Protocol):
    """The workspace."""

    def find(self, pattern: str) -> list[str]:
        """Return the files that a path or glob names, relative to the workspace, sorted; none outside of it."""

    def read(self, path: str) -> str:
        """Return a file's text; raises BadInput."""
