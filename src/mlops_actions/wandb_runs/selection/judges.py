"""The values of the input `judge`: which of several candidates is judged."""

from __future__ import annotations

BEST, MEAN, ALL, LATEST = "best", "mean", "all", "latest"
JUDGES = (BEST, MEAN, ALL, LATEST)
