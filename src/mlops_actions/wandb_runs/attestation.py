"""The accepted candidate as an in-toto statement, which contains only facts that the tracker itself recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from mlops_actions.core import statement
from mlops_actions.core.context import Context
from mlops_actions.core.errors import ActionError, WorkFailed
from mlops_actions.core.runs import Artifact, ArtifactFile, Run, finite_number, metric_value
from mlops_actions.core.statement import (
    Baselines,
    Candidates,
    Image,
    PassedGate,
    Ranking,
    StatedRun,
    TrainedRun,
    Training,
    artifact_descriptor,
)
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.inputs import PREDICATE_FILE, STATEMENT_FILE, SUBJECTS_FILE, Inputs
from mlops_actions.wandb_runs.metrics.metric import Metric
from mlops_actions.wandb_runs.promotion import ModelOf
from mlops_actions.wandb_runs.selection import runs as selection
from mlops_actions.wandb_runs.statistics.seeds import group_runs
from mlops_actions.wandb_runs.verdict.commit_evidence import CONTRADICTED, RECORDED, evidence_of
from mlops_actions.wandb_runs.verdict.datasets import recorded_datasets

# Returns the files of a model, each with its SHA-256; raises ActionError.
FilesOf = Callable[[Artifact, int], tuple[ArtifactFile, ...]]
_MAX_CHECKSUMS = 512 << 10  # bytes of the file of checksums that actions/attest takes (src/subject.ts)


@dataclass(frozen=True)
class Attestation:
    """The statement, where the user asked for one; or the error why it could not be written."""

    training: Training | None = None
    error: ActionError | None = None

    def files(self) -> list[tuple[str, str, str]]:
        """Return the files to write: output, name and content of each."""
        if self.training is None:
            return []
        documents = (
            ("statement", STATEMENT_FILE, self.training.statement()),
            ("predicate", PREDICATE_FILE, self.training.document()),
        )
        # ASCII only, so that a run's name stays plain text wherever the file is shown.
        texts = [(output, name, json.dumps(document, indent=2) + "\n") for output, name, document in documents]
        return [*texts, ("subject-checksums", SUBJECTS_FILE, self.training.checksums())]

    def outputs(self) -> dict[str, str]:
        """Return the outputs beside the files' paths."""
        if self.training is None:
            return {}
        image, files = self.training.image, self.training.subjects()
        # Without an image, a model of one file is a subject that name and digest can tell; several take the checksums.
        only = image.document() if image else files[0] if len(files) == 1 else None
        return {
            "predicate-type": statement.PREDICATE_TYPE,
            "subject-name": only["name"] if only else "",
            "subject-digest": f"sha256:{only['digest']['sha256']}" if only else "",
        }


def attest(
    inputs: Inputs,
    context: Context,
    findings: Findings,
    model_of: ModelOf,
    files_of: FilesOf,
    *,
    pull_request: int | None,
) -> Attestation:
    """Return the statement of the accepted candidate, or the error why it cannot be written."""
    try:
        training = _training(inputs, context, findings, model_of, files_of, pull_request)
        _check_subjects(training)
        return Attestation(training)
    except ActionError as error:
        return Attestation(error=error)


def _training(
    inputs: Inputs,
    context: Context,
    findings: Findings,
    model_of: ModelOf,
    files_of: FilesOf,
    pull_request: int | None,
) -> Training:
    """Return the statement's content; raises WorkFailed where a fact in it was never recorded."""
    _check_runs(findings)
    accepted = findings.accepted
    assert accepted is not None  # noqa: S101 - checked with the runs
    image, model = _image(inputs), model_of(accepted.run)
    if image is None and model is None:
        raise _not_written("there is neither an image nor a model artifact that it could be about")
    return Training(
        repository=f"{context.server_url}/{context.repository}",
        sha=findings.selection.sha,
        server=findings.tracker.server_url,
        project=findings.project,
        runs=tuple(_run(run, findings) for run in accepted.members),
        pull_request=pull_request,
        image=image,
        model=_descriptor(model, findings, with_project=True) if model else None,
        model_files=files_of(model, inputs.max_model_size) if model else (),
        evaluated_at=findings.read_at.isoformat(timespec="seconds") if findings.read_at else "",
        candidates=_candidates(findings),
        baselines=_baselines(inputs, findings),
        workflow_uid=inputs.workflow_uid or "",
        workflow_url=inputs.workflow_url or "",
        gates=tuple(
            PassedGate(rule=result.gate.text, value=result.value, required=result.required)
            for result in findings.accepted_gates
            if result.value is not None and result.required is not None
        ),
        job=context.run_url if context.run_id else "",
    )


