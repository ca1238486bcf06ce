"""A GitHub on loopback, with the REST calls that the suite makes and the pull request as a page."""

from __future__ import annotations

from .api import Exchange
from .clock import Clock
from .faults import Fault, Faults
from .git import Commit
from .issues import Issue, PullRequest
from .page import render_page, render_transcript
from .people import App, Installation, Team, Token, User
from .repository import Repository
from .server import GitHubServer
from .world import Delivery, World

__all__ = [
    "App",
    "Clock",
    "Commit",
    "Delivery",
    "Exchange",
    "Fault",
    "Faults",
    "GitHubServer",
    "Installation",
    "Issue",
    "PullRequest",
    "Repository",
    "Team",
    "Token",
    "User",
    "World",
    "render_page",
    "render_transcript",
]
