"""What a user can ask of wandb-runs, and what it tells the steps that follow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlops_actions.core.declare import Action, DeclaredInputs, Legacy, Output, given, inputs
from mlops_actions.core.errors import BadInput
from mlops_actions.core.parsers import base_address, boolean, choice, commit, duration, integer, items, lines, text
from mlops_actions.wandb_runs import gates as gate_language
from mlops_actions.wandb_runs import metrics as metric_names
from mlops_actions.wandb_runs import require as requirements
from mlops_actions.wandb_runs.gates import Gate
from mlops_actions.wandb_runs.metrics import Metric
from mlops_actions.wandb_runs.select import filters

MOST_BASELINES = 1000


def _project(value: str) -> str:
    path = value.strip().strip("/")
    entity, slash, name = path.partition("/")
    if not (entity and slash and name) or "/" in name or any(character.isspace() for character in entity):
        raise ValueError(f"must be entity/project, not {value!r}")
    return path


def _page(value: str) -> str:
    address = value.strip()
    if not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", address):
        raise ValueError(f"must be an http(s) address, not {value!r}")
    return address


def _metrics(value: str) -> tuple[Metric, ...]:
    return metric_names.parse(items(value))


def _gates(value: str) -> tuple[Gate, ...]:
    return gate_language.parse(lines(value))


def _require(value: str) -> tuple[str, ...]:
    return requirements.parse(items(value))


def _debug(value: str) -> bool:
    """Take any text but `false`: the replaced action's users wrote `true`, `1`, `yes`."""
    return value.strip().lower() != "false"


def _unique(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items(value)))


def _run_id(value: str) -> str:
    # W&B's own limit of characters (wandb.sdk.lib.runid and its error message): none of /\#?%: may stand in an id.
    identifier = value.strip()
    if re.search(r"[/\\#?%:\s]", identifier):
        raise ValueError(f"must be the id of a run (the end of its address), not {value!r}")
    return identifier


