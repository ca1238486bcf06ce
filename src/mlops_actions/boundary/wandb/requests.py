"""The requests to W&B as data: which fields each asks for, and what is missing where a server lacks one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mlops_actions.boundary.wandb.partial import Argument, Field

ARTIFACTS_PAGE_SIZE = 100
ADDRESSES_PAGE_SIZE = 10  # addresses of files expire, so few are asked for at once
PATCH = "diff.patch"  # the file in which W&B keeps the uncommitted changes of a run's source tree

_NO_FILTER = "the action reads all runs of the project and chooses among them itself"
_NO_ORDER = "the action reads all runs to find the newest"
_NO_PAGES = "the datasets of a run that used more of them than a page holds cannot be told"
_STATE = (Field("name"), Field("state"), Field("heartbeatAt", loss="a run that died without a word counts as running"))
_SELECTED = (
    Field("tags", loss="tags of runs are not shown"),
    Field("commit", loss="whether W&B recorded the commit of a run cannot be told"),
    Field("group", loss="groups of runs cannot be told"),
    Field(
        "config",
        arguments=(Argument("keys", "$configKeys", "[String!]", loss="it cannot select keys, so whole configs were read"),),
    ),
)
_SHOWN = (
    Field("displayName", loss="runs are shown by their ids"),
    Field("createdAt", loss="which run is the newest cannot be told for sure"),
    Field("description", loss="descriptions of runs are not shown"),
    Field("sweepName", loss="sweeps of runs are not shown"),
    Field("wandbConfig", arguments=(Argument("keys", "$internalKeys", "[String!]"),), loss=""),
    Field(
        "summaryMetrics",
        arguments=(
            Argument("keys", "$summaryKeys", "[String!]", loss="it cannot select keys, so whole summaries were read"),
        ),
    ),
)
_PAGE_INFO = Field("pageInfo", type="PageInfo", fields=(Field("endCursor", loss=""), Field("hasNextPage")))
_ARTIFACT = (
    Field("digest"),
    Field("versionIndex"),
    Field("artifactType", type="ArtifactType", fields=(Field("name"),)),
    Field("artifactSequence", type="ArtifactSequence", fields=(Field("name"),)),
)


def runs(connections: Sequence[str]) -> Field:
    """Ask for a page of each list; `$candidates` is the filter of the list `candidates`, `$candidatesAfter` its cursor."""
    return _project(tuple(_runs(name, (*_STATE, *_SELECTED, *_SHOWN)) for name in connections))


def states(connection: str, *, selected_here: bool) -> Field:
    """Ask for the states of a list, with the fields that runs are selected by where the server does not select them."""
    return _project((_runs(connection, (*_STATE, *(_SELECTED if selected_here else ()))),))


def summary_names(connections: Sequence[str]) -> Field:
    """Ask for the whole summaries of a list's newest runs, to learn the names of their metrics; `$sample` is how many."""
    fields = (Field("name"), Field("summaryMetrics"))
    return _project(tuple(_runs(name, fields, first="$sample", pages=False) for name in connections))


def of_runs(fields: Sequence[Field]) -> Field:
    """Ask one field of each run of a batch; `$run0`, `$run1`, … are the ids of the runs."""
    lost = "histories, datasets, whole configs and uncommitted changes of runs cannot be told"
    return _project(
        tuple(
            Field("run", (field,), (Argument("name", f"$run{index}", "String!"),), "Run", f"run{index}", loss=lost)
            for index, field in enumerate(fields)
        )
    )


def datasets(index: int) -> Field:
    """Ask for a page of the artifacts that a run used; `$after0`, `$after1`, … are the cursors."""
    fields = (*_nodes("Artifact", _ARTIFACT), replace(_PAGE_INFO, loss=_NO_PAGES))
    lost = "the datasets of runs cannot be told"
    return Field("inputArtifacts", fields, _page(index), type="ArtifactConnection", loss=lost)


def patches(index: int) -> Field:
    """Ask for the file in which W&B keeps a run's uncommitted changes."""
    names = Argument("names", f'["{PATCH}"]')
    file = (Field("name", loss=""), Field("sizeBytes"))
    fields = (*_nodes("File", file), replace(_PAGE_INFO, loss=""))
    lost = "uncommitted changes of runs cannot be told"
    return Field("files", fields, (names, *_page(index)), type="FileConnection", loss=lost)


