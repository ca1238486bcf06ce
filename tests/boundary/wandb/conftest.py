from __future__ import annotations

from tests.support.wandb import forker, github, serve, served

__all__ = ["forker", "github", "serve", "served"]
