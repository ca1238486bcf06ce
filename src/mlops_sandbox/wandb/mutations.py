"""Resolvers of the mutations that logging needs."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable

from mlops_actions.core.types import Json
from mlops_sandbox.graphql_execution import Resolver, ResolverError, Resolvers
from mlops_sandbox.wandb.context import RequestContext
from mlops_sandbox.wandb.paging import connection
from mlops_sandbox.wandb.queries import constant
from mlops_sandbox.wandb.store import Artifact, Collection, Project, Run

DEFAULT_PROJECT = "uncategorized"
# Input field of upsertBucket → attribute of Run. A field that is null leaves the run as it is.
_RUN_FIELDS = {
    "displayName": "display_name",
    "groupName": "group",
    "jobType": "job_type",
    "description": "description",
    "notes": "notes",
    "commit": "commit",
    "host": "host",
    "state": "state",
    "sweep": "sweep",
    "tags": "tags",
}


def _writable_entity(entity: str | None, context: RequestContext) -> str:
    if not entity:
        return context.user.entities[0]
    if entity not in context.user.entities:
        raise ResolverError(f"permission denied: {context.user.username} may not write to {entity}")
    return entity


def _project(fields: Json, context: RequestContext) -> Project:
    entity = _writable_entity(fields.get("entityName"), context)
    return context.store.project(entity, fields.get("projectName") or DEFAULT_PROJECT)


def _run(project: Project, name: str) -> Run:
    run = project.runs.get(name)
    if run is None:
        raise ResolverError(f"could not find run {project.entity}/{project.name}/{name}")
    return run


def _artifact(context: RequestContext, identifier: str) -> Artifact:
    artifact = context.store.artifacts.get(identifier)
    if artifact is None:
        raise ResolverError(f"could not find artifact {identifier}")
    return artifact


def _upsert_bucket(fields: Json, context: RequestContext) -> Json:
    run, inserted = _bucket(fields, context)
    for key, attribute in _RUN_FIELDS.items():
        if fields.get(key) is not None:
            setattr(run, attribute, fields[key])
    for key, attribute in (("config", "config"), ("summaryMetrics", "summary")):
        if fields.get(key) is not None:
            setattr(run, attribute, json.loads(fields[key], parse_constant=str))
    run.heartbeat = context.store.now()
    return {"bucket": run, "inserted": inserted}


def _bucket(fields: Json, context: RequestContext) -> tuple[Run, bool]:
    """Return the run that the input names, created where there is none, and whether it was created."""
    store = context.store
    if fields.get("id"):
        run = store.run_by_id(fields["id"])
        if run is None:
            raise ResolverError("could not find run to update")
        return run, False
    project = store.project(_writable_entity(fields.get("entityName"), context), fields.get("modelName") or DEFAULT_PROJECT)
    name = fields.get("name") or secrets.token_hex(4)
    if name in project.runs:
        return project.runs[name], False
    run = store.add_run(project.entity, project.name, name=name, username=context.user.username, state="running")
    run.display_name = f"run-{len(project.runs)}"
    return run, True


def _create_run_files(fields: Json, context: RequestContext) -> Json:
    run = _run(_project(fields, context), fields["runName"])
    for name in fields["files"]:
        run.files.setdefault(name, context.store.new_blob())
    return {
        "runID": run.id,
        "uploadHeaders": [],
        "files": [{"name": name, "uploadUrl": context.file_url(run.files[name])} for name in fields["files"]],
    }


def _delete_run(fields: Json, context: RequestContext) -> Json:
    run = context.store.run_by_id(fields["id"])
    if run is None:
        raise ResolverError("could not find run to delete")
    del run.project.runs[run.name]
    return {"clientMutationId": fields.get("clientMutationId")}


def _create_artifact(fields: Json, context: RequestContext) -> Json:
    project = _project(fields, context)
    names = fields.get("artifactCollectionNames") or [fields.get("artifactCollectionName")]
    collection = project.collection(str(names[0]), fields["artifactTypeName"])
    if collection.type != fields["artifactTypeName"]:
        raise ResolverError(f"artifact collection {collection.name} is of type {collection.type}")
    run = _run(project, fields["runName"]) if fields.get("runName") else None
    aliases = [alias["alias"] for alias in fields.get("aliases") or []]
    if fields.get("enableDigestDeduplication") and (same := _version_with_digest(collection, fields["digest"])):
        collection.aliases.update(dict.fromkeys(aliases, same))
        if run is not None and same not in run.outputs:
            run.outputs.append(same)
        return {"artifact": same}
    artifact = context.store.add_artifact(
        collection,
        fields["digest"],
        run=run,
        committed=False,
        description=fields.get("description"),
        metadata=json.loads(fields.get("metadata") or "{}"),
        client_id=fields.get("clientID"),
        tags=[tag["tagName"] for tag in fields.get("tags") or []],
        requested_aliases=aliases,
    )
    return {"artifact": artifact}


def _version_with_digest(collection: Collection, digest: str) -> Artifact | None:
    versions = (version for version in collection.versions if version.digest == digest and version.state == "COMMITTED")
    return next(versions, None)


def _create_artifact_manifest(fields: Json, context: RequestContext) -> Json:
    artifact = _artifact(context, fields["artifactID"])
    # Readers never download a PATCH or INCREMENTAL manifest.
    if fields.get("type") in {None, "FULL"}:
        artifact.manifest = artifact.manifest or context.store.new_blob()
    return {"artifactManifest": artifact}


def _update_artifact_manifest(fields: Json, context: RequestContext) -> Json:
    return {"artifactManifest": _artifact(context, fields["artifactManifestID"])}


def _create_artifact_files(fields: Json, context: RequestContext) -> Json:
    files = []
    for spec in fields["artifactFiles"]:
        artifact = _artifact(context, spec["artifactID"])
        blob = artifact.files.setdefault(spec["name"], context.store.new_blob())
        files.append({"artifact": artifact, "storagePath": blob, "name": spec["name"]})
    return {"files": connection(files, lambda file: str(file["storagePath"]), first=len(files))}


def _commit_artifact(fields: Json, context: RequestContext) -> Json:
    artifact = _artifact(context, fields["artifactID"])
    artifact.collection.commit(artifact)
    return {"artifact": artifact}


def _use_artifact(fields: Json, context: RequestContext) -> Json:
    run = _run(_project(fields, context), fields["runName"])
    artifact = _artifact(context, fields["artifactID"])
    if artifact not in run.inputs:
        run.inputs.append(artifact)
    return {"artifact": artifact}


def _update_artifact(fields: Json, context: RequestContext) -> Json:
    artifact = _artifact(context, fields["artifactID"])
    if fields.get("metadata") is not None:
        artifact.metadata = json.loads(fields["metadata"])
    if fields.get("description") is not None:
        artifact.description = fields["description"]
    artifact.tags += [tag["tagName"] for tag in fields.get("tagsToAdd") or []]
    if fields.get("aliases") is not None:
        aliases = {alias["alias"] for alias in fields["aliases"]}
        for alias in set(artifact.aliases) - aliases:
            del artifact.collection.aliases[alias]
        artifact.collection.aliases.update(dict.fromkeys(aliases, artifact))
    return {"artifact": artifact}


def _add_aliases(fields: Json, context: RequestContext) -> Json:
    artifact = _artifact(context, fields["artifactID"])
    artifact.collection.aliases.update({entry["alias"]: artifact for entry in fields["aliases"]})
    return {"success": True}


def _delete_aliases(fields: Json, context: RequestContext) -> Json:
    artifact = _artifact(context, fields["artifactID"])
    for entry in fields["aliases"]:
        if artifact.collection.aliases.get(entry["alias"]) is artifact:
            del artifact.collection.aliases[entry["alias"]]
    return {"success": True}


def _mutation(mutate: Callable[[Json, RequestContext], Json]) -> Resolver:
    return lambda _root, context, **arguments: mutate(arguments["input"], context)


RESOLVERS: Resolvers = {
    "Mutation": {
        "upsertBucket": _mutation(_upsert_bucket),
        "createRunFiles": _mutation(_create_run_files),
        "deleteRun": _mutation(_delete_run),
        "createArtifact": _mutation(_create_artifact),
        "createArtifactManifest": _mutation(_create_artifact_manifest),
        "updateArtifactManifest": _mutation(_update_artifact_manifest),
        "createArtifactFiles": _mutation(_create_artifact_files),
        "commitArtifact": _mutation(_commit_artifact),
        "useArtifact": _mutation(_use_artifact),
        "updateArtifact": _mutation(_update_artifact),
        "addAliases": _mutation(_add_aliases),
        "deleteAliases": _mutation(_delete_aliases),
    },
    "ArtifactFile": {
        "uploadUrl": lambda file, context: context.file_url(file["storagePath"]),
        "uploadHeaders": constant([]),
        "uploadMultipartUrls": constant(None),
    },
}