@inputs
class Inputs(DeclaredInputs):
    """The inputs of wandb-runs, in the order of the documentation."""

    project: str = given(_project, "`entity/project` on W&B, as in its address.", required=True, legacy=("project_name",))
    api_key: str | None = given(
        text,
        "W&B API key; give it by a secret. The last resort is the `.netrc`, as for W&B's own tools.",
        secret=True,
        env=("WANDB_API_KEY",),
        legacy=("wandb_api_key",),
    )
    base_url: str | None = given(
        base_address, "Address of the W&B server's API, for a server of your own.", env=("WANDB_BASE_URL",)
    )
    sha: str | None = given(
        commit,
        "Candidates are the runs of this commit: by what W&B recorded, or by the config. No default: a wrong guess would "
        "compare the wrong commit (on `pull_request` take `github.event.pull_request.head.sha`, or chatops' `sha`).",
        # The replaced action compared any text.
        legacy=(Legacy("filter_github_sha", parse=text),),
    )
    sha_config_key: str = given(text, "The config key that holds the commit.", default="github_sha")
    secondary_sha: str | None = given(
        text, "Only runs whose config `secondary_sha` is this, such as a data version.", legacy=("filter_secondary_sha",)
    )
    run_id: str | None = given(_run_id, "The one candidate, by its id; wins over every other choice.", legacy=("run_id",))
    group: str | None = given(text, "Only runs of this group.")
    filters: Mapping[str, Any] | None = given(
        filters, 'Only runs that fulfil this filter, in W&B\'s language: JSON, such as `{"config.lr": {"$lt": 0.1}}`.'
    )
    baseline_tags: tuple[str, ...] | None = given(
        _unique,
        "Baselines are the finished runs with any of these tags, newest first.",
        legacy=(
            Legacy("baseline_tags", note="By this name there is no limit to how many, unless `max-baselines` says so."),
        ),
    )
    baseline_sha: str | None = given(commit, "Baselines are also the finished runs of this commit.")
    max_baselines: int = given(integer(least=0, most=MOST_BASELINES), "Take this many baselines at most.", default="10")
    metrics: tuple[Metric, ...] | None = given(
        _metrics,
        "Summary metrics to show. `val_acc:max` or `val_loss:min` says which way is better; else what W&B was told counts, "
        "else the name.",
        default="[]",
        legacy=("display_metrics",),
    )
    config_keys: tuple[str, ...] | None = given(_unique, "Config keys to show.", legacy=("display_config_vars",))
    gates: tuple[Gate, ...] | None = given(
        _gates,
        "What the best candidate must fulfil, one a line: `METRIC OP NUMBER`, or `METRIC OP baseline[.best|.mean|.latest] "
        "[+ - *] NUMBER[%]`. A missing value is a failure, never a pass.",
    )
    require: tuple[str, ...] | None = given(
        _require,
        "What must hold beside the gates, else the step fails and nothing is promoted: `one` (exactly one candidate), "
        "`finished` (every candidate), `verified` (W&B itself recorded `sha` as the commit of each), `same-data` (as the "
        "baselines), `clean` (no uncommitted changes). What cannot be told does not hold.",
    )
    aggregate: str = given(
        choice("none", "group"),
        "`group`: the runs of one group (seeds) become mean ± standard deviation.",
        default="none",
    )
    wait: bool = given(boolean, "Wait until all candidates have ended.", default="false")
    timeout: float = given(duration, "With `wait`: how long at most; then exit 5.", default="30m")
    min_runs: int = given(integer(least=1), "With `wait`: how many candidates there must be.", default="1")
    curves: tuple[str, ...] | None = given(_unique, "Metrics whose history is drawn, candidate against baseline.")
    lineage: bool = given(boolean, "Compare the dataset artifacts that the runs used.", default="true")
    comment: bool = given(boolean, "Put the report into one comment of the pull request, updated in place.", default="false")
    comment_tag: str = given(
        text,
        "Which comment: each tag has its own. The same tag in argo-submit turns its comment into the report.",
        default="mlops",
    )
    pr_number: int | None = given(integer(least=1), "The pull request. Without it, the event's.")
    check_name: str | None = given(text, "A check run of this name on `sha`, concluded by the gates.")
    workflow_url: str | None = given(_page, "Shown in the report: the workflow that trained.")
    image: str | None = given(text, "Shown in the report: the image that trained, by digest.")
    workflow_uid: str | None = given(text, "The workflow's uid, for the statement.")
    promote_alias: str | None = given(
        text, "When the gates pass and all of `require` holds, the best candidate's model artifact gets this alias."
    )
    statement: bool = given(
        boolean,
        "Write an in-toto statement of the accepted candidate, and its predicate alone for `actions/attest`: which commit, "
        "image, workflow, run, datasets and numbers its model comes from. What W&B did not record fails the step.",
        default="false",
    )
    report_dir: str = given(
        text, "Where `wandb_report.csv`, `.json` and `.md` are written; within the workspace.", default="."
    )
    github_token: str | None = given(
        text,
        "Token for the comment and the check run.",
        runner_default="${{ github.token }}",
        secret=True,
        env=("GITHUB_TOKEN",),
    )
    debug: bool = given(_debug, "Log what was asked and how it was answered; on by any text but `false`.", default="false")

    @property
    def baseline_limit(self) -> int:
        """How many baselines are taken; the replaced action took all that had the tags."""
        unlimited = self.was_given("baseline_tags") and not self.was_given("max-baselines")
        return MOST_BASELINES if unlimited else self.max_baselines

    def problems(self) -> Iterator[BadInput]:
        """Check what one input alone cannot show."""
        if not (self.sha or self.secondary_sha or self.run_id or self.group or self.filters):
            yield BadInput(
                "nothing says which runs are the candidates",
                "give 'sha' (the commit that was trained), 'run-id', 'group' or 'filters'",
            )
        if self.check_name and not self.sha:
            yield BadInput("input 'check-name' needs 'sha'", "give 'sha', the commit that the check run is shown on")
        if self.promote_alias and not (self.gates or self.require):
            yield BadInput(
                "input 'promote-alias' needs 'gates' or 'require'", "give one: nothing is promoted without having passed"
            )
        if self.statement and not (self.sha and self.lineage):
            yield BadInput("input 'statement' needs 'sha' and 'lineage'", "give 'sha', and leave 'lineage' on")
        wanted = self.require or ()
        if requirements.VERIFIED in wanted and not self.sha:
            yield BadInput(
                "input 'require' asks for 'verified' without 'sha'", "give 'sha', the commit that the run must be of"
            )
        if requirements.SAME_DATA in wanted and not (self.lineage and (self.baseline_tags or self.baseline_sha)):
            yield BadInput(
                "input 'require' asks for 'same-data', and there is nothing to compare with",
                "give 'baseline-tags' or 'baseline-sha', and leave 'lineage' on",
            )


