"""What the state looks like in GitHub's JSON: pure functions from an object and the server's address."""

from __future__ import annotations

from mlops_sandbox.github.shapes.links import Links

__all__ = ["Links"]
