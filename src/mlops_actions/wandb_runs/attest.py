"""The accepted candidate as an in-toto statement: only what the tracker itself recorded goes in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from mlops_actions.core import statement as in_toto
from mlops_actions.core.context import Context
from mlops_actions.core.errors import ActionError, WorkFailed
from mlops_actions.core.statement import Training
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.model import Artifact, Run, metric_value, number
from mlops_actions.wandb_runs.ports import Tracker
from mlops_actions.wandb_runs.trust import RECORDED, datasets, evidence


@dataclass(frozen=True)
class Attested:
    """What was stated, if anything was asked for; or why it could not be."""

    training: Training | None = None
    error: ActionError | None = None

    def files(self) -> list[tuple[str, str, str]]:
        """Return what is to be written: output, name and content of each file."""
        if self.training is None:
            return []
        documents = (("statement", self.training.statement()), ("predicate", self.training.document()))
        # ASCII alone, so that no name of a run can be anything but text wherever the file is shown.
        return [(name, f"wandb_{name}.json", json.dumps(document, indent=2) + "\n") for name, document in documents]

    def outputs(self) -> dict[str, str]:
        """Return the outputs beside the files' paths."""
        if self.training is None:
            return {}
        image = self.training.image
        return {
            "predicate-type": in_toto.PREDICATE_TYPE,
            "subject-name": image.name if image else "",
            "subject-digest": f"sha256:{image.sha256}" if image else "",
        }


def attest(inputs: Inputs, context: Context, findings: Findings, tracker: Tracker, pull_request: int | None) -> Attested:
    """State what the accepted candidate comes from, or say why that cannot be."""
    try:
        return Attested(_training(inputs, context, findings, tracker, pull_request))
    except ActionError as error:
        return Attested(error=error)


def _training(inputs: Inputs, context: Context, findings: Findings, tracker: Tracker, pull_request: int | None) -> Training:
    """Return what the statement says; raises WorkFailed where it would say what nobody recorded."""
    runs = findings.members
    if findings.best is None or not runs:
        raise _nothing_written("no candidate finished")
    for run in runs:
        if evidence(run, findings.choice.sha, findings.choice.sha_config_key) != RECORDED:
            raise _nothing_written(f"W&B did not record run {run.id} as one of {findings.choice.sha}")
        if (found := findings.details.get(run.id)) is None or found.inputs is None:
            raise _nothing_written(f"W&B does not tell which datasets run {run.id} used")
    image = in_toto.image_of(inputs.image or "")
    if inputs.image and image is None:
        raise _nothing_written(f"input 'image' is not a name with a digest: {inputs.image!r}")
    model = tracker.model(findings.best)
    if image is None and model is None:
        raise _nothing_written("there is neither an image nor a model for it to be about")
    return Training(
        repository=f"{context.server_url}/{context.repository}",
        sha=findings.choice.sha,
        server=tracker.server_url,
        project=findings.project,
        runs=tuple(_run(run, findings) for run in runs),
        pull_request=pull_request,
        image=image,
        model=named(model, findings.project) if model else None,
        workflow_uid=inputs.workflow_uid or "",
        workflow_url=inputs.workflow_url or "",
        gates=tuple(
            in_toto.PassedGate(verdict.gate.text, verdict.value, verdict.required)
            for verdict in findings.verdicts
            if verdict.value is not None and verdict.required is not None
        ),
        job=context.run_url if context.run_id else "",
    )


def named(artifact: Artifact, project: str = "") -> in_toto.Artifact:
    """Return an artifact as the statement names it; a model with its project, since it is the statement's subject."""
    label = f"{project}/{artifact.label}" if project else artifact.label
    return in_toto.Artifact(label, artifact.type, artifact.digest)


def _run(run: Run, findings: Findings) -> in_toto.TrainedRun:
    used = datasets(findings.details.get(run.id)) or frozenset()
    return in_toto.TrainedRun(
        id=run.id,
        url=run.url,
        commit=run.commit,
        metrics=_finite(run, findings),
        datasets=tuple(sorted((named(artifact) for artifact in used), key=lambda one: (one.name, one.digest))),
    )


def _finite(run: Run, findings: Findings) -> Mapping[str, float]:
    names = [*(metric.name for metric in findings.metrics), *(verdict.gate.metric for verdict in findings.verdicts)]
    values = {name: number(metric_value(run, name)) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _nothing_written(why: str) -> WorkFailed:
    return WorkFailed(
        f"no statement was written: {why}", "see 'statement' in the README; what is not recorded cannot be attested to"
    )
