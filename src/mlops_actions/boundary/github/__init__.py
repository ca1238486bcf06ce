"""GitHub's REST API over urllib3. PyGithub signs for a GitHub App; it is imported late, and nowhere else.

`GitHub` is one repository as the actions use it. Its calls raise `GitHubRefused` (401, 403, 404, 422 …) or `Unavailable`.
"""

from __future__ import annotations

from mlops_actions.boundary.github.app import AppKey, mint_token
from mlops_actions.boundary.github.failures import GitHubRefused
from mlops_actions.boundary.github.repository import GitHub
from mlops_actions.boundary.github.transport import GitHubTransport, Pace

__all__ = ["AppKey", "GitHub", "GitHubRefused", "GitHubTransport", "Pace", "mint_token"]
