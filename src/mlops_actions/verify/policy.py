"""Which checks must hold: a list of their names, or a YAML file of them with the gates that a statement must hold. Pure.

    checks: [repository, commit, image, runs, metrics, gates, required-gates]
    gates:
      - test_accuracy >= baseline - 0.5%
    baseline-tags: [production]
    baseline-sha: 0123456789abcdef0123456789abcdef01234567
    max-baselines: 10
    select-by: test_accuracy:max
    judge: best
    aggregate: none
    sha-config-key: github_sha

An unknown check is not one that holds. Gates are computed from numbers of the statement, so that they need the checks of
these too: `gates` alone would take an invented metric for a measured one. Without a policy every check must hold that
applies to the statement, and every value that an option pins.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops_actions.core import gates as gate_grammar
from mlops_actions.core.gates import Gate
from mlops_actions.core.parsers import items, yaml_value
from mlops_actions.core.provenance import is_sha
from mlops_actions.core.run_query import SHA_CONFIG_KEY
from mlops_actions.core.statement import JUDGES
from mlops_actions.core.suggest import did_you_mean

REPOSITORY, COMMIT, PROJECT = "repository", "commit", "project"
PULL_REQUEST, JOB, WORKFLOW = "pull-request", "job", "workflow"
SUBJECTS, IMAGE, TRACKER, RUNS, CLEAN = "subjects", "image", "tracker", "runs", "clean"
METRICS, DATASETS, CANDIDATES, JUDGED = "metrics", "datasets", "candidates", "judged"
BASELINES, GATES, REQUIRED_GATES = "baselines", "gates", "required-gates"
MODEL, FILES = "model", "files"
SIGNATURE = "signature"

CHECKS: Mapping[str, str] = {
    REPOSITORY: "the repository is the one of --repository",
    COMMIT: "the commit is the one of --sha",
    PROJECT: "the tracker's project is the one of --project",
    PULL_REQUEST: "the pull request is the one of --pull-request",
    JOB: "the job that wrote the statement is the one of --job",
    WORKFLOW: "the training workflow's uid is the one of --workflow-uid",
    SUBJECTS: "each subject is the image or a file of the model",
    IMAGE: "the registry has the image, it is of the commit, and the one of --image",
    TRACKER: "the tracker's server is the one that the environment names",
    RUNS: "the judged runs had finished, and are of the commit by the tracker's record and their config",
    CLEAN: "the judged runs ran without uncommitted changes",
    METRICS: "the judged runs have the metrics that the statement says, and none of a gate is left out",
    DATASETS: "the judged runs used the datasets that the statement says, and the baselines no others, as far as is known",
    CANDIDATES: "the statement names every run of the commit as a candidate",
    JUDGED: "the judged run is the one that the statement's rule chooses among the candidates",
    BASELINES: "the baselines have the values that the statement says, and the tracker selects the same ones",
    GATES: "the judged runs pass each gate, computed anew from the runs and the baselines",
    REQUIRED_GATES: "the statement holds the gates (and tags and limit of baselines) that the policy names, and no others",
    MODEL: "a judged run logged the model",
    FILES: "the model's files have the SHA-256 that the statement says",
}
PINNED = (REPOSITORY, COMMIT, PROJECT, PULL_REQUEST, JOB, WORKFLOW)
# What a check takes from the statement and does not compare with the tracker itself: whoever names it needs these too.
RESTS_ON: Mapping[str, tuple[str, ...]] = {
    # Which runs are the judged ones, and when they were judged.
    CLEAN: (RUNS,),
    METRICS: (RUNS,),
    DATASETS: (RUNS,),
    CANDIDATES: (RUNS,),
    BASELINES: (RUNS,),
    MODEL: (RUNS,),
    FILES: (MODEL,),
    JUDGED: (CANDIDATES, RUNS),
    GATES: (RUNS, METRICS, BASELINES),
    REQUIRED_GATES: (GATES, BASELINES),
}
AGGREGATES = BY_RUN, BY_GROUP = ("none", "group")  # the values of wandb-runs' input `aggregate`
_KEYS = (
    "checks", "gates", "baseline-tags", "baseline-sha", "max-baselines", "select-by", "judge", "aggregate", "sha-config-key",
)  # fmt: skip


@dataclass(frozen=True)
class Policy:
    """The checks that must hold (empty: those that apply), and the gates that must be there (None: any).

    The other fields are the inputs of wandb-runs with their names; an empty one, or None, allows any value.
    """

    checks: tuple[str, ...] = ()
    gates: tuple[Gate, ...] | None = None
    baseline_tags: tuple[str, ...] | None = None
    select_by: str = ""
    max_baselines: int | None = None
    judge: str = ""
    aggregate: str = ""
    sha_config_key: str = SHA_CONFIG_KEY
    baseline_sha: str = ""

    @property
    def compares_gates(self) -> bool:
        """Whether the policy says which gates or baselines must be there."""
        return any(
            value is not None for value in (self.gates, self.baseline_tags, self.max_baselines, self.baseline_sha or None)
        )

    def required(self, applicable: Collection[str], pinned: Collection[str]) -> tuple[str, ...]:
        """Return the checks that must hold, in their order: those named, what they rest on, and every pinned value."""
        named = set(self.checks or applicable) | set(pinned) | ({REQUIRED_GATES} if self.compares_gates else set())
        named |= {JUDGED} if self.select_by or self.judge or self.aggregate else set()
        while more := {other for name in named for other in RESTS_ON.get(name, ())} - named:
            named |= more
        return tuple(name for name in CHECKS if name in named)


def parse_list(text: str) -> Policy:
    """Parse names of checks, separated by commas; raises ValueError."""
    return Policy(_checks(items(text)))


def parse_file(text: str) -> Policy:
    """Parse a policy file; raises ValueError that names the mistake."""
    document = yaml_value(text, unique_keys=True)
    if isinstance(document, list):
        return Policy(_checks(document))
    if not isinstance(document, dict) or not document:
        raise ValueError(f"is no YAML mapping with {', '.join(_KEYS)}, and no list of checks")
    for key in document:
        if key not in _KEYS:
            raise ValueError(f"holds {key!r}{did_you_mean(str(key), _KEYS)}; it may hold {', '.join(_KEYS)}")
    checks = _checks(document["checks"]) if "checks" in document else ()
    gates = _gates(document["gates"]) if "gates" in document else None
    tags = _texts(document["baseline-tags"], "baseline-tags") if "baseline-tags" in document else None
    select_by = document.get("select-by", "")
    if not isinstance(select_by, str) or ("select-by" in document and not select_by.endswith((":min", ":max"))):
        raise ValueError("has 'select-by' that is not METRIC:min or METRIC:max")
    limit = document.get("max-baselines")
    if "max-baselines" in document and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 0):
        raise ValueError("has 'max-baselines' that is no number of baselines")
    judge = document.get("judge", "")
    if "judge" in document and judge not in JUDGES:
        raise ValueError(f"has 'judge' that is none of {', '.join(JUDGES)}")
    aggregate = document.get("aggregate", "")
    if "aggregate" in document and aggregate not in AGGREGATES:
        raise ValueError(f"has 'aggregate' that is none of {', '.join(AGGREGATES)}")
    key = document.get("sha-config-key", SHA_CONFIG_KEY)
    if not isinstance(key, str) or not key.strip():
        raise ValueError("has 'sha-config-key' that is no text")
    baseline_sha = document.get("baseline-sha", "")
    if "baseline-sha" in document and not (isinstance(baseline_sha, str) and is_sha(baseline_sha)):
        raise ValueError("has 'baseline-sha' that is no text of a commit's 40 lower-case hexadecimal digits")
    policy = Policy(checks, gates, tags, select_by, limit, judge, aggregate, key, baseline_sha)
    if REQUIRED_GATES in checks and not policy.compares_gates:
        raise ValueError(f"asks for {REQUIRED_GATES!r}, but names no 'gates'")
    return policy


def _checks(value: Any) -> tuple[str, ...]:
    names = _texts(value, "checks")
    if not names:
        raise ValueError("names no check")
    for name in names:
        if name == SIGNATURE:
            raise ValueError(f"names {name!r}, which this command does not check: run `gh attestation verify`")
        if name not in CHECKS:
            raise ValueError(f"names the unknown check {name!r}{did_you_mean(name, CHECKS)}; known are {', '.join(CHECKS)}")
    if len(set(names)) < len(names):
        raise ValueError("names a check twice")
    return names


def _gates(value: Any) -> tuple[Gate, ...]:
    try:
        return gate_grammar.parse(_texts(value, "gates"))
    except ValueError as problem:
        raise ValueError(f"has a mistake in 'gates': {problem}") from None


def _texts(value: Any, key: str) -> tuple[str, ...]:
    entries: Sequence[Any] = value if isinstance(value, list | tuple) else ()
    if not isinstance(value, list | tuple) or not all(isinstance(entry, str) and entry.strip() for entry in entries):
        raise ValueError(f"has '{key}' that is no list of texts")
    return tuple(entry.strip() for entry in entries)
