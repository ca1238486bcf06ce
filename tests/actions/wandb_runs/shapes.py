"""Nine shapes of a report, as a reviewer meets them: the logged runs, the inputs, and what is seen in ten seconds.

Each is one pull request with one comment. Unit tests, the tests in the browser and the pictures in docs/ use them,
so everything is seeded.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.actions.wandb_runs.step import OTHER, SHA, WandbStep

_GPUS = {"e": {"writer": {"gpu": "NVIDIA A100-SXM4-40GB", "gpu_count": 2}}}
_EPOCHS = 30
_METRICS = "val/accuracy:max, val/loss:min, latency_ms[ms]:min"
_SLICES = {"night": -0.06, "rain": -0.03, "day": 0.02, "snow": -0.01, "tunnel": 0.0}


@dataclass(frozen=True)
class Shape:
    """One shape. `log` logs its runs; `code` is the exit code of the step with `inputs`.

    `sentence` is what a reviewer says after ten seconds; `seen` must stand above the first table or fold, in this order.
    """

    name: str
    title: str
    sentence: str
    log: Callable[[WandbStep, random.Random], None]
    inputs: Mapping[str, str] = field(default_factory=dict)
    code: int = 0
    seen: Sequence[str] = ()

    def report(self, step: WandbStep) -> int:
        """Log the runs and let the action report on them; return its exit code."""
        self.log(step, random.Random(self.name))
        given = {
            "sha": SHA,
            "baseline_tags": "baseline",
            "metrics": _METRICS,
            "image": "ghcr.io/octo/digits@sha256:" + "1" * 64,
            "workflow_url": "https://argo.example/workflows/ml/train-1",
            "comment": "true",
            "pr_number": step.pull.number,
            **self.inputs,
        }
        return step.run(**given)


def train(
    step: WandbStep,
    draw: random.Random,
    name: str,
    accuracy: float,
    *,
    baseline: bool = False,
    data: str = "v7",
    minutes: float = 42,
    config: Mapping[str, Any] | None = None,
    without: Sequence[str] = (),
    **more: Any,
) -> Any:
    """Log one run as a training does: config, summary, learning curve, machine, dataset, commit."""
    noise = draw.uniform(-0.002, 0.002)
    summary: dict[str, Any] = {
        "val/accuracy": round(accuracy + noise, 6),
        "val/loss": round(1.62 - 1.5 * accuracy + noise, 6),
        "latency_ms": round(11.8 + 40 * abs(noise), 4),
        "_runtime": minutes * 60 + draw.randint(0, 59),
        **{
            f"eval/{part}/accuracy": round(accuracy + offset + draw.uniform(-0.015, 0.015), 6)
            for part, offset in _SLICES.items()
        },
        **more.pop("summary", {}),
    }
    for key in without:
        del summary[key]
    history = [
        {"val/loss": 2.3 * 0.86**epoch + summary.get("val/loss", 0.3) + draw.uniform(-0.02, 0.02)}
        for epoch in range(_EPOCHS)
    ]
    settings = {
        "model": {"depth": 18, "width": 64},
        "optimiser": "adam",
        "lr": 0.0003,
        "batch_size": 128,
        "output_dir": f"/scratch/{name}",
        "hostname": f"gpu-{draw.randint(1, 9)}",
        "seed": draw.randint(0, 9999),
        "_wandb": _GPUS,
        **(config or {}),
    }
    log = step.baseline if baseline else step.candidate
    commit = OTHER if baseline else SHA
    run = log(name, **{"commit": commit, "display_name": name, **more}, summary=summary, config=settings, history=history)
    _use(step, run, data)
    return run


def _use(step: WandbStep, run: Any, digest: str) -> None:
    """Record that a run used the version of the dataset with this digest."""
    store = step.server.store
    collection = store.project("sandbox", "digits").collection("street-signs", "dataset")
    used = next((version for version in collection.versions if version.digest == digest), None)
    run.inputs.append(used or store.add_artifact(collection, digest))


def _baselines(step: WandbStep, draw: random.Random, number: int = 3, accuracy: float = 0.912) -> None:
    for index in range(number):
        train(step, draw, f"release-{12 - index}", accuracy - 0.004 * index, baseline=True, age=1000 * (index + 1))


def _one(step: WandbStep, draw: random.Random) -> None:
    _baselines(step, draw)
    train(step, draw, "deeper-net", 0.931, config={"model": {"depth": 34, "width": 64}, "lr": 0.0001}, minutes=61)


def _seeds(step: WandbStep, draw: random.Random) -> None:
    for seed in range(3):
        for group, accuracy, config in (
            ("mixup", 0.934, {"mixup": 0.2}),
            ("cutmix", 0.921, {"cutmix": 1.0}),
        ):
            train(step, draw, f"{group}-{seed}", accuracy, group=group, config={**config, "seed": seed}, age=seed)
        train(step, draw, f"main-{seed}", 0.912, baseline=True, group="main", config={"seed": seed}, age=1000 + seed)


def _sweep(size: int) -> Callable[[WandbStep, random.Random], None]:
    def log(step: WandbStep, draw: random.Random) -> None:
        _baselines(step, draw)
        for index in range(size):
            lr, depth = round(10 ** draw.uniform(-4, -2), 6), draw.choice([18, 34, 50])
            accuracy = 0.93 - 8 * abs(lr - 0.0009) + draw.uniform(-0.01, 0.01)
            config = {"lr": lr, "model": {"depth": depth, "width": 64}}
            train(step, draw, f"sweep-{index + 1}", max(0.1, accuracy), config=config, age=index, minutes=20)

    return log


def _worse(step: WandbStep, draw: random.Random) -> None:
    _baselines(step, draw)
    train(step, draw, "half-precision", 0.894, config={"precision": "bf16"}, minutes=25, summary={"latency_ms": 7.91})


def _vanished(step: WandbStep, draw: random.Random) -> None:
    _baselines(step, draw)
    train(step, draw, "new-logger", 0.931, without=["val/loss", "eval/night/accuracy"])


def _crashed(step: WandbStep, draw: random.Random) -> None:
    _baselines(step, draw)
    for index, state in enumerate(("finished", "crashed", "finished", "crashed", "failed")):
        run = train(step, draw, f"large-batch-{index}", 0.925, state=state, config={"batch_size": 1024}, age=index)
        if state != "finished":
            run.summary = {"_runtime": 300}


def _running(step: WandbStep, draw: random.Random) -> None:
    _baselines(step, draw)
    train(step, draw, "long-schedule-0", 0.929, config={"epochs": 90}, age=1)
    train(step, draw, "long-schedule-1", 0.87, config={"epochs": 90}, state="running", age=2)


def _other_data(step: WandbStep, draw: random.Random) -> None:
    _baselines(step, draw)
    train(step, draw, "relabelled", 0.941, data="v8", config={"dataset": "street-signs-relabelled"})


def _contradicted(step: WandbStep, draw: random.Random) -> None:
    _baselines(step, draw)
    train(step, draw, "from-another-branch", 0.938, commit="c" * 40)


_GATES = "val/accuracy >= baseline.latest\nlatency_ms <= baseline.latest * 1.1"

SHAPES: Sequence[Shape] = (
    Shape(
        "one-candidate",
        "One candidate",
        "The deeper net passed both gates and beats the last release on accuracy and loss; it costs 43 % more GPU-hours.",
        _one,
        {"gates": _GATES, "metrics": f"{_METRICS}, eval/*/accuracy:max", "curves": "val/loss"},
        seen=(
            "✅ All 2 gates passed",
            "judged: deeper-net",
        ),
    ),
    Shape(
        "seeds",
        "Three seeds of two groups",
        "Mixup, the better of two groups, was judged: its seeds beat main's by more than noise on accuracy and loss.",
        _seeds,
        {"aggregate": "group"},
        seen=(
            "judged: mixup (n = 3) (1 of 2 candidate groups)",
            "the best of 2 candidate groups by val/accuracy",
        ),
    ),
    Shape(
        "sweep-of-20",
        "A sweep of 20 runs",
        "The best of 20 passed, but the best of 20 is luck, too; four of the best five have a learning rate below 0.0003.",
        _sweep(20),
        {"gates": _GATES, "config_keys": "lr, model.depth"},
        seen=(
            "✅ All 2 gates passed",
            "(1 of 20 candidates)",
            "the best of 20 candidates by val/accuracy",
        ),
    ),
    Shape(
        "sweep-of-200",
        "A sweep of 200 runs",
        "As with 20: I see which of the 200 was judged, and the five best with what was varied; the rest is folded.",
        _sweep(200),
        {"gates": _GATES, "config_keys": "lr, model.depth"},
        seen=(
            "✅ All 2 gates passed",
            "(1 of 200 candidates)",
            "the best of 200 candidates by val/accuracy",
        ),
    ),
    Shape(
        "failed-gates",
        "Failed gates",
        "Half precision is faster, but accuracy fell below the last release, so the gate failed: do not merge.",
        _worse,
        {"gates": _GATES},
        code=1,
        seen=(
            "❌ Gates failed",
            "`val/accuracy` is 0.89",
            "judged: half-precision",
        ),
    ),
    Shape(
        "vanished-metrics",
        "Metrics that vanished",
        "Accuracy rose, but the run does not log the loss any more, and that counts as worse.",
        _vanished,
        {"metrics": f"{_METRICS}, eval/*/accuracy:max"},
        seen=(
            "worse on",
            "judged: new-logger",
            "that the bar has: val/loss, eval/night/accuracy. That counts as worse.",
        ),
    ),
    Shape(
        "crashed-runs",
        "Crashed runs",
        "Three of five runs did not finish, so the numbers come from two survivors.",
        _crashed,
        {"gates": _GATES},
        seen=(
            "(1 of 2 candidates)",
            "3 of 5 candidates did not finish (2 crashed, 1 failed)",
        ),
    ),
    Shape(
        "still-running",
        "A run that still goes on",
        "Nothing is decided yet: one of two runs is still going.",
        _running,
        {"gates": _GATES},
        code=5,
        seen=(
            "⏳ Not decided yet",
            "1 run still running",
            "long-schedule-1 still runs",
        ),
    ),
    Shape(
        "other-data",
        "Other data",
        "The accuracy is higher, but on another version of the data, so it says nothing.",
        _other_data,
        {"gates": _GATES},
        seen=(
            "⚠️",
            "used different data",
            "their numbers are not comparable",
        ),
    ),
    Shape(
        "contradicted-commit",
        "A contradicted commit",
        "The run was trained from another commit, so there is nothing to judge.",
        _contradicted,
        {"gates": _GATES},
        code=1,
        seen=(
            "❌",
            "every run is of another commit",
            "from-another-branch (of commit ccccccc)",
        ),
    ),
)
