"""The network of an action's container: a bridge, on which `localhost` is the container and not the runner."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from mlops_sandbox.host import Host
from mlops_sandbox.wandb import WandbServer
from tests.e2e.container_step import ContainerRunner
from tests.e2e.docker_daemon import Docker
from tests.support.step import StepRecord

KEY = "k" * 40
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "c",
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    "clusters": [{"name": "c", "cluster": {"server": "https://localhost:6443"}}],
    "users": [{"name": "u", "user": {}}],
}


@pytest.mark.parametrize(
    ("action", "inputs"),
    [
        ("wandb-runs", {"project": "team/digits", "api-key": KEY, "base-url": "http://localhost:8080", "sha": "a" * 40}),
        ("argo-submit", {"from": "workflowtemplate/train", "kubeconfig": json.dumps(KUBECONFIG), "github-token": "none"}),
    ],
)
def test_a_server_on_the_runners_localhost_is_refused_with_the_reason(
    runner: ContainerRunner, action: str, inputs: Mapping[str, str]
) -> None:
    done = runner.run(action, inputs=inputs, event_name="push", event={})
    assert done.exit_code == 4, done.log
    assert "in an action's container, 'localhost' is the container itself" in done.log


def test_a_server_on_the_runners_address_of_the_bridge_is_reached(runner: ContainerRunner, docker: Docker) -> None:
    wandb = WandbServer()
    wandb.store.project(wandb.entity, "digits")
    inputs = {"project": f"{wandb.entity}/digits", "api-key": wandb.api_key, "sha": "a" * 40}

    def run(address: str) -> StepRecord:
        return runner.run("wandb-runs", inputs={**inputs, "base-url": address}, event_name="push", event={})

    with Host(wandb.app, address="0.0.0.0") as host:  # the bridge, and this machine's loopback too
        reached = run(f"http://{docker.gateway}:{host.port}")
        missed = run(f"http://127.0.0.1:{host.port}")
    assert (reached.exit_code, missed.exit_code) == (0, 4), reached.log + missed.log
