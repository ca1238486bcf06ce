"""A GitHub on loopback: the REST operations that the suite calls, and pages of pull requests."""

from __future__ import annotations

from mlops_sandbox.github.accounts import App, Installation, Team, Token, User
from mlops_sandbox.github.api import Exchange
from mlops_sandbox.github.clock import Clock
from mlops_sandbox.github.events import Delivery
from mlops_sandbox.github.faults import Fault, Faults
from mlops_sandbox.github.git import Commit
from mlops_sandbox.github.page import render_page, render_transcript
from mlops_sandbox.github.repository import Issue, PullRequest, Repository
from mlops_sandbox.github.server import GitHubServer
from mlops_sandbox.github.state import GitHubState
from mlops_sandbox.github.workflow_runs import WorkflowJob, WorkflowRun

__all__ = [
    "App",
    "Clock",
    "Commit",
    "Delivery",
    "Exchange",
    "Fault",
    "Faults",
    "GitHubServer",
    "GitHubState",
    "Installation",
    "Issue",
    "PullRequest",
    "Repository",
    "Team",
    "Token",
    "User",
    "WorkflowJob",
    "WorkflowRun",
    "render_page",
    "render_transcript",
]
