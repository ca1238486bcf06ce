"""GitHub's REST API, on urllib3; PyGithub, imported late and here alone, signs for a GitHub App.

`GitHub` is one repository as the actions see it. Its calls raise `GitHubRefused` (401, 403, 404, 422 …) or `Unavailable`.
"""

from __future__ import annotations

from mlops_actions.boundary.github.app import AppKey, mint
from mlops_actions.boundary.github.failures import GitHubRefused
from mlops_actions.boundary.github.repository import GitHub
from mlops_actions.boundary.github.transport import Pace, Transport

__all__ = ["AppKey", "GitHub", "GitHubRefused", "Pace", "Transport", "mint"]
