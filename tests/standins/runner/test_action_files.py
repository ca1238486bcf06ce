"""The suite's own `action.yml` files, read as the runner reads them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from mlops_sandbox.runner import metadata

NAMES = ("chatops", "docker-publish", "argo-submit", "wandb-runs")


def texts(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every text of a document with the keys that lead to it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, (*path, str(key)))
    elif isinstance(value, str):
        yield path, value


@pytest.mark.parametrize("name", NAMES)
def test_only_defaults_contain_expressions(name: str) -> None:
    """An expression in a description stops the action from being loaded: the runner, and act, evaluate them there too."""
    document = yaml.safe_load((metadata.ACTIONS / name / "action.yml").read_text(encoding="utf-8"))
    assert [path for path, text in texts(document) if "${{" in text and path[-1] != "default"] == []


@pytest.mark.parametrize("name", NAMES)
def test_each_action_has_a_post_step_that_always_runs(name: str) -> None:
    action = metadata.read(name)
    assert (action.has_post, action.post_condition) == (True, "always()")
    assert action.defaults.keys() <= action.inputs
