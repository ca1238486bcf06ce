"""The checks of a statement, one line each: pure, from the answers of registry and tracker."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from mlops_actions.core.image_name import ImageName, ImageReference, parse_reference
from mlops_actions.core.provenance import short
from mlops_actions.core.runs import ArtifactFile, Run, RunDetails, finite_number, metric_value
from mlops_actions.core.statement import ArtifactDescriptor, StatedRun, TrainedRun, Training, artifact_descriptor
from mlops_actions.core.types import Json
from mlops_actions.verify.policy import (
    CLEAN,
    COMMIT,
    DATASETS,
    FILES,
    IMAGE,
    JOB,
    METRICS,
    MODEL,
    PROJECT,
    PULL_REQUEST,
    REPOSITORY,
    RUNS,
    SUBJECTS,
    WORKFLOW,
)
from mlops_actions.verify.records import claimed_commit, had_ended, is_contradicted


@dataclass(frozen=True)
class Check:
    """A line of the check `name`; `holds` is None where the verifier cannot decide it."""

    name: str
    holds: bool | None
    text: str

    @property
    def mark(self) -> str:
        """✓, ✗ or –."""
        return {True: "✓", False: "✗", None: "–"}[self.holds]


@dataclass(frozen=True)
class Pins:
    """The values that the user pins; where one is empty, the statement may contain any."""

    image: str = ""
    sha: str = ""
    repository: str = ""
    project: str = ""
    pull_request: str = ""
    job: str = ""
    workflow_uid: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The checks of the pinned values."""
        pinned = {
            IMAGE: self.image,
            REPOSITORY: self.repository,
            COMMIT: self.sha,
            PROJECT: self.project,
            PULL_REQUEST: self.pull_request,
            JOB: self.job,
            WORKFLOW: self.workflow_uid,
        }
        return tuple(name for name, value in pinned.items() if value)


def check_pins(training: Training, pins: Pins) -> Iterator[Check]:
    """Check the statement against the pinned values; a forger may choose every other value."""
    number = training.pull_request
    values = {
        REPOSITORY: (training.repository, pins.repository, "repository"),
        COMMIT: (training.sha, pins.sha, "sha"),
        PROJECT: (training.project, pins.project, "project"),
        PULL_REQUEST: ("" if number is None else str(number), pins.pull_request, "pull-request"),
        JOB: (training.job, pins.job, "job"),
        WORKFLOW: (training.workflow_uid, pins.workflow_uid, "workflow-uid"),
    }
    for name, (stated, pinned, option) in values.items():
        what = stated or "none"
        if name == JOB and stated and not stated.startswith(f"{training.repository}/actions/runs/"):
            yield Check(name, False, f"{name}: {stated} is no job of {training.repository}")
        elif not pinned:
            yield Check(name, None, f"{name}: {what}, as the statement says (pin it with --{option})")
        elif stated == pinned or _ends_with(name, stated, pinned):
            yield Check(name, True, f"{name}: {stated}")
        else:
            yield Check(name, False, f"{name}: the statement says {what}, not {pinned}")


def _ends_with(name: str, stated: str, pinned: str) -> bool:
    """Tell whether a pinned `owner/name` or number of a run is the end of the stated address."""
    if name == REPOSITORY:
        # The whole path: `https://github.com/eve/acme/digits` is no address of acme/digits.
        return urlsplit(stated).path == f"/{pinned}" and pinned.count("/") == 1
    return name == JOB and pinned.isdigit() and stated.endswith(f"/actions/runs/{pinned}")


def check_subjects(subjects: Sequence[Json], training: Training) -> Iterator[Check]:
    """Check that every subject of the statement occurs in its predicate."""
    known = {(subject["name"], *sorted(subject["digest"].items())) for subject in training.subjects()}
    for subject in subjects:
        digest = {str(name): str(value) for name, value in subject["digest"].items()}
        label = ", ".join(f"{name}:{value}" for name, value in digest.items())
        if (subject["name"], *sorted(digest.items())) in known:
            yield Check(SUBJECTS, True, f"subject: {subject['name']} ({label})")
        else:
            yield Check(SUBJECTS, False, f"subject: the predicate does not contain {subject['name']} ({label})")


