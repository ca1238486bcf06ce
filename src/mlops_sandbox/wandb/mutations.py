"""The mutations of W&B's GraphQL schema that logging needs, over the store."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from mlops_sandbox.wandb.execute import FieldType, Refused, Resolver
from mlops_sandbox.wandb.fields import connection
from mlops_sandbox.wandb.schema import TYPES, Request
from mlops_sandbox.wandb.store import Artifact, Project, Run

Input = Mapping[str, Any]

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


def _entity(given: Any, context: Request) -> str:
    entity = str(given or context.user.entities[0])
    if entity not in context.user.entities:
        raise Refused(f"permission denied: {context.user.username} may not write to {entity}")
    return entity


def _project(given: Input, context: Request) -> Project:
    return context.store.project(_entity(given.get("entityName"), context), str(given.get("projectName") or "uncategorized"))


def _run(project: Project, name: Any) -> Run:
    run = project.runs.get(str(name))
    if run is None:
        raise Refused(f"could not find run {project.entity}/{project.name}/{name}")
    return run


def _artifact(context: Request, identifier: Any) -> Artifact:
    artifact = context.store.artifacts.get(str(identifier))
    if artifact is None:
        raise Refused(f"could not find artifact {identifier}")
    return artifact


def _upsert_bucket(given: Input, context: Request) -> dict[str, Any]:
    store = context.store
    run = store.run_by_id(str(given["id"])) if given.get("id") else None
    if given.get("id") and run is None:
        raise Refused("could not find run to update")
    inserted = False
    if run is None:
        project = store.project(_entity(given.get("entityName"), context), str(given.get("modelName") or "uncategorized"))
        name = str(given.get("name") or secrets.token_hex(4))
        run = project.runs.get(name)
        if run is None:
            inserted = True
            run = store.add_run(project.entity, project.name, name=name, username=context.user.username, state="running")
            run.display_name = f"run-{len(project.runs)}"
    for key, attribute in _RUN_FIELDS.items():
        if given.get(key) is not None:
            setattr(run, attribute, given[key])
    for key, attribute in (("config", "config"), ("summaryMetrics", "summary")):
        if given.get(key) is not None:
            setattr(run, attribute, json.loads(given[key], parse_constant=str))
    run.heartbeat = store.now()
    return {"bucket": run, "inserted": inserted}


def _create_run_files(given: Input, context: Request) -> dict[str, Any]:
    run = _run(_project(given, context), given["runName"])
    for name in given["files"]:
        run.files.setdefault(name, context.store.blob())
    return {
        "runID": run.id,
        "uploadHeaders": [],
        "files": [{"name": name, "uploadUrl": context.address(run.files[name])} for name in given["files"]],
    }


def _create_artifact(given: Input, context: Request) -> dict[str, Any]:
    project = _project(given, context)
    names = given.get("artifactCollectionNames") or [given.get("artifactCollectionName")]
    collection = project.collection(str(names[0]), str(given["artifactTypeName"]))
    if collection.type != given["artifactTypeName"]:
        raise Refused(f"artifact collection {collection.name} is of type {collection.type}")
    run = _run(project, given["runName"]) if given.get("runName") else None
    aliases = [str(alias["alias"]) for alias in given.get("aliases") or []]
    if given.get("enableDigestDeduplication"):
        for version in collection.versions:
            if version.digest == given["digest"] and version.state == "COMMITTED":
                for alias in aliases:
                    collection.aliases[alias] = version
                if run is not None and version not in run.outputs:
                    run.outputs.append(version)
                return {"artifact": version}
    made = context.store.add_artifact(
        collection,
        str(given["digest"]),
        run=run,
        committed=False,
        description=given.get("description"),
        metadata=json.loads(given.get("metadata") or "{}"),
        client_id=given.get("clientID"),
        tags=[str(tag["tagName"]) for tag in given.get("tags") or []],
        wanted_aliases=aliases,
    )
    return {"artifact": made}


def _create_artifact_manifest(given: Input, context: Request) -> dict[str, Any]:
    artifact = _artifact(context, given["artifactID"])
    # A PATCH or INCREMENTAL manifest is not what readers fetch in the end.
    if given.get("type") in {None, "FULL"}:
        artifact.manifest = artifact.manifest or context.store.blob()
    return {"artifactManifest": artifact}


def _create_artifact_files(given: Input, context: Request) -> dict[str, Any]:
    edges = []
    for wanted in given["artifactFiles"]:
        artifact = _artifact(context, wanted["artifactID"])
        blob = artifact.files.setdefault(str(wanted["name"]), context.store.blob())
        edges.append({"node": {"artifact": artifact, "blob": blob, "name": wanted["name"]}, "cursor": ""})
    info = {"hasNextPage": False, "endCursor": None}
    return {"files": {"edges": edges, "pageInfo": info, "total": len(edges)}}


def _commit_artifact(given: Input, context: Request) -> dict[str, Any]:
    artifact = _artifact(context, given["artifactID"])
    artifact.collection.commit(artifact)
    return {"artifact": artifact}


def _use_artifact(given: Input, context: Request) -> dict[str, Any]:
    run = _run(_project(given, context), given["runName"])
    artifact = _artifact(context, given["artifactID"])
    if artifact not in run.inputs:
        run.inputs.append(artifact)
    return {"artifact": artifact}


def _update_artifact(given: Input, context: Request) -> dict[str, Any]:
    artifact = _artifact(context, given["artifactID"])
    if given.get("metadata") is not None:
        artifact.metadata = json.loads(given["metadata"])
    if given.get("description") is not None:
        artifact.description = str(given["description"])
    for tag in given.get("tagsToAdd") or []:
        artifact.tags.append(str(tag["tagName"]))
    if given.get("aliases") is not None:
        wanted = {str(alias["alias"]) for alias in given["aliases"]}
        for alias in set(artifact.aliases) - wanted:
            del artifact.collection.aliases[alias]
        artifact.collection.aliases.update(dict.fromkeys(wanted, artifact))
    return {"artifact": artifact}


def _aliases(given: Input, context: Request, *, add: bool) -> dict[str, Any]:
    artifact = _artifact(context, given["artifactID"])
    for entry in given["aliases"]:
        alias = str(entry["alias"])
        if add:
            artifact.collection.aliases[alias] = artifact
        elif artifact.collection.aliases.get(alias) is artifact:
            del artifact.collection.aliases[alias]
    return {"success": True}


def _delete_run(given: Input, context: Request) -> dict[str, Any]:
    run = context.store.run_by_id(str(given["id"]))
    if run is None:
        raise Refused("could not find run to delete")
    del run.project.runs[run.name]
    return {"clientMutationId": given.get("clientMutationId")}


def _takes_input(act: Any, of: str) -> FieldType:
    resolve: Resolver = lambda _root, arguments, context: act(arguments["input"], context)  # noqa: E731
    return FieldType(resolve, of, frozenset({"input"}))


def _payload(**fields: str) -> dict[str, FieldType]:
    """A payload type: field → its object type, or empty for a scalar."""
    return {name: FieldType(_item(name), of) for name, of in fields.items()}


def _item(name: str) -> Resolver:
    return lambda parent, _arguments, _context: parent[name]


SCHEMA: dict[str, dict[str, FieldType]] = {
    **TYPES,
    "Mutation": {
        "upsertBucket": _takes_input(_upsert_bucket, "UpsertBucketPayload"),
        "createRunFiles": _takes_input(_create_run_files, "CreateRunFilesPayload"),
        "deleteRun": _takes_input(_delete_run, "DeleteRunPayload"),
        "createArtifact": _takes_input(_create_artifact, "CreateArtifactPayload"),
        "createArtifactManifest": _takes_input(_create_artifact_manifest, "ManifestPayload"),
        "updateArtifactManifest": _takes_input(
            lambda given, context: {"artifactManifest": _artifact(context, given["artifactManifestID"])},
            "ManifestPayload",
        ),
        "createArtifactFiles": _takes_input(_create_artifact_files, "CreateArtifactFilesPayload"),
        "commitArtifact": _takes_input(_commit_artifact, "ArtifactPayload"),
        "useArtifact": _takes_input(_use_artifact, "ArtifactPayload"),
        "updateArtifact": _takes_input(_update_artifact, "ArtifactPayload"),
        "addAliases": _takes_input(lambda given, context: _aliases(given, context, add=True), "SuccessPayload"),
        "deleteAliases": _takes_input(lambda given, context: _aliases(given, context, add=False), "SuccessPayload"),
    },
    "UpsertBucketPayload": _payload(bucket="Run", inserted=""),
    "CreateRunFilesPayload": _payload(runID="", uploadHeaders="", files="UploadFile"),
    "UploadFile": _payload(name="", uploadUrl=""),
    "DeleteRunPayload": _payload(clientMutationId=""),
    "CreateArtifactPayload": _payload(artifact="Artifact"),
    "ArtifactPayload": _payload(artifact="Artifact"),
    "ManifestPayload": _payload(artifactManifest="ArtifactManifest"),
    "CreateArtifactFilesPayload": _payload(files="ArtifactFileConnection"),
    "SuccessPayload": _payload(success=""),
    "ArtifactFile": {
        "artifact": FieldType(lambda o, _a, _c: o["artifact"], "Artifact"),
        "name": FieldType(lambda o, _a, _c: o["name"]),
        "storagePath": FieldType(lambda o, _a, _c: o["blob"]),
        "uploadUrl": FieldType(lambda o, _a, context: context.address(o["blob"])),
        "uploadHeaders": FieldType(lambda _o, _a, _c: []),
        "uploadMultipartUrls": FieldType(lambda _o, _a, _c: None, "UploadMultipart"),
    },
    "UploadMultipart": {
        "uploadID": FieldType(lambda _o, _a, _c: None),
        "uploadUrlParts": FieldType(lambda _o, _a, _c: [], "UploadPart"),
    },
    "UploadPart": {
        "partNumber": FieldType(lambda _o, _a, _c: None),
        "uploadUrl": FieldType(lambda _o, _a, _c: None),
    },
    **connection("ArtifactFile", "ArtifactFile"),
}
