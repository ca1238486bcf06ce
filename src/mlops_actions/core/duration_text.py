"""Write a duration as people read it."""

from __future__ import annotations


def duration_text(seconds: float | None) -> str:
    """Write seconds as `7s`, `3m 12s` or `2h 05m`; empty for None."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02}m"
