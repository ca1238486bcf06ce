"""Errors that are told in other words."""

from __future__ import annotations

import pytest

from mlops_actions.argo_submit.documents import InvalidManifest, SourceLocation
from mlops_actions.argo_submit.ports import NotFound
from mlops_actions.boundary.cluster.refusals import Redirected
from mlops_actions.boundary.github.failures import GitHubRefused
from mlops_actions.core.errors import ActionError, BadInput, BadInputs

ERRORS: list[ActionError] = [
    NotFound("old", "old"),
    GitHubRefused(403, "old", "old"),
    Redirected("old", "old", "https://x.test/"),
    InvalidManifest(SourceLocation("a.yaml", 3), "old", "old"),
    BadInputs([BadInput("old", "old")]),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_in_other_words_keeps_its_class_and_its_facts(error: ActionError) -> None:
    facts = {name: value for name, value in vars(error).items() if name not in ("cause", "remedy")}
    told = error.reworded("new", "do it")
    assert type(told) is type(error)
    assert (told.cause, told.remedy, str(told), told.args) == ("new", "do it", "new\ndo it", ("new",))
    assert {name: vars(told)[name] for name in facts} == facts
    assert error.cause != "new"
