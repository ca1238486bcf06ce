"""The labels of commands: names without case, a label that gives a command, commands that share a label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops_sandbox.github import GitHubServer
from tests.actions.chatops.step import ChatopsStep
from tests.support.payloads import make_sample


@dataclass(frozen=True)
class Labels:
    """The labels on the pull request: `before` the command, while it runs (`started`), and when its job has ended."""

    name: str
    inputs: Mapping[str, str]
    started: tuple[str, ...]
    ended: tuple[str, ...]
    before: tuple[str, ...] = ()
    repository: tuple[str, ...] = ()
    given_by: str = ""
    status: str = "success"


BY_LABEL = {"commands": "train: {label: train it}"}
CASES = (
    Labels("swapped", {"pending-label": "busy", "success-label": "done"}, ("busy",), ("done",)),
    Labels("final label differs in case only", {"pending-label": "Model", "success-label": "model"}, ("Model",), ("Model",)),
    Labels(
        "final label differs in case only, failed",
        {"pending-label": "model", "failure-label": "MODEL"},
        ("model",),
        ("model",),
        status="failure",
    ),
    Labels(
        "success and failure are one label",
        {"pending-label": "busy", "success-label": "Ran", "failure-label": "ran"},
        ("busy",),
        ("Ran",),
    ),
    Labels(
        "outdated label differs in case",
        {"success-label": "good", "failure-label": "BAD"},
        ("bad",),
        ("good",),
        before=("bad",),
    ),
    Labels(
        "the repository spells it in another case",
        {"pending-label": "BUSY"},
        ("Busy",),
        (),
        repository=("Busy",),
    ),
    Labels("trigger label is taken", {**BY_LABEL, "pending-label": "busy"}, ("busy",), (), given_by="train it"),
    Labels("trigger label in another case", BY_LABEL, (), (), given_by="Train It"),
    Labels("trigger label named like the command", {"commands": "/train"}, (), (), given_by="/train"),
    Labels(
        "trigger label is the pending one",
        {**BY_LABEL, "pending-label": "Train it"},
        ("train it",),
        (),
        given_by="train it",
    ),
    Labels(
        "trigger label is the final one", {**BY_LABEL, "success-label": "Train it"}, (), ("train it",), given_by="train it"
    ),
    Labels("trigger label is the failure one", {**BY_LABEL, "failure-label": "Train it"}, (), (), given_by="train it"),
    Labels(
        "trigger label is the failure one, failed",
        {**BY_LABEL, "failure-label": "Train it"},
        (),
        ("train it",),
        given_by="train it",
        status="failure",
    ),
    Labels(
        "trigger label is the pending and the final one",
        {**BY_LABEL, "pending-label": "Train it", "success-label": "TRAIN IT"},
        ("train it",),
        ("train it",),
        given_by="train it",
    ),
    Labels(
        "trigger label is another command's pending one",
        {"commands": "train: {label: train it}\ntest: {label: Busy}", "pending-label": "busy"},
        ("busy",),
        (),
        before=("busy",),
        given_by="train it",
    ),
    *(
        Labels(
            f"trigger label, swapped, with reply: {reply}",
            {**BY_LABEL, "pending-label": "busy", "success-label": "done", "reply": reply},
            ("busy",),
            ("done",),
            given_by="Train It",
        )
        for reply in ("deny", "never")
    ),
    Labels("other labels stay", {**BY_LABEL, "pending-label": "busy"}, ("bug", "busy"), ("bug",), before=("bug",)),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_labels_are_those_of_the_commands_state(case: Labels, github: GitHubServer, tmp_path: Path) -> None:
    sample = make_sample(github)
    for name in case.repository:
        sample.repository.define_label(name)
    for name in case.before:
        sample.pull.label(name, by="writer")
    stage, inputs = ChatopsStep(github, tmp_path), {"commands": "/train", **case.inputs}
    given_by = case.given_by
    delivery = sample.pull.label(given_by, by="maintainer") if given_by else sample.pull.comment("/train", by="maintainer")
    started = stage.run(delivery, inputs)
    assert (started.outputs["triggered"], tuple(sample.pull.label_names)) == ("true", case.started)
    assert "::warning" not in started.log
    ended = stage.run(delivery, {**inputs, "job-status": case.status}, post=True, state=started.state)
    assert tuple(sample.pull.label_names) == case.ended
    assert "::warning" not in ended.log


def test_a_trigger_label_can_be_set_again(github: GitHubServer, tmp_path: Path) -> None:
    sample, stage = make_sample(github), ChatopsStep(github, tmp_path)
    for _ in range(2):
        delivery = sample.pull.label("train it", by="maintainer")
        ran = stage.run(delivery, BY_LABEL)
        assert (ran.outputs["triggered"], sample.pull.label_names) == ("true", [])
    labeled = [event for event in sample.pull.timeline if event.kind == "labeled"]
    assert len(labeled) == 2


def test_a_refused_trigger_label_stays(github: GitHubServer, tmp_path: Path) -> None:
    sample = make_sample(github)
    ran = ChatopsStep(github, tmp_path).run(sample.pull.label("train it", by="triager"), BY_LABEL)
    assert (ran.outputs["reason"], sample.pull.label_names) == ("permission", ["train it"])


@pytest.mark.parametrize(("reply", "left"), [("always", ["busy"]), ("deny", []), ("never", [])])
def test_commands_are_counted_by_their_comments(reply: str, left: list[str], github: GitHubServer, tmp_path: Path) -> None:
    """Without comments nothing tells of another command: the first one that ends takes the label away."""
    sample, inputs = make_sample(github), {"commands": "/train", "pending-label": "busy", "reply": reply}
    stage = ChatopsStep(github, tmp_path)
    first, second = (sample.pull.comment("/train", by="maintainer") for _ in range(2))
    states = [stage.run(delivery, inputs).state for delivery in (first, second)]
    for delivery, state, labels in zip((first, second), states, (left, []), strict=True):
        stage.run(delivery, {**inputs, "job-status": "success"}, post=True, state=state)
        assert sample.pull.label_names == labels
