"""The JSON Schema of the predicate, which `docs/schemas/predicate.json` publishes. `statement.py` explains the form.

It describes what wandb-runs writes. A reader must ignore unknown keys, so the schema allows them.
"""

from __future__ import annotations

from mlops_actions.core.statement import JUDGES, MAX_ENTRIES, PREDICATE_TYPE
from mlops_actions.core.types import Json

_TEXT: Json = {"type": "string"}
_COUNT: Json = {"type": "integer", "minimum": 0}
_COMMIT: Json = {"type": "string", "pattern": "^([0-9a-f]{40})?$"}
_SHA256: Json = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def _object(required: Json, optional: Json | None = None, description: str = "") -> Json:
    told = {"description": description} if description else {}
    return {**told, "type": "object", "required": list(required), "properties": {**required, **(optional or {})}}


def _list(items: Json, description: str = "") -> Json:
    told = {"description": description} if description else {}
    return {**told, "type": "array", "maxItems": MAX_ENTRIES, "items": items}


_SHA256_DIGEST = _object({"sha256": _SHA256})
_ARTIFACT_FIELDS: Json = {
    "name": {"type": "string", "description": "`name:v3`; a model's name begins with its project."},
    "type": _TEXT,
    "digest": {
        "type": "object",
        "description": "The tracker's own digest; its adapter names the algorithm.",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": _TEXT,
    },
}
_FILE = _object({"path": _TEXT, "size": {**_COUNT, "description": "Bytes."}, "digest": _SHA256_DIGEST})
_RUN_FIELDS: Json = {
    "id": _TEXT,
    "url": _TEXT,
    "commit": {**_COMMIT, "description": "As the tracker recorded it; empty: it recorded none."},
    "metrics": {"type": "object", "additionalProperties": {"type": "number"}, "description": "By name, at the end."},
}
_TRAINED_RUN = _object(
    {
        **_RUN_FIELDS,
        "uncommittedChanges": {
            "type": ["boolean", "null"],
            "description": "Whether the source tree differed from the commit; null: the tracker does not tell.",
        },
        "datasets": _list(_object(_ARTIFACT_FIELDS)),
    }
)
_BY = _object({"metric": _TEXT, "direction": {"enum": ["min", "max"]}}, description="The metric that chose, if one did.")
_QUERY: Json = {
    "type": "object",
    "description": "How the tracker was asked: `runIds`, `commit`, `tags`, …. A missing condition restricts nothing.",
}

PREDICATE_SCHEMA: Json = {
    "title": f"The predicate of {PREDICATE_TYPE}",
    **_object(
        {
            "commit": _object(
                {"repository": {"type": "string", "format": "uri"}, "sha": {**_COMMIT, "minLength": 40}},
                {"pullRequest": {"type": "integer", "minimum": 1}},
            ),
            "tracker": _object({"server": {"type": "string", "format": "uri"}, "project": _TEXT}),
            "evaluatedAt": {"type": "string", "format": "date-time", "description": "When the runs were read and judged."},
            "runs": {**_list(_TRAINED_RUN, "The judged runs: one, or the seeds of a group."), "minItems": 1},
            "candidates": _object(
                {
                    "query": _QUERY,
                    "runs": _list(_TEXT, "Ids."),
                    "judge": {"enum": list(JUDGES), "description": "The input `judge`."},
                    "byGroup": {"type": "boolean", "description": "Whether groups of seeds were compared."},
                },
                {"by": _BY},
                description="The runs that the judged ones were chosen among.",
            ),
            "gates": _list(
                _object({"rule": _TEXT, "value": {"type": "number"}, "required": {"type": "number"}}),
                "The gates that the judged runs passed, with the numbers that were compared.",
            ),
        },
        {
            "baselines": _object(
                {"query": _QUERY, "limit": _COUNT, "groups": _list({**_list(_object(_RUN_FIELDS)), "minItems": 1})},
                {"by": _BY},
                description="What gates compared with, newest first: single runs, or groups of seeds.",
            ),
            "image": _object({"name": _TEXT, "digest": _SHA256_DIGEST}, description="The training image."),
            "model": _object(
                {**_ARTIFACT_FIELDS, "files": {**_list(_FILE, "All files of the model; each is a subject."), "minItems": 1}}
            ),
            "workflow": _object({}, {"uid": _TEXT, "url": _TEXT}, "The training workflow."),
            "job": {"type": "string", "format": "uri", "description": "The run of the workflow that wrote the statement."},
        },
    ),
}
