"""What workflow files name and somebody must set up: labels, secrets by their purpose, namespaces. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mlops_sandbox.runner.workflow import Workflow

_ACTION = re.compile(r"[\w.-]+/[\w.-]+/actions/[a-z-]+@\S+")
_SECRET = re.compile(r"\bsecrets\.(\w+)")
# The secrets of the sandbox, by the input of an action that takes the same.
_PURPOSES = {"kubeconfig": "KUBECONFIG", "api-key": "WANDB_API_KEY", "password": "REGISTRY_PASSWORD"}


@dataclass
class WorkflowNeeds:
    """What files name; `secrets` maps each name to that of the sandbox's secret which serves its purpose."""

    labels: set[str] = field(default_factory=set)
    secrets: dict[str, str] = field(default_factory=dict)
    namespaces: set[str] = field(default_factory=set)

    def add(self, workflow: Workflow) -> None:
        """Add what the steps of one workflow file name."""
        for job in workflow.jobs:
            for step in job.steps:
                if _ACTION.fullmatch(step.uses):
                    self._add_inputs(step.inputs)

    def _add_inputs(self, inputs: Mapping[str, str]) -> None:
        for name, value in inputs.items():
            if purpose := _PURPOSES.get(name):
                self.secrets |= dict.fromkeys(_SECRET.findall(value), purpose)
            elif value and "${{" not in value:
                if name.endswith("-label"):
                    self.labels.add(value)
                elif name == "namespace":
                    self.namespaces.add(value)
