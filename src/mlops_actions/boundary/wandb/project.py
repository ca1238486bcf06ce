"""One project on W&B, read in as few requests and bytes as its GraphQL allows.

Queries select runs and keys on the server (`runs(filters:)`, `summaryMetrics(keys:)`); a server that lacks a field or an
argument is asked without it, and the work is done here. Only `promote` needs W&B's SDK, and imports it late.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from mlops_actions.boundary.wandb import decode, filters, requests
from mlops_actions.boundary.wandb.asking import ProjectQueries
from mlops_actions.boundary.wandb.details import DetailsReader
from mlops_actions.boundary.wandb.file_digests import FileDigests
from mlops_actions.boundary.wandb.partial import Field, is_about_schema
from mlops_actions.boundary.wandb.server import Server, resolve
from mlops_actions.boundary.wandb.transport import READ_SECONDS, GraphQL, ServerFailed
from mlops_actions.core.errors import Refused, Unavailable
from mlops_actions.core.ports import Log
from mlops_actions.core.runs import (
    Artifact,
    ArtifactFile,
    DetailsQuery,
    LoggedModel,
    Run,
    RunDetails,
    RunKeys,
    RunQuery,
    Sweep,
    TrackerInfo,
    TrackerResult,
    matches_pattern,
)

NAME = "W&B"
DIGEST_ALGORITHM = "wandb"  # the digest that W&B computes of an artifact's manifest, as W&B writes it
_PAGE_SIZE = 1000  # the SDK's exports commonly use it
_PAGE_SIZE_OF_WHOLE_FIELDS = 100  # one run can have tens of kilobytes
# The report stands without details, so they are not worth a long wait.
_ATTEMPTS_FOR_DETAILS, _READ_SECONDS_FOR_DETAILS = 2, 30.0
_MAX_SEARCHED = 5000  # newest runs that are searched here for what the server cannot select
_SAMPLED_SUMMARIES = 25  # newest runs of a list whose summaries tell which metrics there are
_MAX_NAMES = 200  # metrics that patterns stand for
_NEWEST_FIRST = "-created_at"

_FILTERS = "Project.runs(filters)"
_KEYS = ("Run.summaryMetrics(keys)", "Run.config(keys)")


@dataclass
class _Connection:
    """One aliased list of runs in a request, with the runs read so far."""

    alias: str
    query: RunQuery
    nested: bool = False  # whether a dot in a config key only leads into nested values
    after: str | None = None
    has_more: bool = True
    searched: int = 0
    cut: bool = False  # whether the search ended before the end of the list
    runs: dict[str, Run] = field(default_factory=dict)


class WandbProject:
    """Implement `wandb_runs.ports.Tracker`. `pause` sleeps between attempts; an answer may stall for `read_seconds`."""

    def __init__(
        self,
        project: str,
        server: Server,
        log: Log,
        *,
        pause: Callable[[float], None] = time.sleep,
        read_seconds: float = READ_SECONDS,
        max_searched: int = _MAX_SEARCHED,
    ) -> None:
        self._max_searched = max_searched
        self._entity, _, self._name = project.partition("/")
        self._server = server
        self._project_url = f"{server.app_url}/{quote(self._entity, safe='')}/{quote(self._name, safe='')}"
        self._log = log
        self._api = GraphQL(server, log, pause, read_seconds=read_seconds)
        self._queries = ProjectQueries(server.base_url, self._entity, self._name, self._api)
        self._schema = self._queries.schema
        self._files = FileDigests(self._queries.ask, server.base_url, log, pause, silence=read_seconds)

    @property
    def info(self) -> TrackerInfo:
        """W&B's name and words, and the addresses of its server and of the project."""
        return TrackerInfo(
            name=NAME,
            server_url=self._server.app_url,
            project_url=self._project_url,
            digest_algorithm=DIGEST_ALGORITHM,
            commit_variables=("WANDB_GIT_COMMIT", "WANDB_GIT_REMOTE_URL"),
            dataset_call="run.use_artifact",
            other_addresses=self._server.other_addresses,
            # No address of W&B opens chosen runs: its documents name only saved views. The search field of this page takes
            # run ids as a regular expression (docs.wandb.ai/models/runs/search-runs).
            runs_url=f"{self._project_url}/table",
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about what this server could not be asked so far."""
        return self._queries.notes

    def native_query(self, query: RunQuery) -> str:
        """Return the filter that W&B gets for a query."""
        return json.dumps(filters.filter_of(query))

    # Runs

    def find(self, candidates: RunQuery, baselines: RunQuery | None, keys: RunKeys) -> TrackerResult:
        """Read both lists, page by page, with one request for a page of both."""
        lists = [_Connection("candidates", candidates), *([_Connection("baselines", baselines)] if baselines else [])]
        names = [*keys.summary, *(self._names(lists, keys.summary_patterns) if keys.summary_patterns else ())]
        values = {
            "summaryKeys": decode.with_first_parts([*names, decode.INTERNAL_KEY, decode.RUNTIME_KEY]),
            "configKeys": decode.with_first_parts([*keys.config, decode.INTERNAL_KEY]),
            "internalKeys": [decode.METRICS_KEY, decode.MACHINES_KEY, decode.TELEMETRY_KEY],
        }
        doubts: list[str] = []
        while unread := [connection for connection in lists if self._is_unread(connection, lists[0])]:
            self._read_page(unread, requests.runs([connection.alias for connection in unread]), values)
        for connection in [connection for connection in lists if connection.cut]:
            doubts.append(self._cut_short(connection))
            beyond = _Connection(connection.alias, connection.query, nested=True)
            while not self._schema.lacks(_FILTERS) and self._is_unread(beyond, lists[0]):
                self._read_page([beyond], requests.runs([beyond.alias]), values)
            connection.runs.update({run_id: run for run_id, run in beyond.runs.items() if run_id not in connection.runs})
        if not lists[0].runs and (paths := list(filters.dotted_paths(candidates.tracker_filter))):
            self._queries.note(
                f"No run matches. W&B takes each dot in {', '.join(paths)} for a step into a nested value, and finds no "
                "config key whose own name holds a dot."
            )
        runs = [tuple(connection.runs.values()) for connection in lists]
        return TrackerResult(runs[0], runs[1] if baselines else (), tuple(dict.fromkeys(doubts)))

    def _cut_short(self, connection: _Connection) -> str:
        """Return the sentence about a search that ended before the end of the list."""
        if self._schema.lacks(_FILTERS):
            return (
                f"This W&B server cannot filter runs: only {connection.searched} runs of the project were searched, so "
                "some may be missing."
            )
        keys = [key for key in filters.config_keys(connection.query) if "." in key]
        return (
            f"W&B finds no config key whose own name holds a dot: for {', '.join(dict.fromkeys(keys))} as such a name only "
            f"the newest {connection.searched} runs were searched, so older ones may be missing."
        )

    def _names(self, lists: Sequence[_Connection], patterns: Sequence[str]) -> list[str]:
        """Return the names that match a pattern, of the summaries of each list's newest runs.

        Few runs are asked for their whole summaries, so that of many runs only the wanted keys are read.
        """
        request = requests.summary_names([connection.alias for connection in lists])
        queries = {connection.alias: self.native_query(connection.query) for connection in lists}
        values = {"sample": _SAMPLED_SUMMARIES, "order": _NEWEST_FIRST, **queries}
        filtered = any(connection.query.tracker_filter for connection in lists)
        project = self._queries.ask("MlopsNames", request, lambda: values, filtered=filtered)
        found: dict[str, None] = {}
        for connection in lists:
            for node in decode.nodes(project.get(connection.alias)):
                names = decode.names_in(decode.json_object(node.get("summaryMetrics")))
                found.update({name: None for name in names if any(matches_pattern(name, text) for text in patterns)})
        if len(found) > _MAX_NAMES:
            self._queries.note(
                f"{', '.join(patterns)} stands for {len(found)} metrics of the newest runs: only {_MAX_NAMES} are read."
            )
        return list(found)[:_MAX_NAMES]

    def _is_unread(self, connection: _Connection, candidates: _Connection) -> bool:
        limit = connection.query.stop_after
        # Where the server does not choose the newest, the others must be known too.
        if not limit or self._selects_here(connection) or self._schema.lacks("Project.runs(order)"):
            return connection.has_more
        # A candidate among the baselines is not usable, so more pages may be needed than the limit suggests.
        usable = sum(run_id not in candidates.runs for run_id in connection.runs)
        return connection.has_more and usable < limit

    def states(self, candidates: RunQuery) -> tuple[Run, ...]:
        """Read the candidates' states, without their metrics."""
        connection = _Connection("candidates", candidates)
        selects_here = self._selects_here(connection)
        while connection.has_more:
            request = requests.states(connection.alias, selected_here=selects_here)
            self._read_page([connection], request, {"configKeys": []})
        if connection.cut and not self._schema.lacks(_FILTERS):
            beyond = _Connection(connection.alias, candidates, nested=True)
            while beyond.has_more:
                self._read_page([beyond], requests.states(beyond.alias, selected_here=False), {"configKeys": []})
            connection.runs.update({run_id: run for run_id, run in beyond.runs.items() if run_id not in connection.runs})
        # The first refusal tells that the runs must be selected here, by fields that were not asked for.
        return tuple(connection.runs.values()) if selects_here == self._selects_here(connection) else self.states(candidates)

    def _selects_here(self, connection: _Connection) -> bool:
        """Return whether the server's answer must be searched for the runs that the query selects."""
        return self._schema.lacks(_FILTERS) or not (connection.nested or filters.is_complete(connection.query))

    def _read_page(self, connections: Sequence[_Connection], request: Field, values: Mapping[str, Any]) -> None:
        queries = {
            connection.alias: json.dumps(filters.filter_of(connection.query, nested=connection.nested))
            for connection in connections
        }
        # A query's keys are read too, since the runs may have to be selected by them here.
        keys = [key for connection in connections for key in filters.config_keys(connection.query)]

        def variables() -> Mapping[str, Any]:
            return {
                **values,
                "configKeys": list(dict.fromkeys([*values["configKeys"], *decode.with_first_parts(keys)])),
                "order": _NEWEST_FIRST,
                "first": _PAGE_SIZE_OF_WHOLE_FIELDS if self._schema.lacks(*_KEYS) else _PAGE_SIZE,
                **queries,
                **{f"{connection.alias}After": connection.after for connection in connections},
            }

        filtered = any(connection.query.tracker_filter for connection in connections)
        try:
            project = self._queries.ask("MlopsRuns", request, variables, filtered=filtered)
        except ServerFailed as failure:
            if not filtered:
                raise
            remedy = f"W&B answers so to a filter that it cannot read: check 'filters'; else {failure.remedy}"
            raise Unavailable(failure.cause, remedy) from None
        for connection in connections:
            self._add_runs(connection, project)

    def _add_runs(self, connection: _Connection, project: Mapping[str, Any]) -> None:
        answer = project.get(connection.alias)
        if not isinstance(answer, Mapping):
            raise Unavailable(f"W&B's answer lacks the {connection.alias}", "re-run the job")
        selects_here = self._selects_here(connection)
        if selects_here:
            self._check_selection(connection.query)
        edges = answer.get("edges") or []
        if not isinstance(edges, list):
            raise Unavailable(f"W&B's answer has no list of {connection.alias}", "re-run the job")
        for edge in edges:
            node = edge.get("node") if isinstance(edge, Mapping) else None
            if isinstance(node, Mapping) and node.get("name"):
                if not isinstance(node["name"], str):
                    raise Unavailable("W&B's answer has a run whose name is no text", "re-run the job")
                run = self._run(node)
                if not selects_here or filters.matches(connection.query, run):
                    connection.runs.setdefault(run.id, run)
        connection.after = self._queries.next_cursor(answer, connection.after, "Project.runs")
        connection.has_more = bool(connection.after)
        connection.searched += len(edges)
        if selects_here and connection.has_more and connection.searched >= self._max_searched:
            connection.has_more, connection.cut = False, True

    def _check_selection(self, query: RunQuery) -> None:
        """Refuse a query by which runs can be selected neither by this server nor here."""
        missing = [f"Run.{name}" for name in filters.run_fields(query) if self._schema.lacks(f"Run.{name}")]
        where = f"W&B at {self._server.base_url}"
        if query.tracker_filter and self._schema.lacks(_FILTERS):
            raise Refused(f"{where} cannot filter runs: it does not know {_FILTERS}", "leave 'filters' out")
        if missing and self._schema.lacks(_FILTERS):
            raise Refused(
                f"{where} can neither filter runs nor tell what to select them by: it does not know {_FILTERS} and "
                f"{', '.join(missing)}",
                "select the runs by 'run-id', or name a server in 'base-url' that knows more",
            )

    def _run(self, node: Mapping[str, Any]) -> Run:
        url = f"{self._project_url}/runs/{quote(str(node['name']), safe='')}"
        return decode.run(node, entity=self._entity, project=self._name, url=url)

    def sweep(self, sweep_id: str) -> Sweep | None:
        """Read a sweep; None where the project has none of that id."""
        from mlops_actions.boundary.wandb import sweeps  # its YAML reader, for those who name a sweep

        project = self._queries.ask("MlopsSweep", requests.sweep(), lambda: {"sweep": sweep_id})
        node = project.get("sweep")
        if not isinstance(node, Mapping) and not self._schema.lacks("Project.sweep"):
            return None
        url = f"{self._project_url}/sweeps/{quote(sweep_id, safe='')}"
        return sweeps.decode(node if isinstance(node, Mapping) else {}, sweep_id=sweep_id, url=url)

    # Details

    def details(self, query: DetailsQuery) -> Mapping[str, RunDetails]:
        """Read details of chosen runs; see `details.py`."""
        api = self._api.hasty(attempts=_ATTEMPTS_FOR_DETAILS, read_seconds=_READ_SECONDS_FOR_DETAILS)
        return DetailsReader(self._queries, api).read(query)

    def models(self, run: Run) -> tuple[LoggedModel, ...]:
        """Read the artifacts that a run logged, page by page; return the models, the newest version of each name first."""
        logged = self._logged(run, None)
        models = list(decode.models(logged))
        after: str | None = None
        while after := self._queries.next_cursor(logged, after, "Run.outputArtifacts"):
            logged = self._logged(run, after)
            models += decode.models(logged)
        return tuple(sorted(models, key=lambda model: (model.artifact.name, -model.artifact.version)))

    def files(self, artifact: Artifact, max_bytes: int) -> tuple[ArtifactFile, ...]:
        """Read the files of an artifact and compute their SHA-256; see `file_digests.py`."""
        return self._files.digests(artifact, max_bytes)

    def _logged(self, run: Run, after: str | None) -> Mapping[str, Any]:
        project = self._queries.ask("MlopsLogged", requests.logged_artifacts(), lambda: {"run": run.id, "after": after})
        node = project.get("run")
        logged = node.get("outputArtifacts") if isinstance(node, Mapping) else None
        if not isinstance(logged, Mapping) or not decode.tells_artifacts(logged):
            raise Unavailable(f"W&B does not tell what run {run.id} logged", "re-run the job")
        return logged

    # Writing

    def promote(self, run: Run, model: Artifact, alias: str) -> None:
        """Give a model that the run logged an alias, by the SDK."""
        with tempfile.TemporaryDirectory(prefix="mlops-actions-", ignore_cleanup_errors=True) as home, _sdk(home):
            import wandb
            from wandb.sdk.lib.service.service_connection import WandbApiFailedError  # no wandb.Error

            try:
                api = wandb.Api(api_key=self._server.api_key or None, overrides={"base_url": self._server.base_url})
                logged = api.run(f"{self._entity}/{self._name}/{run.id}").logged_artifacts()
                chosen = next((artifact for artifact in logged if artifact.name == model.label), None)
                if chosen and alias not in chosen.aliases:
                    chosen.aliases.append(alias)
                    chosen.save()
            # The SDK does not check what it reads.
            except (
                wandb.Error, WandbApiFailedError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, OSError,
            ) as error:  # fmt: skip
                remedy = "check that the owner of 'api-key' may write to the project"
                if is_about_schema(str(error)):
                    remedy = "this server lacks what W&B's SDK asks it for: leave 'promote-alias' out, or upgrade the server"
                raise Unavailable(f"W&B did not give the alias {alias!r}: {error}", remedy) from None
        if chosen is None:
            raise Refused(f"W&B's SDK does not find {model.label} among what run {run.id} logged", "re-run the job")


def connect(
    project: str,
    api_key: str | None,
    base_url: str | None,
    environ: Mapping[str, str],
    log: Log,
    *,
    pause: Callable[[float], None] = time.sleep,
) -> WandbProject:
    """Return a project of the W&B server that the inputs or the environment name; raises BadInput without credentials."""
    server = resolve(api_key, base_url, environ)
    for secret in server.secrets:
        log.mask(secret)
    return WandbProject(project, server, log, pause=pause)


@contextmanager
def _sdk(home: str) -> Iterator[None]:
    """Set an environment in which the SDK is quiet, writes only into `home`, and reads no settings from the checkout."""
    before = dict(os.environ)
    os.environ.update(dict.fromkeys(("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"), home))
    os.environ.update(WANDB_SILENT="true", WANDB_ERROR_REPORTING="false")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
