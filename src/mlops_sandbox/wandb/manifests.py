"""The manifests of artifacts, as W&B's SDK writes them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any


def manifest_of(contents: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the manifest that the SDK writes of files: MD5 in base64, and the size (artifact_manifest_v1.py, 0.31)."""
    entries = {
        path: {
            "digest": base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode(),
            "size": len(content),
        }
        for path, content in contents.items()
    }
    policy = {"storagePolicy": "wandb-storage-policy-v1", "storagePolicyConfig": {"storageLayout": "V2"}}
    return {"version": 1, **policy, "contents": entries}
