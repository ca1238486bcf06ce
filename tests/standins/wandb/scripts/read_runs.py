"""Read everything back with the SDK's own `Api`, as JSON on standard output."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import wandb


def plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if not key.startswith("_")}
    return [plain(item) for item in value] if isinstance(value, list) else value


def artifacts(listed: Iterable[Any]) -> list[list[object]]:
    return [[artifact.name, artifact.type, artifact.digest, artifact.aliases] for artifact in listed]


api = wandb.Api()
runs = {
    run.id: {
        "name": run.name,
        "state": run.state,
        "tags": run.tags,
        "group": run.group,
        "job_type": run.job_type,
        "commit": run.commit,
        "notes": run.notes,
        "config": plain(run.config),
        "summary": plain(run.summary._json_dict),
        "url": run.url,
        "curve": run.history(keys=["loss"], pandas=False),
        "scanned": len(list(run.scan_history())),
        "used": artifacts(run.used_artifacts()),
        "logged": artifacts(run.logged_artifacts()),
    }
    for run in api.runs("sandbox/digits", per_page=1, lazy=False)
}
print(
    json.dumps(
        {
            "runs": runs,
            "cheap": [run.id for run in api.runs("sandbox/digits", filters={"config.lr": {"$lt": 0.15}})],
            "tagged": [run.id for run in api.runs("sandbox/digits", filters={"tags": {"$in": ["baseline"]}})],
            "newest first": [run.id for run in api.runs("sandbox/digits", order="-created_at")],
        }
    )
)
