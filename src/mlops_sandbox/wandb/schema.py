"""The part of W&B's GraphQL schema that its SDK and this suite read, over the store."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from mlops_sandbox.wandb import history
from mlops_sandbox.wandb.execute import FieldType, Refused, Resolver
from mlops_sandbox.wandb.fields import computed, connection, constants, items, leads_to, page, readers
from mlops_sandbox.wandb.filters import MISSING, BadFilter, follow
from mlops_sandbox.wandb.store import Artifact, Project, Run, Store, opaque, stamp

# The features of the SDK's list (ServerFeature) that this server has; the SDK avoids what is absent.
FEATURES = ("LARGE_FILENAMES", "ARTIFACT_TAGS", "CLIENT_IDS", "PROJECT_ARTIFACT_COLLECTION_MEMBERSHIP")


@dataclass(frozen=True)
class User:
    """Who a key belongs to; `entities` are those they may see, the first is where they log by default."""

    username: str
    entities: tuple[str, ...]


@dataclass(frozen=True)
class Request:
    """What a resolver needs beside its arguments; `base_url` is how the client reached the server."""

    store: Store
    user: User
    base_url: str

    def address(self, blob: str) -> str:
        """Where a file's content is put and fetched."""
        return f"{self.base_url}/storage/{blob}"


def _condition(arguments: Mapping[str, Any]) -> dict[str, Any]:
    text = arguments.get("filters")
    try:
        condition = json.loads(text) if text else {}
    except ValueError:
        raise Refused("filters is not valid JSON") from None
    if not isinstance(condition, dict):
        raise Refused("filters must be a JSON object")
    return condition


def _select(project: Project, arguments: Mapping[str, Any]) -> list[Run]:
    try:
        return project.select(_condition(arguments), str(arguments.get("order") or ""))
    except BadFilter as problem:
        raise Refused(f"invalid filters: {problem}") from None


def _keyed(tree: Mapping[str, Any], keys: Any) -> str:
    if keys is not None:
        tree = {key: value for key in keys if (value := follow(tree, str(key))) is not MISSING}
    return json.dumps(tree)


def _config(run: Run, arguments: Mapping[str, Any], _context: Request) -> str:
    keys = arguments.get("keys")
    return json.dumps(run.config if keys is None else {key: run.config[key] for key in keys if key in run.config})


def _sampled(run: Run, arguments: Mapping[str, Any], _context: Request) -> list[Any]:
    try:
        specs = [json.loads(spec) for spec in arguments["specs"]]
        return [history.sampled(run.history, spec) for spec in specs]
    except (ValueError, AttributeError) as problem:
        raise Refused(f"invalid history spec: {problem}") from None


def _history(run: Run, arguments: Mapping[str, Any], _context: Request) -> list[str]:
    least = int(arguments.get("minStep") or 0)
    most = arguments.get("maxStep")
    rows = [row for row in run.history if row["_step"] >= least and (most is None or row["_step"] < int(most))]
    samples = int(arguments.get("samples") or history.DEFAULT_SAMPLES)
    return [json.dumps(row) for row in history.thin(rows, samples)]


def _artifacts(which: str) -> Resolver:
    def resolve(run: Run, arguments: dict[str, Any], _context: Request) -> dict[str, Any]:
        kept = [artifact for artifact in getattr(run, which) if artifact.state == "COMMITTED"]
        return page(kept, arguments, lambda artifact: str(artifact.id))

    return resolve


def _run_files(run: Run, arguments: Mapping[str, Any], _context: Request) -> dict[str, Any]:
    wanted, pattern = arguments.get("names"), arguments.get("pattern")
    names = [name for name in run.files if not wanted or name in wanted]
    if pattern and not wanted:
        # LIKE of SQL: % is any text, _ any one character.
        like = re.escape(str(pattern)).replace("%", ".*").replace("_", ".")
        names = [name for name in names if re.fullmatch(like, name)]
    return _files(f"run/{run.id}", {name: run.files[name] for name in names}, stamp(run.heartbeat), arguments)


