"""Measure what the logs of large workflows cost: many nodes, much text, and an API that refuses every third request.

The cluster is the sandbox's, in this process; the follower is a process of its own, whose memory is measured.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mlops_actions.argo_submit.follow import Follower, FollowTarget
from mlops_actions.argo_submit.status import WorkflowStatus
from mlops_actions.boundary.clock import SystemClock
from mlops_actions.boundary.cluster.connect import Address, connect_by_token
from mlops_actions.boundary.cluster.kubernetes_api import KubernetesCluster
from mlops_actions.boundary.cluster.transport import ClusterCredentials
from mlops_actions.boundary.runner import GitHubRunner
from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.resources import PODS, WORKFLOWS
from mlops_sandbox.host import Host
from tests.support.logs import LOG

NAME = "large"
LINE = b"step 1000 loss=0.123456789 accuracy=0.987654321 rate=0.0003 " + b"." * 39
STORM_EVERY = 3
MAX_MEGABYTES = {"5,000 nodes": 60, "400 logs of 1 MB": 80, "1,000 logs in a storm": 60}


@dataclass(frozen=True)
class LogCost:
    """What the follower took: memory beyond what it began with, seconds to notice the end, logs and bytes shown."""

    memory: int
    late: float
    shown: int
    bytes: int
    seconds: float


def measure() -> dict[str, LogCost]:
    """Measure each of the three workflows."""
    return {
        "5,000 nodes": cost(5_000, 20),
        "400 logs of 1 MB": cost(400, 10_000),
        "1,000 logs in a storm": cost(1_000, 5, storm=True),
    }


def cost(nodes: int, lines: int, *, storm: bool = False) -> LogCost:
    """Follow a workflow of so many nodes, each with a log of so many lines of 100 bytes."""
    with Cluster(window=2 * nodes) as cluster:
        app: ASGIApp = Storm(cluster.app) if storm else cluster.app
        with Host(app) as host:
            _create(cluster, nodes, lines)
            command = [sys.executable, "-m", "tests.bench.argo_logs", host.url, cluster.admin_token]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None
            process.stdout.readline()
            cluster.store.change(WORKFLOWS, "default", NAME, _ended)
            ended = time.monotonic()
            found = json.loads(process.stdout.read().splitlines()[-1])
            process.wait()
    return LogCost(found["memory"], found["seen"] - ended, found["shown"], found["bytes"], found["done"] - ended)


class Storm:
    """An API that answers 503 to every third request for a log or a pod."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "/pods/" in scope["path"]:
            self._count += 1
            if self._count % STORM_EVERY == 0:
                refusal = {"kind": "Status", "code": 503, "reason": "ServiceUnavailable", "message": "overloaded"}
                await JSONResponse(refusal, 503)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _create(cluster: Cluster, count: int, lines: int) -> None:
    now = datetime.now(UTC).isoformat()
    nodes = {NAME: {"id": NAME, "name": NAME, "displayName": NAME, "type": "DAG", "phase": "Running", "startedAt": now}}
    for number in range(count):
        identity, name = f"{NAME}-{number}", f"{NAME}.train({number})"
        nodes[identity] = {
            "id": identity,
            "name": name,
            "displayName": f"train({number})",
            "type": "Pod",
            "phase": "Succeeded",
            "startedAt": now,
            "finishedAt": now,
        }
        annotations = {"workflows.argoproj.io/node-id": identity, "workflows.argoproj.io/node-name": name}
        metadata = {"name": identity, "annotations": annotations, "labels": {"workflows.argoproj.io/workflow": NAME}}
        state = {"name": "main", "state": {"terminated": {"exitCode": 0}}}
        spec = {"containers": [{"name": "main"}], "nodeName": f"n{number % 97}"}
        status = {"phase": "Succeeded", "containerStatuses": [state]}
        pod = cluster.store.create(PODS, "default", {"metadata": metadata, "spec": spec, "status": status})
        log = cluster.logs.open(pod["metadata"]["uid"], "main")
        for _ in range(lines):
            log.write(LINE)
        log.end()
    workflow = {"metadata": {"name": NAME}, "spec": {}, "status": {"phase": "Running", "startedAt": now, "nodes": nodes}}
    cluster.store.create(WORKFLOWS, "default", workflow)


def _ended(workflow: dict[str, Any]) -> dict[str, Any]:
    workflow["metadata"]["labels"] = {"workflows.argoproj.io/completed": "true", "workflows.argoproj.io/phase": "Succeeded"}
    workflow["status"]["phase"] = "Succeeded"
    return workflow


class CountedText(io.StringIO):
    """A job's log of which only the size is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = self.bytes = 0

    def write(self, text: str) -> int:
        """Count a text, and the groups that begin in it."""
        self.shown += text.count("::group::Log of ")
        self.bytes += len(text)
        return len(text)


class SeenFollower(Follower):
    """A follower that notes when it has seen the end."""

    seen = 0.0

    def _until_end(self) -> WorkflowStatus:
        last = super()._until_end()
        self.seen = time.monotonic()
        return last


def main(url: str, token: str) -> None:
    """Be the follower."""
    cluster = KubernetesCluster(
        connect_by_token(Address(url, ""), ClusterCredentials(lambda: f"Bearer {token}"), {}, LOG, time.sleep), "default"
    )
    created = cluster.get_workflow("default", NAME)["metadata"]
    target = FollowTarget(
        namespace="default",
        name=NAME,
        uid=created["uid"],
        resource_version=created["resourceVersion"],
        logs="all",
        deadline=datetime.now(UTC) + timedelta(hours=1),
    )
    del created
    text = CountedText()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    began = memory("VmRSS")
    follower = SeenFollower(cluster, target, GitHubRunner({}, text), SystemClock(), _announce())
    follower.follow()
    found = {"memory": memory("VmHWM") - began, "seen": follower.seen, "done": time.monotonic()}
    print(json.dumps({**found, "shown": text.shown, "bytes": text.bytes}), flush=True)


def _announce() -> Callable[[WorkflowStatus, object], None]:
    """Say once that the workflow was read: only then may it end."""
    said = False

    def on_read(_status: WorkflowStatus, _waits: object) -> None:
        nonlocal said
        if not said:
            said = True
            print("ready", flush=True)

    return on_read


def memory(name: str) -> int:
    """Read `VmRSS` (now) or `VmHWM` (the most so far), in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main(*sys.argv[1:])
