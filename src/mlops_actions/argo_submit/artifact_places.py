"""Read where Argo has stored the artifacts of a node. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def places(outputs: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """Return name, bucket and key of the artifacts in a node's outputs."""
    return tuple((str(one["name"]), *_place(one)) for one in outputs.get("artifacts") or () if one.get("name"))


def _place(entry: Mapping[str, Any]) -> tuple[str, str]:
    for kind, bucket, key in (
        ("s3", "bucket", "key"),
        ("gcs", "bucket", "key"),
        ("oss", "bucket", "key"),
        ("azure", "container", "blob"),
        ("hdfs", "", "path"),
        ("artifactory", "", "url"),
        ("http", "", "url"),
    ):
        if isinstance(place := entry.get(kind), dict):
            return str(place.get(bucket) or ""), str(place.get(key) or "")
    return "", ""


def bucket_of_repository(status: Mapping[str, Any]) -> str:
    """Return the bucket of the workflow's artifact repository, which its artifacts do not repeat; empty where unknown."""
    repository = (status.get("artifactRepositoryRef") or {}).get("artifactRepository") or {}
    return next((_place({kind: place})[0] for kind, place in repository.items() if isinstance(place, dict)), "")
