"""A Weights & Biases server on loopback, for the unmodified SDK and the queries of this suite."""

from mlops_sandbox.wandb.context import Quirks
from mlops_sandbox.wandb.server import Exchange, Fault, Refusal, WandbServer, rate_limit

__all__ = ["Exchange", "Fault", "Quirks", "Refusal", "WandbServer", "rate_limit"]
