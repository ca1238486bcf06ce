"""Resolvers of the types that W&B's SDK and this suite read."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mlops_actions.core.types import Json
from mlops_sandbox.graphql_execution import RequestFailed, Resolver, ResolverError, Resolvers
from mlops_sandbox.timestamps import timestamp
from mlops_sandbox.wandb import history
from mlops_sandbox.wandb.context import RequestContext, User
from mlops_sandbox.wandb.filters import MISSING, FilterError, follow
from mlops_sandbox.wandb.paging import connection
from mlops_sandbox.wandb.store import Artifact, Collection, Project, Run, Sweep, opaque

# The most histories of one call that W&B's own tools ask for (its MCP server).
MAX_SPECS = 8
_CONSTANTS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
# The features of the SDK's list (ServerFeature) that this server has; the SDK avoids the others.
FEATURES = ("LARGE_FILENAMES", "ARTIFACT_TAGS", "CLIENT_IDS", "PROJECT_ARTIFACT_COLLECTION_MEMBERSHIP")


def constant(value: object) -> Resolver:
    """Return a resolver of a field that always has the same value."""
    return lambda _parent, _context: value


def _project(_root: None, context: RequestContext, name: str = "", entityName: str | None = None) -> Project | None:  # noqa: N803
    entity = entityName or context.user.entities[0]
    return context.store.projects.get((entity, name)) if entity in context.user.entities else None


def _entity(_root: None, context: RequestContext, name: str) -> str | None:
    return name if name in context.user.entities else None


def _artifact(_root: None, context: RequestContext, id: str) -> Artifact | None:
    return context.store.artifacts.get(id)


def _client_id_mapping(_root: None, context: RequestContext, clientID: str) -> Artifact | None:  # noqa: N803
    return next((artifact for artifact in context.store.artifacts.values() if artifact.client_id == clientID), None)


# Projects


def _selected_runs(project: Project, filters: str | None, order: str | None = None) -> list[Run]:
    try:
        condition = json.loads(filters) if filters else {}
    except ValueError:
        raise ResolverError("filters is not valid JSON") from None
    if not isinstance(condition, dict):
        raise ResolverError("filters must be a JSON object")
    try:
        return project.select(condition, order or "")
    except FilterError as error:
        if error.status != 200:
            raise RequestFailed(error.status, f"invalid filters: {error}") from None
        raise ResolverError(f"invalid filters: {error}") from None


def _runs(
    project: Project,
    context: RequestContext,
    filters: str | None = None,
    order: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Json:
    selected = _selected_runs(project, filters, order if context.quirks.obeys_order else None)
    page = connection(selected, lambda run: str(run.id), first=first, after=after)
    if not context.quirks.end_cursors:
        page["pageInfo"]["endCursor"] = None
    return page


def _run_count(project: Project, _context: RequestContext, filters: str | None = None) -> int:
    return len(_selected_runs(project, filters))


def _run(project: Project, _context: RequestContext, name: str, missingOk: bool = False) -> Run | None:  # noqa: N803, ARG001
    return project.runs.get(name)


def _sweep(project: Project, _context: RequestContext, sweepName: str) -> Sweep | None:  # noqa: N803
    return project.sweeps.get(sweepName)


def _artifact_type(project: Project, _context: RequestContext, name: str) -> Collection | None:
    return next((collection for collection in project.collections.values() if collection.type == name), None)


def _artifact_collection(project: Project, _context: RequestContext, name: str) -> Collection | None:
    return project.collections.get(name)


def _artifact_version(project: Project, _context: RequestContext, name: str) -> Artifact | None:
    collection_name, _, alias = name.partition(":")
    collection = project.collections.get(collection_name)
    return collection.find(alias or "latest") if collection else None


# Runs


def _config(run: Run, context: RequestContext, keys: Sequence[str] | None = None) -> str:
    config = {**run.config}
    if "_wandb" in config:
        config["_wandb"] = {**config["_wandb"], "value": _internal(run, context, "config")}
    return json.dumps(config if keys is None else {key: config[key] for key in keys if key in config})


def _wandb_config(run: Run, context: RequestContext, keys: Sequence[str] | None = None) -> str:
    return _json_of_keys(_internal(run, context, "wandbConfig"), keys)


def _internal(run: Run, context: RequestContext, field: str) -> Mapping[str, Any]:
    """Return W&B's own entries of the config as `field` shows them."""
    entries: Mapping[str, Any] = run.config.get("_wandb", {}).get("value", {})
    return {key: value for key, value in entries.items() if key != "m" or field in context.quirks.metric_settings}


