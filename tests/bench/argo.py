"""Compare the cost of following a workflow of 5,000 nodes for an hour with watching the whole object, on the same history.

The cluster is the sandbox's, in this process; each follower is a process of its own. An hour passes in events: one in ten
seconds, which is the most that Argo's controller writes, and each waits until the follower has taken the one before.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlops_actions.argo_submit.follow import Follower, FollowTarget
from mlops_actions.argo_submit.ports import WatchEvent
from mlops_actions.boundary.cluster.kubernetes_api import KubernetesCluster
from mlops_actions.boundary.cluster.transport import ByteLines, ClusterCredentials, ClusterTransport
from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.host import Host
from tests.bench.startup import run_time
from tests.support.logs import LOG

NODES = 5_000
SECONDS_AN_EVENT = 10
EVENTS = 3_600 // SECONDS_AN_EVENT
EVENTS_A_RECORD = 10  # compressing a record takes longer than all else: so many events share one
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
NAME = "large"


@dataclass(frozen=True)
class Cost:
    """What one follower took: bytes of answers, memory beyond what it began with, seconds to notice the end."""

    bytes: int
    memory: int
    late: float


def measure() -> tuple[Cost, Cost]:
    """Follow, then watch the whole object; returns the cost of each."""
    records = [_record(done) for done in range(0, NODES + 1, NODES * EVENTS_A_RECORD // EVENTS)]
    return _cost("follow", records), _cost("watch", records)


def imports() -> tuple[float, float]:
    """Seconds that importing what reaches a cluster takes, and the kubernetes package, which it once was.

    The interpreter's own start is left out; the least of several rounds, which alternate.
    """
    ours = "import mlops_actions.boundary.cluster.connect, mlops_actions.boundary.cluster.kubernetes_api"
    commands = [[sys.executable, "-c", text] for text in ("pass", ours, "import kubernetes.config")]
    rounds = [[run_time(command, dict(os.environ)) for command in commands] for _ in range(7)]
    bare, reach, client = (min(times) for times in zip(*rounds, strict=True))
    return reach - bare, client - bare


def _cost(how: str, records: list[str]) -> Cost:
    with Cluster(window=50) as cluster:
        counted = _Counted(cluster.app)
        with Host(counted) as host:
            cluster.store.create(
                WORKFLOWS, "default", {"metadata": {"name": NAME}, "spec": {}, "status": _status(0, records)}
            )
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.bench.argo", how, host.url, cluster.admin_token],
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdout is not None
            process.stdout.readline()
            for step in range(1, EVENTS + 1):
                _publish(cluster, step, records)
                ended = time.monotonic()
                if step < EVENTS:
                    process.stdout.readline()
            last = process.stdout.read().splitlines()[-1]
            process.wait()
    found = json.loads(last)
    return Cost(counted.bytes, found["memory"], found["at"] - ended)


def _publish(cluster: Cluster, step: int, records: list[str]) -> None:
    def edit(workflow: dict[str, Any]) -> dict[str, Any]:
        status = _status(step, records)
        labels = {"workflows.argoproj.io/phase": status["phase"]}
        if step == EVENTS:
            labels["workflows.argoproj.io/completed"] = "true"
        workflow["metadata"]["labels"] = labels
        return {**workflow, "status": status}

    cluster.store.change(WORKFLOWS, "default", NAME, edit)


def _status(step: int, records: list[str]) -> dict[str, Any]:
    return {
        "phase": "Succeeded" if step == EVENTS else "Running",
        "startedAt": BEGIN.isoformat(),
        "progress": f"{NODES * step // EVENTS}/{NODES}",
        "compressedNodes": records[step // EVENTS_A_RECORD],
    }


def _record(done: int) -> str:
    """The nodes as Argo packs them, the first of them done."""
    nodes: dict[str, Any] = {NAME: _node(NAME, NAME, "DAG", "Running") | {"children": [f"{NAME}-0"]}}
    for number in range(NODES - 1):
        phase = "Succeeded" if number < done else "Running" if number < done + 50 else "Pending"
        # Ids are hashes: they do not compress.
        identity = f"{NAME}-{(number * 2654435761) % 2**32}"
        nodes[identity] = _node(identity, f"{NAME}.train({number}:seed:{number})", "Pod", phase, number)
    return base64.b64encode(gzip.compress(json.dumps(nodes).encode(), 6)).decode()


def _node(identity: str, name: str, kind: str, phase: str, number: int = 0) -> dict[str, Any]:
    started = (BEGIN + timedelta(seconds=number * 3_600 // NODES)).isoformat()
    parameters = [{"name": "seed", "value": str(number)}, {"name": "lr", "value": f"{(number * 7919) % 1000 / 1e6}"}]
    return {
        "id": identity,
        "name": name,
        "displayName": name.removeprefix(f"{NAME}."),
        "type": kind,
        "phase": phase,
        "templateName": "train",
        "templateScope": f"local/{NAME}",
        "boundaryID": NAME,
        "startedAt": started,
        "finishedAt": started if phase == "Succeeded" else None,
        "progress": "1/1" if phase == "Succeeded" else "0/1",
        "inputs": {"parameters": parameters},
        "outputs": {"exitCode": "0"} if phase == "Succeeded" else {},
        "hostNodeName": f"pool-{number * 31 % 97}",
        "resourcesDuration": {"cpu": number * 17 % 113, "memory": number * 13 % 127},
    }


class _Counted:
    """An application that counts what it answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counting(message: Message) -> None:
            self.bytes += len(message.get("body", b""))
            await send(message)

        await self._app(scope, receive, counting)


