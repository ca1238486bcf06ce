"""Promote a run's model as wandb-runs does, in a process of its own: the SDK starts a service for its process."""

from __future__ import annotations

import json
import os
import sys
from types import SimpleNamespace

from mlops_actions.boundary.wandb.project import WandbProject
from mlops_actions.boundary.wandb.server import Server
from mlops_actions.core.errors import ActionError
from mlops_actions.core.runs import Artifact, Run

url, run_id = sys.argv[1:]
key = os.environ.pop("WANDB_API_KEY")
assert "wandb" not in sys.modules, "the read path must not pay for the SDK"
project = WandbProject("sandbox/digits", Server(url, url, key), SimpleNamespace(mask=print))
before = dict(os.environ)
try:
    run = Run(id=run_id, name="", state="finished", url="", entity="sandbox", project="digits")
    project.promote(run, Artifact(name="model", version=0, type="model", digest=""), "accepted")
    message = "promoted"
except ActionError as error:
    message = f"{error.exit_code}: {error}"
assert dict(os.environ) == before
print(json.dumps(message))
