"""Check a statement against the registry and the tracker, as far as each of them answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any

from mlops_actions.core.errors import ActionError
from mlops_actions.core.image_name import parse_reference
from mlops_actions.core.oci import json_object
from mlops_actions.core.runs import Artifact, ArtifactFile, DetailsQuery, Run, RunKeys, RunQuery
from mlops_actions.core.statement import StatedRun, Training, artifact_descriptor
from mlops_actions.core.statistics.pairing import SEED_KEYS
from mlops_actions.core.types import Json
from mlops_actions.core.web_address import normal_form
from mlops_actions.verify import checks, gate_checks, selection
from mlops_actions.verify.checks import Check, Pins
from mlops_actions.verify.policy import (
    BASELINES,
    CANDIDATES,
    CHECKS,
    CLEAN,
    DATASETS,
    FILES,
    GATES,
    IMAGE,
    JUDGED,
    METRICS,
    MODEL,
    PINNED,
    REQUIRED_GATES,
    RUNS,
    SIGNATURE,
    TRACKER,
    Policy,
)
from mlops_actions.verify.ports import Ports, RegistryReader, TrackerReader
from mlops_actions.verify.records import LAST_LOGGED

REVISION_LABEL = "org.opencontainers.image.revision"


@dataclass
class Verification:
    """All lines of the checks in order, and the names of the checks that must hold.

    An error prevented the checks in `prevented` in whole or in part, so they are unknown, whatever their lines say.
    """

    checks: list[Check] = field(default_factory=list)
    required: tuple[str, ...] = ()
    errors: list[ActionError] = field(default_factory=list)
    prevented: set[str] = field(default_factory=set)

    def holds(self, name: str) -> bool | None:
        """Return whether a check holds: each of its lines, and at least one; None where that is not known."""
        lines = [check.holds for check in self.checks if check.name == name]
        if False in lines:
            return False
        return True if lines and None not in lines and name not in self.prevented else None

    @property
    def missed(self) -> tuple[str, ...]:
        """The required checks that do not hold or are not known to."""
        return tuple(name for name in self.required if not self.holds(name))

    @property
    def exit_code(self) -> int:
        """1 where a required check does not hold or is unknown, an error's code where that prevented one; else 0."""
        if any(self.holds(name) is False for name in self.required):
            return 1
        if self.errors and self.prevented & set(self.missed):
            return self.errors[0].exit_code
        return 1 if self.missed else 0


@dataclass(frozen=True)
class Request:
    """What the user asks of a verification.

    `local_files` are the files of the model at hand, by their paths, instead of those that the tracker gives; `max_bytes`
    is the largest model that is read from the tracker.
    """

    pins: Pins = field(default_factory=Pins)
    policy: Policy = field(default_factory=Policy)
    local_files: tuple[ArtifactFile, ...] | None = None
    max_bytes: int = 20_000_000_000


def verify(subjects: list[Json], training: Training, request: Request, ports: Ports, *, signed: bool) -> Verification:
    """Run all checks of a statement; an error of the registry or the tracker prevents only its own checks."""
    pins = request.pins
    required = request.policy.required(_applicable(training), pins.names)
    # Hidden candidates would make evidence look stronger, and with `judge: all` each of them must pass.
    is_about_all = gate_checks.asks_for_evidence(training) or selection.is_of_all(training)
    if GATES in required and is_about_all:
        required = tuple(name for name in CHECKS if name in {*required, CANDIDATES})
    verification = Verification(required=required)
    signature = "not checked here (`gh attestation verify` does)" if signed else "the file has none; its author is not known"
    verification.checks.append(Check(SIGNATURE, None, f"signature: {signature}"))
    verification.checks += [*checks.check_pins(training, pins), *checks.check_subjects(subjects, training)]
    tracker = _Tracker(training, request, ports, needed=frozenset(verification.required))
    groups: list[tuple[tuple[str, ...], Callable[[], Iterator[Check]]]] = [
        ((IMAGE,), lambda: _check_image(training, pins, ports)),
        ((TRACKER, RUNS, CLEAN, METRICS, DATASETS), tracker.check_runs),
        ((CANDIDATES, JUDGED), tracker.check_candidates),
        ((BASELINES,), tracker.check_baselines),
        ((GATES,), tracker.check_gates),
        ((REQUIRED_GATES,), lambda: gate_checks.check_required(training, request.policy)),
        ((MODEL,), tracker.check_model),
        ((FILES,), tracker.check_files),
    ]
    for names, group in groups:
        try:
            for check in group():
                verification.checks.append(check)
        except ActionError as error:
            if str(error) not in {str(known) for known in verification.errors}:
                verification.errors.append(error)
            verification.prevented |= set(names)
            verification.checks.append(Check(names[0], None, f"{names[0]}: not known: {error.cause}"))
    return verification


