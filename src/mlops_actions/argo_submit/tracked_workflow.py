"""The workflow that this step is responsible for, as the main stage keeps it for the post stage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from mlops_actions.argo_submit.inputs import Inputs
from mlops_actions.argo_submit.parameters import declared_parameters
from mlops_actions.argo_submit.ports import Cluster
from mlops_actions.argo_submit.report import WorkflowReportContext
from mlops_actions.argo_submit.submission import names_of_request
from mlops_actions.core.ports import Runner

STATE = "argo-workflow"
RUNNING, LEFT, ENDED, CANCELLED = "running", "left", "ended", "cancelled"
# The runner hands the state to the post stage in an environment variable, and Linux limits one to 128 KiB.
MAX_STATE_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class TrackedWorkflow:
    """A workflow, and what the post stage needs to stop it and to write its comment.

    `state` is `running` (this step follows the workflow), `left` (the workflow runs on, as the inputs ask), `ended`, or
    `cancelled` (the workflow must be stopped, unless the main stage has done so). `request` is the label of a workflow whose
    creation has not been answered yet; `name` is empty where the server is to make it.
    """

    namespace: str
    name: str
    pr_number: int | None
    context: WorkflowReportContext
    state: str = RUNNING
    request: str = ""

    def action_on_cancel(self, inputs: Inputs) -> tuple[str, str]:
        """Return the input that says what a cancelled job does with the workflow, and its value."""
        if self.context.attached:
            return "on-cancel-attached", inputs.on_cancel_attached
        return "on-cancel", inputs.on_cancel

    def names(self, cluster: Cluster) -> list[str]:
        """Return the names of what this step has submitted or follows; raises NotFound where that is nothing."""
        if not self.request:
            return [self.name]
        return names_of_request(cluster, self.namespace, self.name, self.request)

    def save(self, runner: Runner) -> None:
        """Keep the record for the post stage. Parameters are kept by name: the workflow holds their values."""
        record = asdict(replace(self, context=replace(self.context, parameters={})))
        text = json.dumps({**record, "parameters": list(self.context.parameters)})
        runner.save_state(STATE, text if len(text) <= MAX_STATE_BYTES else json.dumps({**record, "parameters": None}))


@dataclass(frozen=True)
class SavedWorkflow:
    """The record that the main stage has kept; `parameters` is None where the names were too long to keep."""

    tracked: TrackedWorkflow
    parameters: tuple[str, ...] | None

    def context_of(self, workflow: Mapping[str, Any]) -> WorkflowReportContext:
        """Return the report's context, with the parameters' values read from the workflow."""
        values = {entry.name: entry.value or "" for entry in declared_parameters(workflow.get("spec") or {})}
        names = values if self.parameters is None else self.parameters
        return replace(self.tracked.context, parameters={name: values.get(name, "") for name in names})


def load(runner: Runner) -> SavedWorkflow | None:
    """Return what the main stage kept; None where it kept nothing."""
    try:
        record = json.loads(runner.state(STATE) or "null")
        if not record:
            return None
        names = record.pop("parameters")
        context = WorkflowReportContext(**record.pop("context"))
        return SavedWorkflow(TrackedWorkflow(**record, context=context), None if names is None else tuple(names))
    except (ValueError, KeyError, TypeError):
        return None


def clear(runner: Runner) -> None:
    """Tell the post stage that this step is responsible for no workflow."""
    runner.save_state(STATE, "")
