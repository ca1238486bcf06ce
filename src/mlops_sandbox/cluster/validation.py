"""The checks that the API server makes before it stores an object."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import status
from mlops_sandbox.cluster.resources import Resource

FIELDS = ("apiVersion", "kind", "metadata", "spec", "status")
METADATA_FIELDS = (
    "annotations", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName",
    "generation", "labels", "managedFields", "name", "namespace", "ownerReferences", "resourceVersion", "selfLink", "uid",
)  # fmt: skip
MAX_SUBDOMAIN_LENGTH = 253
MAX_LABEL_LENGTH = 63

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")


def check(resource: Resource, namespace: str, value: object) -> Json:
    """Return the object if it may be stored here; raises ApiError 400 or 422 as Kubernetes does."""
    if not isinstance(value, dict):
        raise status.bad_request("the object provided is unrecognized (must be of type Status)")
    custom = bool(resource.group)  # custom resources: a wrong kind is an invalid field, not a type that cannot be decoded
    if value.get("apiVersion") != resource.api_version or (not custom and value.get("kind") != resource.kind):
        raise status.bad_request(
            f"the API version in the data ({value.get('apiVersion')}, Kind={value.get('kind')}) "
            f"does not match the expected API version ({resource.api_version}, Kind={resource.kind})"
        )
    kind = value.get("kind")
    if not kind:
        raise status.bad_request("Object 'Kind' is missing")
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        raise _invalid(resource, "", "metadata: Required value")
    name = str(metadata.get("name") or "")
    if kind != resource.kind:
        problem = f'kind: Invalid value: "{kind}": must be {resource.kind}'
        raise status.invalid(str(kind), resource.group, name, problem)
    if metadata.get("namespace") not in (None, "", namespace):
        raise status.bad_request("the namespace of the provided object does not match the namespace sent on the request")
    _check_name(resource, name, str(metadata.get("generateName") or ""))
    _check_labels(resource, name, metadata)
    if resource.requires_spec and not isinstance(value.get("spec"), dict):
        raise _invalid(resource, name, "spec: Required value")
    return value


def check_fields(resource: Resource, value: Json, level: str, missing: Iterable[str]) -> list[str]:
    """Remove the fields that the definitions lack, and return a warning of each; raises ApiError 400 where it is `Strict`.

    The definitions know the fields around the spec, and, as Argo's minimal ones, accept any in it but those in `missing`.
    https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation
    """
    if level not in ("", "Ignore", "Warn", "Strict"):
        raise status.bad_request(
            f'fieldValidation: Unsupported value: "{level}": supported values: "Ignore", "Strict", "Warn"'
        )
    unknown = [path for path in missing if _remove(value, re.split(r"[.\[\]]+", path.rstrip("]")))]
    for owner, name, known in ((value, "", FIELDS), (value["metadata"], "metadata.", METADATA_FIELDS)):
        for key in [key for key in owner if key not in known]:
            del owner[key]
            unknown.append(f"{name}{key}")
    texts = [f'unknown field "{path}"' for path in sorted(unknown)]
    if texts and level == "Strict":
        raise status.bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
            f"strict decoding error: {', '.join(texts)}"
        )
    return [] if level == "Ignore" else texts


def _remove(value: Any, path: list[str]) -> bool:
    *above, last = path
    for part in above:
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (LookupError, TypeError, ValueError):
            return False
    return isinstance(value, dict) and value.pop(last, None) is not None


def _check_name(resource: Resource, name: str, base: str) -> None:
    if not name and not base:
        raise _invalid(resource, "", "metadata.name: Required value: name or generateName is required")
    resulting = name or base + "x"
    if len(resulting) > MAX_SUBDOMAIN_LENGTH or not _SUBDOMAIN.fullmatch(resulting):
        raise _invalid(
            resource,
            name,
            f'metadata.name: Invalid value: "{resulting}": a lowercase RFC 1123 subdomain must consist of lower case '
            "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
        )


def _check_labels(resource: Resource, name: str, metadata: Json) -> None:
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    for field, mapping in (("labels", labels), ("annotations", annotations)):
        if not isinstance(mapping, dict) or not all(isinstance(item, str) for item in mapping.values()):
            raise status.bad_request(
                f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
                f"json: cannot unmarshal metadata.{field}: values must be strings"
            )
        for key in mapping:
            prefix, _, last = str(key).rpartition("/")
            if len(last) > MAX_LABEL_LENGTH or not _LABEL_NAME.fullmatch(last) or (prefix and not _is_subdomain(prefix)):
                raise _invalid(resource, name, f'metadata.{field}: Invalid value: "{key}": not a qualified name')
    for text in labels.values():
        if len(text) > MAX_LABEL_LENGTH or (text and not _LABEL_NAME.fullmatch(text)):
            raise _invalid(
                resource,
                name,
                f'metadata.labels: Invalid value: "{text}": a valid label must be an empty string or consist of '
                "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character, "
                f"and be no more than {MAX_LABEL_LENGTH} characters",
            )


def _is_subdomain(text: str) -> bool:
    return len(text) <= MAX_SUBDOMAIN_LENGTH and _SUBDOMAIN.fullmatch(text) is not None


def _invalid(resource: Resource, name: str, problem: str) -> status.ApiError:
    return status.invalid(resource.kind, resource.group, name, problem)
