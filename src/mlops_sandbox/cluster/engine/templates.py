"""Running templates: inputs bound, retried where asked, and handed to what runs their kind."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlops_actions.core.types import Json
from mlops_sandbox.cluster.engine import arguments, sources
from mlops_sandbox.cluster.engine.calls import Call, CallScope, NodeResult, Source, Variables
from mlops_sandbox.cluster.engine.dag import Dag
from mlops_sandbox.cluster.engine.executor import StopSignal
from mlops_sandbox.cluster.engine.nodes import UNSUCCESSFUL, NodeTree
from mlops_sandbox.cluster.engine.pods import HOST_NAME, Pods, PodSpec, Services
from mlops_sandbox.cluster.engine.slots import StateCondition
from mlops_sandbox.cluster.engine.steps import run_steps
from mlops_sandbox.cluster.engine.substitution import WorkflowSpecError, substitute
from mlops_sandbox.cluster.engine.support import unsupported_fields
from mlops_sandbox.timestamps import timestamp

KINDS = ("container", "script", "dag", "steps", "suspend")
RETRIED = {"Always": UNSUCCESSFUL, "OnFailure": {"Failed"}, "OnError": {"Error"}, "OnTransientError": {"Error"}}
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class _Body:
    """A template ready to run: its inputs are bound; `fields` are its node's."""

    template: Json
    source: Source
    names: Variables
    stopper: StopSignal
    fields: Json


