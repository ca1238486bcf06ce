"""One project on W&B, read in as few requests and bytes as its GraphQL allows.

Queries select keys on the server (`summaryMetrics(keys:)`, `config(keys:)`); where a server refuses that, the same query
reads whole fields. Only `promote` needs W&B's SDK, and imports it late.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from mlops_actions.boundary.wandb import decode
from mlops_actions.boundary.wandb.filters import filter_of
from mlops_actions.boundary.wandb.server import Server, resolve
from mlops_actions.boundary.wandb.transport import READ_SECONDS, GraphQL, Rejected
from mlops_actions.core.errors import BadInput, Refused, Unavailable
from mlops_actions.core.ports import Log
from mlops_actions.core.runs import Artifact, Run, RunDetails, RunKeys, RunQuery, TrackerInfo, TrackerResult

NAME = "W&B"
DIGEST_ALGORITHM = "wandb"  # the digest that W&B computes of an artifact's manifest, as W&B writes it
_PAGE_SIZE = 1000  # the SDK's exports commonly use it
_PAGE_SIZE_OF_WHOLE_FIELDS = 100  # one run can have tens of kilobytes
_MAX_DETAILS = 50  # runs in one request for details
_NEWEST_FIRST = "-created_at"
# The messages of GraphQL servers (graphql-go, graphql-js and the like) about fields that their schema lacks.
_UNKNOWN_FIELD = re.compile(r"unknown argument|cannot query field|unknown field|undefined field", re.IGNORECASE)
_DENIED = re.compile(r"permission|not logged in|unauthori[sz]ed|forbidden|access denied", re.IGNORECASE)

_RUN_FIELDS = "name displayName state tags commit group createdAt heartbeatAt description"
_KEYED_FIELDS = "summaryMetrics(keys: $summaryKeys) config(keys: $configKeys)"
_WHOLE_FIELDS = "summaryMetrics config"
_PAGE_INFO = "pageInfo { endCursor hasNextPage }"
_ARTIFACT_FIELDS = "digest versionIndex artifactType { name } artifactSequence { name }"
_ARTIFACTS_PAGE_SIZE = 100


@dataclass
class _Connection:
    """One aliased list of runs in a request, with the runs read so far."""

    alias: str
    query: RunQuery
    after: str | None = None
    has_more: bool = True
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
    ) -> None:
        self._entity, _, self._name = project.partition("/")
        self._server = server
        self._project_url = f"{server.app_url}/{quote(self._entity, safe='')}/{quote(self._name, safe='')}"
        self._log = log
        self._keyed = True
        self._notes: list[str] = []
        self._api = GraphQL(server, log, pause, read_seconds)

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
        )

    def native_query(self, query: RunQuery) -> str:
        """Return the filter that W&B gets for a query."""
        return json.dumps(filter_of(query))

    # Runs

    def find(self, candidates: RunQuery, baselines: RunQuery | None, keys: RunKeys) -> TrackerResult:
        """Read both lists, page by page, with one request for a page of both."""
        candidate_list = _Connection("candidates", candidates)
        baseline_list = _Connection("baselines", baselines) if baselines else None
        lists = [candidate_list, baseline_list] if baseline_list else [candidate_list]
        while unread := [connection for connection in lists if self._is_unread(connection, candidate_list)]:
            self._read_page(unread, keys)
        return TrackerResult(
            candidates=tuple(candidate_list.runs.values()),
            baselines=tuple(baseline_list.runs.values()) if baseline_list else (),
            notes=tuple(dict.fromkeys(self._notes)),
        )

    @staticmethod
    def _is_unread(connection: _Connection, candidates: _Connection) -> bool:
        limit = connection.query.stop_after
        # A candidate among the baselines is not usable, so more pages may be needed than the limit suggests.
        usable = sum(run_id not in candidates.runs for run_id in connection.runs)
        return connection.has_more and (not limit or usable < limit)

    def _read_page(self, connections: Sequence[_Connection], keys: RunKeys) -> None:
        fields = f"{_RUN_FIELDS} {_KEYED_FIELDS if self._keyed else _WHOLE_FIELDS}"
        variables: dict[str, Any] = {}
        if self._keyed:
            variables = {
                "summaryKeys": decode.with_first_parts(keys.summary),
                "configKeys": decode.with_first_parts([*keys.config, decode.INTERNAL_KEY]),
            }
        try:
            project = self._read(connections, fields, variables)
        except Rejected as rejected:
            if not self._keyed or not any(_UNKNOWN_FIELD.search(message) for message in rejected.messages):
                raise self._refusal(rejected.messages) from None
            self._keyed = False
            self._notes.append("This W&B server cannot select keys, so the action read whole summaries and configs.")
            self._read_page(connections, keys)
            return
        for connection in connections:
            self._add_runs(connection, project)

    def states(self, candidates: RunQuery) -> tuple[Run, ...]:
        """Read the candidates' states, without their metrics."""
        connection = _Connection("candidates", candidates)
        while connection.has_more:
            try:
                self._add_runs(connection, self._read([connection], "name displayName state heartbeatAt createdAt", {}))
            except Rejected as rejected:
                raise self._refusal(rejected.messages) from None
        return tuple(connection.runs.values())

    def _read(self, connections: Sequence[_Connection], fields: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        declared = ["$entity: String!", "$project: String!", "$order: String!", "$first: Int!"]
        values: dict[str, Any] = {
            "entity": self._entity,
            "project": self._name,
            "order": _NEWEST_FIRST,
            "first": _PAGE_SIZE if self._keyed else _PAGE_SIZE_OF_WHOLE_FIELDS,
            **variables,
        }
        declared += [f"${name}: [String!]" for name in variables]
        parts = []
        for connection in connections:
            name = connection.alias
            declared += [f"${name}: JSONString", f"${name}After: String"]
            values[name] = self.native_query(connection.query)
            values[f"{name}After"] = connection.after
            parts.append(
                f"{name}: runs(filters: ${name}, first: $first, after: ${name}After, order: $order) "
                f"{{ edges {{ node {{ {fields} }} }} {_PAGE_INFO} }}"
            )
        query = (
            f"query MlopsRuns({', '.join(declared)}) "
            f"{{ project(name: $project, entityName: $entity) {{ {' '.join(parts)} }} }}"
        )
        data, errors = self._api.ask(query, values)
        if errors:
            # A partial answer would make a wrong report.
            raise Rejected(errors)
        return self._project(data)

    def _project(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        project = data.get("project")
        if not isinstance(project, Mapping):
            raise Refused(
                f"W&B at {self._server.base_url} has no project {self._entity}/{self._name}, or the API key may not read it",
                "check 'project' (entity/project, as in its address) and the owner of 'api-key'",
            )
        return project

    def _add_runs(self, connection: _Connection, project: Mapping[str, Any]) -> None:
        answer = project.get(connection.alias)
        if not isinstance(answer, Mapping):
            raise Unavailable(f"W&B's answer lacks the {connection.alias}", "re-run the job")
        for edge in answer.get("edges") or ():
            node = (edge or {}).get("node")
            if isinstance(node, Mapping) and node.get("name"):
                run = self._run(node)
                connection.runs.setdefault(run.id, run)
        page_info = answer.get("pageInfo") or {}
        cursor = page_info.get("endCursor")
        # A cursor that does not move would never end the loop.
        connection.has_more = bool(page_info.get("hasNextPage")) and bool(cursor) and cursor != connection.after
        connection.after = cursor

    def _run(self, node: Mapping[str, Any]) -> Run:
        url = f"{self._project_url}/runs/{quote(str(node['name']), safe='')}"
        return decode.run(node, entity=self._entity, project=self._name, url=url)

    def _refusal(self, messages: Sequence[str]) -> Refused | BadInput | Unavailable:
        text = " · ".join(messages)
        if any(_DENIED.search(message) for message in messages):
            return Refused(f"W&B refuses to show {self._entity}/{self._name}: {text}", "check the owner of 'api-key'")
        if "filter" in text.lower():
            return BadInput(f"W&B does not accept the filter: {text}", "correct 'filters'")
        return Unavailable(f"W&B answered with errors: {text}", "re-run the job; if it fails again, report this message")

    # Details

    def details(
        self, runs: Sequence[Run], *, curves: Sequence[str], lineage: bool, samples: int
    ) -> Mapping[str, RunDetails]:
        """Read history and datasets of chosen runs, many runs per request; runs that W&B refuses are left out."""
        details: dict[str, RunDetails] = {}
        for start in range(0, len(runs), _MAX_DETAILS):
            part = runs[start : start + _MAX_DETAILS]
            try:
                details.update(self._details(part, curves, lineage=lineage, samples=samples))
            except Rejected as rejected:
                self._log.warning(f"W&B refused the details of the runs: {rejected}", title="wandb-runs")
                break
        return details

    def _details(
        self, runs: Sequence[Run], curves: Sequence[str], *, lineage: bool, samples: int
    ) -> Iterator[tuple[str, RunDetails]]:
        fields = 'files(names: ["diff.patch"], first: 1) { edges { node { name sizeBytes } } }'
        if lineage:
            fields += f" inputArtifacts(first: {_ARTIFACTS_PAGE_SIZE}) {{ edges {{ node {{ {_ARTIFACT_FIELDS} }} }} }}"
        declared = ["$entity: String!", "$project: String!"]
        values: dict[str, Any] = {"entity": self._entity, "project": self._name}
        if curves:
            fields += " sampledHistory(specs: $specs)"
            declared.append("$specs: [JSONString!]!")
            # One spec per metric: the rows of a spec are those with all of its keys.
            values["specs"] = [json.dumps({"keys": ["_step", name], "samples": samples}) for name in curves]
        parts = []
        for index, run in enumerate(runs):
            declared.append(f"$run{index}: String!")
            values[f"run{index}"] = run.id
            parts.append(f"run{index}: run(name: $run{index}) {{ {fields} }}")
        query = (
            f"query MlopsDetails({', '.join(declared)}) "
            f"{{ project(name: $project, entityName: $entity) {{ {' '.join(parts)} }} }}"
        )
        data, errors = self._api.ask(query, values)
        if errors:
            self._log.warning(
                f"W&B answered only a part of the request for details: {' · '.join(errors)}", title="wandb-runs"
            )
        project = self._project(data)
        for index, run in enumerate(runs):
            # A run deleted since the last request is null.
            if isinstance(node := project.get(f"run{index}"), Mapping):
                yield run.id, decode.details(node, curves, lineage=lineage)

    def model(self, run: Run) -> Artifact | None:
        """Read the artifacts that a run logged, page by page; return the newest model."""
        query = (
            "query MlopsLogged($entity: String!, $project: String!, $run: String!, $after: String) "
            "{ project(name: $project, entityName: $entity) { run(name: $run) "
            f"{{ outputArtifacts(first: {_ARTIFACTS_PAGE_SIZE}, after: $after) "
            f"{{ edges {{ node {{ createdAt {_ARTIFACT_FIELDS} }} }} {_PAGE_INFO} }} }} }} }}"
        )
        values: dict[str, Any] = {"entity": self._entity, "project": self._name, "run": run.id, "after": None}
        models: list[tuple[datetime, Artifact]] = []
        while True:
            try:
                data, errors = self._api.ask(query, values)
            except Rejected as rejected:
                raise self._refusal(rejected.messages) from None
            logged = (self._project(data).get("run") or {}).get("outputArtifacts")
            if errors or not isinstance(logged, Mapping):
                raise Unavailable(f"W&B does not tell what run {run.id} logged: {' · '.join(errors)}", "re-run the job")
            models += decode.models(logged)
            page_info = logged.get("pageInfo") or {}
            cursor = page_info.get("endCursor")
            if not page_info.get("hasNextPage") or not cursor or cursor == values["after"]:
                return decode.newest(models)
            values["after"] = cursor

    # Writing

    def promote(self, run: Run, alias: str) -> str:
        """Give the newest model artifact that the run logged an alias, by the SDK; return `name:version`."""
        with tempfile.TemporaryDirectory(prefix="mlops-actions-", ignore_cleanup_errors=True) as home, _sdk(home):
            import wandb
            from wandb.sdk.lib.service.service_connection import WandbApiFailedError  # no wandb.Error

            try:
                api = wandb.Api(api_key=self._server.api_key or None, overrides={"base_url": self._server.base_url})
                logged = api.run(f"{self._entity}/{self._name}/{run.id}").logged_artifacts()
                models = [artifact for artifact in logged if artifact.type == decode.MODEL]
                # The list has no promised order.
                newest = max(models, key=lambda model: (model.created_at, int(model.version[1:]), model.name), default=None)
                if newest and alias not in newest.aliases:
                    newest.aliases.append(alias)
                    newest.save()
            except (wandb.Error, WandbApiFailedError, ValueError, RuntimeError) as error:
                raise Unavailable(
                    f"W&B did not give the alias {alias!r}: {error}",
                    "check that the owner of 'api-key' may write to the project",
                ) from None
        if newest is None:
            raise Refused(
                f"run {run.id} logged no artifact of type 'model'", "log one in the training, or leave 'promote-alias' out"
            )
        return str(newest.name)


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
