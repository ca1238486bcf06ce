"""The provenance of a trained model as an in-toto Statement v1; `mlops-actions verify` reads it again.

    {
      "_type": "https://in-toto.io/Statement/v1",
      "subject": [
        {"name": "ghcr.io/acme/digits", "digest": {"sha256": "…"}},                 the training image
        {"name": "acme/digits/digits-model:v3", "digest": {"<algorithm>": "…"}}     the model artifact
      ],
      "predicateType": "https://github.com/machine-learning-apps/mlops-actions/training/v1",
      "predicate": {
        "commit": {"repository": "https://github.com/acme/digits", "sha": "…", "pullRequest": 7},
        "image": {"name": "ghcr.io/acme/digits", "digest": {"sha256": "…"}},
        "workflow": {"uid": "0b5a…", "url": "https://argo.example/workflows/ml/digits-x7k2p"},
        "tracker": {"server": "https://tracker.example", "project": "acme/digits"},
        "runs": [{"id": "5ssh20e7", "url": "…", "commit": "…", "metrics": {"test_accuracy": 0.975},
                  "datasets": [{"name": "digits:v0", "type": "dataset", "digest": {"<algorithm>": "…"}}]}],
        "model": {"name": "acme/digits/digits-model:v3", "type": "model", "digest": {"<algorithm>": "…"}},
        "gates": [{"rule": "test_accuracy >= 0.9", "value": 0.975, "required": 0.9}],
        "job": "https://github.com/acme/digits/actions/runs/4711"
      }
    }

The tracker's adapter names the digest algorithm of artifacts, and their digests are as the tracker writes them. Unknown
facts are left out: `image`, `workflow`, `model` and `pullRequest` may be missing. A reader ignores unknown keys, as in-toto
demands.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_actions.core.image_name import COMPONENT, split_host
from mlops_actions.core.provenance import is_sha
from mlops_actions.core.runs import Artifact
from mlops_actions.core.types import Json

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://github.com/machine-learning-apps/mlops-actions/training/v1"
_HEX = re.compile(r"[0-9a-f]{64}")
_PROJECT = re.compile(r"[^/\s]+/[^/]+")
_MAX_TEXT = 2000  # characters of any text
_MAX_ENTRIES = 1000  # entries of any list


@dataclass(frozen=True)
class ArtifactDescriptor:
    """A version of a dataset or model, by the tracker's name (`name:v3`) and digest."""

    name: str
    type: str
    algorithm: str
    digest: str

    def document(self) -> Json:
        """Return the JSON object."""
        return {"name": self.name, "type": self.type, "digest": {self.algorithm: self.digest}}

    @property
    def label(self) -> str:
        """The digest with its algorithm: `algorithm:digest`."""
        return f"{self.algorithm}:{self.digest}"


def artifact_descriptor(artifact: Artifact, algorithm: str, project: str = "") -> ArtifactDescriptor:
    """Describe an artifact of the tracker; a model's name includes its project, since it is the statement's subject."""
    name = f"{project}/{artifact.label}" if project else artifact.label
    return ArtifactDescriptor(name=name, type=artifact.type, algorithm=algorithm, digest=artifact.digest)


@dataclass(frozen=True)
class TrainedRun:
    """One run of the tracker: the commit as the tracker recorded it, its final metrics, the datasets it used."""

    id: str
    url: str
    commit: str
    metrics: Mapping[str, float]
    datasets: tuple[ArtifactDescriptor, ...] = ()

    def document(self) -> Json:
        """Return the JSON object."""
        used = [artifact.document() for artifact in self.datasets]
        return {"id": self.id, "url": self.url, "commit": self.commit, "metrics": dict(self.metrics), "datasets": used}


@dataclass(frozen=True)
class PassedGate:
    """A gate that the model passed, with the numbers it compared."""

    rule: str
    value: float
    required: float


@dataclass(frozen=True)
class Image:
    """A container image by its digest (64 hexadecimal digits of SHA-256)."""

    name: str
    sha256: str

    def document(self) -> Json:
        """Return the resource descriptor."""
        return {"name": self.name, "digest": {"sha256": self.sha256}}

    def __str__(self) -> str:
        return f"{self.name}@sha256:{self.sha256}"


def parse_image(reference: str) -> Image | None:
    """Parse `registry/name@sha256:…`; None for anything else, also for a tag, which can move to another image."""
    name, _, sha256 = reference.partition("@sha256:")
    _, path = split_host(name)
    components = path.split("/")
    if not _HEX.fullmatch(sha256) or not all(COMPONENT.fullmatch(component) for component in components):
        return None
    return Image(name, sha256)


@dataclass(frozen=True)
class Training:
    """The predicate: commit, image, workflow, runs and gates of the trained model."""

    repository: str
    sha: str
    server: str
    project: str
    runs: tuple[TrainedRun, ...]
    pull_request: int | None = None
    image: Image | None = None
    model: ArtifactDescriptor | None = None
    workflow_uid: str = ""
    workflow_url: str = ""
    gates: tuple[PassedGate, ...] = ()
    job: str = ""

    def document(self) -> Json:
        """Return the predicate as a JSON object."""
        commit: Json = {"repository": self.repository, "sha": self.sha}
        if self.pull_request is not None:
            commit["pullRequest"] = self.pull_request
        workflow = {name: text for name, text in (("uid", self.workflow_uid), ("url", self.workflow_url)) if text}
        optional = {
            "image": self.image.document() if self.image else None,
            "workflow": workflow or None,
            "model": self.model.document() if self.model else None,
            "job": self.job or None,
        }
        return {
            "commit": commit,
            "tracker": {"server": self.server, "project": self.project},
            "runs": [run.document() for run in self.runs],
            "gates": [vars(gate) for gate in self.gates],
            **{name: value for name, value in optional.items() if value is not None},
        }

    def subjects(self) -> list[Json]:
        """Return the statement's subjects: the image and the model."""
        subjects = [self.image.document()] if self.image else []
        if self.model:
            subjects.append({"name": self.model.name, "digest": {self.model.algorithm: self.model.digest}})
        return subjects

    def statement(self) -> Json:
        """Return the whole statement."""
        return {
            "_type": STATEMENT_TYPE,
            "subject": self.subjects(),
            "predicateType": PREDICATE_TYPE,
            "predicate": self.document(),
        }


