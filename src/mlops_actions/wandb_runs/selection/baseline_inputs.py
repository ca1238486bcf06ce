"""The rules between the inputs that select baselines. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from mlops_actions.core.errors import BadInput
from mlops_actions.core.provenance import is_sha
from mlops_actions.wandb_runs.selection.base_commits import TAGS
from mlops_actions.wandb_runs.verdict.no_baseline import FAIL


class BaselineInputs(Protocol):
    """The inputs that the rules are about."""

    @property
    def sha(self) -> str | None:
        """The commit that is judged."""

    @property
    def baseline(self) -> str:
        """Where baselines come from."""

    @property
    def baseline_tags(self) -> tuple[str, ...] | None:
        """The tags of baselines."""

    @property
    def baseline_sha(self) -> str | None:
        """A commit whose runs are baselines."""

    @property
    def max_baselines(self) -> int:
        """The largest number of baselines."""

    @property
    def no_baseline(self) -> str:
        """What their absence means."""

    @property
    def github_token(self) -> str | None:
        """The token to ask GitHub with."""

    @property
    def wants_baselines(self) -> bool:
        """Whether the inputs select baselines."""


def problems_of_baselines(inputs: BaselineInputs) -> Iterator[BadInput]:
    """Yield the contradictions, each with the names of the inputs and a remedy."""
    if inputs.baseline != TAGS:
        yield from _problems_of_commits(inputs)
    if inputs.no_baseline != FAIL and not inputs.wants_baselines:
        yield BadInput(
            f"input 'no-baseline' is '{inputs.no_baseline}', but no input selects baselines: no gate would ever compare",
            "give 'baseline-tags', 'baseline-sha' or 'baseline: merge-base'; 'max-baselines: 0' turns all of them off",
        )


def _problems_of_commits(inputs: BaselineInputs) -> Iterator[BadInput]:
    given = f"input 'baseline' is '{inputs.baseline}'"
    for name, value in (("baseline-tags", inputs.baseline_tags), ("baseline-sha", inputs.baseline_sha)):
        if value:
            yield BadInput(
                f"{given}, but input '{name}' names other baselines", f"leave '{name}' out, or give 'baseline: {TAGS}'"
            )
    if not is_sha(inputs.sha or ""):
        yield BadInput(f"{given}, which needs 'sha'", "give 'sha' as a full commit SHA: baselines come before it")
    if not inputs.github_token:
        yield BadInput(f"{given}, which needs 'github-token'", "leave 'github-token' at its default")
    if inputs.max_baselines == 0:
        yield BadInput(f"{given}, but input 'max-baselines' is 0", "leave one of them out")
