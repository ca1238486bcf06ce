from __future__ import annotations

from tests.support.wandb import forker, github, serve, wandb_host

__all__ = ["forker", "github", "serve", "wandb_host"]
