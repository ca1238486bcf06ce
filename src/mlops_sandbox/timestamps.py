"""Times as GitHub, Kubernetes and W&B write them in JSON: RFC 3339 in UTC, with whole seconds."""

from __future__ import annotations

from datetime import UTC, datetime


def timestamp(time: datetime | None = None) -> str:
    """Write a time (default: now), e.g. `2026-01-31T08:00:00Z`."""
    return (time or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def optional_timestamp(time: datetime | None) -> str | None:
    """Write a time, or None for none."""
    return None if time is None else timestamp(time)
