"""Run one workflow from its creation to its end in a thread, as Argo's controller does."""

from __future__ import annotations

import contextlib
import threading
import time

from mlops_actions.core.types import Json
from mlops_sandbox.cluster.engine import sources, support
from mlops_sandbox.cluster.engine.calls import Call, CallScope, NodeResult, Source, Variables, by_name
from mlops_sandbox.cluster.engine.executor import StopSignal
from mlops_sandbox.cluster.engine.nodes import NodeTree
from mlops_sandbox.cluster.engine.pods import LABEL_COMPLETED, Pods, Services
from mlops_sandbox.cluster.engine.substitution import WorkflowSpecError, as_text
from mlops_sandbox.cluster.engine.templates import TemplateRunner
from mlops_sandbox.cluster.resources import PODS, WORKFLOWS
from mlops_sandbox.cluster.status import ApiError
from mlops_sandbox.timestamps import timestamp

LABEL_PHASE = "workflows.argoproj.io/phase"
DEADLINE = "Step exceeded its deadline"


class WorkflowRun:
    """One workflow run; `run` is the body of its thread, other threads call the other methods."""

    def __init__(self, workflow: Json, services: Services) -> None:
        self._workflow = workflow
        self._services = services
        self._name: str = workflow["metadata"]["name"]
        self._namespace: str = workflow["metadata"]["namespace"]
        self._started = time.monotonic()
        self._status: Json = {"phase": "Running", "startedAt": timestamp()}
        self._main = StopSignal()
        self._exit = StopSignal()
        self._shutdown = ""
        self._seen_version = 0
        self._dirty = threading.Event()
        self._ended = False
        self.nodes = NodeTree(self._name, self._dirty.set)
        self.pods = Pods(services, workflow["spec"].get("parallelism"))
        self.templates = TemplateRunner(workflow=workflow, services=services, pods=self.pods, nodes=self.nodes)

    def update(self, workflow: Json) -> None:
        """Apply a change that a client made to the object: shutdown, suspend, nodes resumed."""
        version = int(workflow["metadata"]["resourceVersion"])
        if version < self._seen_version:  # notifications from several threads may arrive out of order
            return
        self._seen_version = version
        spec, status = workflow.get("spec", {}), workflow.get("status") or {}
        self.templates.suspend(bool(spec.get("suspend")))
        for identity, node in (status.get("nodes") or {}).items():
            if node.get("type") == "Suspend" and node.get("phase") == "Succeeded":
                self.templates.resume(identity, node.get("outputs"))
        strategy = str(spec.get("shutdown") or "")
        if strategy and strategy != self._shutdown:
            self._shutdown = strategy
            reason = f"workflow shutdown with strategy:  {strategy}"
            self._main.stop(reason)
            if strategy == "Terminate":
                self._exit.stop(reason)

    def stop(self) -> None:
        """Stop everything that still runs, because the object was deleted."""
        self._main.stop("workflow deleted")
        self._exit.stop("workflow deleted")

    def run(self) -> None:
        """Run to the end and keep the object's status up to date."""
        publisher = threading.Thread(target=self._publish_changes, name=f"publish-{self._name}", daemon=True)
        self._dirty.set()
        publisher.start()
        try:
            phase, message = self._execute()
        except WorkflowSpecError as problem:
            phase, message = "Failed", f"invalid spec: {problem}"
        except Exception as error:  # noqa: BLE001 (a controller must, or the workflow would seem to run for ever)
            phase, message = "Error", f"the sandbox's engine failed: {type(error).__name__}: {error}"
        self._status.update(phase=phase, finishedAt=timestamp())
        if message:
            self._status["message"] = message
        self._ended = True
        self._dirty.set()
        publisher.join()
        self._collect_pods(phase)

    def _execute(self) -> tuple[str, str]:
        spec = sources.resolve_spec(self._workflow, self._services.store)
        if unknown := support.unsupported_fields(spec):
            raise WorkflowSpecError(f"the sandbox does not support {', '.join(unknown)}")
        source = sources.local_source(self._workflow, spec)
        variables = Variables(_global_texts(self._workflow, spec))
        entrypoint = str(spec.get("entrypoint") or "")
        if not entrypoint:
            raise WorkflowSpecError("spec.entrypoint is required")
        for reference in filter(None, (entrypoint, spec.get("onExit"))):
            if reference not in source.templates:
                raise WorkflowSpecError(f"template name '{reference}' undefined")
        self.update(self._workflow)
        timer = self._deadline(spec)
        # The entrypoint's template takes the workflow's arguments of the same names.
        task: Json = {"template": entrypoint, "arguments": _literal_arguments(spec)}
        result = self.templates.call(
            Call(scope=CallScope(source, variables, self._main), task=task, node_name=self._name, display_name=self._name)
        )
        if timer is not None:
            timer.cancel()
        phase, message = self._final_phase(result)
        if spec.get("onExit") and self._exit.reason is None:
            after = self._run_exit_handler(str(spec["onExit"]), source, variables, phase, result)
            if after.phase in ("Failed", "Error"):
                phase, message = after.phase, after.message
        return phase, message

    def _run_exit_handler(
        self, template: str, source: Source, variables: Variables, phase: str, result: NodeResult
    ) -> NodeResult:
        texts = {
            "workflow.status": phase,
            "workflow.failures": as_text(self.nodes.unsuccessful()),
            "workflow.duration": f"{time.monotonic() - self._started:.6f}",
        }
        texts |= {f"workflow.outputs.parameters.{name}": text for name, text in result.parameters.items()}
        scope = CallScope(source, variables.with_texts(texts), self._exit)
        name = f"{self._name}.onExit"
        return self.templates.call(
            Call(scope=scope, task={"template": template}, node_name=name, display_name=name, flag={"hooked": True})
        )

    def _final_phase(self, result: NodeResult) -> tuple[str, str]:
        if self._shutdown:
            return "Failed", f"Stopped with strategy '{self._shutdown}'"
        if self._main.reason == DEADLINE:
            return "Failed", DEADLINE
        return ("Succeeded" if result.phase == "Skipped" else result.phase), result.message

    def _deadline(self, spec: Json) -> threading.Timer | None:
        if spec.get("activeDeadlineSeconds") is None:
            return None
        timer = threading.Timer(float(spec["activeDeadlineSeconds"]), self._main.stop, [DEADLINE])
        timer.daemon = True
        timer.start()
        return timer

    def _publish_changes(self) -> None:
        while not self._ended:
            self._dirty.wait()
            self._dirty.clear()
            self._publish()
        self._publish()

    def _publish(self) -> None:
        """Write the status; changes that happen together are written once."""
        ended = self._ended
        status: Json = {**self._status, "nodes": self.nodes.snapshot(), "progress": self.nodes.progress()}
        if self.templates.globals:
            globals_now = dict(self.templates.globals)
            status["outputs"] = {"parameters": [{"name": name, "value": text} for name, text in globals_now.items()]}
        status["conditions"] = [{"type": "PodRunning", "status": str(not ended)}]
        if ended:
            status["conditions"].append({"type": "Completed", "status": "True"})

        def edit(workflow: Json) -> Json:
            workflow["status"] = status
            labels = workflow["metadata"].setdefault("labels", {})
            labels[LABEL_PHASE] = status["phase"]
            labels[LABEL_COMPLETED] = str(ended).lower()
            return workflow

        with contextlib.suppress(ApiError):  # the object was deleted
            self._services.store.change(WORKFLOWS, self._namespace, self._name, edit)

    def _collect_pods(self, phase: str) -> None:
        strategy = (self._workflow["spec"].get("podGC") or {}).get("strategy", "")
        if strategy == "OnWorkflowCompletion" or (strategy == "OnWorkflowSuccess" and phase == "Succeeded"):
            for pod in self._services.store.items(PODS, self._namespace)[0]:
                if any(owner["uid"] == self._workflow["metadata"]["uid"] for owner in _owners(pod)):
                    with contextlib.suppress(ApiError):
                        self._services.store.delete(PODS, self._namespace, pod["metadata"]["name"])