def _summary(run: Run, context: RequestContext, keys: Sequence[str] | None = None) -> str:
    summary = run.read_summary()
    if not context.quirks.nan_as_text:
        summary = _with_constants(summary)
    return _json_of_keys(summary, keys)


def _with_constants(values: Mapping[str, Any]) -> Json:
    """Return the values with numbers that are none as the constants of JavaScript, which are no JSON."""
    return {key: _CONSTANTS.get(value, value) if isinstance(value, str) else value for key, value in values.items()}


def _json_of_keys(values: Mapping[str, Any], keys: Sequence[str] | None) -> str:
    if keys is not None:
        values = {key: value for key in keys if (value := follow(values, key)) is not MISSING}
    return json.dumps(values)


def _sampled_history(run: Run, context: RequestContext, specs: Sequence[str]) -> list[list[Json]]:
    if len(specs) > MAX_SPECS:
        raise ResolverError(f"too many history specs: {len(specs)}, at most {MAX_SPECS}")
    try:
        sampled = [history.sampled(run.history, json.loads(spec)) for spec in specs]
    except (ValueError, AttributeError) as error:
        raise ResolverError(f"invalid history spec: {error}") from None
    return sampled if context.quirks.nan_as_text else [[_with_constants(row) for row in rows] for rows in sampled]


def _history(
    run: Run,
    _context: RequestContext,
    minStep: int | None = None,  # noqa: N803
    maxStep: int | None = None,  # noqa: N803
    samples: int | None = None,
) -> list[str]:
    rows = [row for row in run.history if row["_step"] >= (minStep or 0) and (maxStep is None or row["_step"] < maxStep)]
    return [json.dumps(row) for row in history.thin(rows, samples or history.DEFAULT_SAMPLES)]


def _parquet_history(run: Run, _context: RequestContext, liveKeys: Sequence[str]) -> Json:  # noqa: N803
    """Return all rows as live data: this server exports no Parquet files."""
    rows = history.sampled(run.history, {"keys": liveKeys, "samples": len(run.history)})
    return {"parquetUrls": [], "liveData": rows}


def _events(run: Run, _context: RequestContext, samples: int | None = None) -> list[str]:
    return [json.dumps(row) for row in history.thin(run.events, samples or history.DEFAULT_SAMPLES)]


def _tail(rows: Sequence[Json]) -> str:
    return json.dumps([json.dumps(row) for row in rows[-1:]])


