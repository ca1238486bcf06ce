"""The provenance of a trained model as an in-toto Statement v1; `mlops-actions verify` reads it again.

    {
      "_type": "https://in-toto.io/Statement/v1",
      "subject": [
        {"name": "ghcr.io/acme/digits", "digest": {"sha256": "…"}},                 the training image
        {"name": "acme/digits/digits-model:v3/model.pt", "digest": {"sha256": "…"}} each file of the model
      ],
      "predicateType": "https://github.com/machine-learning-apps/mlops-actions/training/v1",
      "predicate": {
        "commit": {"repository": "https://github.com/acme/digits", "sha": "…", "pullRequest": 7},
        "image": {"name": "ghcr.io/acme/digits", "digest": {"sha256": "…"}},
        "workflow": {"uid": "0b5a…", "url": "https://argo.example/workflows/ml/digits-x7k2p"},
        "tracker": {"server": "https://tracker.example", "project": "acme/digits"},
        "evaluatedAt": "2026-11-29T16:45:00+00:00",
        "runs": [{"id": "5ssh20e7", "url": "…", "commit": "…", "uncommittedChanges": false,
                  "metrics": {"test_accuracy": 0.975},
                  "datasets": [{"name": "digits:v0", "type": "dataset", "digest": {"<algorithm>": "…"}}]}],
        "candidates": {"query": {"commit": "…", "commitConfigKey": "github_sha"}, "runs": ["5ssh20e7", "1k9u2zq0"],
                       "judge": "best", "byGroup": false, "by": {"metric": "test_accuracy", "direction": "max"}},
        "baselines": {"query": {"states": ["finished"], "anyOf": [{"tags": ["baseline"]}]}, "limit": 10,
                      "groups": [[{"id": "b1", "url": "…", "commit": "…", "metrics": {"test_accuracy": 0.96}}]],
                      "by": {"metric": "test_accuracy", "direction": "max"}},
        "model": {"name": "acme/digits/digits-model:v3", "type": "model", "digest": {"<algorithm>": "…"},
                  "files": [{"path": "model.pt", "size": 1048576, "digest": {"sha256": "…"}}]},
        "gates": [{"rule": "test_accuracy >= baseline", "value": 0.975, "required": 0.96}],
        "job": "https://github.com/acme/digits/actions/runs/4711"
      }
    }

`runs` are the judged ones: one run, or the seeds of a group. `statement_schema.py` holds the predicate's JSON Schema, and
`statement_reader.py` reads a statement. The tracker's adapter names the digest algorithm of artifacts, and their digests are
as the tracker writes them. Unknown facts are left out; only `uncommittedChanges` is null then, so that a dirty tree is never
passed over in silence. A reader ignores unknown keys, as in-toto demands.

The model's files are subjects of their own, so that `sha256sum` and `gh attestation verify FILE` know them; a digest over
all of them would be one that no other tool computes. `model.files` is the whole list, so a missing file is noticed as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mlops_actions.core import run_query
from mlops_actions.core.image_name import COMPONENT, split_host
from mlops_actions.core.runs import Artifact, ArtifactFile, RunQuery
from mlops_actions.core.types import Json

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://github.com/machine-learning-apps/mlops-actions/training/v1"
SHA256 = re.compile(r"[0-9a-f]{64}")
MAX_TEXT = 2000  # characters of any text
# How a candidate was chosen. A mean of several is no model, so that nothing is stated about it.
BEST, ALL, LATEST = JUDGES = ("best", "all", "latest")
MAX_ENTRIES = 1000  # entries of any list; actions/attest takes 1,024 subjects


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
class StatedRun:
    """One run of the tracker: the commit as the tracker recorded it (empty: none), and its final metrics."""

    id: str
    url: str
    commit: str
    metrics: Mapping[str, float]

    def document(self) -> Json:
        """Return the JSON object."""
        return {"id": self.id, "url": self.url, "commit": self.commit, "metrics": dict(self.metrics)}


@dataclass(frozen=True)
class TrainedRun(StatedRun):
    """A judged run: also the datasets it used, and whether its source tree had uncommitted changes (None: not known)."""

    datasets: tuple[ArtifactDescriptor, ...] = ()
    uncommitted_changes: bool | None = None

    def document(self) -> Json:
        """Return the JSON object."""
        used = [artifact.document() for artifact in self.datasets]
        return {**super().document(), "uncommittedChanges": self.uncommitted_changes, "datasets": used}


@dataclass(frozen=True)
class Ranking:
    """A metric that chose the best of several, and its direction: `min` or `max`."""

    metric: str
    direction: str

    def document(self) -> Json:
        """Return the JSON object."""
        return {"metric": self.metric, "direction": self.direction}

    def __str__(self) -> str:
        return f"{self.metric}:{self.direction}"


@dataclass(frozen=True)
class Candidates:
    """The runs that the judged ones were chosen among, as ids, the query that found them, and how one was chosen.

    `judge` is `best`, `all` or `latest`, as the input of that name; `by` is None where no metric chose. `by_group` is
    whether groups of seeds were compared.
    """

    query: RunQuery
    run_ids: tuple[str, ...]
    judge: str = BEST
    by: Ranking | None = None
    by_group: bool = False

    def document(self) -> Json:
        """Return the JSON object."""
        chosen: Json = {"judge": self.judge, "byGroup": self.by_group}
        chosen |= {"by": self.by.document()} if self.by else {}
        return {"query": run_query.document(self.query), "runs": list(self.run_ids), **chosen}


@dataclass(frozen=True)
class Baselines:
    """What gates compared with: single runs or groups of seeds, newest first; and the query and limit that chose them.

    `baseline.best` is the best group by `by`; where that is None, the newest.
    """

    query: RunQuery
    limit: int
    groups: tuple[tuple[StatedRun, ...], ...]
    by: Ranking | None = None

    @property
    def runs(self) -> tuple[StatedRun, ...]:
        """The runs of all groups."""
        return tuple(run for group in self.groups for run in group)

    def document(self) -> Json:
        """Return the JSON object."""
        groups = [[run.document() for run in group] for group in self.groups]
        chosen = {"by": self.by.document()} if self.by else {}
        return {"query": run_query.document(self.query), "limit": self.limit, "groups": groups, **chosen}


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
    if not SHA256.fullmatch(sha256) or not all(COMPONENT.fullmatch(component) for component in components):
        return None
    return Image(name, sha256)


@dataclass(frozen=True)
class Training:
    """The predicate: commit, image, workflow, runs and gates of the trained model. `evaluated_at` is in ISO 8601."""

    repository: str
    sha: str
    server: str
    project: str
    runs: tuple[TrainedRun, ...]
    pull_request: int | None = None
    image: Image | None = None
    model: ArtifactDescriptor | None = None
    model_files: tuple[ArtifactFile, ...] = ()
    evaluated_at: str = ""
    candidates: Candidates | None = None
    baselines: Baselines | None = None
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
            "evaluatedAt": self.evaluated_at or None,
            "candidates": self.candidates.document() if self.candidates else None,
            "baselines": self.baselines.document() if self.baselines else None,
            "model": self._model() if self.model else None,
            "job": self.job or None,
        }
        return {
            "commit": commit,
            "tracker": {"server": self.server, "project": self.project},
            "runs": [run.document() for run in self.runs],
            "gates": [vars(gate) for gate in self.gates],
            **{name: value for name, value in optional.items() if value is not None},
        }

    def _model(self) -> Json:
        assert self.model is not None  # noqa: S101 - the caller looked
        files = [{"path": file.path, "size": file.size, "digest": {"sha256": file.sha256}} for file in self.model_files]
        return {**self.model.document(), "files": files}

    def subjects(self) -> list[Json]:
        """Return the statement's subjects: the image, and each file of the model."""
        subjects = [self.image.document()] if self.image else []
        if self.model:
            subjects += [
                {"name": f"{self.model.name}/{file.path}", "digest": {"sha256": file.sha256}} for file in self.model_files
            ]
        return subjects

    def checksums(self) -> str:
        """Return the subjects as `sha256sum` writes them: the file that actions/attest takes as `subject-checksums`."""
        return "".join(f"{subject['digest']['sha256']}  {subject['name']}\n" for subject in self.subjects())

    def statement(self) -> Json:
        """Return the whole statement."""
        return {
            "_type": STATEMENT_TYPE,
            "subject": self.subjects(),
            "predicateType": PREDICATE_TYPE,
            "predicate": self.document(),
        }