class TemplateRunner:
    """Runs the templates of one workflow; see `calls.TaskRunner`."""

    def __init__(self, workflow: Json, services: Services, pods: Pods, nodes: NodeTree) -> None:
        self.nodes = nodes
        self.globals: dict[str, str] = {}  # output parameters with a globalName
        self._workflow = workflow
        self._services = services
        self._pods = pods
        self._lock = threading.Lock()
        self._signal = StateCondition()
        self._suspended = False
        self._resumed: set[str] = set()

    def suspend(self, suspended: bool) -> None:
        """Obey `spec.suspend`: no further pod starts until it is taken back."""
        self._suspended = suspended
        self._signal.changed()

    def resume(self, node_id: str) -> None:
        """Let a Suspend node go on."""
        self._resumed.add(node_id)
        self._signal.changed()

    def call(self, call: Call) -> NodeResult:
        """Run a template as a node (and its retries below it)."""
        started = timestamp()
        try:
            outcome = self._call(call)
        except WorkflowSpecError as problem:
            identity = self.nodes.add(
                call.node_name,
                "Skipped",
                phase="Error",
                parents=list(call.parents),
                displayName=call.display_name,
                message=str(problem),
                boundaryID=call.frame.boundary,
                templateName=call.user.get("template"),
                templateScope=call.frame.source.scope,
                nodeFlag=call.flag,
            )
            outcome = NodeResult(identity, "Error", str(problem))
        return replace(outcome, started_at=started, finished_at=timestamp())

    def _call(self, call: Call) -> NodeResult:
        namespace = self._workflow["metadata"]["namespace"]
        template, source = sources.find_template(call.user, call.frame.source, self._services.store, namespace)
        if source is not call.frame.source and (unknown := unsupported_fields({"templates": [template]})):
            raise WorkflowSpecError(f"the sandbox does not obey {', '.join(unknown)} of {source.scope}")
        given: Json = call.user.get("arguments") or {}
        parameters = arguments.bind_parameters(template, given, call.frame.names)
        raw = self._services.directory / "raw" / self._workflow["metadata"]["uid"] / call.node_name
        artifacts = arguments.bind_artifacts(template, given, call.frame.names, raw)
        global_texts = {key: text for key, text in call.frame.names.texts.items() if key.startswith("workflow.")}
        with self._lock:
            global_texts |= {f"workflow.outputs.parameters.{name}": text for name, text in self.globals.items()}
        names = Variables(
            {**global_texts, **arguments.input_texts(parameters, template), "node.name": call.node_name},
            {f"inputs.artifacts.{name}": path for name, path in artifacts.items()},
        )
        fields: Json = {
            "displayName": call.display_name,
            "templateName": template.get("name"),
            "templateScope": source.scope,
            "boundaryID": call.frame.boundary,
            "nodeFlag": call.flag,
        }
        if parameters:
            fields["inputs"] = {"parameters": [{"name": name, "value": text} for name, text in parameters.items()]}
        body = _Body(template, source, names, call.frame.stopper, fields)
        if "retryStrategy" in template:
            return self._retry(body, call.node_name, call.parents)
        return self._run(body, call.node_name, call.parents)

    def _retry(self, body: _Body, node_name: str, parents: Sequence[str]) -> NodeResult:
        strategy: Json = substitute(body.template["retryStrategy"] or {}, body.names.texts)
        limit = float(strategy.get("limit", "inf"))
        policy = str(strategy.get("retryPolicy") or "OnFailure")
        if policy not in RETRIED:
            raise WorkflowSpecError(f"{policy} is not a valid RetryPolicy")
        node = self.nodes.add(node_name, "Retry", parents=list(parents), **body.fields)
        backoff: Json = strategy.get("backoff") or {}
        pause, factor = _seconds(str(backoff.get("duration", "0"))), float(backoff.get("factor", 1) or 1)
        attempt = 0
        while True:
            attempt_name = f"{node_name}({attempt})"
            fields = {
                **body.fields,
                "displayName": f"{body.fields['displayName']}({attempt})",
                "nodeFlag": {"retried": True},
            }
            names = body.names.with_texts({"retries": str(attempt), "node.name": attempt_name})
            outcome = self._run(replace(body, names=names, fields=fields), attempt_name, [node])
            if outcome.phase not in RETRIED[policy] or attempt >= limit or body.stopper.reason is not None:
                break
            attempt += 1
            if pause:
                self._signal.wait_for(lambda: False, body.stopper, pause)
                pause *= factor
        message = outcome.message
        if outcome.phase in RETRIED[policy] and body.stopper.reason is None:
            message = "No more retries left"
        self.nodes.update(node, phase=outcome.phase, message=message, outputs=outcome.json_outputs())
        return replace(outcome, node_id=node, message=message)

    def _run(self, body: _Body, node_name: str, parents: Sequence[str]) -> NodeResult:
        kind = next((kind for kind in KINDS if kind in body.template), None)
        if kind is None:
            raise WorkflowSpecError(f"template {body.template.get('name')!r} has none of {', '.join(KINDS)}")
        try:
            if kind == "suspend":
                outcome = self._wait(body, node_name, parents)
            elif kind in ("dag", "steps"):
                outcome = self._compose(kind, body, node_name, parents)
            else:
                outcome = self._pod(body, node_name, parents)
        except WorkflowSpecError as problem:
            type_name = {"dag": "DAG", "steps": "Steps", "suspend": "Suspend"}.get(kind, "Pod")
            identity = self.nodes.add(node_name, type_name, phase="Error", parents=list(parents), **body.fields)
            outcome = NodeResult(identity, "Error", str(problem))
        # What a DAG itself declares becomes global as the output of a task of another DAG, and not otherwise.
        if kind != "dag" or self.nodes.is_of("DAG", str(body.fields["boundaryID"] or "")):
            self._share(body.template, outcome)
        self.nodes.update(outcome.node_id, phase=outcome.phase, message=outcome.message, outputs=outcome.json_outputs())
        return outcome

    def _compose(self, kind: str, body: _Body, node_name: str, parents: Sequence[str]) -> NodeResult:
        node = self.nodes.add(node_name, "DAG" if kind == "dag" else "Steps", parents=list(parents), **body.fields)
        frame = CallScope(body.source, body.names, body.stopper, node)
        if kind == "dag":
            phase, message, names = Dag(self, frame, body.template, node_name).run()
        else:
            phase, message, names = run_steps(self, frame, body.template, node_name)
        if phase != "Succeeded":
            return NodeResult(node, phase, message)
        parameters, artifacts = arguments.composed_outputs(body.template, names)
        return NodeResult(node, phase, "", parameters, artifacts)

    def _pod(self, body: _Body, node_name: str, parents: Sequence[str]) -> NodeResult:
        self._signal.wait_for(lambda: not self._suspended, body.stopper)
        texts = body.names.texts
        declared = {key: value for key, value in body.template.items() if key not in ("inputs", "outputs")}
        template: Json = {**body.template, **substitute(declared, texts)}
        artifacts = {tag.removeprefix("inputs.artifacts."): path for tag, path in body.names.artifacts.items()}
        node = self.nodes.add(
            node_name,
            "Pod",
            phase="Pending",
            parents=list(parents),
            progress="0/1",
            hostNodeName=HOST_NAME,
            **body.fields,
        )
        order = PodSpec(self._workflow, template, node, node_name, artifacts)
        outcome = self._pods.run(order, body.stopper, lambda: self.nodes.update(node, phase="Running"))
        self.nodes.update(node, progress="1/1")
        return outcome

    def _wait(self, body: _Body, node_name: str, parents: Sequence[str]) -> NodeResult:
        node = self.nodes.add(node_name, "Suspend", parents=list(parents), **body.fields)
        duration = (body.template["suspend"] or {}).get("duration")
        seconds = None if duration is None else _seconds(str(substitute(str(duration), body.names.texts)))
        resumed = self._signal.wait_for(lambda: node in self._resumed, body.stopper, seconds)
        if body.stopper.reason is not None and not resumed:
            return NodeResult(node, "Failed", body.stopper.reason)
        return NodeResult(node, "Succeeded")

    def _share(self, template: Json, outcome: NodeResult) -> None:
        with self._lock:
            for name, shared in arguments.global_names(template).items():
                if name in outcome.parameters:
                    self.globals[shared] = outcome.parameters[name]


def _seconds(text: str) -> float:
    number, unit = (text[:-1], text[-1]) if text and text[-1] in UNITS else (text, "s")
    try:
        return float(number) * UNITS[unit]
    except ValueError:
        raise WorkflowSpecError(f"{text!r} is not a duration") from None