def _candidates(findings: Findings) -> Candidates:
    """Return the runs that the judged ones were chosen among: not those that the tracker ties to another commit."""
    chosen = findings.selection
    usable = [run for run in findings.candidates if evidence_of(run, chosen.sha, chosen.sha_config_key) != CONTRADICTED]
    judged = findings.judged
    ids = tuple(run.id for run in usable)
    return Candidates(selection.candidate_query(chosen), ids, judged.judge, _ranking(judged.by), judged.by_group)


def _ranking(metric: Metric | None) -> Ranking | None:
    return Ranking(metric.name, metric.direction) if metric and metric.direction else None


def _baselines(inputs: Inputs, findings: Findings) -> Baselines | None:
    query = selection.baseline_query(findings.selection)
    if query is None:
        return None
    identity = partial(selection.baseline_group, findings.selection)
    groups = group_runs(findings.baselines, (), by_group=inputs.aggregate == "group", identity=identity)
    members = tuple(tuple(_stated(run, findings) for run in group.members) for group in groups)
    by = findings.bar.selected_by if findings.bar else None
    return Baselines(query, findings.selection.max_baselines, members, _ranking(by))


def _check_subjects(training: Training) -> None:
    """Refuse subjects that the file of checksums cannot name, or that are more than actions/attest takes."""
    subjects = training.subjects()
    if any(character in subject["name"] for subject in subjects for character in "\r\n"):
        raise _not_written("a file of the model has a line break in its name")
    if len(subjects) > statement.MAX_ENTRIES or len(training.checksums().encode()) > _MAX_CHECKSUMS:
        raise _not_written(
            f"the model has {len(training.model_files)} files, and a statement names at most {statement.MAX_ENTRIES} "
            "subjects: pack them into an archive"
        )


def _check_runs(findings: Findings) -> None:
    sha, tracker = findings.selection.sha, findings.tracker.name
    if findings.accepted is None:
        raise _not_written(findings.judged.reason or "no single candidate was judged")
    for run in findings.accepted.members:
        if evidence_of(run, sha, findings.selection.sha_config_key) != RECORDED:
            raise _not_written(f"{tracker} did not record commit {sha} for run {run.id}")
        details = findings.details.get(run.id)
        if details is None or details.datasets is None:
            raise _not_written(f"{tracker} does not tell which datasets run {run.id} used")


def _image(inputs: Inputs) -> Image | None:
    image = statement.parse_image(inputs.image or "")
    if inputs.image and image is None:
        raise _not_written(f"input 'image' is not a name with a digest: {inputs.image!r}")
    return image


def _descriptor(artifact: Artifact, findings: Findings, *, with_project: bool = False) -> statement.ArtifactDescriptor:
    project = findings.project if with_project else ""
    return artifact_descriptor(artifact, findings.tracker.digest_algorithm, project)


def _run(run: Run, findings: Findings) -> TrainedRun:
    used = [_descriptor(artifact, findings) for artifact in recorded_datasets(findings.details.get(run.id)) or ()]
    details = findings.details.get(run.id)
    return TrainedRun(
        **vars(_stated(run, findings)),
        datasets=tuple(sorted(used, key=lambda dataset: (dataset.name, dataset.digest))),
        uncommitted_changes=details.has_uncommitted_changes if details else None,
    )


def _stated(run: Run, findings: Findings) -> StatedRun:
    return StatedRun(id=run.id, url=run.url, commit=run.commit, metrics=_finite_metrics(run, findings))


def _finite_metrics(run: Run, findings: Findings) -> Mapping[str, float]:
    chosen_by = [findings.judged.by, findings.bar.selected_by if findings.bar else None]
    shown = [metric.name for metric in (*findings.metrics, *filter(None, chosen_by))]
    names = [*shown, *(result.gate.metric for result in findings.gates)]
    values = {name: finite_number(metric_value(run, name)) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _not_written(reason: str) -> WorkFailed:
    return WorkFailed(
        f"no statement was written: {reason}",
        "see docs/provenance.md: the statement contains only facts that were recorded",
    )