def check_pinned_image(training: Training, name: ImageName, digest: str) -> Check:
    """Check the statement's image against the pinned one, by digest."""
    pinned = name.at(digest)
    if training.image is not None and parse_reference(str(training.image)) == ImageReference(name, digest):
        return Check(IMAGE, True, f"image: it is the pinned one, {pinned}")
    return Check(IMAGE, False, f"image: the statement is about {training.image or 'no image'}, not about {pinned}")


def check_image(
    training: Training, digest: str | None, revisions: Mapping[str, str], digests_of_tags: Callable[[], Collection[str]]
) -> Iterator[Check]:
    """Check the registry's manifest (None: there is none) and the labels of its images.

    docker-publish reuses an image whose content did not change, and its label then names an earlier commit. Such an image
    gets a tag of the later commit too: `digests_of_tags` reads the digests of these tags. Label and tag are equally strong
    evidence, since both take the right to push.
    """
    assert training.image is not None  # noqa: S101 - the caller read its manifest
    stated = f"sha256:{training.image.sha256}"
    if digest is None:
        yield Check(IMAGE, False, f"image: the registry has no {training.image}")
        return
    if digest != stated:
        yield Check(IMAGE, False, f"image: the registry answered with {digest} when asked for {stated}")
        return
    yield Check(IMAGE, True, f"image: the registry has {training.image}")
    if not revisions:
        yield Check(IMAGE, False, "image: it contains no image with a label that names a commit")
    for platform, revision in revisions.items():
        name = f"image {platform}".rstrip()
        if revision == training.sha:
            yield Check(IMAGE, True, f"{name}: its label names commit {short(revision)}")
        elif revision and stated in digests_of_tags():
            yield Check(
                IMAGE, True, f"{name}: built for commit {short(revision)}, published again for {short(training.sha)}"
            )
        else:
            label = f"its label names commit {revision}" if revision else "no label names its commit"
            yield Check(IMAGE, False, f"{name}: {label}, not {training.sha}")


def check_runs(
    training: Training,
    runs: Mapping[str, Run],
    details: Mapping[str, RunDetails],
    *,
    algorithm: str,
    key: str,
    needed: Collection[str],
) -> Iterator[Check]:
    """Check the judged runs against the tracker's records.

    `algorithm` names the tracker's digests, `key` is the config key that holds the commit, and the statement must hold the
    metrics `needed`, where a run has them.
    """
    ids = [run.id for run in training.runs]
    if len(set(ids)) < len(ids):
        yield Check(RUNS, False, "the statement names a judged run twice")
    for stated in training.runs:
        run, label = runs.get(stated.id), f"run {stated.id}"
        if run is None:
            yield Check(RUNS, False, f"{label}: the tracker has no such run in {training.project}")
            continue
        yield from _check_run(label, stated, training, run, key)
        yield from check_metrics(METRICS, label, stated, run, needed)
        yield _check_clean(label, stated, details.get(stated.id))
        yield from _check_datasets(label, stated, details.get(stated.id), algorithm)


def _check_run(label: str, stated: TrainedRun, training: Training, run: Run, key: str) -> Iterator[Check]:
    yield Check(RUNS, run.finished, f"{label}: it {'has finished' if run.finished else f'is {run.state}'}")
    same = run.commit == training.sha == stated.commit
    recorded = f"the tracker recorded {run.commit or 'no commit'}"
    says = "" if same else f", the statement says {stated.commit} of {training.sha}"
    yield Check(RUNS, same, f"{label}: {recorded}{says}")
    if same and is_contradicted(run, training.sha, key):
        yield Check(RUNS, False, f"{label}: its config names another commit in {key!r}: {claimed_commit(run, key)}")
    if not had_ended(run, training):
        yield Check(
            RUNS, False, f"{label}: it had not ended at {training.evaluated_at}, when the statement says it was judged"
        )


def check_metrics(name: str, label: str, stated: StatedRun, run: Run, needed: Collection[str]) -> Iterator[Check]:
    """Compare the metrics of a stated run with the tracker's; those in `needed` may not be left out."""
    for metric in sorted(set(needed) - set(stated.metrics)):
        left_out = finite_number(metric_value(run, metric))
        if left_out is not None:
            yield Check(name, False, f"{label}: the statement leaves out {metric}, which is {left_out}")
    for metric, value in stated.metrics.items():
        actual = finite_number(metric_value(run, metric))
        same = actual is not None and actual == value
        yield Check(name, same, f"{label}: {metric} is {actual}" + ("" if same else f", the statement says {value}"))
    if not stated.metrics:
        yield Check(name, True, f"{label}: the statement names no metric")