def whole_config(_index: int) -> Field:
    """Ask for a run's whole config."""
    return Field("config", loss="")


def history(index: int) -> Field:
    """Ask for histories of a run, thinned on the server; `$specs0`, `$specs1`, … name their keys."""
    specs = Argument("specs", f"$specs{index}", "[JSONString!]!")
    return Field("sampledHistory", arguments=(specs,), loss="learning curves are not drawn")


def _page(index: int) -> tuple[Argument, ...]:
    first = Argument("first", str(ARTIFACTS_PAGE_SIZE), loss="")
    return first, Argument("after", f"$after{index}", "String", loss="")


def sweep() -> Field:
    """Ask for the sweep `$sweep`: its name and what its author wrote."""
    fields = (
        Field("name"),
        Field("displayName", loss=""),
        Field("config", loss="what the sweep varies and optimises is unknown"),
    )
    named = (Argument("sweepName", "$sweep", "String!"),)
    return _project((Field("sweep", fields, named, type="Sweep", loss="what the sweep varies and optimises is unknown"),))


def logged_artifacts() -> Field:
    """Ask for a page of the artifacts that the run `$run` logged."""
    own = Field("artifactCollection", (Field("name"),), type="ArtifactCollection")
    aliases = Field("aliases", (Field("alias"), own), type="ArtifactAlias", loss="aliases of models cannot be told")
    page = (Argument("first", str(ARTIFACTS_PAGE_SIZE), loss=""), Argument("after", "$after", "String", loss=""))
    fields = (*_nodes("Artifact", (*_ARTIFACT, aliases)), _PAGE_INFO)
    logged = Field("outputArtifacts", fields, page, type="ArtifactConnection")
    return _project((Field("run", (logged,), (Argument("name", "$run", "String!"),), "Run"),))


def artifact_manifest() -> Field:
    """Ask for the address of the manifest of the artifact `$collection`, version `$version`."""
    file = Field("file", (Field("directUrl"),), type="ArtifactManifestFile")
    current = Field("currentManifest", (file,), type="ArtifactManifest")
    return _artifact_version(Field("artifact", (current,), type="Artifact"))


def artifact_files() -> Field:
    """Ask for the addresses of the files `$names` of the artifact `$collection`, version `$version`."""
    page = (Argument("names", "$names", "[String!]", loss=""), Argument("first", str(ADDRESSES_PAGE_SIZE), loss=""))
    file = (Field("name"), Field("directUrl"))
    return _artifact_version(Field("files", _nodes("File", file), page, type="FileConnection"))


def _artifact_version(field: Field) -> Field:
    alias = (Argument("aliasName", "$version", "String!"),)
    membership = Field("artifactMembership", (field,), alias, type="ArtifactCollectionMembership")
    name = (Argument("name", "$collection", "String!"),)
    return _project((Field("artifactCollection", (membership,), name, type="ArtifactCollection"),))


def _project(fields: tuple[Field, ...]) -> Field:
    names = (Argument("name", "$project", "String!"), Argument("entityName", "$entity", "String!"))
    return Field("project", fields, names, type="Project")


def _runs(name: str, fields: tuple[Field, ...], *, first: str = "$first", pages: bool = True) -> Field:
    after = (Argument("after", f"${name}After", "String", loss=""),) if pages else ()
    return Field(
        "runs",
        (*_nodes("Run", fields), *((_PAGE_INFO,) if pages else ())),
        (
            Argument("filters", f"${name}", "JSONString", loss=_NO_FILTER),
            Argument("first", first, "Int!", loss=""),
            *after,
            Argument("order", "$order", "String!", loss=_NO_ORDER),
        ),
        type="RunConnection",
        alias=name,
    )


def _nodes(kind: str, fields: tuple[Field, ...]) -> tuple[Field, ...]:
    # The cursor serves where a server leaves `endCursor` empty.
    edge = (Field("node", fields, type=kind), Field("cursor", loss=""))
    return (Field("edges", edge, type=f"{kind}Edge"),)
