"""Which model of a run is attested and promoted: the one that the user named, or the only one."""

from __future__ import annotations

import pytest

from mlops_actions.core.errors import Refused
from mlops_actions.core.runs import Artifact, LoggedModel
from mlops_actions.wandb_runs.model_choice import choose, parse


def model(name: str, version: int, *aliases: str) -> LoggedModel:
    return LoggedModel(Artifact(name, version, "model", f"digest {version}"), aliases)


ONE = (model("digits", 3, "latest"),)
CHECKPOINTS = (model("digits", 0), model("digits", 7, "best"), model("digits", 10, "latest"))
TWO = (model("encoder", 0, "latest", "best"), model("digits", 1), model("digits", 2, "latest", "best"))
OF_RUN = (model("model-5ssh20e7", 0), model("model-5ssh20e7", 1, "best"), model("tokenizer", 0))

# What is chosen by `model`, or the words of the refusal.
CHOICES: list[tuple[str, tuple[LoggedModel, ...], str, str | None]] = [
    ("none, and none asked for", (), "", None),
    ("the only one", ONE, "", "digits:v3"),
    ("the only one by name", ONE, "digits", "digits:v3"),
    ("the newest version of a name", CHECKPOINTS, "digits", "digits:v10"),
    ("an alias of a name", CHECKPOINTS, "digits:best", "digits:v7"),
    ("an alias alone", CHECKPOINTS, ":best", "digits:v7"),
    ("a version", CHECKPOINTS, "digits:v0", "digits:v0"),
    ("v1 is not v10", CHECKPOINTS, "digits:v1", "!logged no model 'digits:v1'"),
    ("a name of several", TWO, "digits", "digits:v2"),
    ("a pattern of a name that holds the run's id", OF_RUN, "model-*:best", "model-5ssh20e7:v1"),
    ("a pattern of a name alone", OF_RUN, "model-*", "model-5ssh20e7:v1"),
    ("several versions", CHECKPOINTS, "", "!logged 3 model artifacts: digits:v0, digits:v7 (best), digits:v10 (latest)"),
    ("several names", TWO, "", "!logged 3 model artifacts"),
    ("an alias of several names", TWO, ":best", "!'model: *:best' matches 2 models"),
    ("a pattern of several names", TWO, "*", "!'model: *' matches 3 models"),
    ("a pattern of several versions", CHECKPOINTS, "digits:v*", "!matches 3 versions"),
    ("another name", ONE, "mnist", "!logged no model 'mnist': it logged digits:v3 (latest)"),
    ("another case", ONE, "Digits", "!logged no model 'Digits'"),
    ("an alias that none has", CHECKPOINTS, "digits:production", "!logged no model 'digits:production'"),
    ("one asked for, and none logged", (), "digits", "!it logged no artifact of type 'model'"),
]


@pytest.mark.parametrize(("models", "given", "expected"), [case[1:] for case in CHOICES], ids=[case[0] for case in CHOICES])
def test_a_model_is_chosen_or_refused(models: tuple[LoggedModel, ...], given: str, expected: str | None) -> None:
    selector = parse(given) if given else None
    if expected is not None and expected.startswith("!"):
        with pytest.raises(Refused) as refused:
            choose(models, selector, "c1")
        assert expected[1:] in refused.value.cause
        assert "'model" in refused.value.remedy
        return
    chosen = choose(models, selector, "c1")
    assert (chosen.label if chosen else None) == expected


@pytest.mark.parametrize("given", ["", " ", ":", "digits:", "a:b:c", "acme/digits/digits:v0"])
def test_another_form_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="must be NAME, NAME:ALIAS or :ALIAS"):
        parse(given)


def test_a_long_list_is_cut() -> None:
    with pytest.raises(Refused, match="digits:v4 and 95 more"):
        choose([model("digits", version) for version in range(100)], None, "c1")
