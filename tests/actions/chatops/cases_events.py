"""The events that can carry a command, and those that cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlops_sandbox.github import Delivery
from tests.actions.chatops.case import Case
from tests.support.payloads import VARIANTS, Sample, make_fork_sample

LABELED = {
    "commands": """
train: {label: training, params: {lr: {type: float, default: 0.1}}}
deploy: {permission: admin, label: ship}
"""
}


def _dispatch(**inputs: str) -> Callable[[Sample], Delivery[Any]]:
    return lambda sample: sample.repository.workflow_dispatch(
        {name.replace("_", "-"): value.replace("HEAD", sample.pull.head_sha) for name, value in inputs.items()},
        by="maintainer",
    )


def _other(name: str) -> Callable[[Sample], Delivery[Any]]:
    return lambda sample: VARIANTS[name]()


def _late_review(sample: Sample) -> None:
    sample.pull.push(sha="e" * 40)


CASES = [
    # Labels
    Case(
        "label",
        "ok",
        inputs=LABELED,
        event=lambda sample: sample.pull.label("training", by="maintainer"),
        outputs={"command": "train", "comment-id": "", "actor": "maintainer"},
        params={"lr": 0.1},
    ),
    Case(
        "label named like the command",
        "ok",
        event=lambda sample: sample.pull.label("/train", by="writer"),
        outputs={"command": "train"},
    ),
    Case(
        "label that stands for nothing",
        "no-command",
        inputs=LABELED,
        event=lambda sample: sample.pull.label("bug", by="maintainer"),
    ),
    Case(
        "label without a role",
        "permission",
        inputs=LABELED,
        event=lambda sample: sample.pull.label("training", by="triager"),
        reply=("'triage'",),
    ),
    Case(
        "label of a command with its own permission",
        "permission",
        inputs=LABELED,
        event=lambda sample: sample.pull.label("ship", by="maintainer"),
        reply=("'admin'",),
    ),
    Case("label by a bot", "bot", inputs=LABELED, event=lambda sample: sample.pull.label("training", by="ml-bot[bot]")),
    Case(
        "label by a bot on the list",
        "ok",
        inputs={**LABELED, "allow-bots": "ml-bot"},
        event=lambda sample: sample.pull.label("training", by="ml-bot[bot]"),
    ),
    Case("label taken off", "unsupported-action", inputs=LABELED, event=_other("label taken off")),
    Case(
        "pushed after the label",
        "head-not-seen",
        inputs=LABELED,
        event=lambda sample: sample.pull.label("training", by="maintainer"),
        after=_late_review,
        reply=("/train sha=",),
    ),
    Case(
        "label on a fork",
        "fork",
        inputs=LABELED,
        sample=make_fork_sample,
        event=lambda sample: sample.pull.label("training", by="maintainer"),
        reply=("comes from a fork",),
    ),
    Case(
        "label on a fork that is gone",
        "fork-gone",
        inputs={**LABELED, "forks": "allow"},
        sample=lambda github: make_fork_sample(github, deleted=True),
        event=lambda sample: sample.pull.label("training", by="maintainer"),
        reply=("deleted",),
    ),
    Case(
        "label with a legacy phrase",
        "no-command",
        inputs={"commands": "", "trigger_phrase": "training"},
        event=lambda sample: sample.pull.label("training", by="maintainer"),
    ),
    # Reviews
    Case(
        "review comment",
        "ok",
        event=lambda sample: sample.pull.review_comment("/train a=1", by="maintainer"),
        params={"a": "1"},
        reactions=("eyes",),
    ),
    Case(
        "review comment by an outsider",
        "permission",
        event=lambda sample: sample.pull.review_comment("/train", by="outsider"),
        reply=("Your role does not allow it",),
        reactions=("confused",),
    ),
    Case(
        "review comment without a command",
        "no-command",
        event=lambda sample: sample.pull.review_comment("Typo?", by="maintainer"),
    ),
    Case(
        "pushed after the review comment",
        "head-not-seen",
        event=lambda sample: sample.pull.review_comment("/train", by="maintainer"),
        after=_late_review,
        reply=("/train sha=",),
    ),
    Case("review", "ok", event=lambda sample: sample.pull.review("APPROVED", by="maintainer", body="Good.\n\n/train")),
    Case("review without text", "no-command", event=_other("review without text")),
    Case(
        "review of an older commit",
        "older-commit",
        before=lambda sample: sample.pull.push(),
        event=lambda sample: sample.pull.review(
            "COMMENTED", by="maintainer", body="/train", sha=sample.pull.commits[-2].sha
        ),
        reply=("Your comment is on an older commit", "/train sha="),
    ),
    # Started by hand
    Case(
        "by hand with a pin",
        "ok",
        event=_dispatch(command="/train a=1 sha=HEAD", pr_number="1"),
        params={"a": "1"},
        outputs={"pr-number": "1", "actor": "maintainer"},
    ),
    Case("by hand without the prefix", "ok", event=_dispatch(command="train sha=HEAD", pr_number="#1")),
    Case("by hand without a pin", "head-unknown", event=_dispatch(command="/train", pr_number="1"), reply=("/train sha=",)),
    Case("by hand with head latest", "ok", inputs={"head": "latest"}, event=_dispatch(command="/train", pr_number="1")),
    Case(
        "by hand, misspelt",
        "unknown-command",
        event=_dispatch(command="trian", pr_number="1"),
        reply=("did you mean /train?",),
    ),
    Case(
        "by hand for a pull request that is none",
        "pull-request-unknown",
        event=_dispatch(command="train", pr_number="99"),
        exit_code=3,
        log=("404",),
    ),
    # Events without a command
    Case("pull request opened", "unsupported-action", event=_other("pull request opened")),
    Case("pull request pushed to", "unsupported-action", event=_other("pull request pushed to")),
    Case("push", "unsupported-event", event=_other("push"), log=("::notice",)),
    Case("deployment", "unsupported-event", event=_other("deployment"), log=("::notice",)),
    Case("label on an issue", "unsupported-event", event=_other("label set on an issue")),
]
