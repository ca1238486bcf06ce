"""The logs that the Argo Server serves: those of all of a workflow's pods, or of one, in one stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.requests import Request

from mlops_actions.core.types import Json
from mlops_sandbox.cluster.access import Identity, authorize
from mlops_sandbox.cluster.api import Faults
from mlops_sandbox.cluster.logs import LogQuery, LogStore
from mlops_sandbox.cluster.resources import PODS, WORKFLOWS
from mlops_sandbox.cluster.status import ApiError
from mlops_sandbox.cluster.store import Store
from mlops_sandbox.cluster.wakeup import Wakeup

ENDED = ("Succeeded", "Failed", "Error")
WATCH_SECONDS = 1800.0


@dataclass(frozen=True)
class ArgoCall:
    """A request, and the identity that makes it."""

    request: Request
    identity: Identity
    namespace: str
    name: str

    def query(self, name: str) -> str:
        """Return a parameter of the query; empty where it has none."""
        return str(self.request.query_params.get(name, ""))


class WorkflowLogs:
    """The logs of a workflow's pods, or of one pod; like the real server, it leaves out what it cannot read."""

    def __init__(self, store: Store, logs: LogStore, call: ArgoCall, faults: Faults) -> None:
        self._store = store
        self._logs = logs
        self._call = call
        since = call.query("logOptions.sinceSeconds")
        self._faults = faults
        self._query = LogQuery(
            follow=call.query("logOptions.follow") == "true",
            timestamps=call.query("logOptions.timestamps") == "true",
            since=datetime.now(UTC) - timedelta(seconds=int(since)) if since.isdigit() else None,
        )
        self._lines: asyncio.Queue[Json] = asyncio.Queue()
        self._seen: set[str] = set()

    async def lines(self) -> AsyncIterator[Json]:
        """Yield an entry for each line, to the end of the workflow where the log is followed."""
        wakeup = Wakeup()
        unsubscribe = self._store.subscribe(lambda _change: wakeup.set())
        readers: list[asyncio.Task[None]] = []
        try:
            while True:
                ended = self._has_ended()
                readers += [asyncio.create_task(self._read(pod, wakeup)) for pod in self._new_pods()]
                done = ended and all(reader.done() for reader in readers)
                while not self._lines.empty():
                    yield self._lines.get_nowait()
                if done:
                    return
                await wakeup.wait(WATCH_SECONDS)
        finally:
            unsubscribe()
            for reader in readers:
                reader.cancel()

    def _has_ended(self) -> bool:
        try:
            return not self._query.follow or has_ended(self._store.get(WORKFLOWS, self._call.namespace, self._call.name))
        except ApiError:
            return True

    def _new_pods(self) -> Iterable[Json]:
        pod_name = self._call.query("podName")
        for pod in self._store.items(PODS, self._call.namespace)[0]:
            metadata = pod["metadata"]
            is_own = metadata.get("labels", {}).get("workflows.argoproj.io/workflow") == self._call.name
            if not is_own or (pod_name and metadata["name"] != pod_name) or pod["status"]["phase"] == "Pending":
                continue
            if metadata["uid"] not in self._seen:
                self._seen.add(metadata["uid"])
                yield pod

    async def _read(self, pod: Json, wakeup: Wakeup) -> None:
        container = self._call.query("logOptions.container")
        try:
            authorize(self._call.identity, "get", PODS, "log", self._call.namespace, pod["metadata"]["name"])
            if container in [spec["name"] for spec in pod["spec"]["containers"]]:
                query = self._faults.limit(self._query)
                async for block in self._logs.open(pod["metadata"]["uid"], container).read(query):
                    for line in block.decode(errors="replace").split("\n")[:-1]:
                        self._lines.put_nowait({"content": line, "podName": pod["metadata"]["name"]})
                    wakeup.set()
        except ApiError:
            pass
        finally:
            asyncio.get_running_loop().call_soon(wakeup.set)  # once this task is done


def has_ended(workflow: Json) -> bool:
    """Tell whether the workflow has ended."""
    return (workflow.get("status") or {}).get("phase") in ENDED
