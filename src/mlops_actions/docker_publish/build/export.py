"""Export the files of the input `outputs` into the workspace."""

from __future__ import annotations

from dataclasses import replace

from mlops_actions.docker_publish.build import execute
from mlops_actions.docker_publish.build.plan import BuildPlan
from mlops_actions.docker_publish.ports import Ports
from mlops_actions.docker_publish.request import BuildRequest


def export(request: BuildRequest, ports: Ports, build_plan: BuildPlan) -> None:
    """Run BuildKit once for each place: it finds the steps of the image in its cache, and not all versions take several.

    The files belong to the workspace's owner afterwards, so that later steps can change and remove them.
    """
    plan = build_plan.without_rebuilding()
    arguments = tuple(text for text in plan.arguments if not text.startswith("--cache-to="))
    for location in request.locations.exports:
        # Again, since an earlier export may have brought a link.
        target = ports.workspace.path(location.fields["dest"], "outputs")
        ports.workspace.make_folder(target.parent)
        place = replace(location, fields={**location.fields, "dest": str(target)})
        exporting = replace(plan, arguments=(*arguments, f"--output={place.record()}"))
        execute.build(replace(request, push=False), ports, build_plan=exporting, references=(), is_built=True)
        ports.workspace.hand_over(target)