def _run_files(
    run: Run,
    _context: RequestContext,
    names: Sequence[str] | None = None,
    pattern: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Json:
    selected = [name for name in run.files if not names or name in names]
    if pattern and not names:
        # LIKE of SQL: % is any text, _ any one character.
        like = re.escape(pattern).replace("%", ".*").replace("_", ".")
        selected = [name for name in selected if re.fullmatch(like, name)]
    files = [_file(f"run/{run.id}", name, run.files[name], timestamp(run.heartbeat)) for name in selected]
    return connection(files, lambda file: str(file["id"]), first=first, after=after)


def _file(owner: str, name: str, blob: str, updated_at: str) -> Json:
    return {"id": opaque("File", owner, name), "name": name, "storagePath": blob, "updatedAt": updated_at}


def _committed(artifacts: Sequence[Artifact], first: int | None, after: str | None) -> Json:
    """Return a page of artifacts in an order that is stable, but not the one in which they were logged."""
    committed = sorted(
        (artifact for artifact in artifacts if artifact.state == "COMMITTED"), key=lambda artifact: artifact.commit_hash
    )
    return connection(committed, lambda artifact: str(artifact.id), first=first, after=after)


def _input_artifacts(run: Run, _context: RequestContext, first: int | None = None, after: str | None = None) -> Json:
    return _committed(run.inputs, first, after)


def _output_artifacts(run: Run, _context: RequestContext, first: int | None = None, after: str | None = None) -> Json:
    return _committed(run.outputs, first, after)


# Artifacts


def _aliases(artifact: Artifact, _context: RequestContext) -> list[Json]:
    return [
        {"id": opaque("ArtifactAlias", artifact.id, alias), "alias": alias, "artifactCollection": artifact.collection}
        for alias in artifact.aliases
    ]


def _artifact_size(artifact: Artifact, context: RequestContext) -> int:
    return sum(len(context.store.blobs[blob]) for blob in artifact.files.values())


def _artifact_files(
    artifact: Artifact,
    _context: RequestContext,
    names: Sequence[str] | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Json:
    files = [
        _file(f"artifact/{artifact.id}", name, blob, timestamp(artifact.created))
        for name, blob in artifact.files.items()
        if not names or name in names
    ]
    return connection(files, lambda file: str(file["id"]), first=first, after=after)


def _file_url(file: Json, context: RequestContext, upload: bool = False) -> str:  # noqa: ARG001 - one address serves both
    return context.file_url(file["storagePath"])


def _manifest_url(artifact: Artifact, context: RequestContext) -> str:
    return context.file_url(artifact.manifest)


def _teams(user: User, _context: RequestContext) -> Json:
    return connection(user.entities[1:], str, first=len(user.entities))


RESOLVERS: Resolvers = {
    "Query": {
        "viewer": lambda _root, context: context.user,
        "serverInfo": constant({"features": [{"name": name, "isEnabled": True} for name in FEATURES]}),
        "project": _project,
        "model": _project,
        "entity": _entity,
        "artifact": _artifact,
        "clientIDMapping": _client_id_mapping,
    },
    "ClientIDMapping": {"serverID": lambda artifact, _: artifact.id},
    "Entity": {
        "id": lambda name, _: opaque("Entity", name),
        "name": lambda name, _: name,
        "xxhashDigestsEnabled": constant(False),
        "organization": constant(None),
    },
    "User": {
        "id": lambda user, _: opaque("User", user.username),
        "name": lambda user, _: user.username,
        "email": lambda user, _: f"{user.username}@example.invalid",
        "entity": lambda user, _: user.entities[0] if user.entities else user.username,
        "admin": constant(False),
        "flags": constant("{}"),
        "deletedAt": constant(None),
        "teams": _teams,
        "apiKeys": lambda _user, _: connection([], str),
    },
    "Project": {
        "internalId": lambda project, _: str(project.number),
        "entityName": lambda project, _: project.entity,
        "createdAt": lambda project, _: timestamp(project.created),
        "readOnly": constant(False),
        "isBenchmark": constant(False),
        "user": lambda _project, context: context.user,
        "runCount": _run_count,
        "runs": _runs,
        "run": _run,
        "bucket": _run,
        "sweep": _sweep,
        "artifactType": _artifact_type,
        "artifactCollection": _artifact_collection,
        "artifact": _artifact_version,
        "artifactCollectionMembership": _artifact_version,
    },
    "Sweep": {
        "method": lambda sweep, _: sweep.config.get("method", "grid"),
        "state": constant("RUNNING"),
        "bestLoss": constant(None),
        "description": constant(None),
        "config": lambda sweep, _: json.dumps(sweep.config),  # JSON is YAML
        "createdAt": lambda sweep, _: timestamp(sweep.project.created),
        "updatedAt": constant(None),
        "runCount": lambda sweep, _: sum(run.sweep == sweep.name for run in sweep.project.runs.values()),
        "runCountExpected": constant(None),
    },
    "Run": {
        "projectId": lambda run, _: run.project.number,
        "internalId": lambda run, _: run.id,
        "state": lambda run, context: run.state_at(context.store.now()),
        "sweepName": lambda run, _: run.sweep,
        "readOnly": constant(False),
        "stopped": constant(False),
        "createdAt": lambda run, _: timestamp(run.created),
        "heartbeatAt": lambda run, _: timestamp(run.heartbeat),
        "user": lambda run, _: User(run.username, ()),
        "config": _config,
        "wandbConfig": _wandb_config,
        "summaryMetrics": _summary,
        "systemMetrics": lambda run, _: json.dumps(run.events[-1] if run.events else {}),
        "historyLineCount": lambda run, _: len(run.history),
        "historyTail": lambda run, _: _tail(run.history),
        "historyKeys": lambda run, _: history.keys(run.history),
        "history": _history,
        "sampledHistory": _sampled_history,
        "parquetHistory": _parquet_history,
        "eventsLineCount": lambda run, _: len(run.events),
        "eventsTail": lambda run, _: _tail(run.events),
        "events": _events,
        "logLineCount": lambda run, _: len(run.log),
        "fileCount": lambda run, _: len(run.files),
        "files": _run_files,
        "inputArtifacts": _input_artifacts,
        "outputArtifacts": _output_artifacts,
    },
    "File": {
        "displayName": lambda file, _: file["name"],
        "mimetype": constant("application/octet-stream"),
        "md5": constant(None),
        "digest": constant(None),
        "sizeBytes": lambda file, context: len(context.store.blobs[file["storagePath"]]),
        "url": _file_url,
        "directUrl": _file_url,
    },
    "Artifact": {
        "metadata": lambda artifact, _: json.dumps(artifact.metadata),
        "versionIndex": lambda artifact, _: artifact.version,
        "createdAt": lambda artifact, _: timestamp(artifact.created),
        "updatedAt": lambda artifact, _: timestamp(artifact.created),
        "fileCount": lambda artifact, _: len(artifact.files),
        "size": _artifact_size,
        "historyStep": constant(None),
        "ttlDurationSeconds": constant(-2),
        "ttlIsInherited": constant(True),
        "tags": lambda artifact, _: [{"id": opaque("Tag", tag), "name": tag} for tag in artifact.tags],
        "aliases": _aliases,
        "artifactType": lambda artifact, _: artifact.collection,
        "artifactSequence": lambda artifact, _: artifact.collection,
        "currentManifest": lambda artifact, _: artifact,
        "createdBy": lambda artifact, _: artifact.run,
    },
    "ArtifactType": {
        "id": lambda collection, _: opaque("ArtifactType", collection.type),
        "name": lambda collection, _: collection.type,
        "description": constant(None),
        "createdAt": lambda collection, _: timestamp(collection.project.created),
        "artifactCollection": lambda collection, _, name: collection.project.collections.get(name),
    },
    "ArtifactSequence": {
        "artifactMembership": lambda collection, _, aliasName: collection.find(aliasName),  # noqa: N803
        "latestArtifact": lambda collection, _: collection.aliases.get("latest"),
    },
    "ArtifactCollectionMembership": {
        "id": lambda artifact, _: opaque("ArtifactCollectionMembership", artifact.id),
        "versionIndex": lambda artifact, _: artifact.version,
        "createdAt": lambda artifact, _: timestamp(artifact.created),
        "aliases": _aliases,
        "files": _artifact_files,
        "artifactCollection": lambda artifact, _: artifact.collection,
        "artifact": lambda artifact, _: artifact,
    },
    "ArtifactManifest": {"file": lambda artifact, _: artifact},
    "ArtifactManifestFile": {
        "id": lambda artifact, _: artifact.manifest,
        "uploadUrl": _manifest_url,
        "uploadHeaders": constant([]),
        "directUrl": _manifest_url,
    },
}
