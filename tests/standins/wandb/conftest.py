from __future__ import annotations

from tests.support.wandb import forker, github, serve, served, world

__all__ = ["forker", "github", "serve", "served", "world"]
