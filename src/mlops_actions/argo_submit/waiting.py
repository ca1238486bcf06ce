"""What a workflow, or some of its nodes, wait for: found in its status and its pods, as data and as text. Pure.

Argo writes what a node waits for into the messages of nodes and workflows: locks
(https://argo-workflows.readthedocs.io/en/latest/synchronization/), limits of running workflows
(https://argo-workflows.readthedocs.io/en/latest/parallelism/), pauses between the attempts of a retry, and the reasons of
its pod. Kubernetes writes them into the pod's conditions and the states of its containers.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from mlops_actions.argo_submit.node_status import NodeStatus
from mlops_actions.argo_submit.pods import GATED, STARTING, UNSCHEDULABLE, UNSCHEDULED, PodWaiting
from mlops_actions.argo_submit.progress import duration
from mlops_actions.argo_submit.status import WorkflowStatus, without_controls
from mlops_actions.core import shell
from mlops_actions.core.parsers import duration as parse_duration

SUSPENDED, LOCK, PARALLELISM, QUOTA = "Suspended", "Lock", "Parallelism", "Quota"
IMAGE, CREATING, BACKOFF, PENDING = "ImagePullBackOff", "ContainerCreating", "Backoff", "Pending"
# What `fail-on` accepts, and all that is ever said; the reasons of containers are those of the kubelet.
REASONS = (
    IMAGE,
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "CrashLoopBackOff",
    CREATING,
    UNSCHEDULABLE,
    GATED,
    QUOTA,
    LOCK,
    PARALLELISM,
    SUSPENDED,
    BACKOFF,
    PENDING,
)
LIMITS_HELP = (
    "`REASON>DURATION`, one a line: fails the step with exit code 5, and does what `on-timeout` says, once a pod or the "
    f"workflow waits so long for this reason, such as `{IMAGE}>5m`. Reasons: {', '.join(REASONS)} (any other one)."
)
# https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/images/types.go and pkg/kubelet/kuberuntime
_SAME = {
    "ErrImagePull": IMAGE,
    "ErrImageNeverPull": IMAGE,
    "RegistryUnavailable": IMAGE,
    "ImageInspectError": IMAGE,
    "SignatureValidationFailed": IMAGE,
    "ErrInvalidImageName": "InvalidImageName",
    "PreCreateHookError": "CreateContainerError",
    "PreStartHookError": "RunContainerError",
    "PostStartHookError": "RunContainerError",
    "PodInitializing": CREATING,
    UNSCHEDULED: UNSCHEDULABLE,
}
_LOCK = re.compile(r"Waiting for (?P<lock>\S+) lock\b")
_REASON = re.compile(r"(?P<reason>[A-Z][A-Za-z]+)(?:: (?P<message>.*))?$", re.DOTALL)
_IMAGE_NAME = re.compile(r'image "(?P<image>[^"]+)"')
# Devices are counted as resources whose name has a domain, or claimed (dynamic resource allocation).
_DEVICE = re.compile(r"\bInsufficient (?P<device>[a-z0-9.-]+/[\w.-]*\w)")
_NO_CLAIM = "cannot allocate all claims"
_TOO_MANY = "too many workflows"
_BACKOFF = re.compile(r"Backoff for (?P<time>.+)")
# Of these reasons `what` tells all.
_OF_ARGO = (SUSPENDED, LOCK, PARALLELISM, QUOTA, BACKOFF)
_NUMBERED = re.compile(r"\S*\d\S*")
# An ordinary start takes less: nothing is said before.
ORDINARY_SECONDS = 120.0
MAX_NAMES = 3
MAX_MESSAGE = 300


@dataclass(frozen=True)
class Waiting:
    """One thing that is waited for, by the nodes with these names; none means the workflow itself.

    `what` tells two of one reason apart: the lock, the image, the device. Else their messages do.
    """

    reason: str
    what: str = ""
    message: str = ""
    nodes: tuple[str, ...] = ()
    since: datetime | None = None
    node_id: str = ""
    holders: tuple[str, ...] = ()  # of a lock; or who suspended the workflow
    queue: str = ""
    is_ordinary: bool = False  # every start waits so for a moment

    @property
    def key(self) -> tuple[str, str, str]:
        """What two that are the same have in common: numbers, and names with numbers, may differ in their messages."""
        text = "" if self.reason in _OF_ARGO else _NUMBERED.sub("#", self.message[:MAX_MESSAGE])
        return self.reason, self.what, text

    @property
    def is_as_ordered(self) -> bool:
        """Whether the manifest itself asks for this waiting, so that nobody needs a warning."""
        return self.reason == BACKOFF or (self.reason == PARALLELISM and bool(self.what))

    def text(self, now: datetime | None = None) -> str:
        """Return one line that says who waits for what, and since when."""
        names = ", ".join(f"'{name}'" for name in self.nodes[:MAX_NAMES])
        more = f" and {len(self.nodes) - MAX_NAMES} more" if len(self.nodes) > MAX_NAMES else ""
        subject = f"{names}{more}" if names else "the workflow"
        one = len(self.nodes) <= 1
        since = f" (for {duration((now - self.since).total_seconds())})" if now and self.since else ""
        return _one_line(f"{subject} {self._predicate(one)}{since}")

    def _predicate(self, one: bool) -> str:
        message = " ".join(self.message.split())[:MAX_MESSAGE]
        waits = "waits" if one else "wait"
        if self.reason == SUSPENDED:
            by = f" by {', '.join(self.holders)}" if self.holders else ""
            return f"{'is' if one else 'are'} suspended{by}{_after(message)}"
        if self.reason == LOCK:
            return f"{waits} for the lock {self.what}" + (f", held by {', '.join(self.holders)}" if self.holders else "")
        if self.reason == PARALLELISM:
            if self.what:
                return f"{waits} for others to end: {self.what}"
            return f"{waits} until fewer workflows run: the controller limits how many run at a time"
        if self.reason == BACKOFF:
            return f"{waits} before the next attempt{_after(message)}"
        if self.reason == GATED:
            return f"{waits} for a queue{f' ({self.queue})' if self.queue else ''} to admit it" + _after(message)
        if self.reason == CREATING:
            return (
                f"{'has' if one else 'have'} been starting for long{_after(message)}: "
                "an image is large, a volume cannot be mounted, or an init container runs"
            )
        needs = (
            f" ({'it waits' if one else 'they wait'} for a machine with {self.what})"
            if self.reason == UNSCHEDULABLE and self.what
            else ""
        )
        queue = f" (in the queue {self.queue})" if self.queue else ""
        reason = "" if self.reason == PENDING else f": {self.reason}"
        return f"cannot start yet{reason}{_after(message)}{needs}{queue}"


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


def reasons(status: WorkflowStatus, pods: Mapping[str, PodWaiting], now: datetime) -> list[Waiting]:
    """Return what a workflow waits for; `pods` holds what pods wait for, by node. An ordinary start is no reason."""
    if status.ended:
        return []
    found: dict[tuple[str, str, str], Waiting] = {}
    for one in _each(status, pods):
        if one.is_ordinary and (one.since is None or (now - one.since).total_seconds() < ORDINARY_SECONDS):
            continue
        known = found.get(one.key)
        found[one.key] = one if known is None else _joined(known, one)
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
    """Return the command that ends a suspension, with the values that it asks for."""
    selector = f" --node-field-selector {shell.word(f'id={waiting.node_id}')}" if waiting.node_id else ""
    where = f"{shell.word(status.name)} -n {shell.word(status.namespace)}{selector}"
    command = f"argo resume {where}"
    approval = status.approvals.get(waiting.node_id)
    if approval is None or not approval.required:
        return command
    return _one_line(f"argo node set {where} {approval.options} && {command}")


def _one_line(text: str) -> str:
    """Names and descriptions come from a manifest, which may be anybody's."""
    return without_controls(" ".join(text.split()))


