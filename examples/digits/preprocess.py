"""Split scikit-learn's handwritten digits into training, validation and hold-out sets: 60, 20 and 20 per cent."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SPLIT_SEED = 0
BRIGHTEST = 16.0


def split() -> dict[str, np.ndarray]:
    """Return images of 8 x 8 grey values, flattened and scaled to 0..1, and their digits: a pair of arrays for each set.

    The split does not depend on the run's seed: every model is measured on the same hold-out images.
    """
    images, digits = load_digits(return_X_y=True)
    images = (images / BRIGHTEST).astype(np.float32)
    train_x, rest_x, train_y, rest_y = train_test_split(
        images, digits, test_size=0.4, random_state=SPLIT_SEED, stratify=digits
    )
    val_x, test_x, val_y, test_y = train_test_split(rest_x, rest_y, test_size=0.5, random_state=SPLIT_SEED, stratify=rest_y)
    return {
        "train_x": train_x, "train_y": train_y,
        "val_x": val_x, "val_y": val_y,
        "test_x": test_x, "test_y": test_y,
    }  # fmt: skip


def version(sets: dict[str, np.ndarray]) -> str:
    """Return twelve hexadecimal digits that change with any value of any set."""
    digest = hashlib.sha256()
    for name in sorted(sets):
        digest.update(f"{name} {sets[name].dtype} {sets[name].shape}\n".encode())
        digest.update(np.ascontiguousarray(sets[name]).tobytes())
    return digest.hexdigest()[:12]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="file for the sets (.npz)")
    parser.add_argument("--version-file", type=Path, help="file for the version of the data")
    arguments = parser.parse_args()

    sets = split()
    arguments.data.parent.mkdir(parents=True, exist_ok=True)
    np.savez(arguments.data, **sets)
    if arguments.version_file:
        arguments.version_file.parent.mkdir(parents=True, exist_ok=True)
        arguments.version_file.write_text(version(sets))
    sizes = ", ".join(f"{name.removesuffix('_y')} {len(sets[name])}" for name in ("train_y", "val_y", "test_y"))
    print(f"digits {version(sets)}: {sizes}")


if __name__ == "__main__":
    main()
