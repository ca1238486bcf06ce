"""Create the workflow of a request once: join one that exists already, and find one whose creation was not answered."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mlops_actions.argo_submit import idempotency, status
from mlops_actions.argo_submit.ports import AlreadyExists, Cluster, NotFound
from mlops_actions.argo_submit.prepare import WorkflowRequest
from mlops_actions.core import provenance, shell
from mlops_actions.core.argo import FAILED_PHASES
from mlops_actions.core.errors import ActionError, BadInput, Refused, Unavailable
from mlops_actions.core.types import Json

MAX_NAME_COLLISIONS = 5  # the server draws the last five letters of a name at random
MAX_ATTEMPTS = 100  # of one request: each attempt is a workflow under a name of its own


@dataclass(frozen=True, kw_only=True)
class Submitter:
    """Submits one request; `identity` is the value of a label by which its workflow is known before the server answers.

    `track` is called with the name (empty where the server makes it) before each creation, `forget` where the name turns out
    to be another request's.
    """

    cluster: Cluster
    request: WorkflowRequest
    identity: str
    track: Callable[[str], None]
    forget: Callable[[], None]

    def submit(self, attempts: Iterable[int], *, joins_newest: bool) -> tuple[Json, bool]:
        """Create or join the workflow; return it, and whether it existed.

        `attempts` numbers the names to try, one after the other, while the workflow of the one before has failed.
        """
        if joins_newest and (newest := self._newest()) is not None:
            return newest, True
        existing: Json = {}
        for attempt in attempts:
            workflow = self.request.with_name(attempt, self.identity)
            name = str(workflow["metadata"].get("name") or "")
            self.track(name)
            if not name:
                return self._create_unnamed(workflow), False
            try:
                return self.cluster.create_workflow(self.request.namespace, workflow, strict=self.request.strict), False
            except AlreadyExists:
                existing = self.existing(name)
            except Unavailable as lost:
                return self._unanswered(lost, name), False
            if self._is_own(existing):  # only the answer was lost
                return existing, False
            if is_worth_joining(existing):
                break
        return existing, True

    def _newest(self) -> Json | None:
        """Return the newest workflow of the request that has succeeded or runs; None without the right to list."""
        selector = f"{idempotency.KEY_ANNOTATION}={provenance.label_value(self.request.key)}"
        try:
            listed = self.cluster.list_workflows(self.request.namespace, selector)
        except Refused:  # then the names are tried one by one
            return None
        found = [one["metadata"] for one in listed]
        found.sort(key=lambda one: (str(one.get("creationTimestamp")), one["name"]), reverse=True)
        for metadata in found:
            if (metadata.get("labels") or {}).get(status.LABEL_PHASE) not in FAILED_PHASES:
                with contextlib.suppress(NotFound):
                    workflow = self.existing(metadata["name"])
                    if is_worth_joining(workflow):
                        return workflow
        return None

    def _create_unnamed(self, workflow: Json) -> Json:
        """Create a workflow whose name the server makes; it makes another where that name exists already."""
        for _ in range(MAX_NAME_COLLISIONS):
            with contextlib.suppress(AlreadyExists):
                try:
                    return self.cluster.create_workflow(self.request.namespace, workflow, strict=self.request.strict)
                except Unavailable as lost:
                    return self._unanswered(lost, "")
        base = workflow["metadata"].get("generateName")
        raise Refused(
            f"each of the {MAX_NAME_COLLISIONS} names that the cluster made from '{base}' exists already",
            "give another 'generate-name', or remove old workflows",
        )

    def _unanswered(self, lost: Unavailable, name: str) -> Json:
        """Return the workflow that was created although no answer came; raises Unavailable where none is found."""
        try:
            names = names_of_request(self.cluster, self.request.namespace, name, self.identity)
            return self.cluster.get_workflow(self.request.namespace, names[0])
        except NotFound:
            raise Unavailable(lost.cause, f"{lost.remedy}; no workflow was created") from None
        except ActionError as unknown:
            where = listing(self.request.namespace, self.identity)
            raise Unavailable(
                lost.cause, f"{lost.remedy}; a workflow may have been created, and may run: see `{where}` ({unknown.cause})"
            ) from None

    def existing(self, name: str) -> Json:
        """Return the workflow that has the name; raises BadInput where another request created it."""
        existing = self.cluster.get_workflow(self.request.namespace, name)
        annotations = existing["metadata"].get("annotations") or {}
        if self._is_own(existing) or (self.request.key and annotations.get(idempotency.KEY_ANNOTATION) == self.request.key):
            return existing
        self.forget()
        raise BadInput(
            f"a workflow '{name}' exists already in the namespace '{self.request.namespace}', "
            "and another request created it",
            "give another 'name', or 'generate-name'",
        )

    def _is_own(self, workflow: Json) -> bool:
        return identity_of(workflow) == self.identity


def identity_of(workflow: Json) -> str:
    """Return the label by which a step recognises the workflow that it has created."""
    return str((workflow["metadata"].get("labels") or {}).get(provenance.REQUEST) or "")


def is_worth_joining(workflow: Json) -> bool:
    """Tell whether a workflow has succeeded, or runs and is not being stopped."""
    current = status.read(workflow)
    if current.ended:
        return current.phase == "Succeeded"
    return not (workflow.get("spec") or {}).get("shutdown")


def names_of_request(cluster: Cluster, namespace: str, name: str, identity: str) -> list[str]:
    """Return the names of what a request has created, whose answer did not arrive; raises NotFound where that is nothing.

    `name` is empty where the server was to make it. A workflow of that name that another request created is not touched.
    """
    if name:
        names = [name] if identity_of(cluster.get_workflow(namespace, name)) == identity else []
    else:
        try:
            found = cluster.list_workflows(namespace, f"{provenance.REQUEST}={identity}")
        except Refused as refused:
            raise Refused(
                f"a workflow that was being created may run: {refused.cause}",
                f"{refused.remedy}; find it by `{listing(namespace, identity)}`",
            ) from None
        names = [str(one["metadata"]["name"]) for one in found]
    if not names:
        raise NotFound(
            f"no workflow with the label {provenance.REQUEST}={identity} exists in the namespace '{namespace}'",
            "nothing is to be stopped, unless the request arrives later",
        )
    return names


def listing(namespace: str, identity: str) -> str:
    """Return the command that shows the workflow of a request."""
    return f"kubectl -n {shell.word(namespace)} get workflows -l {shell.word(f'{provenance.REQUEST}={identity}')}"