def _check_clean(label: str, stated: TrainedRun, details: RunDetails | None) -> Check:
    actual = details.has_uncommitted_changes if details else None
    said = {True: "had uncommitted changes", False: "had none", None: "is not known to have had none"}
    if actual is None:
        return Check(CLEAN, None, f"{label}: the tracker does not tell whether it ran with uncommitted changes")
    if stated.uncommitted_changes is not actual:
        says = f"the statement says that it {said[stated.uncommitted_changes]}"
        return Check(CLEAN, False, f"{label}: its source tree {said[actual]}, {says}")
    return Check(CLEAN, not actual, f"{label}: its source tree {said[actual]}")


def _check_datasets(label: str, stated: TrainedRun, details: RunDetails | None, algorithm: str) -> Iterator[Check]:
    if details is None or details.datasets is None:
        yield Check(DATASETS, False, f"{label}: the tracker does not tell which datasets it used")
        return
    actual = {artifact_descriptor(artifact, algorithm) for artifact in details.datasets}
    claimed = set(stated.datasets)
    for dataset in _sorted(claimed & actual):
        yield Check(DATASETS, True, f"{label}: it used {dataset.name} ({dataset.label})")
    for dataset in _sorted(claimed - actual):
        yield Check(DATASETS, False, f"{label}: it did not use {dataset.name} ({dataset.label}), as the statement says")
    for dataset in _sorted(actual - claimed):
        yield Check(DATASETS, False, f"{label}: it also used {dataset.name} ({dataset.label}), which the statement omits")
    if not claimed and not actual:
        yield Check(DATASETS, True, f"{label}: it recorded no dataset, and the statement names none")


def check_same_data(training: Training, details: Mapping[str, RunDetails]) -> Iterator[Check]:
    """Check that no data are known to differ between judged runs and baselines: wandb-runs then writes no statement."""
    baselines = training.baselines.runs if training.baselines else ()
    used = {run.id: _digests(details.get(run.id)) for run in (*training.runs, *baselines)}
    known = {identifier: digests for identifier, digests in used.items() if digests}
    first = next(iter(known), "")
    for identifier, digests in known.items():
        if digests != known[first]:
            yield Check(DATASETS, False, f"run {identifier}: it used other data than run {first}, so they do not compare")


def _digests(details: RunDetails | None) -> frozenset[tuple[str, str]]:
    return frozenset((artifact.name, artifact.digest) for artifact in (details.datasets or () if details else ()))


def _sorted(artifacts: Collection[ArtifactDescriptor]) -> list[ArtifactDescriptor]:
    return sorted(artifacts, key=lambda artifact: (artifact.name, artifact.type, artifact.label))


def check_model(stated: ArtifactDescriptor, logged: Sequence[ArtifactDescriptor]) -> Check:
    """Check the model against the artifacts that the runs logged."""
    label = f"model {stated.name}"
    if stated in logged:
        return Check(MODEL, True, f"{label}: one of the runs logged it, with the digest {stated.label}")
    namesake = next((artifact for artifact in logged if artifact.name == stated.name), None)
    reason = f"its digest is {namesake.digest}, not {stated.digest}" if namesake else "no run logged it"
    return Check(MODEL, False, f"{label}: {reason}")


def check_files(training: Training, files: Sequence[ArtifactFile], where: str) -> Iterator[Check]:
    """Compare the model's stated files with those that were read; `where` tells these."""
    stated, actual = {file.path: file for file in training.model_files}, {file.path: file for file in files}
    if not stated:
        yield Check(FILES, False, "files: the statement names no file of the model")
    for path, file in stated.items():
        found = actual.get(path)
        if found is None:
            yield Check(FILES, False, f"file {path}: it is not among those {where}")
        elif found != file:
            text = f"its SHA-256 is {found.sha256} of {found.size} bytes, the statement says {file.sha256} of {file.size}"
            yield Check(FILES, False, f"file {path}: {text}")
        else:
            yield Check(FILES, True, f"file {path}: sha256:{file.sha256}")
    for path in sorted(set(actual) - set(stated)):
        yield Check(FILES, False, f"file {path}: the statement omits it")