class _EventClock:
    """A clock that each event advances; it prints when the follower has handled one."""

    def __init__(self) -> None:
        self._events = self._handled = 0

    def advance(self) -> None:
        """Let ten seconds pass."""
        self._events += 1

    def now(self) -> datetime:
        """See the port."""
        if self._handled < self._events:
            self._handled = self._events
            print("taken", flush=True)
        return BEGIN + timedelta(seconds=SECONDS_AN_EVENT * self._events)

    def sleep(self, seconds: float) -> None:
        """See the port."""


class _PacedCluster(KubernetesCluster):
    """The cluster whose events advance the clock."""

    def __init__(self, transport: ClusterTransport, clock: _EventClock) -> None:
        super().__init__(transport, "default")
        self._clock = clock

    def watch_workflow(self, namespace: str, name: str, resource_version: str, seconds: int) -> Any:
        """See the port."""
        stream = super().watch_workflow(namespace, name, resource_version, seconds)
        clock = self._clock

        class PacedEvents:
            def __iter__(self) -> Iterator[WatchEvent]:
                for event in stream:
                    clock.advance()
                    yield event

            def close(self) -> None:
                stream.close()

        return PacedEvents()


def follow(transport: ClusterTransport) -> None:
    """Follow as the action does, without the pods and their logs, which cost what they hold."""
    clock = _EventClock()
    cluster = _PacedCluster(transport, clock)
    created = cluster.get_workflow("default", NAME)["metadata"]
    target = FollowTarget(
        namespace="default",
        name=NAME,
        uid=created["uid"],
        resource_version=created["resourceVersion"],
        logs="none",
        deadline=BEGIN + timedelta(days=1),
    )
    print("ready", flush=True)
    found = Follower(cluster=cluster, target=target, log=LOG, clock=clock).follow()
    assert found.status.phase == "Succeeded"


def watch(transport: ClusterTransport) -> None:
    """Watch the whole object, and unpack each to see what changed since the last."""
    path = "/apis/argoproj.io/v1alpha1/namespaces/default/workflows"
    created = transport.send("GET", f"{path}/{NAME}")["metadata"]
    query = {"watch": "true", "fieldSelector": f"metadata.name={NAME}", "resourceVersion": created["resourceVersion"]}
    before: dict[str, Any] = {}
    print("ready", flush=True)
    for line in ByteLines(transport.stream(path, query, seconds=300)):
        status = json.loads(line)["object"]["status"]
        nodes = json.loads(gzip.decompress(base64.b64decode(status["compressedNodes"])))
        changed = [node for key, node in nodes.items() if before.get(key, {}).get("phase") != node["phase"]]
        before = nodes
        if status["phase"] == "Succeeded":
            return
        print(f"taken, {len(changed)} changed", flush=True)


def main(how: str, url: str, token: str) -> None:
    """Be one of the followers."""
    from mlops_actions.boundary.cluster.connect import Address, connect_by_token

    transport = connect_by_token(Address(url, ""), ClusterCredentials(lambda: f"Bearer {token}"), {}, LOG, time.sleep)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    began = _memory("VmRSS")
    {"follow": follow, "watch": watch}[how](transport)
    print(json.dumps({"memory": _memory("VmHWM") - began, "at": time.monotonic()}), flush=True)


def _memory(name: str) -> int:
    """Read `VmRSS` (now) or `VmHWM` (the most so far), in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    main(*sys.argv[1:])
