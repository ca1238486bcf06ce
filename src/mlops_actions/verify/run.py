"""Check a statement against the registry and the tracker, as far as each of them answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from mlops_actions.core.errors import ActionError
from mlops_actions.core.image_name import parse_reference
from mlops_actions.core.oci import json_object
from mlops_actions.core.runs import DetailsQuery, RunKeys, RunQuery
from mlops_actions.core.statement import Training, artifact_descriptor
from mlops_actions.core.types import Json
from mlops_actions.verify import checks
from mlops_actions.verify.checks import Check, Pins
from mlops_actions.verify.ports import Ports, RegistryReader

REVISION_LABEL = "org.opencontainers.image.revision"


@dataclass
class Verification:
    """All checks in order; `errors` prevented some of them."""

    checks: list[Check] = field(default_factory=list)
    errors: list[ActionError] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """1 where a check does not hold, else the exit code of the first error, else 0."""
        if any(check.holds is False for check in self.checks):
            return 1
        return self.errors[0].exit_code if self.errors else 0


def verify(subjects: list[Json], training: Training, pins: Pins, ports: Ports, *, signed: bool) -> Verification:
    """Run all checks of a statement; an error of the registry or the tracker prevents only its own checks."""
    verification = Verification()
    signature = "not checked here (`gh attestation verify` does)" if signed else "the file has none; its author is not known"
    verification.checks.append(Check(None, f"signature: {signature}"))
    verification.checks += [*checks.check_pins(training, pins), *checks.check_subjects(subjects, training)]
    groups: list[Callable[[], Iterator[Check]]] = [
        lambda: _check_image(training, pins, ports),
        lambda: _check_runs(training, ports),
        lambda: checks.check_gates(training),
    ]
    for group in groups:
        try:
            for check in group():
                verification.checks.append(check)
        except ActionError as error:
            verification.errors.append(error)
            verification.checks.append(Check(None, f"not known: {error.cause}"))
    if training.workflow_uid:
        verification.checks.append(Check(None, f"workflow {training.workflow_uid}: not checked (clusters delete workflows)"))
    return verification


def _check_image(training: Training, pins: Pins, ports: Ports) -> Iterator[Check]:
    if pins.image:
        check = _check_pinned_image(training, pins.image, ports)
        yield check
        if not check.holds:
            return  # the statement's registry is not asked: a forger may have chosen it
    if training.image is None:
        yield Check(None, "image: the statement names none")
        return
    stated = parse_reference(str(training.image))
    registry, repository = ports.registry(stated.name.registry), stated.name.repository
    manifest = registry.manifest(repository, stated.version)
    revisions = dict(_revisions(registry, repository, manifest.document)) if manifest else {}

    @cache
    def digests_of_tags() -> set[str]:
        manifests = (registry.manifest(repository, tag) for tag in (training.sha[:12], training.sha))
        return {manifest.digest for manifest in manifests if manifest}

    yield from checks.check_image(training, manifest.digest if manifest else None, revisions, digests_of_tags)


def _check_pinned_image(training: Training, image: str, ports: Ports) -> Check:
    pinned = parse_reference(image)
    digest = pinned.version
    if "@" not in image:
        manifest = ports.registry(pinned.name.registry).manifest(pinned.name.repository, pinned.version)
        if manifest is None:
            return Check(False, f"image: the registry has no {image}")
        digest = manifest.digest
    return checks.check_pinned_image(training, pinned.name, digest)


def _revisions(registry: RegistryReader, repository: str, document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each platform and its image's label; an index also holds attestations, which have no platform."""
    children = document.get("manifests")
    if not isinstance(children, list):
        yield "", _revision(registry, repository, document)
        return
    for child in children:
        platform = child.get("platform")
        platform = platform if isinstance(platform, Mapping) else {}
        if platform.get("os") in (None, "unknown"):
            continue
        manifest = registry.manifest(repository, str(child.get("digest")))
        name = f"{platform.get('os')}/{platform.get('architecture')}"
        yield name, _revision(registry, repository, manifest.document) if manifest else ""


def _revision(registry: RegistryReader, repository: str, manifest: Mapping[str, Any]) -> str:
    digest = (manifest.get("config") or {}).get("digest")
    if not isinstance(digest, str):
        return ""
    config = json_object(registry.blob(repository, digest)).get("config")
    labels = config.get("Labels") if isinstance(config, Mapping) else None
    return str(labels.get(REVISION_LABEL) or "") if isinstance(labels, Mapping) else ""


def _check_runs(training: Training, ports: Ports) -> Iterator[Check]:
    tracker = ports.tracker(training.project)
    if training.server != tracker.info.server_url:
        # The statement chose that server: a request would send it our API key.
        yield Check(False, f"tracker: the statement names {training.server}, but ours is {tracker.info.server_url}")
        return
    names = tuple(dict.fromkeys(name for run in training.runs for name in run.metrics))
    query = RunQuery(run_ids=tuple(run.id for run in training.runs))
    runs = {run.id: run for run in tracker.find(query, None, RunKeys(summary=names)).candidates}
    known = [runs[run.id] for run in training.runs if run.id in runs]
    ids = tuple(run.id for run in known)
    details = tracker.details(DetailsQuery(datasets=ids, uncommitted_changes=ids))
    algorithm = tracker.info.digest_algorithm
    for stated in training.runs:
        yield from checks.check_run(stated, training, runs.get(stated.id), details.get(stated.id), algorithm=algorithm)
    if training.model is not None:
        models = [model.artifact for run in known for model in tracker.models(run)]
        yield checks.check_model(
            training.model, [artifact_descriptor(model, algorithm, training.project) for model in models]
        )
