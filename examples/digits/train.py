"""Train a small network on the digits, epoch by epoch, and log it to Weights & Biases.

The SDK takes the server, the key, the project and the tags from WANDB_BASE_URL, WANDB_API_KEY, WANDB_ENTITY,
WANDB_PROJECT and WANDB_TAGS, and the commit that it records from WANDB_GIT_COMMIT.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import joblib
import numpy as np
import wandb
from preprocess import version
from sklearn.metrics import accuracy_score, log_loss
from sklearn.neural_network import MLPClassifier

HIDDEN_UNITS = 16
BATCH = 32
DIGITS = np.arange(10)


def batches(count: int, order: np.random.Generator) -> list[np.ndarray]:
    """Train for one epoch: use every row once, in batches of about BATCH rows."""
    return np.array_split(order.permutation(count), max(1, count // BATCH))


def measure(model: MLPClassifier, images: np.ndarray, digits: np.ndarray) -> tuple[float, float]:
    """Return the mean cross-entropy (natural logarithm) and the share of correct predictions."""
    probabilities = model.predict_proba(images)
    return (
        float(log_loss(digits, probabilities, labels=DIGITS)),
        float(accuracy_score(digits, probabilities.argmax(axis=1))),
    )


def train(sets: dict[str, np.ndarray], run: wandb.Run, *, lr: float, epochs: int, seed: int) -> MLPClassifier:
    """Train epoch by epoch, and log one row of history for each."""
    model = MLPClassifier((HIDDEN_UNITS,), learning_rate_init=lr, random_state=seed)
    order = np.random.default_rng(seed)
    for epoch in range(1, epochs + 1):
        for rows in batches(len(sets["train_y"]), order):
            model.partial_fit(sets["train_x"][rows], sets["train_y"][rows], classes=DIGITS)
        loss, accuracy = measure(model, sets["train_x"], sets["train_y"])
        val_loss, val_accuracy = measure(model, sets["val_x"], sets["val_y"])
        run.log({"epoch": epoch, "loss": loss, "accuracy": accuracy, "val_loss": val_loss, "val_accuracy": val_accuracy})
        print(f"epoch {epoch:3}: loss {loss:.4f}, val_loss {val_loss:.4f}, val_accuracy {val_accuracy:.4f}")
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="file that preprocess.py wrote")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sha", default=os.environ.get("WANDB_GIT_COMMIT", ""), help="the commit of this code")
    parser.add_argument("--pr", default="", help="the pull request of this code")
    parser.add_argument("--model", type=Path, default=Path("model.joblib"), help="file for the model")
    parser.add_argument("--result", type=Path, default=Path("result.json"), help="file for the metrics")
    arguments = parser.parse_args()

    sets = dict(np.load(arguments.data))
    settings = {"lr": arguments.lr, "epochs": arguments.epochs, "hidden_units": HIDDEN_UNITS}
    identity = {
        "github_sha": arguments.sha,
        "secondary_sha": version(sets),
        "seed": arguments.seed,
        "pull_request": arguments.pr,
    }
    name = f"lr={arguments.lr:g} epochs={arguments.epochs}"
    with wandb.init(
        name=f"{name} seed={arguments.seed}",
        group=f"{arguments.sha[:12]} {name}",
        job_type="train",
        config=settings | identity,
    ) as run:
        dataset = wandb.Artifact("digits", type="dataset", metadata={"version": version(sets)})
        dataset.add_file(str(arguments.data), name="digits.npz")
        if not run.offline:  # the SDK refuses to use an artifact without a server
            run.use_artifact(dataset)

        model = train(sets, run, lr=arguments.lr, epochs=arguments.epochs, seed=arguments.seed)

        # The hold-out set is used once, when it can no longer influence any choice.
        test_loss, test_accuracy = measure(model, sets["test_x"], sets["test_y"])
        run.summary.update({"test_loss": test_loss, "test_accuracy": test_accuracy})
        print(f"hold-out: test_loss {test_loss:.4f}, test_accuracy {test_accuracy:.4f}")

        arguments.model.parent.mkdir(parents=True, exist_ok=True)
        joblib.dump(model, arguments.model)
        product = wandb.Artifact("digits-model", type="model", metadata=settings | identity)
        product.add_file(str(arguments.model), name="model.joblib")
        run.log_artifact(product)

        numbers = {"val_accuracy": run.summary["val_accuracy"], "test_accuracy": test_accuracy}
        arguments.result.parent.mkdir(parents=True, exist_ok=True)
        arguments.result.write_text(json.dumps({"run_id": run.id, "seed": arguments.seed, **numbers}))


if __name__ == "__main__":
    main()
