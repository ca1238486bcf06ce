"""A Weights & Biases server on loopback: takes what the unmodified SDK logs and answers what it and this suite ask."""

from mlops_sandbox.wandb.server import Exchange, Fault, WandbServer

__all__ = ["Exchange", "Fault", "WandbServer"]
