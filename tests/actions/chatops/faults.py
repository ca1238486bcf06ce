"""Faults of GitHub for the tests of chatops, the inputs of all its feedback, and the warnings in a log."""

from __future__ import annotations

from mlops_sandbox.github import GitHubServer
from mlops_sandbox.runner.files import LogCommand, read_log
from tests.support.step import StepRecord

STATUSES = ("401", "403", "404", "409", "422", "429", "500")
FAULTS = (*STATUSES, "closed")
FEEDBACK_INPUTS = {
    "commands": "/train",
    "pending-label": "training",
    "success-label": "trained",
    "check-name": "model",
    "environment": "staging",
    "reply": "always",
}


def inject_fault(github: GitHubServer, route: str, fault: str) -> None:
    if fault == "stall":
        github.faults.stall(route, seconds=30)
    elif fault == "closed":
        github.faults.close(route)
    else:
        github.faults.answer(route, int(fault))


def warnings(ran: StepRecord) -> list[str]:
    return [one.message for one in read_log(ran.log) if isinstance(one, LogCommand) and one.name in ("warning", "error")]