def read(document: Any) -> tuple[list[Json], Training]:
    """Read a statement: its subjects unchanged, and the predicate; raises ValueError that names the mistake."""
    statement = _object(document, "the statement")
    if statement.get("_type") != STATEMENT_TYPE:
        raise ValueError(f"'_type' is not {STATEMENT_TYPE}")
    if statement.get("predicateType") != PREDICATE_TYPE:
        raise ValueError(f"'predicateType' is not {PREDICATE_TYPE}")
    subjects = [_object(entry, "an entry of 'subject'") for entry in _list(statement, "subject")]
    if not subjects:
        raise ValueError("'subject' is empty: the statement has no subject")
    for subject in subjects:
        _text(subject, "name")
        _object(subject.get("digest"), "'digest' of a subject")
    return subjects, _training(_object(statement.get("predicate"), "'predicate'"))


def _training(predicate: Mapping[str, Any]) -> Training:
    commit, tracker = _object(predicate.get("commit"), "'commit'"), _object(predicate.get("tracker"), "'tracker'")
    workflow = _object(predicate.get("workflow", {}), "'workflow'")
    sha = _text(commit, "sha")
    if not is_sha(sha):
        raise ValueError("'commit.sha' is not a commit's 40 lower-case hexadecimal digits")
    project = _text(tracker, "project")
    if not _PROJECT.fullmatch(project):
        raise ValueError("'tracker.project' is not entity/project")
    number = commit.get("pullRequest")
    if number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < 1):
        raise ValueError("'commit.pullRequest' is not a positive number")
    runs = tuple(_run(_object(entry, "an entry of 'runs'")) for entry in _list(predicate, "runs"))
    if not runs:
        raise ValueError("'runs' is empty")
    return Training(
        repository=_text(commit, "repository"),
        sha=sha,
        server=_text(tracker, "server"),
        project=project,
        runs=runs,
        pull_request=number,
        image=_image(predicate["image"]) if "image" in predicate else None,
        model=_artifact(predicate["model"]) if "model" in predicate else None,
        workflow_uid=_text(workflow, "uid", optional=True),
        workflow_url=_text(workflow, "url", optional=True),
        gates=tuple(_gate(_object(entry, "an entry of 'gates'")) for entry in _list(predicate, "gates", optional=True)),
        job=_text(predicate, "job", optional=True),
    )


def _run(run: Mapping[str, Any]) -> TrainedRun:
    metrics = _object(run.get("metrics"), "'metrics' of a run")
    return TrainedRun(
        id=_text(run, "id"),
        url=_text(run, "url", optional=True),
        commit=_text(run, "commit"),
        metrics={name: _number(metrics, name) for name in metrics},
        datasets=tuple(_artifact(entry) for entry in _list(run, "datasets", optional=True)),
    )


def _artifact(value: Any) -> ArtifactDescriptor:
    artifact = _object(value, "an artifact")
    digests = _object(artifact.get("digest"), "'digest' of an artifact")
    if len(digests) != 1:
        raise ValueError("'digest' of an artifact does not hold exactly one digest")
    (algorithm,) = digests
    return ArtifactDescriptor(
        name=_text(artifact, "name"), type=_text(artifact, "type"), algorithm=algorithm, digest=_text(digests, algorithm)
    )


def _image(value: Any) -> Image:
    image = _object(value, "'image'")
    name, digest = _text(image, "name"), _text(_object(image.get("digest"), "'image.digest'"), "sha256")
    if parse_image(f"{name}@sha256:{digest}") is None:
        raise ValueError("'image' is not a name without a tag, and a digest of 64 lower-case hexadecimal digits")
    return Image(name, digest)


def _gate(gate: Mapping[str, Any]) -> PassedGate:
    return PassedGate(_text(gate, "rule"), _number(gate, "value"), _number(gate, "required"))


def _object(value: Any, name: str) -> Json:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is not a JSON object")
    return value


def _list(tree: Mapping[str, Any], name: str, *, optional: bool = False) -> Sequence[Any]:
    value = tree.get(name, [] if optional else None)
    if not isinstance(value, list) or len(value) > _MAX_ENTRIES:
        raise ValueError(f"'{name}' is not a list of at most {_MAX_ENTRIES} entries")
    return value


def _text(tree: Mapping[str, Any], name: str, *, optional: bool = False) -> str:
    value = tree.get(name, "" if optional else None)
    if not isinstance(value, str) or len(value) > _MAX_TEXT or not (value or optional):
        raise ValueError(f"'{name}' is not a text of at most {_MAX_TEXT} characters")
    return value


def _number(tree: Mapping[str, Any], name: str) -> float:
    value = tree.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"'{name}' is not a finite number")
    return value
