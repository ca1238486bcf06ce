"""The JSON Schema of each property of the output `result`; properties with an output's name take its description."""

from __future__ import annotations

from collections.abc import Mapping

from mlops_actions.core.types import Json

_TEXT: Json = {"type": "string"}
_OPTIONAL_TEXT: Json = {"type": ["string", "null"]}
_BOOLEAN: Json = {"type": "boolean"}
_COUNT: Json = {"type": "integer", "minimum": 0}
# JSON has no NaN and no infinities: they are the texts `NaN`, `Infinity` and `-Infinity`.
_NUMBER: Json = {"type": ["number", "string"]}
_OPTIONAL_NUMBER: Json = {"type": ["number", "string", "null"]}
_STATUS: Json = {"enum": ["passed", "failed", "pending", "neutral", "none"]}


def _object(**properties: Json) -> Json:
    """Return the schema of an object whose properties are all there; `_` in a name stands for `-`."""
    names = {name.replace("_", "-"): schema for name, schema in properties.items()}
    return {"type": "object", "properties": names, "required": list(names), "additionalProperties": False}


def _list(items: Json, description: str = "") -> Json:
    return {**_described(description), "type": "array", "items": items}


def _described(description: str) -> Json:
    return {"description": description} if description else {}


_RUN = _object(
    id=_TEXT,
    name=_TEXT,
    url=_TEXT,
    state={"type": "string", "description": "The tracker's state, or `stopped reporting`."},
    tags=_list(_TEXT),
    group=_OPTIONAL_TEXT,
    commit={**_OPTIONAL_TEXT, "description": "The commit that the tracker recorded."},
    created={**_OPTIONAL_TEXT, "description": "ISO 8601."},
    metrics={"type": "object", "description": "Values by the metrics' names, as the run logged them."},
    config={"type": "object", "description": "Values by the config's keys, as the run logged them."},
)
_DIFFERENCE: Json = {
    "anyOf": [
        {"type": "null"},
        _object(reference=_NUMBER, absolute=_NUMBER, percent=_OPTIONAL_NUMBER, better={"type": ["boolean", "null"]}),
    ]
}
_SPREAD = _object(
    mean=_NUMBER,
    deviation=_OPTIONAL_NUMBER,
    n={**_COUNT, "description": "The seeds that the mean is of: those with a finite value."},
    finished={**_COUNT, "description": "The runs of the group that finished."},
    started={**_COUNT, "description": "The runs of the group in any state."},
)
_ARTIFACTS = _list(_object(name=_TEXT, version=_COUNT, type=_TEXT, digest=_TEXT))
_RUN_IDS = _list(_TEXT)

