"""Faults of W&B."""

from __future__ import annotations

from typing import Any

from mlops_sandbox.wandb.server import Fault as WandbFault
from tests.actions.doctor.faults.breakage import NOWHERE, Breakage, Change, environment, replaced, variable, wandb_at
from tests.actions.doctor.world import World


def other_runs(**more: Any) -> Change:
    def change(world: World) -> None:
        world.wandb.store.projects.clear()
        world.log_runs(**more)

    return change


WANDB = (
    Breakage(
        "a wrong key", environment("WANDB_API_KEY", "wrong"), ("wandb", "key"), "wandb login",
        lambda world: environment("WANDB_API_KEY", world.wandb.api_key)(world),
    ),
    Breakage(
        "no key", lambda world: world.environ.pop("WANDB_API_KEY"), ("wandb", "connection"), "wandb login",
        lambda world: environment("WANDB_API_KEY", world.wandb.api_key)(world),
    ),
    Breakage(
        "no server", wandb_at(lambda _: f"http://{NOWHERE}"), ("runner", "network to W&B"), "curl -v http://127.0.0.1:1",
        wandb_at(lambda world: world.wandb_url),
    ),
    Breakage(
        "another server", wandb_at(lambda world: world.cluster_url), ("wandb", "key"), "wandb login",
        wandb_at(lambda world: world.wandb_url),
    ),
    Breakage(
        "a server that the file names alone", lambda world: variable("WANDB_BASE_URL", world.cluster_url)(world),
        ("wandb", "connection"), "export WANDB_BASE_URL=",
        lambda world: variable("WANDB_BASE_URL", world.wandb_url)(world),
    ),
    Breakage(
        "W&B's web pages", variable("WANDB_BASE_URL", "https://wandb.ai"), ("wandb", "connection"), "https://api.wandb.ai"
    ),
    Breakage(
        "a server in trouble", lambda world: world.wandb.faults.append(WandbFault(status=500, times=50)), ("wandb", "key"),
        "see the state of the server", lambda world: world.wandb.faults.clear(),
    ),
    Breakage(
        "a project of somebody else", variable("WANDB_PROJECT", "others/digits"), ("wandb", "project"),
        "wandb projects --entity others", variable("WANDB_PROJECT", "sandbox/digits"),
    ),
    Breakage(
        "no recorded commit", other_runs(commit=None), ("wandb", "recorded commit"), "WANDB_GIT_COMMIT", other_runs()
    ),
    Breakage(
        "a metric that is not logged", replaced("            loss:min\n", "            loss:min\n            latency:min\n"),
        ("wandb", "metric latency"), "correct 'latency'", replaced("            latency:min\n", ""),
    ),
    Breakage(
        "a gate on what is not logged", replaced("            val_accuracy >= 0.9\n", "            auc >= 0.9\n"),
        ("wandb", "gate on auc"), "correct 'auc'", replaced("auc >= 0.9", "val_accuracy >= 0.9"),
    ),
    Breakage(
        "a gate that is none", replaced("val_accuracy >= 0.9", "val_accuracy is high"), ("wandb", "gates"),
        "write gates like",
        replaced("val_accuracy is high", "val_accuracy >= 0.9"),
    ),
    Breakage(
        "a curve that is not logged", replaced("curves: val_accuracy", "curves: val_acuracy"),
        ("wandb", "curve val_acuracy"),
        "correct 'val_acuracy'", replaced("val_acuracy", "val_accuracy"),
    ),
    Breakage(
        "a config key that is not logged", replaced("config-keys: lr,", "config-keys: lrate,"),
        ("wandb", "config key lrate"),
        "correct 'lrate'", replaced("lrate", "lr"),
    ),
    Breakage(
        "no models to promote",
        replaced("          curves: val_accuracy\n", "          curves: val_accuracy\n          promote-alias: best\n"),
        ("wandb", "model artifacts"), "run.log_model",
        lambda world: world.wandb.store.add_artifact(
            world.wandb.store.project("sandbox", "digits").collection("digits", "model"), "digest",
            run=world.wandb.store.project("sandbox", "digits").runs["b1"],
        ),
    ),
    *(
        Breakage(
            f"a server without {part}", lambda world, part=part: world.wandb.lack(part),  # type: ignore[misc]
            ("wandb", f"field {name}"), "upgrade the W&B server",
            lambda world: world.wandb.lack(),
        )
        for part, name in (
            ("Run.commit", "commit"), ("Run.tags", "tags"), ("Run.heartbeatAt", "heartbeatAt"),
            ("Run.outputArtifacts", "outputArtifacts"),
             ("Run.sampledHistory", "sampledHistory"),
            ("Project.runs(filters)", "runs(filters)"), ("Project.runs(order)", "runs(order)"),
        )
    ),
    Breakage(
        "no baselines", other_runs(tags=["candidate"]), ("wandb", "baselines"), "add the tag baseline", other_runs()
    ),
)  # fmt: skip
