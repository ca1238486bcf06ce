"""Workflows that somebody, or a clock, interferes with."""

from __future__ import annotations

import pytest

from tests.standins.cluster.client import WORKFLOWS, KubernetesApi, ended, nodes_by_display_name
from tests.standins.cluster.manifests import ECHO, workflow


def test_a_suspended_node_waits_until_its_phase_is_set(api: KubernetesApi) -> None:
    name = api.submit(workflow("entrypoint: main\ntemplates: [{name: main, suspend: {}}]"))["metadata"]["name"]
    waiting = api.wait(name, lambda value: bool((value.get("status") or {}).get("nodes")))
    assert waiting["status"]["nodes"][name]["type"] == "Suspend"
    api.patch(f"{WORKFLOWS}/{name}", {"status": {"nodes": {name: {"phase": "Succeeded"}}}})
    assert api.wait(name, ended)["status"]["phase"] == "Succeeded"


@pytest.mark.parametrize(("strategy", "handled"), [("Stop", True), ("Terminate", False)])
def test_shutdown_ends_running_containers(api: KubernetesApi, strategy: str, handled: bool) -> None:
    name = api.submit(
        workflow(f"""
entrypoint: main
onExit: bye
templates:
- {{name: main, container: {{image: IMAGE, command: [sleep, "600"]}}}}
- {{name: bye, container: {{image: IMAGE, command: ["true"]}}}}
{ECHO}""")
    )["metadata"]["name"]
    api.wait(
        name, lambda value: any(node["phase"] == "Running" for node in (value.get("status") or {}).get("nodes", {}).values())
    )
    api.patch(f"{WORKFLOWS}/{name}", {"spec": {"shutdown": strategy}})
    done = api.wait(name, ended)
    assert done["status"]["phase"] == "Failed"
    # The second is what Argo says of a container that has not started yet.
    messages = (f"Stopped with strategy '{strategy}'", f"workflow shutdown with strategy:  {strategy}")
    assert done["status"]["message"] in messages
    assert (f"{name}.onExit" in nodes_by_display_name(done)) is handled


def test_the_deadline_of_the_workflow_ends_it(api: KubernetesApi) -> None:
    done = api.run(
        workflow("""
activeDeadlineSeconds: 1
entrypoint: main
templates: [{name: main, container: {image: IMAGE, command: [sleep, "600"]}}]
""")
    )
    assert done["status"]["phase"] == "Failed"
