"""The checks of W&B: key, project, fields, and whether recent runs hold what the workflow file asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_actions.core import gates, shell
from mlops_actions.core.errors import ActionError, Refused
from mlops_actions.core.json_text import parse_json
from mlops_actions.core.suggest import did_you_mean
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.ports import TrackerApi
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import ActionStep

_CHECK = Checker("wandb")
_RECENT = 50
_ARTIFACT = "edges { node { digest versionIndex artifactType { name } artifactSequence { name } } }"
_PAGE = "pageInfo { endCursor hasNextPage }"
_FILES, _INPUTS = 'files(names: ["diff.patch"], first: 1, after: null)', "inputArtifacts(first: 1, after: null)"
_NOTHING = ""  # the report lacks nothing without it
# Every field and argument of a run that wandb-runs asks for, by the name of the check: the query, and what the report lacks
# without it. tests/actions/doctor/test_coverage.py compares both tables with the queries of boundary/wandb/.
_RUN_FIELDS = {
    "name": ("name", "everything"),
    "displayName": ("displayName", "names of runs"),
    "state": ("state", "waiting for runs"),
    "tags": ("tags", "baselines"),
    "commit": ("commit", "the proof that a run is of this commit"),
    "group": ("group", "groups of seeds"),
    "createdAt": ("createdAt", "the order of runs"),
    "heartbeatAt": ("heartbeatAt", "runs that died"),
    "description": ("description", "notes"),
    "sweepName": ("sweepName", "sweeps"),
    "summaryMetrics(keys)": ('summaryMetrics(keys: ["loss"])', _NOTHING),
    "config(keys)": ('config(keys: ["lr"])', _NOTHING),
    "wandbConfig": ('wandbConfig(keys: ["m"])', _NOTHING),
    "files": (f"{_FILES} {{ edges {{ node {{ name sizeBytes }} }} {_PAGE} }}", "uncommitted changes"),
    "inputArtifacts": (f"{_INPUTS} {{ {_ARTIFACT} {_PAGE} }}", "datasets"),
    "outputArtifacts": (f"outputArtifacts(first: 1, after: null) {{ {_ARTIFACT} {_PAGE} }}", "models"),
    "aliases of artifacts": (
        "outputArtifacts(first: 1, after: null) { edges { node { aliases { alias artifactCollection { name } } } } }",
        "the choice of a model by its alias",
    ),
    "cursor of artifacts": (f"{_INPUTS} {{ edges {{ cursor }} }}", _NOTHING),
    "cursor of files": (f"{_FILES} {{ edges {{ cursor }} }}", _NOTHING),
    "sampledHistory": (
        'sampledHistory(specs: ["{\\"keys\\": [\\"_step\\"], \\"samples\\": 1}"])',
        "learning curves",
    ),
}
# Parts of a field above: where the server lacks that, it cannot be asked for them.
_PART_OF = {"aliases of artifacts": "outputArtifacts", "cursor of artifacts": "inputArtifacts", "cursor of files": "files"}
# The same of a project.
_PROJECT_FIELDS = {
    "runs(filters)": ('runs(first: 1, filters: "{}") { edges { node { name } } }', "the runs of a commit, in one page"),
    "runs(order)": ('runs(first: 1, order: "-created_at") { edges { node { name } } }', "the newest runs, in one page"),
    "runs(after)": (f"runs(first: 1, after: null) {{ edges {{ node {{ name }} }} {_PAGE} }}", "runs beyond the first page"),
    "cursor of runs": ("runs(first: 1) { edges { cursor } }", _NOTHING),
    "sweep(sweepName)": ('sweep(sweepName: "doctor") { name displayName config }', "what a sweep varies and optimises"),
    "run(name)": ('run(name: "doctor") { name }', "the details of a run"),
}
_FILES_OF_MODELS = (
    'artifactCollection(name: "doctor") { artifactMembership(aliasName: "latest") { '
    "artifact { currentManifest { file { directUrl } } } "
    'files(names: ["model.pt"], first: 1) { edges { node { name directUrl } } } } }'
)
_MEMBERSHIPS = "query Doctor { viewer { username entity teams { edges { node { name } } } } }"
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
    login = scope.renewal(step, "api-key", "wandb login --relogin")
    try:
        data, errors = api.ask("query Doctor { viewer { username } }", {})
    except ActionError as error:
        remedy = (login, error.remedy) if isinstance(error, Refused) else (error.remedy,)
        yield _CHECK.fails("key", "viewer { username }", error.cause, remedy=remedy)
        return
    viewer = data.get("viewer")
    if not isinstance(viewer, Mapping):
        reason = " · ".join(errors) or "the server knows no user of this key"
        yield _CHECK.fails("key", "viewer { username }", reason, remedy=login)
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
        yield _no_project(api, entity, asked, errors)
        return
    yield _CHECK.ok("project", asked, "exists")
    missing = yield from _fields(api, names)
    runs = _runs(api, names, missing)
    yield from _run_checks(scope, step, runs, asked, missing)
    yield from _models(scope, step, api, names, missing)


def _no_project(api: TrackerApi, entity: str, asked: str, errors: Sequence[str]) -> HealthCheck:
    """Tell a project that nobody has logged to yet from one that the key may not read: W&B answers null for both."""
    data, _ = api.ask(_MEMBERSHIPS, {})
    viewer = data.get("viewer")
    viewer = viewer if isinstance(viewer, Mapping) else {}
    own = {viewer.get("username"), viewer.get("entity"), *(team.get("name") for team in _nodes(viewer.get("teams")))}
    if entity in own and not errors:
        return _CHECK.unknown("project", asked, f"there is none yet in {entity}; the first run that logs to it creates it")
    reason = " · ".join(errors) or f"there is none, or the key may not read it: its user is no member of {entity}"
    return _CHECK.fails("project", asked, reason, remedy=f"wandb projects --entity {shell.word(entity)}")


def _fields(api: TrackerApi, names: Mapping[str, str]) -> Any:
    """Yield a check for each field that this server lacks, or one for all; return the names of those it lacks."""
    of_run = "runs(first: 1) { edges { node { %s } } }"
    of_all_runs = of_run % " ".join(query for query, _ in _RUN_FIELDS.values())
    of_project = [f"field{index}: {query}" for index, (query, _) in enumerate(_PROJECT_FIELDS.values())]
    _, errors = api.ask(_PROJECT % " ".join([of_all_runs, *of_project]), names)
    if not errors:
        count = len(_RUN_FIELDS) + len(_PROJECT_FIELDS)
        yield _CHECK.ok("fields", f"{count} fields", "the server knows every field that the report uses")
        return frozenset()
    missing = set()
    of_one_run = {name: (of_run % query, use) for name, (query, use) in _RUN_FIELDS.items()}
    for name, (query, use) in (of_one_run | _PROJECT_FIELDS).items():
        if _PART_OF.get(name) in missing:
            continue
        _, errors = api.ask(_PROJECT % query, names)
        if not errors:
            continue
        missing.add(name)
        reason = " · ".join(errors)
        if not use:
            yield _CHECK.ok(f"field {name}", query, f"{reason}; the report lacks nothing, but costs more to read")
        else:
            yield _CHECK.fails(f"field {name}", query, f"{reason}; the report lacks {use}", remedy="upgrade the W&B server")
    return frozenset(missing)


def _runs(api: TrackerApi, names: Mapping[str, str], missing: frozenset[str]) -> list[_Run]:
    wanted = [name for name in ("name", "commit", "state", "tags") if name not in missing]
    fields = " ".join([*wanted, "summaryMetrics", "config"])
    order = "" if "runs(order)" in missing else ', order: "-created_at"'
    query = _PROJECT % f"runs(first: {_RECENT}{order}) {{ edges {{ node {{ {fields} }} }} }}"
    data, _ = api.ask(query, names)
    return [_run(node) for node in _nodes((data.get("project") or {}).get("runs"))]


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
        value = parse_json(text) if isinstance(text, str) else text
    except ValueError:
        return {}
    return value if isinstance(value, Mapping) else {}


def _run_checks(
    scope: Scope, step: ActionStep, runs: Sequence[_Run], asked: str, missing: frozenset[str]
) -> Iterator[HealthCheck]:
    finished = [run for run in runs if run.state == "finished"]
    if not finished:
        text = "the project has no finished run yet" if not runs else f"none of the {len(runs)} newest runs has finished"
        yield _CHECK.unknown("recent runs", asked, f"{text}, so nothing can be told about metrics and baselines")
        return
    yield _CHECK.ok("recent runs", asked, f"{len(finished)} of the {len(runs)} newest runs have finished")
    if "commit" not in missing:
        yield _commit(finished)
    wanted = dict.fromkeys(_metric(line) for line in step.lines("metrics", scope.context))
    yield from _metrics(scope, step, list(wanted), finished)
    yield from _keys(
        "curve", step.words("curves", scope.context), {key for run in finished for key in _flat(run.summary)}, "metrics"
    )
    config = {key for run in finished for key in run.config if key != "_wandb"}
    yield from _keys("config key", step.words("config-keys", scope.context), config, "config keys")
    if "tags" not in missing:
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


def _models(
    scope: Scope, step: ActionStep, api: TrackerApi, names: Mapping[str, str], missing: frozenset[str]
) -> Iterator[HealthCheck]:
    """Look for the models that `promote-alias` moves an alias to, and that `statement` names."""
    alias, statement = scope.value(step, "promote-alias"), scope.value(step, "statement").lower() == "true"
    if not (alias or statement) or missing & {"outputArtifacts", "state"}:
        return
    if statement:
        yield from _files_of_models(api, names)
    asked = f"the output artifacts of the {_RECENT} newest runs"
    fields = "state outputArtifacts(first: 100) { edges { node { artifactType { name } } } }"
    data, errors = api.ask(_PROJECT % f"runs(first: {_RECENT}) {{ edges {{ node {{ {fields} }} }} }}", names)
    nodes = [node for node in _nodes((data.get("project") or {}).get("runs")) if node.get("state") == "finished"]
    if errors or not nodes:
        yield _CHECK.unknown("model artifacts", asked, " · ".join(errors) or "the project has no finished run yet")
        return
    logged = [{_type(artifact) for artifact in _nodes(node.get("outputArtifacts"))} for node in nodes]
    with_model = sum("model" in types for types in logged)
    if with_model:
        yield _CHECK.ok("model artifacts", asked, f"{with_model} of {len(nodes)} finished runs logged a model")
        return
    seen = sorted(set().union(*logged))
    yield _CHECK.fails(
        "model artifacts",
        asked,
        f"no finished run logged an artifact of the type 'model'{did_you_mean('model', seen)}; "
        f"the types are {', '.join(seen[:10]) or 'none'}",
        remedy='log it in the training script: run.log_model("model.pt")',
    )


def _files_of_models(api: TrackerApi, names: Mapping[str, str]) -> Iterator[HealthCheck]:
    """Ask whether the server gives the addresses of a model's files, whose SHA-256 a statement holds."""
    _, errors = api.ask(_PROJECT % _FILES_OF_MODELS, names)
    if not errors:
        yield _CHECK.ok("files of models", "their addresses", "the server knows the fields that a statement needs")
        return
    reason = f"{' · '.join(errors)}; a statement lacks the SHA-256 of the model's files"
    yield _CHECK.fails("files of models", "their addresses", reason, remedy="upgrade the W&B server")


def _nodes(connection: Any) -> list[Mapping[str, Any]]:
    edges = connection.get("edges") if isinstance(connection, Mapping) else None
    nodes = [edge.get("node") for edge in edges or () if isinstance(edge, Mapping)]
    return [node for node in nodes if isinstance(node, Mapping)]


def _type(artifact: Mapping[str, Any]) -> str:
    kind = artifact.get("artifactType")
    return str(kind.get("name") or "") if isinstance(kind, Mapping) else ""


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