def _each(status: WorkflowStatus, pods: Mapping[str, PodWaiting]) -> Iterable[Waiting]:
    if status.is_suspended:
        holders = (status.suspended_by,) if status.suspended_by else ()
        yield Waiting(SUSPENDED, since=status.suspended_since, holders=holders)
    if status.message and (status.phase in ("", PENDING) or (status.phase == "Running" and _LOCK.search(status.message))):
        yield _of_message(status.message, status, since=status.started or status.created)
    for group in status.held_back:
        yield Waiting(PARALLELISM, group.limit, nodes=group.names, since=group.since)
    for node in status.nodes.values():
        name = (node.display_name,)
        if node.type == "Suspend" and node.phase == "Running":
            asked = status.approvals.get(node.id)
            yield Waiting(SUSPENDED, node.id, asked.text if asked else "", name, node.started, node_id=node.id)
        elif node.type == "Retry" and node.phase == "Running" and (pause := _BACKOFF.match(node.message)):
            ends = [end for child in node.children if (end := _end_of(status.nodes.get(child))) is not None]
            yield Waiting(BACKOFF, node.id, pause["time"], name, max(ends, default=node.started))
        elif node.phase == PENDING:
            yield _of_pending(node, pods.get(node.id), status)


def _end_of(node: NodeStatus | None) -> datetime | None:
    return None if node is None else node.finished


