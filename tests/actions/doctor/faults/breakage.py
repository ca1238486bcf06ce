"""A fault: how it is made, the check that must fail, and how doctor's remedy is followed."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlops_sandbox.registry import Account
from tests.actions.doctor.world import PASSWORD, WORKFLOW, World

Change = Callable[[World], object]
AS_TOLD: Literal["as told"] = "as told"
NOWHERE = "127.0.0.1:1"
CHATOPS = "          pending-label: training\n"


@dataclass(frozen=True)
class Breakage:
    """One fault: how to make it, the check that must fail, a part of its remedy, and how to follow the remedy.

    `AS_TOLD` runs the remedy's own text, see `remedies.follow`.
    """

    name: str
    break_it: Change
    fails: tuple[str, str]
    remedy: str
    mend: Change | Literal["as told"] | None = None
    arguments: tuple[str, ...] = ()


def setting(name: str, value: Any) -> Change:
    return lambda world: setattr(world.settings, name, deepcopy(value))  # a remedy may change it


def variable(name: str, value: str) -> Change:
    return lambda world: world.settings.variables.__setitem__(name, value)


def replaced(old: str, new: str, path: str = WORKFLOW) -> Change:
    return lambda world: world.replace(old, new, path)


def environment(name: str, value: str) -> Change:
    return lambda world: world.environ.__setitem__(name, value)


def wandb_at(url: Callable[[World], str]) -> Change:
    """Let the workflow file and the person name this server."""

    def change(world: World) -> None:
        world.settings.variables["WANDB_BASE_URL"] = world.environ["WANDB_BASE_URL"] = url(world)

    return change


def both(*changes: Change) -> Change:
    return lambda world: [change(world) for change in changes]


def account(**options: Any) -> Change:
    def change(world: World) -> None:
        world.registry.access.accounts = {"publisher": Account(PASSWORD, **options)}

    return change


def denied_by_webhook(message: str) -> Change:
    return lambda world: setattr(world.cluster.store, "denied_by_webhook", message)


def kubeconfig(old: str, new: str) -> Change:
    def change(world: World) -> None:
        path = Path(world.environ["KUBECONFIG"])
        path.write_text(path.read_text().replace(old, new))

    return change