ACTION = Action(
    name="wandb-runs",
    title="MLOps W&B Runs",
    description="Report the W&B runs of a commit on the pull request, compared with their baselines",
    icon="bar-chart-2",
    color="yellow",
    inputs=Inputs,
    outputs=(
        Output("complete", "`true` when at least one candidate finished and none is still to come"),
        Output("single-run", "`true` when exactly one candidate finished"),
        Output("num-candidates", "Candidates in any state"),
        Output("num-finished", "Candidates that finished"),
        Output("num-running", "Candidates that have not ended"),
        Output("num-crashed", "Candidates that crashed or stopped reporting"),
        Output("num-failed", "Candidates that ended with an error"),
        Output("num-killed", "Candidates that were killed or preempted"),
        Output("num-baselines", "Baselines that the candidates were compared with"),
        Output("gate", "`passed`, `failed`, or `none` without gates"),
        Output("requirements", "`passed`, `failed`, or `none` without `require`"),
        Output("verified", "`true` when W&B itself recorded `sha` as the commit of every candidate"),
        Output("same-data", "`true`, `false`, or empty where the runs recorded too little to tell"),
        Output("best-run-id", "Id of the best finished candidate"),
        Output("best-run-url", "Address of the best finished candidate"),
        Output("promoted", "The model artifact that `promote-alias` went to, `name:version`; empty where it went to none"),
        Output("comment-url", "Address of the comment, where one was written"),
        Output("csv", "Path of `wandb_report.csv`, from the workspace"),
        Output("json", "Path of `wandb_report.json`, from the workspace"),
        Output("markdown", "Path of `wandb_report.md`, from the workspace"),
        Output("statement", "Path of `wandb_statement.json`, from the workspace, where one was written"),
        Output("predicate", "Path of `wandb_predicate.json`: `predicate-path` of `actions/attest`"),
        Output("predicate-type", "Its type: `predicate-type` of `actions/attest`"),
        Output("subject-name", "The image without its digest: `subject-name` of `actions/attest`"),
        Output("subject-digest", "The image's digest: `subject-digest` of `actions/attest`"),
        Output("result", "Everything as one JSON document"),
        Output("BOOL_COMPLETE", "`complete`, spelled `True` or `False`", legacy=True),
        Output(
            "BOOL_SINGLE_RUN", "`True` when there is exactly one candidate, in whatever state, else `False`", legacy=True
        ),
        Output("NUM_FINISHED", "`num-finished`", legacy=True),
        Output("NUM_RUNNING", "`num-running`", legacy=True),
        Output("NUM_CRASHED", "`num-crashed`", legacy=True),
        Output("NUM_ABORTED", "Killed and failed candidates together", legacy=True),
        Output("NUM_BASELINES", "`num-baselines`", legacy=True),
    ),
)