def _of_pending(node: NodeStatus, pod: PodWaiting | None, status: WorkflowStatus) -> Waiting:
    name = (node.display_name,)
    if pod is not None:
        one = _of_reason(pod.reason, pod.message, pod.since or node.started)
        return replace(one, nodes=name, queue=pod.queue, is_ordinary=pod.reason in (*STARTING, UNSCHEDULED))
    if not node.message:
        place = status.pod_of(node)
        command = f"kubectl describe pod {shell.word(place)} -n {shell.word(status.namespace)}"
        seen = f"Argo gives no reason, {command} does" if place else ""
        return Waiting(PENDING, "", seen, name, node.started, is_ordinary=True)
    one = _of_message(node.message, status, since=node.started)
    return replace(one, nodes=name, is_ordinary=one.reason == CREATING)


def _of_message(text: str, status: WorkflowStatus, since: datetime | None) -> Waiting:
    if lock := _LOCK.search(text):
        return Waiting(LOCK, lock["lock"], text, since=since, holders=status.lock_holders.get(lock["lock"], ()))
    if _TOO_MANY in text:
        return Waiting(PARALLELISM, "", text, since=since)
    if "exceeded quota" in text:
        return Waiting(QUOTA, "", text, since=since)
    match = _REASON.match(text)
    if match is None:
        return Waiting(PENDING, "", text, since=since)
    return _of_reason(match["reason"], match["message"] or "", since)


def _of_reason(word: str, message: str, since: datetime | None) -> Waiting:
    """Return what a reason of Kubernetes' means: one of REASONS, or PENDING with the word in the message."""
    reason = _SAME.get(word, word)
    if reason not in REASONS:
        reason, message = PENDING, f"{word}: {message}" if message else word
    elif reason == CREATING:
        message = f"{word}: {message}" if message else word
    return Waiting(reason, _what(reason, message), message, since=since)


def _what(reason: str, message: str) -> str:
    if reason == IMAGE and (image := _IMAGE_NAME.search(message)):
        return image["image"]
    if reason == UNSCHEDULABLE:
        if device := _DEVICE.search(message):
            return device["device"]
        return "a device that its claims ask for" if _NO_CLAIM in message else ""
    return ""


def _joined(first: Waiting, second: Waiting) -> Waiting:
    times = [time for time in (first.since, second.since) if time is not None]
    return replace(first, nodes=(*first.nodes, *second.nodes), since=min(times) if times else None)


def _after(message: str) -> str:
    return f": {message}" if message else ""
