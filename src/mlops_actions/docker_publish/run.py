"""Carry out docker-publish: prepare the request, publish the image, report."""

from __future__ import annotations

from collections.abc import Mapping

from mlops_actions.core.context import Context
from mlops_actions.core.event import Event
from mlops_actions.core.outcome import Outcome
from mlops_actions.docker_publish import report
from mlops_actions.docker_publish.build import plan
from mlops_actions.docker_publish.build.builder import with_started_builder
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.ports import Ports
from mlops_actions.docker_publish.publish import publish
from mlops_actions.docker_publish.request import prepare


def run(inputs: Inputs, context: Context, event: Event | None, environ: Mapping[str, str], ports: Ports) -> Outcome:
    """Publish the image that the inputs describe."""
    started = ports.clock.now()
    request = with_started_builder(prepare(inputs, context, event=event, environ=environ, ports=ports), ports.docker)
    for secret in plan.secret_values(request.inputs, environ).values():
        ports.runner.mask(secret)
    image = publish(request, ports, started)
    for note in image.notes:
        ports.runner.info(note)
    ports.runner.info(image.ref or image.image_id)
    ports.runner.summary(report.summary(image, context))
    return Outcome(
        outputs=report.outputs(image, context, digest_includes_name=request.policy.digest_includes_name),
        result=report.result(image, context),
    )
