"""The inputs and outputs of wandb-runs. The only module of this action that names W&B: its inputs are W&B's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlops_actions.core.declare import Action, DeclaredInputs, Legacy, Output, input_field, inputs
from mlops_actions.core.errors import BadInput
from mlops_actions.core.gates import Gate
from mlops_actions.core.parsers import (
    base_address,
    boolean,
    byte_size,
    choice,
    commit,
    duration,
    integer,
    text,
)
from mlops_actions.core.run_query import SHA_CONFIG_KEY
from mlops_actions.core.section import matrix_values
from mlops_actions.wandb_runs import input_values as values
from mlops_actions.wandb_runs import model_choice
from mlops_actions.wandb_runs.metrics import directions
from mlops_actions.wandb_runs.metrics.metric import Metric
from mlops_actions.wandb_runs.model_choice import ModelSelector
from mlops_actions.wandb_runs.result import RESULT
from mlops_actions.wandb_runs.selection import base_commits
from mlops_actions.wandb_runs.selection.baseline_inputs import problems_of_baselines
from mlops_actions.wandb_runs.selection.judges import BEST, JUDGES, MEAN
from mlops_actions.wandb_runs.verdict import no_baseline as absence
from mlops_actions.wandb_runs.verdict import requirements

MAX_BASELINES = 1000
CSV_FILE, JSON_FILE, MARKDOWN_FILE = "wandb_report.csv", "wandb_report.json", "wandb_report.md"
STATEMENT_FILE, PREDICATE_FILE = "wandb_statement.json", "wandb_predicate.json"
SUBJECTS_FILE = "wandb_subjects.sha256"


def _run_id(value: str) -> str:
    # W&B's own limit of characters (wandb.sdk.lib.runid and its error message): none of /\#?%: may stand in an id.
    identifier = value.strip()
    if re.search(r"[/\\#?%:\s]", identifier):
        raise ValueError(f"must be the id of a run (the end of its address), not {value!r}")
    return identifier


@inputs
class Inputs(DeclaredInputs):
    """The inputs of wandb-runs, in the order of the documentation."""

    project: str = input_field(
        values.project, "`entity/project` on W&B, as in its address.", required=True, legacy=("project_name",)
    )
    api_key: str | None = input_field(
        text,
        "W&B API key, from a secret. Without a key the action reads the `.netrc`, as W&B's own tools do.",
        secret=True,
        env=("WANDB_API_KEY",),
        legacy=("wandb_api_key",),
    )
    base_url: str | None = input_field(base_address, "Address of the API of your own W&B server.", env=("WANDB_BASE_URL",))
    sha: str | None = input_field(
        commit,
        "Candidates are the runs of this commit, as W&B recorded it or as the run's config names it. It has no default, "
        "since a wrong guess would compare the wrong commit: on `pull_request` give `github.event.pull_request.head.sha`, "
        "after chatops its output `sha`.",
        # The replaced action compared any text.
        legacy=(Legacy("filter_github_sha", parse=text),),
    )
    sha_config_key: str = input_field(
        text,
        "The config key that holds the commit; `git.sha` is `sha` within `git`, or a key of that name.",
        default=SHA_CONFIG_KEY,
    )
    secondary_sha: str | None = input_field(
        text,
        "Only runs whose config has this value under `secondary_sha`, for example the version of the data.",
        legacy=("filter_secondary_sha",),
    )
    run_id: str | None = input_field(
        _run_id, "The id of the only candidate. It overrides every other selection.", legacy=("run_id",)
    )
    group: str | None = input_field(text, "Only runs of this group.")
    sweep: str | None = input_field(
        _run_id,
        "Only runs of the sweep with this id. Without `select-by` the sweep's own metric and goal choose the run that is "
        "judged, and the report shows the parameters that it varies.",
    )
    filters: Mapping[str, Any] | None = input_field(
        values.tracker_filter, 'Only runs that match this W&B filter: JSON, such as `{"config.lr": {"$lt": 0.1}}`.'
    )
    baseline_tags: tuple[str, ...] | None = input_field(
        values.unique,
        "Baselines are the finished runs with any of these tags, newest first.",
        legacy=(Legacy("baseline_tags", note="This name has no limit of the number, unless `max-baselines` is given."),),
    )
    baseline: str = input_field(
        choice(*base_commits.MODES),
        "Where baselines come from. `tags`: the runs of `baseline-tags` and `baseline-sha`. `merge-base`: the finished runs "
        "of the commit where the branch of `sha` left the base branch, else of the nearest commit before it that has some. "
        "`previous`: those of the nearest commit before `sha` on the base branch. The base branch is the pull request's, "
        "else the default branch. GitHub is asked for the commits: the job needs `contents: read`.",
        default=base_commits.TAGS,
    )
    no_baseline: str = input_field(
        choice(*absence.POLICIES),
        "What a gate that compares with a baseline becomes while there is none yet, as on the first pull request: `fail`, "
        "`pass`, or `neutral`: then the output `gate` is `neutral`, unless another gate failed, and nothing is promoted.",
        default=absence.FAIL,
    )
    baseline_sha: str | None = input_field(commit, "The finished runs of this commit are baselines too.")
    max_baselines: int = input_field(
        integer(minimum=0, maximum=MAX_BASELINES), "The largest number of baselines.", default="10"
    )
    metrics: tuple[Metric, ...] | None = input_field(
        values.metrics_of,
        "Summary metrics to show. `val_acc:max` or `val_loss:min` gives the direction; without it a gate's operator "
        "decides, else W&B's `define_metric`, else the name. `latency_ms[ms]:min` gives a unit too. `eval/*` shows what the "
        "runs have of that form. A name in quotes is taken as it is.",
        default="[]",
        legacy=(Legacy("display_metrics", parse=values.legacy_metrics),),
    )
    select_by: Metric | None = input_field(
        values.select_by,
        "The metric by which the best of several candidates is chosen, with its direction: `val_accuracy:max`. Without it, "
        "the first of `metrics` that has a direction, else of `gates`.",
    )
    judge: str = input_field(
        choice(*JUDGES),
        "Which of several finished candidates is judged: the `best` by `select-by`, their `mean`, `all` (each must pass "
        "every gate) or the `latest`.",
        default=BEST,
    )
    config_keys: tuple[str, ...] | None = input_field(values.unique, "Config keys to show.", legacy=("display_config_vars",))
    gates: tuple[Gate, ...] | None = input_field(
        values.gates_of,
        "Conditions that the judged candidate must fulfil, one per line: `METRIC OP NUMBER`, or "
        "`METRIC OP baseline[.best|.mean|.latest] [+ - *] NUMBER[%]`. A missing value is a failure, never a pass. "
        "`… with 95% confidence` asks for evidence from several seeds.",
    )
    require: tuple[str, ...] | None = input_field(
        values.require,
        "Requirements beside the gates; if one does not hold, the step fails and nothing is promoted: `one` (exactly one "
        "candidate), `finished` (every candidate), `verified` (W&B itself recorded `sha` as the commit of each), "
        "`same-data` (the same as the baselines), `clean` (no uncommitted changes). A requirement that W&B's answers leave "
        "open does not hold.",
    )
    aggregate: str = input_field(
        choice("none", "group"),
        "`group`: compare groups of runs (seeds): mean ± standard deviation, how many finished, what is more than noise.",
        default="none",
    )
    wait: bool = input_field(boolean, "Wait until all candidates have ended.", default="false")
    timeout: float = input_field(
        duration, "With `wait`: the longest wait; then the step fails with exit code 5.", default="30m"
    )
    min_runs: int = input_field(integer(minimum=1), "With `wait`: the number of candidates to wait for.", default="1")
    partial: bool = input_field(
        boolean,
        "Decide although candidates still run, by those that have finished. Without it nothing is decided before all have "
        "ended: with `gates` or `require` the step ends with exit code 5, nothing is promoted, no statement is written, and "
        "the check run stays in progress.",
        default="false",
    )
    curves: tuple[str, ...] | None = input_field(
        values.unique, "Metrics whose learning curves to draw, of candidates and baselines."
    )
    lineage: bool = input_field(
        boolean,
        "Compare the dataset artifacts that the runs used; of more than 120 runs those of the judged candidate and the "
        "baselines, unless `require` asks for `same-data`.",
        default="true",
    )
    comment: bool = input_field(
        boolean, "Write the report into one comment on the pull request, which is updated in place.", default="false"
    )
    comment_tag: str = input_field(
        text,
        "The comment's tag: each tag has its own comment. With the same tag as argo-submit, its comment becomes the report.",
        default="mlops",
    )
    section: str | None = input_field(
        text,
        "Name of this report's section, where several jobs, steps or workflows write one comment. Default: workflow, job "
        "with its matrix values, and step. A reusable workflow that one run calls twice needs a name for each call.",
    )
    matrix: Mapping[str, Any] | None = input_field(
        matrix_values,
        "The matrix values of the job, which tell its legs apart. The runner fills it in.",
        runner_default="${{ toJSON(matrix) }}",
    )
    pr_number: int | None = input_field(
        integer(minimum=1), "The pull request's number. Without it, the event's pull request."
    )
    check_name: str | None = input_field(
        text, "Create a check run of this name on `sha`, with the gates' result as its conclusion."
    )
    workflow_url: str | None = input_field(values.page, "Address of the training workflow, shown in the report.")
    image: str | None = input_field(text, "The training image by digest, shown in the report.")
    workflow_uid: str | None = input_field(text, "The training workflow's uid, for the statement.")
    promote_alias: str | None = input_field(
        text,
        "Give the best candidate's model artifact this alias when the gates pass, all of `require` holds, and the data are "
        "not known to differ from the baselines'.",
    )
    model: ModelSelector | None = input_field(
        model_choice.parse,
        "Which of the run's model artifacts is promoted and stated: `NAME` (its newest version), `NAME:ALIAS` or `:ALIAS`; "
        "`*` stands for any text. Without it the run must have logged one version of one model.",
    )
    statement: bool = input_field(
        boolean,
        "Write an in-toto statement of the accepted candidate, and its predicate and subjects for `actions/attest`: the "
        "commit, image, workflow, runs, baselines, datasets, metrics and model files. The step fails if W&B did not record "
        "one of them.",
        default="false",
    )
    max_model_size: int = input_field(
        byte_size,
        "With `statement`: the largest model whose files are read to compute their SHA-256.",
        default="20 GB",
    )
    report_dir: str = input_field(text, "Folder in the workspace for `wandb_report.csv`, `.json` and `.md`.", default=".")
    github_token: str | None = input_field(
        text,
        "Token for the comment and the check run.",
        runner_default="${{ github.token }}",
        secret=True,
        env=("GITHUB_TOKEN",),
    )
    debug: bool = input_field(
        values.debug, "Log the queries and the answers. Any text but `false` turns it on.", default="false"
    )

    @property
    def baseline_limit(self) -> int:
        """The largest number of baselines; the replaced action took all runs with the tags."""
        unlimited = self.was_given("baseline_tags") and not self.was_given("max-baselines")
        return MAX_BASELINES if unlimited else self.max_baselines

    @property
    def wants_baselines(self) -> bool:
        """Whether the inputs select baselines."""
        named = self.baseline != base_commits.TAGS or bool(self.baseline_tags or self.baseline_sha)
        return named and self.baseline_limit > 0

    def problems(self) -> Iterator[BadInput]:
        """Check rules that concern several inputs."""
        if not (self.sha or self.secondary_sha or self.run_id or self.group or self.sweep or self.filters):
            yield BadInput(
                "no input selects the candidates",
                "give 'sha' (the commit that was trained), 'run-id', 'group', 'sweep' or 'filters'",
            )
        yield from self._judging_problems()
        if self.check_name and not self.sha:
            yield BadInput("input 'check-name' needs 'sha'", "give 'sha', the commit that gets the check run")
        yield from problems_of_baselines(self)
        if self.promote_alias and not (self.gates or self.require):
            yield BadInput(
                "input 'promote-alias' needs 'gates' or 'require'", "give one of them: only a run that passed is promoted"
            )
        if self.statement and not (self.sha and self.lineage):
            yield BadInput("input 'statement' needs 'sha' and 'lineage'", "give 'sha', and leave 'lineage' on")
        asking = [gate.text for gate in self.gates or () if gate.confidence]
        if asking and self.aggregate != "group":
            yield BadInput(
                f"input 'gates' asks for evidence ({asking[0]}), which one run alone cannot give",
                "give 'aggregate: group', and train several seeds of one group on each side",
            )
        if asking and self.judge == MEAN:
            yield BadInput(
                f"input 'gates' asks for evidence ({asking[0]}), but 'judge: mean' mixes several groups",
                "give another 'judge': the seeds of one group show its noise",
            )
        required = self.require or ()
        if requirements.VERIFIED in required and not self.sha:
            yield BadInput(
                "input 'require' asks for 'verified' without 'sha'", "give 'sha', the commit that the runs must belong to"
            )
        if requirements.SAME_DATA in required and not (self.lineage and self.wants_baselines):
            yield BadInput(
                "input 'require' asks for 'same-data', but there are no baselines to compare with",
                "give 'baseline-tags', 'baseline-sha' or 'baseline: merge-base', and leave 'lineage' on",
            )

    def _judging_problems(self) -> Iterator[BadInput]:
        metrics, gates = self.metrics or (), self.gates or ()
        for contradiction in directions.contradictions(metrics, self.select_by, gates):
            yield BadInput(contradiction.cause, contradiction.remedy)
        if self.select_by and not directions.given(self.select_by, metrics, gates):
            name = self.select_by.name
            yield BadInput(
                f"input 'select-by' does not say which values of {name} are better", f"write {name}:max or {name}:min"
            )
        for name, wanted in (("promote-alias", self.promote_alias), ("statement", self.statement)):
            if self.judge == MEAN and wanted:
                yield BadInput(
                    f"input '{name}' needs one run, but 'judge: mean' judges the mean of several, which is no model",
                    f"give 'judge' another value, or leave out '{name}'",
                )


ACTION = Action(
    name="wandb-runs",
    title="MLOps W&B Runs",
    description="Report the W&B runs of a commit on the pull request, compared with their baselines",
    icon="bar-chart-2",
    color="yellow",
    inputs=Inputs,
    outputs=(
        Output("complete", "`true` when at least one candidate finished and all have ended"),
        Output("single-run", "`true` when exactly one candidate finished"),
        Output("num-candidates", "Number of candidates in any state"),
        Output("num-finished", "Number of candidates that finished"),
        Output("num-running", "Number of candidates that have not ended; a preempted one comes back"),
        Output("num-crashed", "Number of candidates that crashed or stopped reporting"),
        Output("num-failed", "Number of candidates that ended with an error"),
        Output("num-killed", "Number of candidates that were killed"),
        Output("num-baselines", "Number of baselines"),
        Output("gate", "`passed`, `failed`, `pending` while a candidate runs, `neutral` by `no-baseline`, or `none`"),
        Output("requirements", "`passed`, `failed`, `pending` while a candidate runs, or `none` without `require`"),
        Output("verified", "`true` when W&B itself recorded `sha` as the commit of every candidate"),
        Output("same-data", "`true`, `false`, or empty where the runs recorded too little, or not all were asked about"),
        Output(
            "judged-run-id",
            "Id of the candidate that was judged; with `judge: all` of the one that decided, with `mean` of several empty",
        ),
        Output(
            "selected-by",
            "The metric that chose the judged one of several candidates, `val_accuracy:max`; empty where none did",
        ),
        Output("best-run-id", "Id of the best finished candidate"),
        Output("best-run-url", "Address of the best finished candidate"),
        Output("promoted", "The model artifact that got the alias, `name:version`; empty where none got it"),
        Output("comment-url", "Address of the comment; empty where none was written"),
        Output("csv", "Path of `wandb_report.csv` in the workspace"),
        Output("json", "Path of `wandb_report.json` in the workspace"),
        Output("markdown", "Path of `wandb_report.md` in the workspace"),
        Output(
            "artifact-name",
            "Name for an artifact of the run with these files: each section and each attempt has its own",
        ),
        Output("statement", "Path of `wandb_statement.json` in the workspace, where it was written"),
        Output("predicate", "Path of `wandb_predicate.json` in the workspace, for `predicate-path` of `actions/attest`"),
        Output("predicate-type", "Type of the predicate, for `predicate-type` of `actions/attest`"),
        Output(
            "subject-checksums",
            "Path of `wandb_subjects.sha256` in the workspace: the image and each file of the model, for "
            "`subject-checksums` of `actions/attest`",
        ),
        Output(
            "subject-name",
            "The image without its digest, else the model's only file, for `subject-name` of `actions/attest`",
        ),
        Output("subject-digest", "The digest of `subject-name`, for `subject-digest` of `actions/attest`"),
        Output("result", "Everything as one JSON document"),
        Output("BOOL_COMPLETE", "`complete`, spelled `True` or `False`", legacy=True),
        Output("BOOL_SINGLE_RUN", "`True` when there is exactly one candidate in any state, else `False`", legacy=True),
        Output("NUM_FINISHED", "`num-finished`", legacy=True),
        Output("NUM_RUNNING", "`num-running`", legacy=True),
        Output("NUM_CRASHED", "`num-crashed`", legacy=True),
        Output("NUM_ABORTED", "Killed and failed candidates together", legacy=True),
        Output("NUM_BASELINES", "`num-baselines`", legacy=True),
    ),
    result=RESULT,
)