RESULT: Mapping[str, Json] = {
    "project": {"type": "string", "description": "The input `project`."},
    "sha": {**_OPTIONAL_TEXT, "description": "The input `sha`."},
    "complete": _BOOLEAN,
    "single-run": _BOOLEAN,
    "timed-out": {"type": "boolean", "description": "Whether `wait` timed out."},
    **{f"num-{name}": _COUNT for name in ("candidates", "finished", "running", "crashed", "failed", "killed", "baselines")},
    "metrics": _list(
        _object(
            name=_TEXT,
            direction={"enum": ["min", "max", ""]},
            source={"enum": ["given", "gate", "tracker", "inferred", ""], "description": "Where the direction comes from."},
            unit=_OPTIONAL_TEXT,
        ),
        "The metrics of the input `metrics`, with their directions.",
    ),
    "candidates": _list(_RUN, "The candidates, newest first: at most 100 in the output, all in the file."),
    "baselines": _list(_RUN, "The baselines, newest first."),
    "judged-run-id": _OPTIONAL_TEXT,
    "selected-by": _OPTIONAL_TEXT,
    "judged": {
        "description": "How the judged candidate was chosen.",
        **_object(
            judge={"enum": ["best", "mean", "all", "latest"]},
            name={
                **_OPTIONAL_TEXT,
                "description": "Its name; that of a group or of the mean of all has its number of runs.",
            },
            out_of={**_COUNT, "description": "The number of finished candidates; a group counts as one."},
            tied={**_COUNT, "description": "How many others are as good as the best one."},
            reason={**_OPTIONAL_TEXT, "description": "Why none was chosen."},
        ),
    },
    "best-run-id": _OPTIONAL_TEXT,
    "best-run-url": _OPTIONAL_TEXT,
    "bar": {
        "description": "The one baseline, a run or a group, that the report compares with; null without baselines.",
        "anyOf": [
            {"type": "null"},
            _object(
                run_id={"type": "string", "description": "Of a group, the id of its best run."},
                name=_TEXT,
                url=_TEXT,
                members=_RUN_IDS,
                selected_by={**_OPTIONAL_TEXT, "description": "The metric by which it is the best; null: it is the latest."},
                out_of={**_COUNT, "description": "How many runs or groups it was chosen from."},
                choice={"type": "string", "description": "How it was chosen, in words."},
            ),
        ],
    },
    "baseline-commit": {
        **_OPTIONAL_TEXT,
        "description": "With `baseline: merge-base` or `previous`: the commit that the baselines are of.",
    },
    "baseline-place": {**_OPTIONAL_TEXT, "description": "Where that commit stands on the base branch, in words."},
    "comparison": _list(
        _object(
            metric=_TEXT,
            direction={"enum": ["min", "max", None]},
            value={"description": "The judged candidate's value, as the run logged it."},
            bar=_DIFFERENCE,
            best={**_DIFFERENCE, "description": "Against the best value of any baseline, which is no one model."},
            mean=_DIFFERENCE,
            latest=_DIFFERENCE,
        ),
        "The judged candidate against the bar, and the best value, the mean and the latest of all baselines.",
    ),
    "seeds": _list(
        _object(
            metric=_TEXT,
            candidates=_SPREAD,
            baselines=_SPREAD,
            difference=_NUMBER,
            against={**_TEXT, "description": "The baseline group."},
            interval={"type": ["array", "null"], "items": _NUMBER, "description": "The 95 % interval of the difference."},
            probability={
                "type": ["number", "null"],
                "description": "The p-value, corrected for all metrics and for the choice of the groups by their values; "
                "null where nothing can be told from noise.",
            },
            paired={**_BOOLEAN, "description": "Whether the same seeds ran on both sides."},
            seeds_needed={
                "type": ["integer", "null"],
                "description": "Seeds on each side that would tell such a difference: an estimate.",
            },
            verdict=_TEXT,
        ),
        "With `aggregate: group`: the seeds of the judged group against those of one baseline group.",
    ),
    "gate": _STATUS,
    "gate-results": _list(
        _object(
            gate=_TEXT,
            run_id={**_OPTIONAL_TEXT, "description": "With `judge: all`: the candidate that decided."},
            passed=_BOOLEAN,
            judged={"type": "boolean", "description": "`false`: there is no baseline, and `no-baseline` allows that."},
            value=_OPTIONAL_NUMBER,
            required=_OPTIONAL_NUMBER,
            bound={**_OPTIONAL_NUMBER, "description": "With `… % confidence`: the end of the interval that was compared."},
            against={**_OPTIONAL_TEXT, "description": "Where the required number comes from, in words."},
            reason=_OPTIONAL_TEXT,
        ),
        "Each of `gates` with the numbers it compared.",
    ),
    "requirements": _STATUS,
    "requirement-results": _list(_object(name=_TEXT, holds=_BOOLEAN, reason=_OPTIONAL_TEXT), "Each of `require`."),
    "verified": _BOOLEAN,
    "commit": {
        "description": "What ties the candidates to `sha`: numbers of candidates, or their ids.",
        **_object(recorded=_COUNT, claimed=_COUNT, contradicted=_RUN_IDS, unknown=_COUNT, dirty=_RUN_IDS),
    },
    "same-data": {"type": ["boolean", "null"]},
    "data": {
        "description": "The dataset artifacts that the runs used.",
        **_object(candidates=_ARTIFACTS, baselines=_ARTIFACTS),
    },
    "notes": _list(_TEXT, "Requests that could not be fulfilled, in words."),
    "promoted": _OPTIONAL_TEXT,
    "comment-url": _OPTIONAL_TEXT,
    "csv": _TEXT,
    "json": _TEXT,
    "markdown": _TEXT,
    "artifact-name": _TEXT,
    "statement": _TEXT,
    "predicate": _TEXT,
    "predicate-type": _TEXT,
    "subject-checksums": _TEXT,
    "subject-name": _TEXT,
    "subject-digest": _TEXT,
}
