"""About ninety faults: each breaks one thing in the healthy world, and most can be mended as doctor's remedy says."""

from tests.actions.doctor.faults.github import GITHUB
from tests.actions.doctor.faults.kubernetes import CLUSTER
from tests.actions.doctor.faults.registry import REGISTRY
from tests.actions.doctor.faults.runner import RUNNER
from tests.actions.doctor.faults.wandb import WANDB

BREAKAGES = (*GITHUB, *REGISTRY, *CLUSTER, *WANDB, *RUNNER)
