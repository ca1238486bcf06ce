"""Caches that tools leave in a layer: their paths, the commands that fill them, and how to keep them out."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Cache:
    """A cache of a tool: `paths` matches its files (without the first slash).

    `filled` matches a command that fills it, `emptied` an instruction that keeps it out of the layer, and `variable` turns
    it off; without `filled` only files that were seen count. `only` limits the hint to layers of these instructions.
    """

    what: str
    remedy: str
    paths: re.Pattern[str]
    filled: re.Pattern[str] | None = None
    emptied: re.Pattern[str] | None = None
    variable: str = ""
    only: tuple[str, ...] = ()


def _cache(
    what: str,
    remedy: str,
    *,
    paths: str,
    filled: str = "",
    emptied: str = "",
    variable: str = "",
    only: tuple[str, ...] = (),
) -> Cache:
    return Cache(
        what,
        remedy,
        re.compile(paths),
        re.compile(filled) if filled else None,
        re.compile(emptied) if emptied else None,
        variable,
        only,
    )


_MOUNT = "RUN --mount=type=cache,target="
_COPIES = ("COPY", "ADD")

CACHES = (
    _cache(
        "pip's cache",
        f"use pip --no-cache-dir, or {_MOUNT}/root/.cache/pip",
        paths=r"(?:^|/)\.cache/pip/",
        filled=r"\bpip[0-9.]*\b[^&;|]*\binstall\b",
        emptied=r"--no-cache-dir|\bcache purge\b|\.cache",
        variable="PIP_NO_CACHE_DIR",
    ),
    _cache(
        "uv's cache",
        f"use uv --no-cache, or {_MOUNT}/root/.cache/uv",
        paths=r"(?:^|/)\.cache/uv/",
        filled=r"\buv (?:pip install|sync|add|tool install)\b",
        emptied=r"--no-cache|\bcache clean\b|\.cache",
        variable="UV_NO_CACHE",
    ),
    _cache("Poetry's cache", f"use {_MOUNT}/root/.cache/pypoetry", paths=r"(?:^|/)\.cache/pypoetry/"),
    _cache(
        "conda's packages",
        "end the same RUN with 'conda clean --all --yes'",
        paths=r"(?:^|/)(?:\.?(?:micro)?(?:conda|mamba)|mini(?:conda|forge)3?|mambaforge|anaconda3?)/pkgs/",
        filled=r"\b(?:micro)?(?:conda|mamba) (?:install|create|update|env (?:create|update))\b",
        emptied=r"\bclean\b",
    ),
    _cache(
        "apt's lists",
        "end the same RUN with 'rm -rf /var/lib/apt/lists/*'",
        paths=r"^var/lib/apt/lists/",
        filled=r"\bapt(?:-get)?\b[^&;|]*\b(?:update|install)\b",
        emptied=r"/var/lib/apt|--mount=type=tmpfs",
    ),
    _cache("apt's archives", "end the same RUN with 'apt-get clean'", paths=r"^var/cache/apt/"),
    _cache(
        "the package manager's cache",
        "end the same RUN with 'dnf clean all'",
        paths=r"^var/cache/(?:dnf|yum|libdnf5)/",
    ),
    _cache("apk's cache", "use apk add --no-cache", paths=r"^var/cache/apk/"),
    _cache(
        "npm's cache",
        f"end the same RUN with 'npm cache clean --force', or use {_MOUNT}/root/.npm",
        paths=r"(?:^|/)\.npm/_cacache/",
        filled=r"\bnpm (?:ci|install|i)\b",
        emptied=r"\bcache clean\b|\.npm",
    ),
    _cache("Yarn's cache", "end the same RUN with 'yarn cache clean'", paths=r"(?:^|/)\.cache/yarn/|(?:^|/)\.yarn/cache/"),
    _cache("Go's build cache", f"use {_MOUNT}/root/.cache/go-build", paths=r"(?:^|/)\.cache/go-build/"),
    _cache("Cargo's downloads", f"use {_MOUNT}/usr/local/cargo/registry", paths=r"(?:^|/)\.?cargo/registry/(?:cache|src)/"),
    _cache(
        "Hugging Face's download cache",
        "leave it if the image is to hold the model, else load it when the container starts",
        paths=r"(?:^|/)\.cache/huggingface/",
    ),
    _cache(
        "PyTorch's download cache",
        "leave it if the image is to hold the weights, else load them when the container starts",
        paths=r"(?:^|/)\.cache/torch/",
    ),
    _cache("git's history", "add a line '.git' to .dockerignore", paths=r"(?:^|/)\.git/", only=_COPIES),
    _cache(
        "compiled Python files",
        "add a line '**/__pycache__' to .dockerignore",
        paths=r"(?:^|/)__pycache__/",
        only=_COPIES,
    ),
    _cache("a virtual environment", "add it to .dockerignore", paths=r"(?:^|/)\.?venv/lib/", only=_COPIES),
)
