"""The kubeconfig of the stand-in, for kubectl and client libraries."""

from __future__ import annotations

import os
from pathlib import Path

import yaml


def render(url: str, token: str, *, namespace: str = "default", name: str = "sandbox") -> str:
    """Return a kubeconfig (YAML) with one context that holds a bearer token."""
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": url}}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
            "current-context": name,
        },
        sort_keys=False,
    )


def write(path: Path, url: str, token: str, *, namespace: str = "default") -> Path:
    """Write a kubeconfig that only its owner can read, and return its path."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(render(url, token, namespace=namespace))
    return path
