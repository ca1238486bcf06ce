"""The stand-in cluster as one object."""

from __future__ import annotations

import base64
import copy
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from starlette.applications import Starlette

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import access, kubeconfig
from mlops_sandbox.cluster.access import Access, Rule
from mlops_sandbox.cluster.api import Api, Faults
from mlops_sandbox.cluster.argo_server import ArgoServer
from mlops_sandbox.cluster.engine.controller import Controller
from mlops_sandbox.cluster.engine.executor import Executor
from mlops_sandbox.cluster.engine.pods import Services
from mlops_sandbox.cluster.engine.slots import Slots
from mlops_sandbox.cluster.logs import LogStore
from mlops_sandbox.cluster.resources import NAMESPACES, SECRETS, WORKFLOWS
from mlops_sandbox.cluster.store import DEFAULT_WINDOW, Store


class Cluster:
    """A Kubernetes API for workflows, and an engine that runs them; `app` is the ASGI application.

    `executor` runs the containers; without one there is no controller, and workflows stay without a phase. `max_pods`
    limits how many containers run at a time. `window` is how many changes watches can go back. `close` (or leaving the
    `with` block) ends the workflows and removes the private directory.
    """

    def __init__(
        self,
        executor: Executor | None = None,
        *,
        namespaces: Iterable[str] = ("default",),
        max_pods: int | None = None,
        window: int = DEFAULT_WINDOW,
    ) -> None:
        self.store = Store(window=window)
        self.logs = LogStore()
        self.access = Access()
        self.admin_token = self.access.grant("admin", access.ADMINISTRATOR)
        self.submitter_token = self.access.grant("submitter", access.SUBMITTER)
        self._api = Api(self.store, self.logs, self.access)
        self._argo_server = ArgoServer(
            store=self.store, logs=self.logs, api=self._api, managed_namespace=next(iter(namespaces := list(namespaces)), "")
        )
        self._directory = tempfile.TemporaryDirectory(prefix="sandbox-cluster-", ignore_cleanup_errors=True)
        for namespace in namespaces:
            self.add_namespace(namespace)
        self.store.compact()  # clients cannot watch changes from before the server started
        self._controller: Controller | None = None
        if executor is not None:
            slots = Slots(max_pods or 2 * (os.cpu_count() or 1))
            services = Services(
                store=self.store, logs=self.logs, executor=executor, slots=slots, directory=Path(self._directory.name)
            )
            self._controller = Controller(services)

    @property
    def app(self) -> Starlette:
        """The API server."""
        return self._api.app

    @property
    def argo_server(self) -> Starlette:
        """The Argo Server of the cluster, to be served on a separate port; it has the same users and faults."""
        return self._argo_server.app

    @property
    def faults(self) -> Faults:
        """The faults that a test injects."""
        return self._api.faults

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Verb and resource of every request so far, in order."""
        return list(self._api.requests)

    def store_artifact(
        self, workflow: str, node_id: str, name: str, content: bytes | None, *, namespace: str = "default"
    ) -> None:
        """Store the artifact of a node, which the Argo Server reads; None stands for a folder that is not packed."""
        uid = self.store.get(WORKFLOWS, namespace, workflow)["metadata"]["uid"]
        self._argo_server.artifacts[uid, node_id, name] = content

    def archive(self, name: str, *, namespace: str = "default") -> None:
        """Keep a workflow in the database from which the Argo Server reads workflows that are gone; it labels these."""
        workflow = copy.deepcopy(self.store.get(WORKFLOWS, namespace, name))
        workflow["metadata"].setdefault("labels", {})["workflows.argoproj.io/workflow-archiving-status"] = "Persisted"
        self.archived[workflow["metadata"]["uid"]] = workflow

    @property
    def archived(self) -> dict[str, Json]:
        """The workflows in that database, by uid."""
        return self._argo_server.archive

    def close_watches(self) -> int:
        """End every open watch, as a restart does; returns how many there were."""
        return self._api.watches.close_all()

    def compact(self) -> None:
        """Drop the history: every resourceVersion that a client holds is Gone (410) from now on."""
        self.store.compact()

    def add_user(self, user: str, rules: Iterable[Rule]) -> str:
        """Add a user with these rules and return its token."""
        return self.access.grant(user, rules)

    def add_namespace(self, name: str) -> bool:
        """Make a namespace; return whether it is new."""
        if name in {one["metadata"]["name"] for one in self.store.items(NAMESPACES)[0]}:
            return False
        self.store.create(NAMESPACES, "", {"metadata": {"name": name}, "status": {"phase": "Active"}})
        return True

    def add_secret(self, name: str, values: Mapping[str, str], *, namespace: str = "default") -> None:
        """Store a secret that templates can refer to (`secretKeyRef`)."""
        data = {key: base64.b64encode(text.encode()).decode() for key, text in values.items()}
        self.store.create(SECRETS, namespace, {"metadata": {"name": name}, "type": "Opaque", "data": data})

    def kubeconfig(self, url: str, *, token: str | None = None, namespace: str = "default") -> str:
        """Return a kubeconfig (YAML) for this cluster at `url`, by default with the submitter's minimal rules."""
        return kubeconfig.render(url, token or self.submitter_token, namespace=namespace)

    def write_kubeconfig(self, path: Path, url: str, *, token: str | None = None, namespace: str = "default") -> Path:
        """Write that kubeconfig, readable by its owner only, and return its path."""
        return kubeconfig.write(path, url, token or self.submitter_token, namespace=namespace)

    def close(self) -> None:
        """End the workflows and remove their files."""
        if self._controller is not None:
            self._controller.stop()
        self.close_watches()
        self._directory.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
