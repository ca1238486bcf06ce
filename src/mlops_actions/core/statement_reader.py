"""Read a statement that `statement.py` describes. Whatever has another form raises ValueError that names the mistake."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mlops_actions.core import run_query
from mlops_actions.core.provenance import is_sha
from mlops_actions.core.runs import ArtifactFile
from mlops_actions.core.statement import (
    JUDGES,
    MAX_ENTRIES,
    MAX_TEXT,
    PREDICATE_TYPE,
    SHA256,
    STATEMENT_TYPE,
    ArtifactDescriptor,
    Baselines,
    Candidates,
    Image,
    PassedGate,
    Ranking,
    StatedRun,
    TrainedRun,
    Training,
    parse_image,
)
from mlops_actions.core.types import Json

_PROJECT = re.compile(r"[^/\s]+/[^/]+")


def read(document: Any) -> tuple[list[Json], Training]:
    """Return a statement's subjects, unchanged, and its predicate; raises ValueError."""
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
        model_files=_files(_object(predicate.get("model", {}), "'model'")),
        evaluated_at=_time(predicate, "evaluatedAt"),
        candidates=_candidates(predicate["candidates"]) if "candidates" in predicate else None,
        baselines=_baselines(predicate["baselines"]) if "baselines" in predicate else None,
        workflow_uid=_text(workflow, "uid", optional=True),
        workflow_url=_text(workflow, "url", optional=True),
        gates=tuple(_gate(_object(entry, "an entry of 'gates'")) for entry in _list(predicate, "gates", optional=True)),
        job=_text(predicate, "job", optional=True),
    )


def _run(run: Mapping[str, Any]) -> TrainedRun:
    changes = run.get("uncommittedChanges")
    if changes is not None and not isinstance(changes, bool):
        raise ValueError("'uncommittedChanges' of a run is not true, false or null")
    return TrainedRun(
        id=_text(run, "id"),
        url=_text(run, "url", optional=True),
        commit=_text(run, "commit"),
        metrics=_metrics(run),
        datasets=tuple(_artifact(entry) for entry in _list(run, "datasets", optional=True)),
        uncommitted_changes=changes,
    )


def _metrics(run: Mapping[str, Any]) -> Mapping[str, float]:
    metrics = _object(run.get("metrics"), "'metrics' of a run")
    return {name: _number(metrics, name) for name in metrics}


def _candidates(value: Any) -> Candidates:
    candidates = _object(value, "'candidates'")
    ids = _list(candidates, "runs")
    if not all(isinstance(identifier, str) and identifier for identifier in ids) or len(set(ids)) < len(ids):
        raise ValueError("'candidates.runs' is not a list of different ids")
    by_group = candidates.get("byGroup", False)
    if not isinstance(by_group, bool):
        raise ValueError("'candidates.byGroup' is not true or false")
    query, judge = run_query.read(candidates.get("query")), _text(candidates, "judge")
    if judge not in JUDGES:
        raise ValueError(f"'candidates.judge' is none of {', '.join(JUDGES)}")
    return Candidates(query, tuple(ids), judge, _ranking(candidates), by_group)


def _ranking(tree: Mapping[str, Any]) -> Ranking | None:
    if "by" not in tree:
        return None
    by = _object(tree["by"], "'by'")
    if by.get("direction") not in ("min", "max"):
        raise ValueError("'by.direction' is not min or max")
    return Ranking(_text(by, "metric"), by["direction"])


def _baselines(value: Any) -> Baselines:
    baselines = _object(value, "'baselines'")
    limit = baselines.get("limit")
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
        raise ValueError("'baselines.limit' is not a number of runs")
    groups = tuple(_group(group) for group in _list(baselines, "groups"))
    ids = [run.id for group in groups for run in group]
    if len(set(ids)) < len(ids):
        raise ValueError("'baselines.groups' holds a run twice")
    return Baselines(run_query.read(baselines.get("query")), limit, groups, _ranking(baselines))


def _group(value: Any) -> tuple[StatedRun, ...]:
    if not isinstance(value, list) or not value or len(value) > MAX_ENTRIES:
        raise ValueError("'baselines.groups' is not a list of lists of runs")
    runs = [_object(entry, "an entry of 'baselines.groups'") for entry in value]
    return tuple(
        StatedRun(_text(run, "id"), _text(run, "url", optional=True), _text(run, "commit", optional=True), _metrics(run))
        for run in runs
    )


def _files(model: Mapping[str, Any]) -> tuple[ArtifactFile, ...]:
    files = tuple(_file(_object(entry, "an entry of 'model.files'")) for entry in _list(model, "files", optional=True))
    if len({file.path for file in files}) < len(files):
        raise ValueError("'model.files' holds a path twice")
    return files


def _file(file: Mapping[str, Any]) -> ArtifactFile:
    size, sha256 = file.get("size"), _text(_object(file.get("digest"), "'digest' of a file"), "sha256")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError("'size' of a file is not a number of bytes")
    if not SHA256.fullmatch(sha256):
        raise ValueError("'digest' of a file is not 64 lower-case hexadecimal digits")
    return ArtifactFile(_text(file, "path"), size, sha256)


def _time(tree: Mapping[str, Any], name: str) -> str:
    text = _text(tree, name, optional=True)
    try:
        zoned = not text or datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        zoned = False
    if not zoned:
        raise ValueError(f"'{name}' is not a time of ISO 8601 with its zone")
    return text


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
    if not isinstance(value, list) or len(value) > MAX_ENTRIES:
        raise ValueError(f"'{name}' is not a list of at most {MAX_ENTRIES} entries")
    return value


def _text(tree: Mapping[str, Any], name: str, *, optional: bool = False) -> str:
    value = tree.get(name, "" if optional else None)
    if not isinstance(value, str) or len(value) > MAX_TEXT or not (value or optional):
        raise ValueError(f"'{name}' is not a text of at most {MAX_TEXT} characters")
    return value


def _number(tree: Mapping[str, Any], name: str) -> float:
    value = tree.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"'{name}' is not a finite number")
    return value
