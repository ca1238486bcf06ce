"""Commands with a lock: the output for the job that works, and whom the comment names."""

from __future__ import annotations

from typing import Any

from tests.actions.chatops.case import US, Arrange, Case
from tests.actions.chatops.cases_controls import HERE, accepted
from tests.support.payloads import Sample

LOCKED = {"commands": "{train: {lock: GPU}, deploy: {lock: production}, lint: }"}
WAITS = "and waits behind"


def _case(name: str, before: Arrange | None = None, *reply: str, body: str = "/train", **changed: Any) -> Case:
    """A command with a lock in this workflow file; `reply` is what its comment says."""
    defaults: dict[str, Any] = {
        "inputs": LOCKED,
        "environ": {**HERE, "GITHUB_RUN_ID": "200"},
        "before": before or accepted(),
        "reply": reply or None,
        "finally_": () if reply else (_waits_for_nobody,),
    }
    return Case(name, "ok", body, **defaults | changed)


def _waits_for_nobody(sample: Sample) -> None:
    (comment,) = [comment.body for comment in sample.pull.comments if comment.user.login == US]
    assert WAITS not in comment


def _several(sample: Sample) -> None:
    for run in range(100, 107):
        accepted(run_id=run, number=run, lock="gpu", said=False, status="pending")(sample)


def _refused(sample: Sample) -> None:
    accepted(lock="gpu", said=False)(sample)
    sample.github.faults.answer("GET /repos/*/*/actions/workflows/*/runs", 403)


CASES = [
    _case(
        "a lock that another pull request's command has",
        accepted(number=12, lock="gpu", said=False),
        "`/train` is running",
        "It takes the lock `gpu`, and waits behind `/train` on #12 ([run](",
        "/actions/runs/100)).",
        outputs={"lock": "lock-gpu"},
    ),
    _case("a lock that many have", _several, "`/train` on #106", "`/train` on #102", ", 2 more."),
    _case("a lock that a waiting command has", accepted(lock="gpu", said=False, status="pending"), WAITS),
    _case("a lock that has been released", accepted(lock="gpu", said=False, ends="success"), outputs={"lock": "lock-gpu"}),
    _case("another lock", accepted(lock="production", said=False), outputs={"lock": "lock-gpu"}),
    _case("a lock that a later run asked for", accepted(lock="gpu", said=False, run_id=300)),
    _case(
        "a lock in another workflow file",
        accepted(number=12, lock="gpu", said=False, path=".github/workflows/other.yml", status="pending"),
        "It takes the lock `gpu`, and waits behind `/train` on #12 ([run](",
        "/actions/runs/100)).",
    ),
    _case(
        "a lock in another workflow file, by hand on a branch",
        accepted(lock="gpu", said=False, path=".github/workflows/other.yml", event="workflow_dispatch", branch="evil"),
    ),
    _case(
        "a lock in another workflow file, released",
        accepted(lock="gpu", said=False, path=".github/workflows/other.yml", ends="failure"),
    ),
    _case("a lock by the notice of a pull request's own file", accepted(lock="gpu", said=False, event="pull_request")),
    _case("no lock", accepted(lock="gpu", said=False), body="/lint", outputs={"lock": ""}),
    _case("a lock, and what runs cannot be read", _refused, log=("behind whom the command waits is not known",)),
    _case(
        "a lock, and the server does not name the file",
        accepted(lock="gpu", said=False),
        environ={"GITHUB_WORKFLOW_REF": ""},
    ),
]