def _owners(value: Json) -> list[Json]:
    owners: list[Json] = value["metadata"].get("ownerReferences") or []
    return owners


def _literal_arguments(spec: Json) -> Json:
    arguments: Json = spec.get("arguments") or {}
    return {
        "parameters": [
            {"name": parameter["name"], "value": f"{{{{workflow.parameters.{parameter['name']}}}}}"}
            for parameter in arguments.get("parameters") or []
        ],
        "artifacts": arguments.get("artifacts") or [],
    }


def _global_texts(workflow: Json, spec: Json) -> dict[str, str]:
    metadata = workflow["metadata"]
    parameters: dict[str, str] = {}
    for name, declared in by_name((spec.get("arguments") or {}).get("parameters"), "argument").items():
        if "value" not in declared:
            raise WorkflowSpecError(f"spec.arguments.{name}.value or spec.arguments.{name}.valueFrom is required")
        parameters[name] = as_text(declared["value"])
        choices = declared.get("enum")
        if choices and parameters[name] not in [as_text(choice) for choice in choices]:
            raise WorkflowSpecError(f"spec.arguments.{name}.value should be present in spec.arguments.{name}.enum list")
    texts = {
        "workflow.name": metadata["name"],
        "workflow.namespace": metadata["namespace"],
        "workflow.uid": metadata["uid"],
        "workflow.serviceAccountName": str(spec.get("serviceAccountName") or "default"),
        "workflow.mainEntrypoint": str(spec.get("entrypoint") or ""),
        "workflow.priority": str(spec.get("priority") or 0),
        "workflow.creationTimestamp": metadata["creationTimestamp"],
        "workflow.parameters": as_text([{"name": name, "value": text} for name, text in parameters.items()]),
    }
    texts |= {f"workflow.parameters.{name}": text for name, text in parameters.items()}
    for kind in ("labels", "annotations"):
        texts |= {f"workflow.{kind}.{key}": text for key, text in (metadata.get(kind) or {}).items()}
    return texts
