"""Run templates: bind their inputs, retry them, and pass them to the runner of their kind."""

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
RETRIED_PHASES = {"Always": UNSUCCESSFUL, "OnFailure": {"Failed"}, "OnError": {"Error"}, "OnTransientError": {"Error"}}
REUSED = ("Pod", "Retry", "Suspend")
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class _Body:
    """A template with its inputs bound; `fields` are those of its node."""

    template: Json
    source: Source
    variables: Variables
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
        # What an earlier attempt of a workflow that is retried has done already, by the node's name.
        earlier = ((workflow.get("status") or {}).get("nodes") or {}).values()
        self._done = {node["name"]: node for node in earlier if node["type"] in REUSED and node["phase"] == "Succeeded"}

    def suspend(self, suspended: bool) -> None:
        """Set `spec.suspend`: while it is true no more pods start."""
        self._suspended = suspended
        self._signal.changed()

    def resume(self, node_id: str, outputs: Json | None = None) -> None:
        """Resume a Suspend node; `outputs` are those that a client gave it."""
        if outputs:
            self.nodes.update(node_id, outputs=outputs)
        self._resumed.add(node_id)
        self._signal.changed()

    def call(self, call: Call) -> NodeResult:
        """Run a template as a node (and its retries below it)."""
        started = timestamp()
        try:
            result = self._call(call)
        except WorkflowSpecError as problem:
            identity = self.nodes.add(
                call.node_name,
                "Skipped",
                phase="Error",
                parents=list(call.parents),
                displayName=call.display_name,
                message=str(problem),
                boundaryID=call.scope.boundary,
                templateName=call.task.get("template"),
                templateScope=call.scope.source.scope,
                nodeFlag=call.flag,
            )
            result = NodeResult(identity, "Error", str(problem))
        return replace(result, started_at=started, finished_at=timestamp())

    def _call(self, call: Call) -> NodeResult:
        namespace = self._workflow["metadata"]["namespace"]
        template, source = sources.find_template(call.task, call.scope.source, self._services.store, namespace)
        if source is not call.scope.source and (unknown := unsupported_fields({"templates": [template]})):
            raise WorkflowSpecError(f"the sandbox does not support {', '.join(unknown)} of {source.scope}")
        passed: Json = call.task.get("arguments") or {}
        parameters = arguments.bind_parameters(template, passed, call.scope.variables)
        raw = self._services.directory / "raw" / self._workflow["metadata"]["uid"] / call.node_name
        artifacts = arguments.bind_artifacts(template, passed, call.scope.variables, raw)
        global_texts = {key: text for key, text in call.scope.variables.texts.items() if key.startswith("workflow.")}
        with self._lock:
            global_texts |= {f"workflow.outputs.parameters.{name}": text for name, text in self.globals.items()}
        variables = Variables(
            {**global_texts, **arguments.input_texts(parameters, template), "node.name": call.node_name},
            {f"inputs.artifacts.{name}": path for name, path in artifacts.items()},
        )
        fields: Json = {
            "displayName": call.display_name,
            "templateName": template.get("name"),
            "templateScope": source.scope,
            "boundaryID": call.scope.boundary,
            "nodeFlag": call.flag,
        }
        if parameters:
            fields["inputs"] = {"parameters": [{"name": name, "value": text} for name, text in parameters.items()]}
        body = _Body(template=template, source=source, variables=variables, stopper=call.scope.stopper, fields=fields)
        if call.node_name in self._done:
            return self._reuse(body, self._done[call.node_name], call.parents)
        if "retryStrategy" in template:
            return self._retry(body, call.node_name, call.parents)
        return self._run(body, call.node_name, call.parents)

    def _reuse(self, body: _Body, done: Json, parents: Sequence[str]) -> NodeResult:
        """Take over a node of an earlier attempt, with its outputs and times."""
        kept = {key: value for key, value in done.items() if key not in ("id", "name", "type", "phase", "children")}
        node = self.nodes.add(done["name"], done["type"], phase=done["phase"], parents=list(parents), **kept)
        outputs: Json = done.get("outputs") or {}
        files = self._services.directory / "artifacts" / node / "files"
        result = NodeResult(
            node,
            done["phase"],
            parameters={one["name"]: str(one.get("value", "")) for one in outputs.get("parameters") or []},
            artifacts={one["name"]: files / one["name"] for one in outputs.get("artifacts") or []},
            result=outputs.get("result"),
            exit_code=outputs.get("exitCode"),
        )
        self._share(body.template, result)
        return result

    def _retry(self, body: _Body, node_name: str, parents: Sequence[str]) -> NodeResult:
        strategy: Json = substitute(body.template["retryStrategy"] or {}, body.variables.texts)
        limit = float(strategy.get("limit", "inf"))
        policy = str(strategy.get("retryPolicy") or "OnFailure")
        if policy not in RETRIED_PHASES:
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
            variables = body.variables.with_texts({"retries": str(attempt), "node.name": attempt_name})
            result = self._run(replace(body, variables=variables, fields=fields), attempt_name, [node])
            if result.phase not in RETRIED_PHASES[policy] or attempt >= limit or body.stopper.reason is not None:
                break
            attempt += 1
            if pause:
                self._signal.wait_for(lambda: False, body.stopper, pause)
                pause *= factor
        message = result.message
        if result.phase in RETRIED_PHASES[policy] and body.stopper.reason is None:
            message = "No more retries left"
        self.nodes.update(node, phase=result.phase, message=message, outputs=result.json_outputs())
        return replace(result, node_id=node, message=message)

    def _run(self, body: _Body, node_name: str, parents: Sequence[str]) -> NodeResult:
        kind = next((kind for kind in KINDS if kind in body.template), None)
        if kind is None:
            raise WorkflowSpecError(f"template {body.template.get('name')!r} has none of {', '.join(KINDS)}")
        try:
            if kind == "suspend":
                result = self._wait(body, node_name, parents)
            elif kind in ("dag", "steps"):
                result = self._compose(kind, body, node_name, parents)
            else:
                result = self._pod(body, node_name, parents)
        except WorkflowSpecError as problem:
            type_name = {"dag": "DAG", "steps": "Steps", "suspend": "Suspend"}.get(kind, "Pod")
            identity = self.nodes.add(node_name, type_name, phase="Error", parents=list(parents), **body.fields)
            result = NodeResult(identity, "Error", str(problem))
        # A DAG's own output becomes global only where the DAG is a task of another DAG.
        if kind != "dag" or self.nodes.is_of("DAG", str(body.fields["boundaryID"] or "")):
            self._share(body.template, result)
        self.nodes.update(result.node_id, phase=result.phase, message=result.message, outputs=result.json_outputs())
        return result

    def _compose(self, kind: str, body: _Body, node_name: str, parents: Sequence[str]) -> NodeResult:
        node = self.nodes.add(node_name, "DAG" if kind == "dag" else "Steps", parents=list(parents), **body.fields)
        scope = CallScope(source=body.source, variables=body.variables, stopper=body.stopper, boundary=node)
        if kind == "dag":
            phase, message, variables = Dag(runner=self, scope=scope, template=body.template, node_name=node_name).run()
        else:
            phase, message, variables = run_steps(self, scope, body.template, node_name)
        if phase != "Succeeded":
            return NodeResult(node, phase, message)
        parameters, artifacts = arguments.composed_outputs(body.template, variables)
        return NodeResult(node_id=node, phase=phase, message="", parameters=parameters, artifacts=artifacts)

    def _pod(self, body: _Body, node_name: str, parents: Sequence[str]) -> NodeResult:
        self._signal.wait_for(lambda: not self._suspended, body.stopper)
        texts = body.variables.texts
        declared = {key: value for key, value in body.template.items() if key not in ("inputs", "outputs")}
        template: Json = {**body.template, **substitute(declared, texts)}
        artifacts = {tag.removeprefix("inputs.artifacts."): path for tag, path in body.variables.artifacts.items()}
        node = self.nodes.add(
            node_name,
            "Pod",
            phase="Pending",
            parents=list(parents),
            progress="0/1",
            hostNodeName=HOST_NAME,
            **body.fields,
        )
        pod_spec = PodSpec(
            workflow=self._workflow, template=template, node_id=node, node_name=node_name, artifacts=artifacts
        )
        result = self._pods.run(pod_spec, body.stopper, lambda: self.nodes.update(node, phase="Running"))
        self.nodes.update(node, progress="1/1")
        return result

    def _wait(self, body: _Body, node_name: str, parents: Sequence[str]) -> NodeResult:
        declared = (body.template.get("outputs") or {}).get("parameters") or []
        supplied = [one for one in declared if "supplied" in (one.get("valueFrom") or {})]
        fields = {**body.fields, "outputs": {"parameters": supplied} if supplied else {}}
        node = self.nodes.add(node_name, "Suspend", parents=list(parents), **fields)
        duration = (body.template["suspend"] or {}).get("duration")
        seconds = None if duration is None else _seconds(str(substitute(str(duration), body.variables.texts)))
        resumed = self._signal.wait_for(lambda: node in self._resumed, body.stopper, seconds)
        if body.stopper.reason is not None and not resumed:
            return NodeResult(node, "Failed", body.stopper.reason)
        given = (self.nodes.field(node, "outputs") or {}).get("parameters") or []
        return NodeResult(node, "Succeeded", parameters={one["name"]: str(one["value"]) for one in given if "value" in one})

    def _share(self, template: Json, result: NodeResult) -> None:
        with self._lock:
            for name, shared in arguments.global_names(template).items():
                if name in result.parameters:
                    self.globals[shared] = result.parameters[name]


def _seconds(text: str) -> float:
    number, unit = (text[:-1], text[-1]) if text and text[-1] in UNITS else (text, "s")
    try:
        return float(number) * UNITS[unit]
    except ValueError:
        raise WorkflowSpecError(f"{text!r} is not a duration") from None
