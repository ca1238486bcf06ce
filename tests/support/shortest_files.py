"""The documentation's shortest workflow files, with what a reader fills in and what the tests' own services need."""

from __future__ import annotations

from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
_FILLED_IN = {
    "image: model": (
        "image: digits",
        "registry: ${{ vars.REGISTRY }}",
        "username: ${{ vars.REGISTRY_USERNAME }}",
        "password: ${{ secrets.REGISTRY_PASSWORD }}",
    ),
    "project: entity/project": ("project: ${{ vars.WANDB_PROJECT }}", "wandb-base-url: ${{ vars.WANDB_BASE_URL }}"),
    "metrics: accuracy:max": ("metrics: test_accuracy:max",),
}


def filled_in(name: str) -> str:
    """Return the file of that name (`two-jobs`, `one-step`) for the digits example."""
    text = (EXAMPLES / name / f".github/workflows/{name}.yml").read_text(encoding="utf-8")
    for written, lines in _FILLED_IN.items():
        assert text.count(written) == 1
        text = text.replace(written, "\n          ".join(lines))
    return text
