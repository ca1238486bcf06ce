"""Summarise the runs of one configuration: the hold-out accuracy over its seeds, and the best run."""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path


def summarise(results: list[dict[str, float | str]]) -> dict[str, str]:
    """Return the mean and deviation of the hold-out accuracy; the best run is chosen by validation, not by the hold-out."""
    accuracies = [float(result["test_accuracy"]) for result in results]
    best = max(results, key=lambda result: float(result["val_accuracy"]))
    return {
        "run-id": str(best["run_id"]),
        "test-accuracy": f"{statistics.mean(accuracies):.6f}",
        "test-accuracy-sd": f"{statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0:.6f}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", required=True, help="JSON list of train.py's results, as objects or as text")
    parser.add_argument("--output", type=Path, required=True, help="folder for one file for each figure")
    arguments = parser.parse_args()

    results = [json.loads(item) if isinstance(item, str) else item for item in json.loads(arguments.results)]
    figures = summarise(results)
    arguments.output.mkdir(parents=True, exist_ok=True)
    for name, value in figures.items():
        (arguments.output / name).write_text(value)
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