def _artifact_files(artifact: Artifact, arguments: Mapping[str, Any], _context: Request) -> dict[str, Any]:
    wanted = arguments.get("names")
    files = {name: blob for name, blob in artifact.files.items() if not wanted or name in wanted}
    return _files(f"artifact/{artifact.id}", files, stamp(artifact.created), arguments)


def _files(owner: str, files: Mapping[str, str], updated: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    nodes = [
        {"id": opaque("File", owner, name), "name": name, "storagePath": blob, "updatedAt": updated}
        for name, blob in files.items()
    ]
    return page(nodes, arguments, itemgetter("id"))


def _parquet(run: Run, arguments: Mapping[str, Any], _context: Request) -> dict[str, Any]:
    """No exported files: all rows are live ones."""
    return {"live": history.sampled(run.history, {"keys": arguments["liveKeys"], "samples": len(run.history)})}


def _membership(project: Project, arguments: Mapping[str, Any], _context: Request) -> Artifact | None:
    name, _, alias = str(arguments["name"]).partition(":")
    collection = project.collections.get(name)
    return collection.find(alias or "latest") if collection else None


def _project(_root: Any, arguments: Mapping[str, Any], context: Request) -> Project | None:
    entity = str(arguments.get("entityName") or context.user.entities[0])
    if entity not in context.user.entities:
        return None
    return context.store.projects.get((entity, str(arguments.get("name") or "")))


def _aliases(artifact: Artifact) -> list[dict[str, Any]]:
    return [
        {"id": opaque("ArtifactAlias", artifact.id, alias), "alias": alias, "collection": artifact.collection}
        for alias in artifact.aliases
    ]


_RUN_TYPE: dict[str, FieldType] = {
    **readers(
        id=lambda run: run.id,
        projectId=lambda run: run.project.number,
        internalId=lambda run: run.id,
        name=lambda run: run.name,
        displayName=lambda run: run.display_name,
        tags=lambda run: run.tags,
        sweepName=lambda run: run.sweep,
        group=lambda run: run.group,
        jobType=lambda run: run.job_type,
        commit=lambda run: run.commit,
        host=lambda run: run.host,
        description=lambda run: run.description,
        notes=lambda run: run.notes,
        createdAt=lambda run: stamp(run.created),
        heartbeatAt=lambda run: stamp(run.heartbeat),
        historyLineCount=lambda run: len(run.history),
        eventsLineCount=lambda run: len(run.events),
        logLineCount=lambda run: len(run.log),
        historyTail=lambda run: json.dumps([json.dumps(row) for row in run.history[-1:]]),
        eventsTail=lambda run: json.dumps([json.dumps(row) for row in run.events[-1:]]),
        fileCount=lambda run: len(run.files),
        historyKeys=lambda run: history.keys(run.history),
        systemMetrics=lambda run: json.dumps(run.events[-1] if run.events else {}),
    ),
    **constants(readOnly=False, stopped=False),
    "state": FieldType(lambda run, _a, context: run.state_at(context.store.now())),
    "user": leads_to("User", lambda run: User(run.username, ())),
    "project": leads_to("Project", lambda run: run.project),
    "config": computed(_config, arguments="keys"),
    "wandbConfig": computed(
        lambda run, a, _c: _keyed(run.config.get("_wandb", {}).get("value", {}), a.get("keys")), arguments="keys"
    ),
    "summaryMetrics": computed(lambda run, a, _c: _keyed(run.summary, a.get("keys")), arguments="keys"),
    "sampledHistory": computed(_sampled, arguments="specs"),
    "history": computed(_history, arguments="samples minStep maxStep"),
    "parquetHistory": computed(_parquet, "ParquetHistory", "liveKeys"),
    "events": computed(
        lambda run, a, _c: [json.dumps(row) for row in history.thin(run.events, int(a.get("samples") or 500))],
        arguments="samples",
    ),
    "inputArtifacts": computed(_artifacts("inputs"), "ArtifactConnection", "after first"),
    "outputArtifacts": computed(_artifacts("outputs"), "ArtifactConnection", "after first"),
    "files": computed(_run_files, "FileConnection", "after first names pattern"),
}

_ARTIFACT_TYPE: dict[str, FieldType] = {
    **readers(
        id=lambda artifact: artifact.id,
        digest=lambda artifact: artifact.digest,
        state=lambda artifact: artifact.state,
        description=lambda artifact: artifact.description,
        metadata=lambda artifact: json.dumps(artifact.metadata),
        versionIndex=lambda artifact: artifact.version,
        commitHash=lambda artifact: artifact.commit_hash,
        createdAt=lambda artifact: stamp(artifact.created),
        updatedAt=lambda artifact: stamp(artifact.created),
        fileCount=lambda artifact: len(artifact.files),
    ),
    **constants(ttlDurationSeconds=-2, ttlIsInherited=True, historyStep=None),
    "size": FieldType(lambda artifact, _a, context: sum(len(context.store.blobs[b]) for b in artifact.files.values())),
    "tags": leads_to("Tag", lambda artifact: [{"id": opaque("Tag", tag), "name": tag} for tag in artifact.tags]),
    "artifactType": leads_to("ArtifactType", lambda artifact: artifact.collection),
    "artifactSequence": leads_to("ArtifactSequence", lambda artifact: artifact.collection),
    "aliases": leads_to("ArtifactAlias", _aliases),
    "currentManifest": leads_to("ArtifactManifest", lambda artifact: artifact),
    "createdBy": leads_to("Run", lambda artifact: artifact.run),
}

TYPES: dict[str, dict[str, FieldType]] = {
    "Query": {
        "viewer": FieldType(lambda _o, _a, context: context.user, "User"),
        "serverInfo": leads_to("ServerInfo", lambda _o: {}),
        "project": computed(_project, "Project", "name entityName"),
        "model": computed(_project, "Project", "name entityName"),
        "entity": computed(lambda _o, a, c: a["name"] if a["name"] in c.user.entities else None, "Entity", arguments="name"),
        "artifact": computed(lambda _o, a, c: c.store.artifacts.get(a["id"]), "Artifact", "id"),
        "clientIDMapping": computed(
            lambda _o, a, c: next((x for x in c.store.artifacts.values() if x.client_id == a["clientID"]), None),
            "ClientIDMapping",
            "clientID",
        ),
    },
    "ClientIDMapping": readers(serverID=lambda artifact: artifact.id),
    "ServerInfo": {"features": leads_to("ServerFeature", lambda _o: list(FEATURES))},
    "ServerFeature": {**readers(name=lambda name: name), **constants(isEnabled=True)},
    "Entity": {
        **readers(id=lambda name: opaque("Entity", name), name=lambda name: name),
        **constants(xxhashDigestsEnabled=False),
        "organization": leads_to("Organization", lambda _name: None),
    },
    "Organization": {**constants(name="", coreWeaveOrganizationId=None), "orgEntity": leads_to("Entity", str)},
    "User": {
        **readers(
            id=lambda user: opaque("User", user.username),
            name=lambda user: user.username,
            username=lambda user: user.username,
            email=lambda user: f"{user.username}@example.invalid",
            entity=lambda user: user.entities[0] if user.entities else user.username,
        ),
        **constants(admin=False, flags="{}", deletedAt=None),
        "teams": leads_to(
            "EntityConnection", lambda user: page([*user.entities[1:]], {"first": len(user.entities)}, lambda name: name)
        ),
        "apiKeys": leads_to("ApiKeyConnection", lambda _user: page([], {}, str)),
    },
    "ApiKey": constants(id="", name="", description=None),
    "Project": {
        **readers(
            id=lambda project: project.id,
            internalId=lambda project: str(project.number),
            name=lambda project: project.name,
            entityName=lambda project: project.entity,
            createdAt=lambda project: stamp(project.created),
        ),
        **constants(readOnly=False, isBenchmark=False),
        "user": FieldType(lambda _o, _a, context: context.user, "User"),
        "entity": leads_to("Entity", lambda project: project.entity),
        "runCount": computed(lambda project, a, _c: len(_select(project, a)), arguments="filters"),
        "runs": computed(
            lambda project, a, _c: page(_select(project, a), a, lambda run: str(run.id)),
            "RunConnection",
            "filters after first order",
        ),
        "run": computed(lambda project, a, _c: project.runs.get(a["name"]), "Run", "name"),
        "bucket": computed(lambda project, a, _c: project.runs.get(a["name"]), "Run", "name missingOk"),
        "artifactType": computed(
            lambda project, a, _c: next((c for c in project.collections.values() if c.type == a["name"]), None),
            "ArtifactType",
            "name",
        ),
        "artifactCollection": computed(
            lambda project, a, _c: project.collections.get(a["name"]), "ArtifactSequence", "name"
        ),
        "artifact": computed(_membership, "Artifact", "name"),
        "artifactCollectionMembership": computed(_membership, "ArtifactCollectionMembership", "name"),
    },
    "Run": _RUN_TYPE,
    "ParquetHistory": {**constants(parquetUrls=[]), **readers(liveData=lambda found: found["live"])},
    "File": {
        **items("id", "name", "storagePath", "updatedAt"),
        **readers(displayName=itemgetter("name")),
        **constants(mimetype="application/octet-stream", md5=None, digest=None),
        "sizeBytes": FieldType(lambda item, _a, c: len(c.store.blobs[item["storagePath"]])),
        "url": computed(lambda item, _a, c: c.address(item["storagePath"]), arguments="upload"),
        "directUrl": FieldType(lambda item, _a, c: c.address(item["storagePath"])),
    },
    "Artifact": _ARTIFACT_TYPE,
    "ArtifactType": {
        **readers(
            id=lambda collection: opaque("ArtifactType", collection.type),
            name=lambda collection: collection.type,
            createdAt=lambda collection: stamp(collection.project.created),
        ),
        **constants(description=None),
        "artifactCollection": computed(
            lambda collection, a, _c: collection.project.collections.get(a["name"]), "ArtifactSequence", "name"
        ),
    },
    "ArtifactSequence": {
        **readers(id=lambda collection: collection.id, name=lambda collection: collection.name),
        "project": leads_to("Project", lambda collection: collection.project),
        "artifactMembership": computed(
            lambda collection, a, _c: collection.find(a["aliasName"]), "ArtifactCollectionMembership", "aliasName"
        ),
        "latestArtifact": leads_to("Artifact", lambda collection: collection.aliases.get("latest")),
    },
    "ArtifactCollectionMembership": {
        **readers(
            id=lambda artifact: opaque("ArtifactCollectionMembership", artifact.id),
            versionIndex=lambda artifact: artifact.version,
            createdAt=lambda artifact: stamp(artifact.created),
        ),
        "aliases": leads_to("ArtifactAlias", _aliases),
        "files": computed(_artifact_files, "FileConnection", "after first names"),
        "artifactCollection": leads_to("ArtifactSequence", lambda artifact: artifact.collection),
        "artifact": leads_to("Artifact", lambda artifact: artifact),
    },
    "ArtifactAlias": {
        **items("id", "alias"),
        "artifactCollection": leads_to("ArtifactSequence", lambda item: item["collection"]),
    },
    "Tag": items("id", "name"),
    "ArtifactManifest": {
        **readers(id=lambda artifact: artifact.id),
        "file": leads_to("ArtifactManifestFile", lambda artifact: artifact),
    },
    "ArtifactManifestFile": {
        **readers(id=lambda artifact: artifact.manifest),
        **constants(uploadHeaders=[]),
        "uploadUrl": FieldType(lambda artifact, _a, context: context.address(artifact.manifest)),
        "directUrl": FieldType(lambda artifact, _a, context: context.address(artifact.manifest)),
    },
    "PageInfo": items("endCursor", "hasNextPage"),
    **connection("Run", "Run"),
    **connection("File", "File"),
    **connection("Artifact", "Artifact"),
    **connection("Entity", "Entity"),
    **connection("ApiKey", "ApiKey"),
}


def without_keys(types: Mapping[str, Mapping[str, FieldType]]) -> dict[str, dict[str, FieldType]]:
    """The schema of a server that can only give `config` and `summaryMetrics` whole."""
    older = {name: dict(fields) for name, fields in types.items()}
    for name in ("config", "summaryMetrics"):
        whole = older["Run"][name]
        older["Run"][name] = FieldType(whole.resolve, whole.of, whole.arguments - {"keys"})
    return older
