"""The file stream of a running experiment: history, summary and log as chunks of files, then its exit code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlops_sandbox.wandb.store import Run

_HISTORY = "wandb-history.jsonl"
_EVENTS = "wandb-events.jsonl"
_SUMMARY = "wandb-summary.json"
_LOG = "output.log"


def _chunk(files: Mapping[str, Any], name: str) -> tuple[int, list[str]]:
    chunk = files.get(name)
    if not isinstance(chunk, Mapping):
        return 0, []
    return int(chunk.get("offset", 0)), [line for line in chunk.get("content", []) if isinstance(line, str)]


def _rows(lines: list[str]) -> list[dict[str, Any]]:
    # NaN and Infinity are not JSON; where a client writes them, they become the text that W&B shows.
    parsed = [json.loads(line, parse_constant=str) for line in lines if line.strip()]
    return [row for row in parsed if isinstance(row, dict)]


def receive(run: Run, body: Mapping[str, Any]) -> None:
    """Apply one request of the stream to its run; raises ValueError where a line is not JSON.

    A chunk has an offset, so that a chunk which is sent again replaces itself.
    """
    now = run.project.store.now()
    files = body.get("files") or {}
    run.record_heartbeat(now)
    for name, rows in ((_HISTORY, run.history), (_EVENTS, run.events)):
        offset, lines = _chunk(files, name)
        if lines:
            rows[offset:] = _rows(lines)
    _, summary = _chunk(files, _SUMMARY)
    if summary:
        run.summary = json.loads(summary[-1], parse_constant=str)
    offset, lines = _chunk(files, _LOG)
    run.log.update({offset + index: line for index, line in enumerate(lines)})
    if body.get("preempting"):
        run.state = "preempting"
    if body.get("complete"):
        run.finish(int(body.get("exitcode") or 0), now)