def _applicable(training: Training) -> set[str]:
    """Return the checks that this statement gives something to check for, without those of pinned values."""
    optional = {IMAGE: training.image, MODEL: training.model, FILES: training.model}
    without = {name for name, value in optional.items() if value is None} | {REQUIRED_GATES, *PINNED}
    return set(CHECKS) - without


def _check_image(training: Training, pins: Pins, ports: Ports) -> Iterator[Check]:
    if pins.image:
        check = _check_pinned_image(training, pins.image, ports)
        yield check
        if not check.holds:
            return  # the statement's registry is not asked: a forger may have chosen it
    if training.image is None:
        yield Check(IMAGE, None, "image: the statement names none")
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
            return Check(IMAGE, False, f"image: the registry has no {image}")
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


class _Tracker:
    """Asks the tracker, and checks its answers. Nothing is asked of it where the statement names another server."""

    def __init__(self, training: Training, request: Request, ports: Ports, *, needed: frozenset[str]) -> None:
        self._training = training
        self._request = request
        self._ports = ports
        self._needed = needed

    @cached_property
    def _reader(self) -> TrackerReader:
        return self._ports.tracker(self._training.project)

    @cached_property
    def _is_ours(self) -> bool:
        info = self._reader.info
        ours = {normal_form(address) for address in (info.server_url, *info.other_addresses)}
        return normal_form(self._training.server) in ours

    @cached_property
    def _runs(self) -> Mapping[str, Run]:
        """The judged runs and the baselines that the tracker has, by id."""
        baselines = self._training.baselines.runs if self._training.baselines else ()
        stated: Sequence[StatedRun] = (*self._training.runs, *baselines)
        metrics = [*(name for run in stated for name in run.metrics), *selection.needed_metrics(self._training)]
        names = tuple(dict.fromkeys([LAST_LOGGED, *metrics]))
        ids = tuple(dict.fromkeys(run.id for run in stated))
        keys = RunKeys(config=tuple(dict.fromkeys([self._key, *self._seed_keys])), summary=names)
        found = self._reader.find(RunQuery(run_ids=ids), None, keys).candidates
        return {run.id: run for run in found}

    @property
    def _key(self) -> str:
        """The config key that holds the commit."""
        return self._request.policy.sha_config_key

    @property
    def _seed_keys(self) -> tuple[str, ...]:
        return SEED_KEYS if gate_checks.asks_for_evidence(self._training) else ()

    @cached_property
    def _judged(self) -> list[Run]:
        return list({run.id: self._runs[run.id] for run in self._training.runs if run.id in self._runs}.values())

    def check_runs(self) -> Iterator[Check]:
        if not self._is_ours:
            # The statement chose that server: a request would send it our API key.
            ours = self._reader.info.server_url
            yield Check(TRACKER, False, f"tracker: the statement names {self._training.server}, but ours is {ours}")
            return
        yield Check(TRACKER, True, f"tracker: {self._training.server}")
        ids = tuple(run.id for run in self._judged)
        details = self._reader.details(
            DetailsQuery(datasets=tuple(dict.fromkeys([*ids, *self._runs])), uncommitted_changes=ids)
        )
        algorithm, needed = self._reader.info.digest_algorithm, selection.needed_metrics(self._training)
        yield from checks.check_runs(self._training, self._runs, details, algorithm=algorithm, key=self._key, needed=needed)
        yield from checks.check_same_data(self._training, details)

    def check_candidates(self) -> Iterator[Check]:
        candidates = self._training.candidates
        if not self._is_ours or candidates is None:
            yield Check(CANDIDATES, None, "candidates: the statement does not name them, or another tracker's")
            return
        selected, keys = self._selected
        whole = RunQuery(commit=self._training.sha, commit_config_key=self._key)
        of_commit = selected if candidates.query == whole else self._reader.find(whole, None, keys).candidates
        yield from selection.check_candidates(self._training, selected, of_commit, self._key)
        yield selection.check_judged(self._training, selected, self._request.policy)

    @cached_property
    def _selected(self) -> tuple[Sequence[Run], RunKeys]:
        """The runs that the stated query selects as candidates now, and the keys that were read of them."""
        candidates = self._training.candidates
        if candidates is None:
            return (), RunKeys()
        config, names = [self._key], (candidates.by.metric,) if candidates.by else ()
        if selection.is_of_all(self._training):  # each must pass the gates
            config += self._seed_keys
            names = (*names, *(gate.metric for gate in selection.parsed_gates(self._training)))
        keys = RunKeys(config=tuple(dict.fromkeys(config)), summary=tuple(dict.fromkeys((LAST_LOGGED, *names))))
        return self._reader.find(candidates.query, None, keys).candidates, keys

    def check_gates(self) -> Iterator[Check]:
        seeds: gate_checks.SeedRecords | None = None
        others: Sequence[Sequence[Run]] = ()
        if self._is_ours and (selection.is_of_all(self._training) or self._seed_keys):
            selected = self._selected[0]
            others = selection.other_candidates(self._training, selected, self._key)
            runs = {**{run.id: run for group in others for run in group}, **self._runs}
            seeds = gate_checks.SeedRecords(runs, selection.choices(self._training, selected, self._key))
        policy = self._request.policy
        yield from gate_checks.check_gates(self._training, policy, seeds)
        yield from gate_checks.check_every_candidate(self._training, others, policy, seeds)

    def check_baselines(self) -> Iterator[Check]:
        baselines = self._training.baselines
        if not self._is_ours:
            yield Check(BASELINES, None, "baselines: they are another tracker's")
            return
        # All that are selected are read: one that came later may not take the place of one that counted.
        query = replace(baselines.query, stop_after=0) if baselines else None
        keys = RunKeys(config=(self._key,))
        selected = self._reader.find(query, None, keys).candidates if query else ()
        yield from selection.check_baselines(self._training, self._runs if baselines else {}, selected, self._request.policy)

    def check_model(self) -> Iterator[Check]:
        stated, project = self._training.model, self._training.project
        if stated is None:
            yield Check(MODEL, None, "model: the statement names none")
        elif not self._is_ours:
            yield Check(MODEL, None, "model: it is another tracker's")
        else:
            algorithm = self._reader.info.digest_algorithm
            yield checks.check_model(stated, [artifact_descriptor(model, algorithm, project) for model in self._logged])

    @cached_property
    def _logged(self) -> list[Artifact]:
        return [model.artifact for run in self._judged for model in self._reader.models(run)]

    def check_files(self) -> Iterator[Check]:
        stated, project = self._training.model, self._training.project
        if stated is None:
            yield Check(FILES, None, "files: the statement names no model")
        elif self._request.local_files is not None:
            yield from checks.check_files(self._training, self._request.local_files, "at hand")
        elif FILES not in self._needed:
            yield Check(FILES, None, "files: not read, since the policy does not ask for them")
        elif not self._is_ours:
            yield Check(FILES, None, "files: they are another tracker's")
        else:
            algorithm = self._reader.info.digest_algorithm
            same = (model for model in self._logged if artifact_descriptor(model, algorithm, project) == stated)
            model = next(same, None)
            if model is None:
                yield Check(FILES, None, "files: no run logged the model")
                return
            yield from checks.check_files(self._training, self._reader.files(model, self._request.max_bytes), "logged")
