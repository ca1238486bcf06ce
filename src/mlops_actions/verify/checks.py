"""What of a statement holds, each in a line: pure, from what registry and tracker say."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from mlops_actions.core.provenance import short
from mlops_actions.core.statement import WANDB, Artifact, TrainedRun, Training
from mlops_actions.core.types import Json
from mlops_actions.wandb_runs import gates
from mlops_actions.wandb_runs.model import Details, Run, metric_value, number
from mlops_actions.wandb_runs.trust import datasets

_PASSES = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq, "!=": operator.ne}


@dataclass(frozen=True)
class Line:
    """One answer; `holds` is None where nothing here can tell."""

    holds: bool | None
    text: str

    @property
    def mark(self) -> str:
        """✓, ✗ or –."""
        return {True: "✓", False: "✗", None: "–"}[self.holds]


@dataclass(frozen=True)
class Expected:
    """What whoever verifies says beforehand; empty is what the statement may choose."""

    image: str = ""
    sha: str = ""
    repository: str = ""
    project: str = ""


def pins(training: Training, expected: Expected) -> Iterator[Line]:
    """Hold the statement against what was said beforehand; a forger is free in whatever was not."""
    said = {
        "repository": (training.repository, expected.repository),
        "commit": (training.sha, expected.sha),
        "project": (training.project, expected.project),
    }
    for name, (stated, wanted) in said.items():
        if not wanted:
            option = "sha" if name == "commit" else name
            yield Line(None, f"{name}: {stated}, as the statement says (pin it with --{option})")
        elif stated == wanted or (name == "repository" and stated.endswith(f"/{wanted}") and wanted.count("/") == 1):
            yield Line(True, f"{name}: {stated}")
        else:
            yield Line(False, f"{name}: the statement is of {stated}, not of {wanted}")


def subjects(found: Sequence[Json], training: Training) -> Iterator[Line]:
    """Hold what the statement is about against what its predicate speaks of."""
    known = {(one["name"], *sorted(one["digest"].items())) for one in training.subjects()}
    for subject in found:
        digest = {str(name): str(value) for name, value in subject["digest"].items()}
        label = ", ".join(f"{name}:{value}" for name, value in digest.items())
        if (subject["name"], *sorted(digest.items())) in known:
            yield Line(True, f"subject: {subject['name']} ({label})")
        else:
            yield Line(False, f"subject: the predicate does not speak of {subject['name']} ({label})")


def pinned_image(training: Training, name: str, sha256: str) -> Line:
    """Hold the statement's image against the one that was asked about, by digest."""
    wanted = f"{name}@sha256:{sha256}"
    if training.image is not None and (training.image.name, training.image.sha256) == (name, sha256):
        return Line(True, f"image: it is the one asked about, {wanted}")
    return Line(False, f"image: the statement is about {training.image or 'no image'}, not about {wanted}")


def image(
    training: Training, digest: str | None, revisions: Mapping[str, str], tagged: Callable[[], Collection[str]]
) -> Iterator[Line]:
    """Hold the registry's manifest (None: there is none) and the labels of its images against the statement.

    An image is reused where nothing that enters it has changed, and its label then tells of an earlier commit. Whoever
    publishes it tags it with the commit's digits as well: `tagged` asks which digests lie there. Label and tag are equally
    strong, since both take the right to push.
    """
    assert training.image is not None  # noqa: S101 - the caller asked the registry about it
    stated = f"sha256:{training.image.sha256}"
    if digest is None:
        yield Line(False, f"image: the registry has no {training.image}")
        return
    if digest != stated:
        yield Line(False, f"image: the registry answered with {digest} when asked for {stated}")
        return
    yield Line(True, f"image: the registry has {training.image}")
    if not revisions:
        yield Line(False, "image: it holds no image whose labels could say of which commit it is")
    for platform, revision in revisions.items():
        where = f"image {platform}".rstrip()
        if revision == training.sha:
            yield Line(True, f"{where}: its label says that it is of commit {short(revision)}")
        elif revision and stated in tagged():
            yield Line(True, f"{where}: built for commit {short(revision)}, published again for {short(training.sha)}")
        else:
            said = f"its label says commit {revision}" if revision else "no label says of which commit it is"
            yield Line(False, f"{where}: {said}, not {training.sha}")


def run(stated: TrainedRun, training: Training, found: Run | None, details: Details | None) -> Iterator[Line]:
    """Hold one run against what the tracker has of it."""
    label = f"run {stated.id}"
    if found is None or found.id != stated.id:
        yield Line(False, f"{label}: the tracker has no such run in {training.project}")
        return
    yield Line(found.finished, f"{label}: it {'has finished' if found.finished else f'is {found.state}'}")
    right = found.commit == training.sha == stated.commit
    recorded = f"the tracker recorded {found.commit or 'no commit'}"
    yield Line(right, f"{label}: {recorded}" + ("" if right else f", the statement says {stated.commit} of {training.sha}"))
    yield from _metrics(label, stated, found)
    yield from _datasets(label, stated, details)


def _metrics(label: str, stated: TrainedRun, found: Run) -> Iterator[Line]:
    for name, value in stated.metrics.items():
        actual = number(metric_value(found, name))
        same = actual is not None and actual == value
        yield Line(same, f"{label}: {name} is {actual}" + ("" if same else f", the statement says {value}"))


def _datasets(label: str, stated: TrainedRun, details: Details | None) -> Iterator[Line]:
    if details is None or details.inputs is None:
        yield Line(False, f"{label}: the tracker does not tell which datasets it used")
        return
    actual = {(one.label, one.type, one.digest) for one in datasets(details) or ()}
    claimed = {(one.name, one.type, one.digest) for one in stated.datasets}
    for name, _, digest in sorted(claimed & actual):
        yield Line(True, f"{label}: it used {name} ({WANDB}:{digest})")
    for name, _, digest in sorted(claimed - actual):
        yield Line(False, f"{label}: it did not use {name} ({WANDB}:{digest}), as the statement says")
    for name, _, digest in sorted(actual - claimed):
        yield Line(False, f"{label}: it also used {name} ({WANDB}:{digest}), which the statement hides")
    if not claimed and not actual:
        yield Line(True, f"{label}: it recorded no dataset, and the statement names none")


def model(stated: Artifact, logged: Sequence[Artifact]) -> Line:
    """Hold the model against what the runs logged."""
    label = f"model {stated.name}"
    if stated in logged:
        return Line(True, f"{label}: one of the runs logged it, with the digest {WANDB}:{stated.digest}")
    other = next((one for one in logged if one.name == stated.name), None)
    return Line(
        False, f"{label}: " + (f"its digest is {other.digest}, not {stated.digest}" if other else "no run logged it")
    )


def gate_lines(training: Training) -> Iterator[Line]:
    """Judge the gates again by the numbers of the statement, which are held against the tracker's elsewhere."""
    for gate in training.gates:
        try:
            (rule,) = gates.parse([gate.rule])
        except ValueError:
            yield Line(False, f"gate {gate.rule!r}: it is none")
            continue
        values = [run.metrics.get(rule.metric) for run in training.runs]
        known = [value for value in values if value is not None]
        if len(known) != len(values) or fmean(known) != gate.value:
            yield Line(False, f"gate {gate.rule}: the statement's own runs do not have the value {gate.value}")
        elif not rule.reference and rule.amount != gate.required:
            yield Line(False, f"gate {gate.rule}: it does not require {gate.required}")
        else:
            passed = _PASSES[rule.op](gate.value, gate.required)
            yield Line(passed, f"gate {gate.rule}: {gate.value} against {gate.required}")
