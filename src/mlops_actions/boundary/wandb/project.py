"""One project on W&B: what wandb-runs reads of it, in as few requests and bytes as its GraphQL allows.

Runs are read with server-side keys (`summaryMetrics(keys:)`, `config(keys:)`); a server that refuses them is asked once
more for whole fields. Only `promote` needs the SDK, and imports it then.
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
from typing import Any
from urllib.parse import quote

from mlops_actions.boundary.wandb import decode as decode
from mlops_actions.boundary.wandb.server import Server
from mlops_actions.boundary.wandb.transport import READ_SECONDS, GraphQL, Rejected
from mlops_actions.core.errors import BadInput, Refused, Unavailable
from mlops_actions.core.ports import Log
from mlops_actions.wandb_runs.model import Artifact, Details, Keys, Query, Run
from mlops_actions.wandb_runs.ports import Found

_PAGE = 1000  # exports by the SDK commonly ask for as many
_PAGE_OF_WHOLE_FIELDS = 100  # where a run may weigh tens of kilobytes
_DETAILED_AT_ONCE = 50
_NEWEST_FIRST = "-created_at"
# How GraphQL servers (graphql-go, graphql-js and their likes) refuse what is not in their schema.
_UNKNOWN = re.compile(r"unknown argument|cannot query field|unknown field|undefined field", re.IGNORECASE)
_DENIED = re.compile(r"permission|not logged in|unauthori[sz]ed|forbidden|access denied", re.IGNORECASE)

_NODE = "name displayName state tags commit group createdAt heartbeatAt description"
_KEYED = "summaryMetrics(keys: $summaryKeys) config(keys: $configKeys)"
_WHOLE = "summaryMetrics config"
_PAGED = "pageInfo { endCursor hasNextPage }"
_ARTIFACT = "digest versionIndex artifactType { name } artifactSequence { name }"
_ARTIFACTS = 100  # a page of them


@dataclass
class _Connection:
    """One aliased list of runs, as far as it has been read."""

    alias: str
    query: Query
    after: str | None = None
    more: bool = True
    runs: dict[str, Run] = field(default_factory=dict)


class WandbProject:
    """Implements `wandb_runs.ports.Tracker`. `pause` lets time pass; `read_seconds` is how long an answer may stall."""

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
        self._log = log
        self._keyed = True
        self._notes: list[str] = []
        self._pause = pause
        self._api = GraphQL(server, self._wait, log.mask, read_seconds)

    def _wait(self, seconds: float, why: str) -> None:
        self._log.info(f"{why}; trying again in {seconds:g} s")
        self._pause(seconds)

    @property
    def project_url(self) -> str:
        """The page of the project."""
        return f"{self._server.app_url}/{quote(self._entity, safe='')}/{quote(self._name, safe='')}"

    @property
    def server_url(self) -> str:
        """Where the server's pages begin."""
        return self._server.app_url

    # Runs

    def find(self, candidates: Query, baselines: Query | None, keys: Keys) -> Found:
        """Read both lists by one request where one page holds them, and by one request a page beyond that."""
        ours = _Connection("candidates", candidates)
        theirs = _Connection("baselines", baselines) if baselines else None
        while wanted := [connection for connection in (ours, theirs) if connection and self._wants(connection, ours)]:
            self._page(wanted, keys)
        return Found(
            tuple(ours.runs.values()), tuple(theirs.runs.values()) if theirs else (), tuple(dict.fromkeys(self._notes))
        )

    @staticmethod
    def _wants(connection: _Connection, candidates: _Connection) -> bool:
        least = connection.query.least
        # A candidate among the baselines does not count, so there may be more to read than was asked for.
        usable = sum(run not in candidates.runs for run in connection.runs)
        return connection.more and (not least or usable < least)

    def _page(self, connections: Sequence[_Connection], keys: Keys) -> None:
        fields = f"{_NODE} {_KEYED if self._keyed else _WHOLE}"
        variables: dict[str, Any] = {}
        if self._keyed:
            variables = {"summaryKeys": decode.expanded(keys.summary), "configKeys": decode.expanded(keys.config)}
        try:
            project = self._read(connections, fields, variables)
        except Rejected as rejected:
            if not self._keyed or not any(_UNKNOWN.search(message) for message in rejected.messages):
                raise self._refusal(rejected.messages) from None
            self._keyed = False
            self._notes.append("This W&B server cannot select keys, so whole summaries and configs were read.")
            self._page(connections, keys)
            return
        for connection in connections:
            self._take(connection, project)

    def states(self, candidates: Query) -> tuple[Run, ...]:
        """Read the candidates' states alone."""
        connection = _Connection("candidates", candidates)
        while connection.more:
            try:
                self._take(connection, self._read([connection], "name displayName state heartbeatAt createdAt", {}))
            except Rejected as rejected:
                raise self._refusal(rejected.messages) from None
        return tuple(connection.runs.values())

    def _read(self, connections: Sequence[_Connection], fields: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        declared = ["$entity: String!", "$project: String!", "$order: String!", "$first: Int!"]
        values: dict[str, Any] = {
            "entity": self._entity,
            "project": self._name,
            "order": _NEWEST_FIRST,
            "first": _PAGE if self._keyed else _PAGE_OF_WHOLE_FIELDS,
            **variables,
        }
        declared += [f"${name}: [String!]" for name in variables]
        parts = []
        for connection in connections:
            name = connection.alias
            declared += [f"${name}: JSONString", f"${name}After: String"]
            values[name] = json.dumps(connection.query.filters)
            values[f"{name}After"] = connection.after
            parts.append(
                f"{name}: runs(filters: ${name}, first: $first, after: ${name}After, order: $order) "
                f"{{ edges {{ node {{ {fields} }} }} {_PAGED} }}"
            )
        query = (
            f"query MlopsRuns({', '.join(declared)}) "
            f"{{ project(name: $project, entityName: $entity) {{ {' '.join(parts)} }} }}"
        )
        data, errors = self._api.ask(query, values)
        if errors:
            # Half an answer would be a wrong report.
            raise Rejected(errors)
        return self._project(data)

    def _project(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        project = data.get("project")
        if not isinstance(project, Mapping):
            raise Refused(
                f"W&B at {self._server.base_url} has no project {self._entity}/{self._name}, or the key may not see it",
                "check 'project' (entity/project, as in its address) and whose key 'api-key' is",
            )
        return project

    def _take(self, connection: _Connection, project: Mapping[str, Any]) -> None:
        found = project.get(connection.alias)
        if not isinstance(found, Mapping):
            raise Unavailable(f"W&B's answer lacks the {connection.alias}", "re-run the job")
        for edge in found.get("edges") or ():
            node = (edge or {}).get("node")
            if isinstance(node, Mapping) and node.get("name"):
                run = self._run(node)
                connection.runs.setdefault(run.id, run)
        paging = found.get("pageInfo") or {}
        after = paging.get("endCursor")
        # A cursor that does not move would be read for ever.
        connection.more = bool(paging.get("hasNextPage")) and bool(after) and after != connection.after
        connection.after = after

    def _run(self, node: Mapping[str, Any]) -> Run:
        config = decode.document(node.get("config"))
        identifier = str(node["name"])
        return Run(
            id=identifier,
            name=str(node.get("displayName") or ""),
            state=str(node.get("state") or ""),
            url=f"{self.project_url}/runs/{quote(identifier, safe='')}",
            entity=self._entity,
            project=self._name,
            tags=tuple(str(tag) for tag in node.get("tags") or ()),
            commit=str(node.get("commit") or "").lower(),
            group=str(node.get("group") or ""),
            description=str(node.get("description") or ""),
            created=decode.moment(node.get("createdAt")),
            heartbeat=decode.moment(node.get("heartbeatAt")),
            config={key: decode.unwrapped(value) for key, value in config.items() if key != "_wandb"},
            summary=decode.document(node.get("summaryMetrics")),
            hints=dict(decode.hints(config)),
        )

    def _refusal(self, messages: Sequence[str]) -> Refused | BadInput | Unavailable:
        said = " · ".join(messages)
        if any(_DENIED.search(message) for message in messages):
            return Refused(f"W&B refuses to show {self._entity}/{self._name}: {said}", "check whose key 'api-key' is")
        if "filter" in said.lower():
            return BadInput(f"W&B does not accept the filter: {said}", "correct 'filters'")
        return Unavailable(f"W&B answered with errors: {said}", "re-run the job; if it stays, report it with these words")

    # Details

    def details(self, runs: Sequence[Run], *, curves: Sequence[str], lineage: bool, samples: int) -> Mapping[str, Details]:
        """Read history and inputs of chosen runs, many runs a request; what the server will not say is left out."""
        found: dict[str, Details] = {}
        for start in range(0, len(runs), _DETAILED_AT_ONCE):
            part = runs[start : start + _DETAILED_AT_ONCE]
            try:
                found.update(self._details(part, curves, lineage, samples))
            except Rejected as rejected:
                self._log.warning(f"W&B did not say more about the runs: {rejected}", title="wandb-runs")
                break
        return found

    def _details(
        self, runs: Sequence[Run], curves: Sequence[str], lineage: bool, samples: int
    ) -> Iterator[tuple[str, Details]]:
        fields = 'files(names: ["diff.patch"], first: 1) { edges { node { name sizeBytes } } }'
        if lineage:
            fields += f" inputArtifacts(first: {_ARTIFACTS}) {{ edges {{ node {{ {_ARTIFACT} }} }} }}"
        declared = ["$entity: String!", "$project: String!"]
        values: dict[str, Any] = {"entity": self._entity, "project": self._name}
        if curves:
            fields += " sampledHistory(specs: $specs)"
            declared.append("$specs: [JSONString!]!")
            # One spec a metric: a spec's rows are those that hold all of its keys.
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
            self._log.warning(f"W&B said only part of what was asked: {' · '.join(errors)}", title="wandb-runs")
        project = self._project(data)
        for index, run in enumerate(runs):
            # A run that was deleted meanwhile is null.
            if isinstance(node := project.get(f"run{index}"), Mapping):
                yield run.id, decode.detailed(node, curves, lineage)

    def model(self, run: Run) -> Artifact | None:
        """Read the artifacts that a run logged, page by page, and return the newest model."""
        query = (
            "query MlopsLogged($entity: String!, $project: String!, $run: String!, $after: String) "
            "{ project(name: $project, entityName: $entity) { run(name: $run) "
            f"{{ outputArtifacts(first: {_ARTIFACTS}, after: $after) "
            f"{{ edges {{ node {{ {_ARTIFACT} }} }} {_PAGED} }} }} }} }}"
        )
        values: dict[str, Any] = {"entity": self._entity, "project": self._name, "run": run.id, "after": None}
        newest: Artifact | None = None
        while True:
            try:
                data, errors = self._api.ask(query, values)
            except Rejected as rejected:
                raise self._refusal(rejected.messages) from None
            logged = (self._project(data).get("run") or {}).get("outputArtifacts")
            if errors or not isinstance(logged, Mapping):
                raise Unavailable(f"W&B does not tell what run {run.id} logged: {' · '.join(errors)}", "re-run the job")
            newest = next((one for one in reversed([*decode.artifacts(logged)]) if one.type == "model"), newest)
            paging = logged.get("pageInfo") or {}
            after = paging.get("endCursor")
            if not paging.get("hasNextPage") or not after or after == values["after"]:
                return newest
            values["after"] = after

    # Writing

    def promote(self, run: Run, alias: str) -> str:
        """Give the newest model artifact that the run logged an alias, through the SDK; returns `name:version`."""
        with tempfile.TemporaryDirectory(prefix="mlops-actions-", ignore_cleanup_errors=True) as home, _sdk(home):
            import wandb
            from wandb.sdk.lib.service.service_connection import WandbApiFailedError  # no wandb.Error

            try:
                api = wandb.Api(api_key=self._server.api_key or None, overrides={"base_url": self._server.base_url})
                logged = api.run(f"{self._entity}/{self._name}/{run.id}").logged_artifacts()
                models = [artifact for artifact in logged if artifact.type == "model"]
                if models and alias not in models[-1].aliases:
                    models[-1].aliases.append(alias)
                    models[-1].save()
            except (wandb.Error, WandbApiFailedError, ValueError, RuntimeError) as error:
                raise Unavailable(
                    f"W&B did not give the alias {alias!r}: {error}", "see whether the key may write to the project"
                ) from None
        if not models:
            raise Refused(f"run {run.id} logged no artifact of type 'model'", "log one, or leave 'promote-alias' out")
        return str(models[-1].name)


@contextmanager
def _sdk(home: str) -> Iterator[None]:
    """Surroundings in which the SDK is quiet, writes into `home` alone, and reads no settings from the checkout."""
    before = dict(os.environ)
    os.environ.update(dict.fromkeys(("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"), home))
    os.environ.update(WANDB_SILENT="true", WANDB_ERROR_REPORTING="false")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
