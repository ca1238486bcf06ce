"""Log three runs with the unmodified SDK: one that finishes, one that fails, one that is cut off."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import wandb

SHA = "a" * 40


def settings() -> wandb.Settings:
    """Return new settings for each run, because `init` writes the run's tags into them."""
    return wandb.Settings(console="off", x_disable_stats=True, x_disable_meta=True)


def finished() -> str:
    os.environ["WANDB_GIT_COMMIT"] = SHA
    os.environ["WANDB_GIT_REMOTE_URL"] = "https://github.com/owner/digits"
    run = wandb.init(
        project="digits",
        name="first `run` | <b>",
        group="seeds",
        job_type="train",
        tags=["baseline", "best"],
        notes="a note",
        config={"github_sha": SHA, "lr": 0.1, "layers": [1, 2], "nested": {"depth": 3}},
        settings=settings(),
    )
    run.define_metric("loss", summary="min")
    run.define_metric("acc", summary="max")
    for step in range(5):
        run.log({"loss": [0.5, 0.4, 0.2, 0.3, 0.6][step], "acc": step / 5, "deep": {"inner": step}})
    run.log({"odd": float("nan")})
    run.summary["val_acc"] = 0.9
    run.summary["note"] = "text"
    data = wandb.Artifact("digits", type="dataset", metadata={"rows": 3})
    with data.new_file("data.csv") as file:
        file.write("a,b\n1,2\n")
    run.log_artifact(data).wait()
    model = wandb.Artifact("model", type="model")
    with model.new_file("model.txt") as file:
        file.write("weights")
    run.log_artifact(model)
    run.use_artifact("digits:latest")
    run.finish()
    return run.id


def failed() -> str:
    os.environ.pop("WANDB_GIT_COMMIT")
    run = wandb.init(project="digits", name="second", config={"lr": 0.2}, settings=settings())
    run.log({"loss": 2.0})
    run.use_artifact("digits:v0")
    run.finish(exit_code=3)
    return run.id


def descendants(pid: int) -> list[int]:
    """All processes below `pid`: the SDK's core puts itself into a session of its own."""
    processes = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, listing.read_text().split()):
            processes += [child, *descendants(child)]
    return processes


def cut_off() -> str:
    """Kill the process and all its helpers, as on a machine that disappears."""
    # With this process's core it would live on there.
    own = {name: value for name, value in os.environ.items() if name != "WANDB_SERVICE"}
    doomed = subprocess.Popen([sys.executable, __file__, "wait for the end"], env=own, stdout=subprocess.PIPE, text=True)
    assert doomed.stdout is not None
    run_id = doomed.stdout.readline().strip()
    for pid in [*descendants(doomed.pid), doomed.pid]:
        os.kill(pid, signal.SIGKILL)
    doomed.wait()
    return run_id


if len(sys.argv) > 1:
    run = wandb.init(project="digits", name="third", settings=settings())
    print(run.id, flush=True)
    signal.pause()

print(json.dumps({"finished": finished(), "failed": failed(), "cut off": cut_off()}))
