"""The checks of W&B: key, project, fields, and whether recent runs hold what the workflow file asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_actions.core import gates
from mlops_actions.core.errors import ActionError
from mlops_actions.core.suggest import did_you_mean
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.ports import TrackerApi
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import ActionStep

_CHECK = Checker("wandb")
_RECENT = 50
# Every field and argument that wandb-runs asks for, and what its report lacks without it.
_FIELDS = {
    "name": "everything",
    "displayName": "names of runs",
    "state": "waiting for runs",
    "tags": "baselines",
    "commit": "the proof that a run is of this commit",
    "group": "groups of seeds",
    "createdAt": "the order of runs",
    "heartbeatAt": "runs that died",
    "description": "notes",
    'summaryMetrics(keys: ["loss"])': "nothing, but more bytes are read",
    'config(keys: ["lr"])': "nothing, but more bytes are read",
    'files(names: ["diff.patch"], first: 1) { edges { node { name sizeBytes } } }': "uncommitted changes",
    "inputArtifacts(first: 1) { edges { node { digest } } }": "datasets",
    "outputArtifacts(first: 1) { edges { node { digest } } }": "models",
    'sampledHistory(specs: ["{\\"keys\\": [\\"_step\\"], \\"samples\\": 1}"])': "learning curves",
}
_OPTIONAL = ("summaryMetrics", "config")
_PROJECT = "query Doctor($entity: String!, $project: String!) { project(name: $project, entityName: $entity) { %s } }"


@dataclass(frozen=True)
class _Run:
    name: str
    commit: str
    state: str
    tags: tuple[str, ...]
    summary: Mapping[str, Any]
    config: Mapping[str, Any]


def check(scope: Scope, step: ActionStep, api: TrackerApi) -> Iterator[HealthCheck]:
    """Ask about one use of wandb-runs."""
    try:
        data, errors = api.ask("query Doctor { viewer { username } }", {})
    except ActionError as error:
        yield _CHECK.fails("key", "viewer { username }", error.cause, remedy=f"wandb login --relogin\n{error.remedy}")
        return
    viewer = data.get("viewer")
    if not isinstance(viewer, Mapping):
        reason = " · ".join(errors) or "the server knows no user of this key"
        yield _CHECK.fails("key", "viewer { username }", reason, remedy="wandb login --relogin")
        return
    yield _CHECK.ok("key", "viewer { username }", f"the key is {viewer.get('username')}'s")
    entity, slash, project = scope.value(step, "project").partition("/")
    if not slash:
        yield _CHECK.unknown("project", "the input 'project'", "only a job can evaluate it")
        return
    names = {"entity": entity, "project": project}
    asked = f"project {entity}/{project}"
    data, errors = api.ask(_PROJECT % "name", names)
    if not isinstance(data.get("project"), Mapping):
        reason = " · ".join(errors) or "there is none, or the key may not read it"
        yield _CHECK.fails("project", asked, reason, remedy=f"wandb projects --entity {entity}")
        return
    yield _CHECK.ok("project", asked, "exists")
    missing = yield from _fields(api, names)
    runs = _runs(api, names, missing)
    yield from _run_checks(scope, step, runs, asked)


def _fields(api: TrackerApi, names: Mapping[str, str]) -> Any:
    """Yield a check for each field that this server lacks, or one for all; return the names of those it lacks."""
    query = _PROJECT % "runs(first: 1) { edges { node { %s } } }"
    _, errors = api.ask(query % " ".join(_FIELDS), names)
    if not errors:
        yield _CHECK.ok("fields", f"{len(_FIELDS)} fields of a run", "the server knows every field that the report uses")
        return frozenset()
    missing = set()
    for field, use in _FIELDS.items():
        _, errors = api.ask(query % field, names)
        name = field.partition("(")[0].partition(" ")[0]
        if not errors:
            continue
        missing.add(name)
        if name in _OPTIONAL:
            yield _CHECK.ok(f"field {name}", field, "the server cannot select keys; whole fields are read")
        else:
            yield _CHECK.fails(
                f"field {name}", field, f"{' · '.join(errors)}; the report lacks {use}", remedy="upgrade the W&B server"
            )
    return frozenset(missing)


def _runs(api: TrackerApi, names: Mapping[str, str], missing: frozenset[str]) -> list[_Run]:
    wanted = [name for name in ("name", "commit", "state", "tags") if name not in missing]
    fields = " ".join([*wanted, "summaryMetrics", "config"])
    query = _PROJECT % f'runs(first: {_RECENT}, order: "-created_at") {{ edges {{ node {{ {fields} }} }} }}'
    data, _ = api.ask(query, names)
    edges = ((data.get("project") or {}).get("runs") or {}).get("edges") or ()
    return [_run(edge["node"]) for edge in edges if isinstance(edge, Mapping) and isinstance(edge.get("node"), Mapping)]


def _run(node: Mapping[str, Any]) -> _Run:
    return _Run(
        name=str(node.get("name") or ""),
        commit=str(node.get("commit") or ""),
        state=str(node.get("state") or ""),
        tags=tuple(str(tag) for tag in node.get("tags") or ()),
        summary=_object(node.get("summaryMetrics")),
        config=_object(node.get("config")),
    )


def _object(text: Any) -> Mapping[str, Any]:
    try:
        value = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, Mapping) else {}


def _run_checks(scope: Scope, step: ActionStep, runs: Sequence[_Run], asked: str) -> Iterator[HealthCheck]:
    finished = [run for run in runs if run.state == "finished"]
    if not finished:
        text = "the project has no finished run yet" if not runs else f"none of the {len(runs)} newest runs has finished"
        yield _CHECK.unknown("recent runs", asked, f"{text}, so nothing can be told about metrics and baselines")
        return
    yield _CHECK.ok("recent runs", asked, f"{len(finished)} of the {len(runs)} newest runs have finished")
    yield _commit(finished)
    wanted = dict.fromkeys(_metric(line) for line in step.lines("metrics", scope.context))
    yield from _metrics(scope, step, list(wanted), finished)
    yield from _keys(
        "curve", step.words("curves", scope.context), {key for run in finished for key in _flat(run.summary)}, "metrics"
    )
    config = {key for run in finished for key in run.config if key != "_wandb"}
    yield from _keys("config key", step.words("config-keys", scope.context), config, "config keys")
    yield from _baselines(step.words("baseline-tags", scope.context), runs)


def _commit(runs: Sequence[_Run]) -> HealthCheck:
    with_commit = [run for run in runs if run.commit]
    asked = "the field 'commit' of recent runs"
    if with_commit:
        return _CHECK.ok("recorded commit", asked, f"{len(with_commit)} of {len(runs)} runs record their commit")
    return _CHECK.fails(
        "recorded commit",
        asked,
        "no run records its commit, so no report can prove which commit it is about",
        remedy="set in the workflow's container: WANDB_GIT_COMMIT={{workflow.parameters.sha}}",
    )


def _metrics(scope: Scope, step: ActionStep, metrics: list[str], runs: Sequence[_Run]) -> Iterator[HealthCheck]:
    try:
        parsed = gates.parse(step.lines("gates", scope.context))
    except ValueError as error:
        yield _CHECK.fails("gates", "the input 'gates'", str(error), remedy=f"write gates like: {gates.EXAMPLES}")
        parsed = ()
    known = {key for run in runs for key in _flat(run.summary)}
    yield from _keys("metric", metrics, known, "metrics")
    yield from _keys("gate on", [gate.metric for gate in parsed if gate.metric not in metrics], known, "metrics")


def _keys(kind: str, names: Sequence[str], known: set[str], what: str) -> Iterator[HealthCheck]:
    for name in dict.fromkeys(names):
        if "*" in name:
            continue
        if name in known:
            yield _CHECK.ok(f"{kind} {name}", f"{what} of recent runs", "found")
            continue
        listed = ", ".join(sorted(key for key in known if not key.startswith("_"))[:10]) or "nothing"
        yield _CHECK.fails(
            f"{kind} {name}",
            f"{what} of recent runs",
            f"no recent run has it{did_you_mean(name, known)}; they have {listed}",
            remedy=f"correct '{name}' in the workflow file, or log it in the training script",
        )


def _baselines(tags: Sequence[str], runs: Sequence[_Run]) -> Iterator[HealthCheck]:
    if not tags:
        return
    found = [run for run in runs if run.state == "finished" and set(tags) & set(run.tags)]
    asked = f"runs with the tag {' or '.join(tags)}"
    if found:
        yield _CHECK.ok("baselines", asked, f"{len(found)} among the newest runs")
        return
    seen = sorted({tag for run in runs for tag in run.tags})
    yield _CHECK.fails(
        "baselines",
        asked,
        f"none among the {len(runs)} newest runs; their tags are {', '.join(seen[:10]) or 'none'}",
        remedy=f"open the run of the model in use, and add the tag {tags[0]} to it",
    )


def _metric(line: str) -> str:
    name, colon, direction = line.rpartition(":")
    return name.strip() if colon and direction.strip().lower() in ("min", "max") else line.strip()


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the keys of a summary, nested ones with dots, as W&B names them."""
    for key, value in values.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping) and not prefix.count("."):
            yield from _flat(value, f"{prefix}{key}.")
