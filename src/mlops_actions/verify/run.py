"""Ask registry and tracker about a statement, each as far as it answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from mlops_actions.core.errors import ActionError
from mlops_actions.core.statement import Training
from mlops_actions.core.types import Json
from mlops_actions.verify import checks
from mlops_actions.verify.checks import Expected, Line
from mlops_actions.verify.ports import Registry, Tracker
from mlops_actions.wandb_runs.attest import named
from mlops_actions.wandb_runs.model import Keys, Query

REVISION = "org.opencontainers.image.revision"
_DOCKER_HUB = "docker.io"


@dataclass
class Verified:
    """All answers, in order; `errors` are what kept some of the questions from being answered."""

    lines: list[Line] = field(default_factory=list)
    errors: list[ActionError] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """1 where something does not hold, else that of the first error, else 0."""
        if any(line.holds is False for line in self.lines):
            return 1
        return self.errors[0].exit_code if self.errors else 0


@dataclass(frozen=True)
class Ports:
    """The world as the verifier sees it; `tracker` is None where the statement names another server than ours."""

    registry: Callable[[str], Registry]
    tracker: Callable[[str], Tracker]
    server_url: Callable[[], str]


def verify(subjects: list[Json], training: Training, expected: Expected, ports: Ports, *, signed: bool) -> Verified:
    """Answer everything that can be asked about a statement."""
    verified = Verified()
    if not signed:
        verified.lines.append(Line(None, "signature: the file has none; who wrote it is not known"))
    else:
        verified.lines.append(Line(None, "signature: not checked here (`gh attestation verify` does)"))
    verified.lines += [*checks.pins(training, expected), *checks.subjects(subjects, training)]
    groups: list[Callable[[], Iterator[Line]]] = [
        lambda: _image(training, expected, ports),
        lambda: _tracker(training, ports),
        lambda: checks.gate_lines(training),
    ]
    for group in groups:
        try:
            for line in group():
                verified.lines.append(line)
        except ActionError as error:
            verified.errors.append(error)
            verified.lines.append(Line(None, f"not known: {error.cause}"))
    if training.workflow_uid:
        verified.lines.append(Line(None, f"workflow {training.workflow_uid}: not checked (clusters forget)"))
    return verified


def _image(training: Training, expected: Expected, ports: Ports) -> Iterator[Line]:
    wanted = expected.image
    if wanted:
        name, _, digest = wanted.partition("@sha256:")
        if not digest:
            name, tag = _tag(wanted)
            host, repository = located(name)
            behind = ports.registry(host).manifest(repository, tag)
            if behind is None:
                yield Line(False, f"image: the registry has no {wanted}")
                return
            digest = behind.digest.removeprefix("sha256:")
        answer = checks.pinned_image(training, name, digest)
        yield answer
        if not answer.holds:
            return  # a foreign registry is not asked
    if training.image is None:
        yield Line(None, "image: the statement names none")
        return
    host, repository = located(training.image.name)
    registry = ports.registry(host)
    manifest = registry.manifest(repository, f"sha256:{training.image.sha256}")
    revisions = dict(_revisions(registry, repository, manifest.document)) if manifest else {}

    @cache
    def tagged() -> set[str]:
        behind = (registry.manifest(repository, tag) for tag in (training.sha[:12], training.sha))
        return {found.digest for found in behind if found}

    yield from checks.image(training, manifest.digest if manifest else None, revisions, tagged)


def _revisions(registry: Registry, repository: str, document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each platform's label; an index holds attestations too, which are for no platform."""
    children = document.get("manifests")
    if not isinstance(children, list):
        yield "", _label(registry, repository, document)
        return
    for child in children:
        platform = child.get("platform") or {}
        if platform.get("os") in (None, "unknown"):
            continue
        found = registry.manifest(repository, str(child.get("digest")))
        name = f"{platform.get('os')}/{platform.get('architecture')}"
        yield name, _label(registry, repository, found.document) if found else ""


def _label(registry: Registry, repository: str, manifest: Mapping[str, Any]) -> str:
    digest = (manifest.get("config") or {}).get("digest")
    if not isinstance(digest, str):
        return ""
    try:
        config = json.loads(registry.blob(repository, digest))
        return str(((config.get("config") or {}).get("Labels") or {}).get(REVISION) or "")
    except (ValueError, AttributeError):
        return ""


def _tracker(training: Training, ports: Ports) -> Iterator[Line]:
    ours = ports.server_url()
    if training.server != ours:
        # Its server must not be asked: it is the statement's choice, and would get our key.
        yield Line(False, f"tracker: the statement speaks of {training.server}, and ours is {ours}")
        return
    tracker = ports.tracker(training.project)
    names = tuple(dict.fromkeys(name for run in training.runs for name in run.metrics))
    wanted = Query({"name": {"$in": [run.id for run in training.runs]}})
    found = {run.id: run for run in tracker.find(wanted, None, Keys((), names)).candidates}
    known = [found[run.id] for run in training.runs if run.id in found]
    details = tracker.details(known, curves=(), lineage=True, samples=1) if known else {}
    for stated in training.runs:
        yield from checks.run(stated, training, found.get(stated.id), details.get(stated.id))
    if training.model is not None:
        logged = [model for run in known if (model := tracker.model(run)) is not None]
        yield checks.model(training.model, [named(one, training.project) for one in logged])


def located(name: str) -> tuple[str, str]:
    """Return an image's registry and repository, as Docker reads a name."""
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return _DOCKER_HUB, name if slash else f"library/{name}"


def _tag(reference: str) -> tuple[str, str]:
    name, colon, tag = reference.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (reference, "latest")
