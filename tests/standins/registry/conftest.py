from __future__ import annotations

from tests.support.registries import guarded, kind, target

__all__ = ["guarded", "kind", "target"]
