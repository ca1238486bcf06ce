"""A log for clients whose log lines a test does not look at."""

from __future__ import annotations

import io

from mlops_actions.boundary.runner import GitHubRunner

LOG = GitHubRunner({}, io.StringIO())
