"""What a workflow, or some of its nodes, wait for: found in its status and its pods, as data and as text. Pure.

Argo writes what a node waits for into the messages of nodes and workflows: locks
(https://argo-workflows.readthedocs.io/en/latest/synchronization/), limits of running workflows
(https://argo-workflows.readthedocs.io/en/latest/parallelism/), and the reasons of its pod. Kubernetes writes them into the
pod's conditions and the states of its containers.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from mlops_actions.argo_submit.node_status import NodeStatus
from mlops_actions.argo_submit.pods import ORDINARY_REASONS, PodWaiting
from mlops_actions.argo_submit.progress import duration
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.core.parsers import duration as parse_duration

SUSPENDED, LOCK, PARALLELISM, QUOTA = "Suspended", "Lock", "Parallelism", "Quota"
UNSCHEDULABLE, GATED, IMAGE = "Unschedulable", "SchedulingGated", "ImagePullBackOff"
# What `fail-on` accepts; the reasons of containers are those of the kubelet.
REASONS = (
    IMAGE,
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    UNSCHEDULABLE,
    GATED,
    QUOTA,
    LOCK,
    PARALLELISM,
    SUSPENDED,
)
LIMITS_HELP = (
    "`REASON>DURATION`, one a line: fails the step with exit code 5, and does what `on-timeout` says, once a pod waits so "
    f"long for this reason, such as `{IMAGE}>5m`. Reasons: {', '.join(REASONS)}."
)
_SAME = {"ErrImagePull": IMAGE, "ErrImageNeverPull": IMAGE, "RegistryUnavailable": IMAGE, "ImageInspectError": IMAGE}
_LOCK = re.compile(r"Waiting for (?P<lock>\S+) lock\b")
_REASON = re.compile(r"(?P<reason>[A-Z][A-Za-z]+)(?:: (?P<message>.*))?$", re.DOTALL)
_IMAGE_NAME = re.compile(r'image "(?P<image>[^"]+)"')
_GPU = re.compile(r"\b(?:nvidia|amd|intel|habana)\.(?:com|ai)/[\w.-]*(?:gpu|mig|gaudi)[\w-]*")
_TOO_MANY = "too many workflows"
MAX_NAMES = 3
MAX_MESSAGE = 300


@dataclass(frozen=True)
class Waiting:
    """One thing that is waited for, by the nodes with these names; none means the workflow itself.

    `what` tells two of one reason apart: the lock, the image, the queue.
    """

    reason: str
    what: str = ""
    message: str = ""
    nodes: tuple[str, ...] = ()
    since: datetime | None = None
    node_id: str = ""
    holders: tuple[str, ...] = ()
    queue: str = ""

    def text(self, now: datetime | None = None) -> str:
        """Return one line that says who waits for what, and since when."""
        names = ", ".join(f"'{name}'" for name in self.nodes[:MAX_NAMES])
        more = f" and {len(self.nodes) - MAX_NAMES} more" if len(self.nodes) > MAX_NAMES else ""
        subject = f"{names}{more}" if names else "the workflow"
        one = len(self.nodes) <= 1
        since = f" (for {duration((now - self.since).total_seconds())})" if now and self.since else ""
        return f"{subject} {self._predicate(one)}{since}"

    def _predicate(self, one: bool) -> str:
        message = " ".join(self.message.split())[:MAX_MESSAGE]
        waits = "waits" if one else "wait"
        if self.reason == SUSPENDED:
            return f"{'is' if one else 'are'} suspended"
        if self.reason == LOCK:
            return f"{waits} for the lock {self.what}" + (f", held by {', '.join(self.holders)}" if self.holders else "")
        if self.reason == PARALLELISM:
            return f"{waits} until fewer workflows run: the controller limits how many run at a time"
        if self.reason == GATED:
            return f"{waits} for a queue{f' ({self.queue})' if self.queue else ''} to admit it" + _after(message)
        needs = (
            f" ({'it waits' if one else 'they wait'} for a machine with {self.what})"
            if self.reason == UNSCHEDULABLE and self.what
            else ""
        )
        queue = f" (in the queue {self.queue})" if self.queue else ""
        return f"cannot start yet: {self.reason}{_after(message)}{needs}{queue}"


def parse_limits(value: str) -> dict[str, float]:
    """Read `REASON>DURATION`, one a line or separated by commas; raises ValueError."""
    limits: dict[str, float] = {}
    for entry in re.split(r"[\n,]", value):
        reason, mark, time = (part.strip() for part in entry.partition(">"))
        if not (reason or mark or time):
            continue
        if reason not in REASONS or not mark:
            nearest = difflib.get_close_matches(reason, REASONS, 1)
            hint = f" (did you mean {nearest[0]}?)" if nearest and nearest[0] != reason else ""
            raise ValueError(
                f"must be REASON>DURATION, such as {IMAGE}>5m, with one of {', '.join(REASONS)}, not {entry!r}{hint}"
            )
        limits[reason] = parse_duration(time)
    return limits


def reasons(status: WorkflowStatus, pods: Mapping[str, PodWaiting]) -> list[Waiting]:
    """Return what a workflow waits for; `pods` holds what pods wait for, by node."""
    if status.ended:
        return []
    found: dict[tuple[str, str], Waiting] = {}
    for one in _each(status, pods):
        known = found.get((one.reason, one.what))
        found[one.reason, one.what] = one if known is None else _joined(known, one)
    return list(found.values())


def overdue(
    status: WorkflowStatus, pods: Mapping[str, PodWaiting], limits: Mapping[str, float], now: datetime
) -> Waiting | None:
    """Return what is waited for longer than its limit in seconds; None where nothing is."""
    for one in _each(status, pods) if limits and not status.ended else ():
        limit = limits.get(one.reason)
        if limit is not None and one.since is not None and (now - one.since).total_seconds() > limit:
            return one
    return None


def resume_command(waiting: Waiting, status: WorkflowStatus) -> str:
    """Return the command that ends a suspension."""
    selector = f" --node-field-selector id={waiting.node_id}" if waiting.node_id else ""
    return f"argo resume {status.name} -n {status.namespace}{selector}"


def _each(status: WorkflowStatus, pods: Mapping[str, PodWaiting]) -> Iterable[Waiting]:
    if status.is_suspended:
        yield Waiting(SUSPENDED)
    if status.phase in ("", "Pending") and status.message:
        yield _of_message(status.message, status, since=status.started)
    for node in status.nodes.values():
        if node.type == "Suspend" and node.phase == "Running":
            yield Waiting(SUSPENDED, what=node.id, nodes=(node.display_name,), since=node.started, node_id=node.id)
        elif node.phase == "Pending":
            pod = pods.get(node.id)
            if pod is not None:
                yield _of_pod(pod, node)
            elif node.message and not node.message.startswith(tuple(ORDINARY_REASONS)):
                one = _of_message(node.message, status, since=node.started)
                yield replace(one, nodes=(node.display_name,))


def _of_pod(pod: PodWaiting, node: NodeStatus) -> Waiting:
    reason = _SAME.get(pod.reason, pod.reason)
    return Waiting(
        reason,
        _what(reason, pod.message),
        pod.message,
        (node.display_name,),
        pod.since or node.started,
        queue=pod.queue,
    )


def _of_message(text: str, status: WorkflowStatus, since: datetime | None) -> Waiting:
    if lock := _LOCK.search(text):
        return Waiting(LOCK, lock["lock"], text, since=since, holders=status.lock_holders.get(lock["lock"], ()))
    if _TOO_MANY in text:
        return Waiting(PARALLELISM, "", text, since=since)
    if "exceeded quota" in text:
        return Waiting(QUOTA, "", text, since=since)
    match = _REASON.match(text)
    if match is None:
        return Waiting("Pending", "", text, since=since)
    reason, message = _SAME.get(match["reason"], match["reason"]), match["message"] or ""
    return Waiting(reason, _what(reason, message), message, since=since)


def _what(reason: str, message: str) -> str:
    if reason == IMAGE and (image := _IMAGE_NAME.search(message)):
        return image["image"]
    if reason == UNSCHEDULABLE and (gpu := _GPU.search(message)):
        return gpu[0]
    return ""


def _joined(first: Waiting, second: Waiting) -> Waiting:
    times = [time for time in (first.since, second.since) if time is not None]
    return replace(first, nodes=(*first.nodes, *second.nodes), since=min(times) if times else None)


def _after(message: str) -> str:
    return f": {message}" if message else ""
