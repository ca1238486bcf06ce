"""Which section of a shared comment a step writes: by its workflow, job, matrix values and step, or as the user names it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlops_actions.core.context import Context
from mlops_actions.core.json_text import parse_json

_MAX_VALUE = 40  # characters of one matrix value in a title, and of a title in the name of a file


@dataclass(frozen=True)
class CommentSection:
    """A section of a comment: `key` tells it from others, `title` names it for people.

    `workflow` is the same for all sections of a workflow, `leg` for all steps of one job (of one leg of a matrix, where
    `in_matrix`). `is_named` tells that the user gave the title: sections of two names stay apart, also in one job, since two
    calls of a reusable workflow are jobs of one name. `attempt` counts the attempts of the workflow run. `key`, `leg` and
    `workflow` are short hashes, empty where unknown.
    """

    key: str = ""
    leg: str = ""
    workflow: str = ""
    title: str = ""
    in_matrix: bool = False
    is_named: bool = False
    attempt: int = 1

    @property
    def file_name(self) -> str:
        """A name that no other section and attempt of a run has, of characters that every file and artifact may have."""
        words = re.sub(r"[^A-Za-z0-9.-]+", "-", self.title)[:_MAX_VALUE].strip("-.")
        attempt = f"attempt-{self.attempt}" if self.attempt > 1 else ""
        return "-".join(filter(None, (words, self.key, attempt)))


def matrix_values(value: str) -> Mapping[str, Any]:
    """Read the values of a job's matrix, JSON as the runner writes it; empty for `null`, a job without a matrix.

    Raises ValueError for anything else.
    """
    try:
        values = parse_json(value)
    except ValueError as error:
        raise ValueError(f"must be a JSON object, as ${{{{ toJSON(matrix) }}}} gives it: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ValueError("must be a JSON object, as ${{ toJSON(matrix) }} gives it")
    return values


def section_of(context: Context, matrix: Mapping[str, Any], name: str = "") -> CommentSection:
    """Return the section of this step; `name` is the user's own name for it (empty: none).

    GitHub's environment has no matrix values, so that an input brings them. It numbers the steps that use one action:
    `__octo_action`, `__octo_action_2`; a step with an `id` has that.
    """
    workflow = context.workflow_path or context.workflow
    leg = (workflow, context.job, matrix)
    return CommentSection(
        key=_hash("named", name) if name else _hash(*leg, context.step),
        leg=_hash(*leg),
        workflow=_hash(workflow),
        title=name or _title(context, matrix),
        in_matrix=bool(matrix),
        is_named=bool(name),
        attempt=context.run_attempt,
    )


def _title(context: Context, matrix: Mapping[str, Any]) -> str:
    values = ", ".join(_shown(value) for value in matrix.values())
    job = f"{context.job} ({values})" if values else context.job
    return " · ".join(filter(None, (context.workflow, job, _step_title(context.step))))


def _step_title(step: str) -> str:
    """Return a step's id, or its number where an action is used again; the first use of an action needs no name.

    act numbers all steps: `0`, `1`.
    """
    if not step.startswith("__"):
        return f"step {step}" if step.isdigit() else step
    number = step.rpartition("_")[2]
    return f"step {number}" if number.isdigit() else ""


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_VALUE else f"{text[: _MAX_VALUE - 1]}…"


def _hash(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:10]
