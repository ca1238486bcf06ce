"""The checks of a statement, one line each: pure, from the answers of registry and tracker."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from mlops_actions.core import gates
from mlops_actions.core.image_name import ImageName, ImageReference, parse_reference
from mlops_actions.core.provenance import short
from mlops_actions.core.runs import Run, RunDetails, finite_number, metric_value
from mlops_actions.core.statement import ArtifactDescriptor, PassedGate, TrainedRun, Training, artifact_descriptor
from mlops_actions.core.types import Json


@dataclass(frozen=True)
class Check:
    """The result of one check; `holds` is None where the verifier cannot decide it."""

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


def check_pins(training: Training, pins: Pins) -> Iterator[Check]:
    """Check the statement against the pinned values; a forger may choose every other value."""
    values = {
        "repository": (training.repository, pins.repository),
        "commit": (training.sha, pins.sha),
        "project": (training.project, pins.project),
    }
    for name, (stated, pinned) in values.items():
        if not pinned:
            option = "sha" if name == "commit" else name
            yield Check(None, f"{name}: {stated}, as the statement says (pin it with --{option})")
        elif stated == pinned or (name == "repository" and stated.endswith(f"/{pinned}") and pinned.count("/") == 1):
            yield Check(True, f"{name}: {stated}")
        else:
            yield Check(False, f"{name}: the statement says {stated}, not {pinned}")


def check_subjects(subjects: Sequence[Json], training: Training) -> Iterator[Check]:
    """Check that every subject of the statement occurs in its predicate."""
    known = {(subject["name"], *sorted(subject["digest"].items())) for subject in training.subjects()}
    for subject in subjects:
        digest = {str(name): str(value) for name, value in subject["digest"].items()}
        label = ", ".join(f"{name}:{value}" for name, value in digest.items())
        if (subject["name"], *sorted(digest.items())) in known:
            yield Check(True, f"subject: {subject['name']} ({label})")
        else:
            yield Check(False, f"subject: the predicate does not contain {subject['name']} ({label})")


def check_pinned_image(training: Training, name: ImageName, digest: str) -> Check:
    """Check the statement's image against the pinned one, by digest."""
    pinned = name.at(digest)
    if training.image is not None and parse_reference(str(training.image)) == ImageReference(name, digest):
        return Check(True, f"image: it is the pinned one, {pinned}")
    return Check(False, f"image: the statement is about {training.image or 'no image'}, not about {pinned}")


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
        yield Check(False, f"image: the registry has no {training.image}")
        return
    if digest != stated:
        yield Check(False, f"image: the registry answered with {digest} when asked for {stated}")
        return
    yield Check(True, f"image: the registry has {training.image}")
    if not revisions:
        yield Check(False, "image: it contains no image with a label that names a commit")
    for platform, revision in revisions.items():
        name = f"image {platform}".rstrip()
        if revision == training.sha:
            yield Check(True, f"{name}: its label names commit {short(revision)}")
        elif revision and stated in digests_of_tags():
            yield Check(True, f"{name}: built for commit {short(revision)}, published again for {short(training.sha)}")
        else:
            label = f"its label names commit {revision}" if revision else "no label names its commit"
            yield Check(False, f"{name}: {label}, not {training.sha}")


def check_run(
    stated: TrainedRun, training: Training, run: Run | None, details: RunDetails | None, *, algorithm: str
) -> Iterator[Check]:
    """Check one run against the tracker's record; `algorithm` names the tracker's digests."""
    label = f"run {stated.id}"
    if run is None or run.id != stated.id:
        yield Check(False, f"{label}: the tracker has no such run in {training.project}")
        return
    yield Check(run.finished, f"{label}: it {'has finished' if run.finished else f'is {run.state}'}")
    same = run.commit == training.sha == stated.commit
    recorded = f"the tracker recorded {run.commit or 'no commit'}"
    yield Check(same, f"{label}: {recorded}" + ("" if same else f", the statement says {stated.commit} of {training.sha}"))
    yield from _check_metrics(label, stated, run)
    yield from _check_datasets(label, stated, details, algorithm)


def _check_metrics(label: str, stated: TrainedRun, run: Run) -> Iterator[Check]:
    for name, value in stated.metrics.items():
        actual = finite_number(metric_value(run, name))
        same = actual is not None and actual == value
        yield Check(same, f"{label}: {name} is {actual}" + ("" if same else f", the statement says {value}"))


def _check_datasets(label: str, stated: TrainedRun, details: RunDetails | None, algorithm: str) -> Iterator[Check]:
    if details is None or details.datasets is None:
        yield Check(False, f"{label}: the tracker does not tell which datasets it used")
        return
    actual = {artifact_descriptor(artifact, algorithm) for artifact in details.datasets}
    claimed = set(stated.datasets)
    for dataset in _sorted(claimed & actual):
        yield Check(True, f"{label}: it used {dataset.name} ({dataset.label})")
    for dataset in _sorted(claimed - actual):
        yield Check(False, f"{label}: it did not use {dataset.name} ({dataset.label}), as the statement says")
    for dataset in _sorted(actual - claimed):
        yield Check(False, f"{label}: it also used {dataset.name} ({dataset.label}), which the statement omits")
    if not claimed and not actual:
        yield Check(True, f"{label}: it recorded no dataset, and the statement names none")


def _sorted(artifacts: Collection[ArtifactDescriptor]) -> list[ArtifactDescriptor]:
    return sorted(artifacts, key=lambda artifact: (artifact.name, artifact.type, artifact.label))


def check_model(stated: ArtifactDescriptor, logged: Sequence[ArtifactDescriptor]) -> Check:
    """Check the model against the artifacts that the runs logged."""
    label = f"model {stated.name}"
    if stated in logged:
        return Check(True, f"{label}: one of the runs logged it, with the digest {stated.label}")
    namesake = next((artifact for artifact in logged if artifact.name == stated.name), None)
    reason = f"its digest is {namesake.digest}, not {stated.digest}" if namesake else "no run logged it"
    return Check(False, f"{label}: {reason}")


def check_gates(training: Training) -> Iterator[Check]:
    """Evaluate the gates again with the statement's metrics, which other checks compare with the tracker's."""
    for gate in training.gates:
        yield _check_gate(gate, training)


def _check_gate(stated: PassedGate, training: Training) -> Check:
    try:
        (gate,) = gates.parse([stated.rule])
    except ValueError:
        return Check(False, f"gate {stated.rule!r}: it is no gate")
    values = [run.metrics.get(gate.metric) for run in training.runs]
    known = [value for value in values if value is not None]
    if len(known) != len(values) or fmean(known) != stated.value:
        return Check(False, f"gate {stated.rule}: the statement's own runs do not have the value {stated.value}")
    if not gate.reference and gate.amount != stated.required:
        return Check(False, f"gate {stated.rule}: it does not require {stated.required}")
    passed = gate.passes(stated.value, stated.required)
    return Check(passed, f"gate {stated.rule}: {stated.value} against {stated.required}")
