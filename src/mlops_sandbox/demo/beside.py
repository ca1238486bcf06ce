"""The pages of W&B's runs and of the cluster's workflows as files, so that the demo's links to them still lead somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mlops_sandbox import workflow_page
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.demo.relink import relink
from mlops_sandbox.suite import Sandbox
from mlops_sandbox.wandb import pages

FOLDER = "pages"


def write_pages_beside(output: Path, sandbox: Sandbox) -> dict[str, str]:
    """Write the pages; returns their paths below `output` by the addresses that they had."""
    (output / FOLDER).mkdir(exist_ok=True)
    places = {}
    for number, (address, html) in enumerate(_pages(sandbox), start=1):
        # Numbers, since a name may hold anything. The pages link each other from the root of a server that has stopped.
        places[address] = f"{FOLDER}/{number}.html"
        (output / places[address]).write_text(relink(html, {"": ""}), encoding="utf-8")
    return places


def _pages(sandbox: Sandbox) -> Iterator[tuple[str, str]]:
    for project in sandbox.wandb.store.projects.values():
        for run in project.runs.values():
            yield f"{sandbox.wandb_url}{run.path}", pages.run(run)
    for workflow in sandbox.cluster.store.items(WORKFLOWS)[0]:
        name, namespace = workflow["metadata"]["name"], workflow["metadata"]["namespace"]
        yield f"{sandbox.argo_url}/workflows/{namespace}/{name}", workflow_page.render(sandbox.cluster, workflow)
