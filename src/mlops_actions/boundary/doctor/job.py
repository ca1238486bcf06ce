"""What a job's secrets need on this machine: the kubernetes client reads a kubeconfig from a file only."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from mlops_actions.boundary.cluster import kubeconfig


def kubeconfig_file(value: str, environ: Mapping[str, str]) -> str:
    """Return the path of a kubeconfig that is given as path, YAML or base64; the runner removes its folder with the job."""
    text = kubeconfig.inline(value)
    if text is None:
        return value.strip()
    folder = tempfile.mkdtemp(prefix="doctor-", dir=environ.get("RUNNER_TEMP") or None)  # private: mode 0700
    path = Path(folder) / "kubeconfig"
    path.write_text(text, encoding="utf-8")
    return str(path)
