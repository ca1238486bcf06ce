"""Details of chosen runs: one kind a request, many runs a request.

What a server does not answer is unknown, and costs nothing else. A request that fails is asked again in halves, since one
run or the size of the answer can be the cause; after some failures the rest of its kind is unknown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlops_actions.boundary.wandb import decode, requests
from mlops_actions.boundary.wandb.asking import ProjectQueries
from mlops_actions.boundary.wandb.partial import Field
from mlops_actions.boundary.wandb.transport import GraphQL, Rejected, ServerFailed
from mlops_actions.core.errors import ActionError
from mlops_actions.core.runs import DetailsQuery, Points, RunDetails

_BATCH = 50  # runs in one request
# Of a run, W&B's own tools ask for at most eight histories at once.
_HISTORIES = 8
_HISTORIES_OF_ALL = 24  # in one request
_MAX_PAGES = 20  # of the artifacts or files of one run
# Failures after which the rest of a kind is unknown; no answer at all counts for more, since it costs more time.
_FAILURES, _COST_OF_SILENCE = 6, 3


@dataclass(frozen=True)
class _Kind:
    """What is asked of runs: `what` completes "W&B did not tell", `field` is the field of the run at an index of a batch."""

    what: str
    operation: str
    field: Callable[[int], Field]


@dataclass(frozen=True)
class _Wanted:
    """One run of a batch: its id, the cursor of the page to ask for, and the histories to sample."""

    run_id: str
    after: str | None = None
    specs: tuple[str, ...] = ()

    def variables(self, index: int) -> Mapping[str, Any]:
        return {f"run{index}": self.run_id, f"after{index}": self.after, f"specs{index}": self.specs}


_DATASETS = _Kind("which datasets runs used", "MlopsDatasets", requests.datasets)
_PATCHES = _Kind("whether runs had uncommitted changes", "MlopsPatches", requests.patches)
_CONFIGS = _Kind("the whole config of runs", "MlopsConfigs", requests.whole_config)
_HISTORY = _Kind("the history of runs", "MlopsHistory", requests.history)


class DetailsReader:
    """Reads details of one project's runs. `api` is a client that gives up early."""

    def __init__(self, queries: ProjectQueries, api: GraphQL) -> None:
        self._queries = queries
        self._api = api

    def read(self, query: DetailsQuery) -> Mapping[str, RunDetails]:
        """Read what the query asks for, by run id; raises nothing."""
        wanted = (*query.datasets, *query.uncommitted_changes, *query.config, *(query.curves_of if query.curves else ()))
        found = {run_id: RunDetails() for run_id in wanted}
        for run_id, pages in self._pages(_DATASETS, query.datasets, "Run.inputArtifacts", decode.tells_artifacts):
            datasets = tuple(artifact for page in pages for artifact in decode.datasets(page))
            found[run_id] = replace(found[run_id], datasets=datasets)
        for run_id, pages in self._pages(_PATCHES, query.uncommitted_changes, "Run.files", decode.tells_files):
            has_patch = any(map(decode.has_patch, pages))
            found[run_id] = replace(found[run_id], has_uncommitted_changes=has_patch)
        for wanted_run, answer in self._answers(_CONFIGS, [_Wanted(run_id) for run_id in query.config]):
            found[wanted_run.run_id] = replace(found[wanted_run.run_id], config=decode.whole_config(answer))
        for run_id, metric, points in self._curves(query):
            of_run = found[run_id]
            found[run_id] = replace(of_run, curves={**of_run.curves, metric: points})
        return found

    def _curves(self, query: DetailsQuery) -> Iterator[tuple[str, str, Points]]:
        for start in range(0, len(query.curves), _HISTORIES):
            metrics = query.curves[start : start + _HISTORIES]
            # One spec per metric: the rows of a spec are those with all of its keys.
            specs = tuple(json.dumps({"keys": ["_step", name], "samples": query.samples}) for name in metrics)
            wanted = [_Wanted(run_id, specs=specs) for run_id in query.curves_of]
            for run, answer in self._answers(_HISTORY, wanted, batch=_HISTORIES_OF_ALL // len(metrics)):
                for metric, rows in zip(metrics, answer if isinstance(answer, list) else (), strict=False):
                    if (points := decode.points(rows, metric)) is not None:
                        yield run.run_id, metric, points

    def _pages(
        self, kind: _Kind, run_ids: Sequence[str], field: str, is_page: Callable[[Any], bool]
    ) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
        """Yield each run with all pages of its list; runs of which one page is missing are left out, with a note."""
        read: dict[str, list[Mapping[str, Any]]] = {run_id: [] for run_id in run_ids}
        pending = [_Wanted(run_id) for run_id in run_ids]
        incomplete = 0
        while pending:
            following = []
            for run, answer in self._answers(kind, pending):
                if not is_page(answer):
                    incomplete += 1
                    continue
                pages = read[run.run_id]
                pages.append(answer)
                try:
                    after = None if self._is_whole(answer, field) else self._queries.next_cursor(answer, run.after, field)
                except ActionError:
                    incomplete += 1
                    continue
                if not after:
                    yield run.run_id, pages
                elif len(pages) < _MAX_PAGES:
                    following.append(replace(run, after=after))
                else:
                    incomplete += 1
            pending = following
        if incomplete:
            self._queries.note(f"W&B did not tell {kind.what}: its answer about {incomplete} of them is incomplete.")

    def _is_whole(self, answer: Mapping[str, Any], field: str) -> bool:
        """Return whether a page that does not say so must be the last: it is shorter than a page may be."""
        limited = not self._queries.schema.lacks(f"{field}(first)")
        return "pageInfo" not in answer and limited and len(answer["edges"]) < requests.ARTIFACTS_PAGE_SIZE

    def _answers(self, kind: _Kind, wanted: Sequence[_Wanted], *, batch: int = _BATCH) -> Iterator[tuple[_Wanted, Any]]:
        """Yield each run with the server's answer about it; runs without an answer are left out, with a note."""
        batches = [wanted[start : start + batch] for start in range(0, len(wanted), batch)]
        failures, unknown, causes = 0, 0, dict[str, None]()
        while batches:
            runs = batches.pop(0)
            if failures >= _FAILURES:
                unknown += len(runs)
                continue
            try:
                project, errors = self._ask(kind, runs)
                if not self._can_ask(kind):
                    return
            except (Rejected, ActionError) as error:
                causes[error.cause if isinstance(error, ActionError) else str(error)] = None
                by_size = isinstance(error, Rejected | ServerFailed)
                failures += 1 if by_size else _COST_OF_SILENCE
                if by_size and len(runs) > 1:
                    batches[:0] = [runs[: len(runs) // 2], runs[len(runs) // 2 :]]
                else:
                    unknown += len(runs)
                continue
            causes.update(dict.fromkeys(errors))
            nodes = project if isinstance(project, Mapping) else {}
            for index, run in enumerate(runs):
                node = nodes.get(f"run{index}")
                # The run's only field; null where it could not be read, or where the run was deleted since.
                answer = next(iter(node.values()), None) if isinstance(node, Mapping) else None
                if answer is not None:
                    yield run, answer
                else:
                    unknown += 1
        if unknown:
            cause = " · ".join(causes) or "its answer lacks them"
            self._queries.note(f"W&B did not tell {kind.what}, for {unknown} of {len(wanted)} runs: {cause}.")

    def _can_ask(self, kind: _Kind) -> bool:
        """Return whether the server's schema has what is asked; where not, a note says so already."""
        return bool(self._queries.schema.document(kind.operation, requests.of_runs([kind.field(0)]))[0])

    def _ask(self, kind: _Kind, runs: Sequence[_Wanted]) -> tuple[Any, tuple[str, ...]]:
        fields = [kind.field(index) for index in range(len(runs))]
        variables = {name: value for index, run in enumerate(runs) for name, value in run.variables(index).items()}
        return self._queries.ask_for_parts(self._api, kind.operation, requests.of_runs(fields), lambda: variables)
