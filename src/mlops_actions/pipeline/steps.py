"""The steps of the pipeline: which inputs of its action each step passes on, and how the pipeline names them.

Descriptions, defaults and secrecy of an input come from the action that declares it. The order of the steps, their
conditions and what one step hands to the next stand in the templates.

When a workflow that has ended calls back, chatops triggers with an empty `command`. The conditions in the templates check
for that, so that the end is reported and nothing is built or submitted again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from mlops_actions.argo_submit.connection import NAMES as CONNECTION
from mlops_actions.argo_submit.inputs import ACTION as ARGO_SUBMIT
from mlops_actions.chatops.inputs import ACTION as CHATOPS
from mlops_actions.core.declare import Action, Input, Output, declared_inputs
from mlops_actions.docker_publish.inputs import ACTION as DOCKER_PUBLISH
from mlops_actions.wandb_runs.inputs import ACTION as WANDB_RUNS

# The pipeline's name for an input whose own name does not say which action it belongs to, or means two things.
_RENAMED = {
    ("docker-publish", "secrets"): "build-secrets",
    ("docker-publish", "prefix"): "tag-prefix",
    ("docker-publish", "suffix"): "tag-suffix",
    ("docker-publish", "labels"): "image-labels",
    ("docker-publish", "max-age"): "image-max-age",
    ("docker-publish", "force"): "force-build",
    ("argo-submit", "name"): "workflow-name",
    ("argo-submit", "generate-name"): "workflow-generate-name",
    ("argo-submit", "labels"): "workflow-labels",
    ("argo-submit", "annotations"): "workflow-annotations",
    ("argo-submit", "strict"): "workflow-strict",
    ("argo-submit", "priority"): "workflow-priority",
    ("wandb-runs", "api-key"): "wandb-api-key",
    ("wandb-runs", "base-url"): "wandb-base-url",
    ("wandb-runs", "check-name"): "report-check-name",
}
_HELP = {
    "commands": "What may be commanded, as YAML: a list of names (`/train`), or a mapping name → `{description, permission, "
    "label, params: {name: {type: str|int|float|bool, required, default, choices, min, max, pattern, positional}}}`.",
    "image": "What to call the image: `name`, `owner/name` or `registry/owner/name`. On `ghcr.io` a bare name becomes "
    "`owner/repo/name`. Without it, nothing is built.",
    "registry": "Host of the registry.",
    "tags": "Rules, templates and literal tags of the image: `sha` (12 digits), `sha-long`, `pr`, `snapshot`, "
    "`{{sha}}-cuda`. A pull request moves no other tag than those with its number or commit.",
    "workflow": "Path or glob in the repository, or inline YAML, of the Argo workflow. It gets the command's parameters, "
    "`image`, `sha` and `pr` where it declares them. Without it (and without `from`), nothing is submitted.",
    "wait": "`false` submits the workflow and returns; with `callback`, chatops is called at its end. Default: `true`.",
    "project": "`entity/project` on W&B, as in its address. Without it, nothing is reported.",
    "comment": "Keep one comment on the pull request: what runs, how it ended, and in the end the report.",
    "comment-tag": "Which comment: each tag has its own.",
    "section": "Name of the section of the comment, where several jobs or calls share one. Two calls of the reusable "
    "workflow in one run need a name or the `matrix` each. Default: workflow, job with its matrix values, and step.",
    "matrix": "The matrix values of the job: each leg has its own section of the comment. The runner fills it in, but not "
    "for the call of a reusable workflow: give `toJSON(matrix)` there.",
    "github-token": "The token to read and write on GitHub with.",
}
# A pull request's image must never be tagged `latest` or with the name of a branch.
_DEFAULT = {"comment": "true", "tags": "sha"}


# What `/retry failed` takes of argo-submit: where the cluster is, and how the workflow is followed. It always is, since a
# call-back belongs to the run that submitted the workflow, and would not conclude this one.
_OF_A_CONTINUED_WORKFLOW = (
    *CONNECTION,
    *("namespace", "argo-url", "timeout", "on-timeout", "fail-on", "on-cancel", "on-cancel-attached"),
    *("logs", "artifacts", "artifacts-dir", "comment", "comment-tag", "section", "matrix", "github-token"),
)
# `/stop`, `/approve` and `/reject` take only where the cluster is; the templates add the namespace.
_OF_A_CONTROL = (*CONNECTION, "github-token")

# Inputs of argo-submit that the templates set themselves, or that do something else than to submit a workflow.
_NOT_OF_A_PIPELINE = frozenset({
    "parameters", "image", "sha", "pr-number", "attach", "retry", "restart-successful", "resume", "node-field-selector",
    "output-parameters", "node-message", "stop", "terminate", "of-runs", "only-waiting", "approve-by",
    "dry-run",
})  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One action in the pipeline: the inputs it gets from the user, and the prefix of its outputs' names.

    `others` are the inputs of further steps of the same action, by the steps' ids. `stand_in` is the one of them whose
    outputs count where the step itself was skipped.
    """

    identifier: str
    action: Action
    output_prefix: str
    passes_on: tuple[str, ...]
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stand_in: str = ""

    def public_input(self, name: str) -> str:
        """Return the pipeline's name of this action's input."""
        return _RENAMED.get((self.action.name, name), name)

    def public_output(self, name: str) -> str:
        """Return the pipeline's name of this action's output."""
        if name in ("result", "artifact-name"):
            return f"{self.output_prefix or 'report-'}{name}"
        has_prefix = name.startswith(self.output_prefix) or f"{name}-" == self.output_prefix
        return name if has_prefix else f"{self.output_prefix}{name}"

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The action's outputs, without the names of the replaced actions."""
        return tuple(output for output in self.action.outputs if not output.legacy)


@dataclass(frozen=True)
class PipelineOutput:
    """An output of the pipeline: its name, and the step and output it comes from."""

    name: str
    step: Step
    source: Output

    @property
    def expression(self) -> str:
        """What reads the output within its job."""
        identifiers = filter(None, (self.step.identifier, self.step.stand_in))
        return " || ".join(f"steps.{identifier}.outputs.{self.source.name}" for identifier in identifiers)


STEPS = (
    Step(
        "chatops",
        CHATOPS,
        output_prefix="chatops-",
        passes_on=(
            *("commands", "prefix", "permission", "allow-users", "allow-teams", "allow-author", "allow-bots", "forks"),
            *("drafts", "base-branches", "head", "require-approval", "require-code-owner", "require-checks"),
            *("ignored-checks", "wait-for-checks", "reply", "comment-tag", "notify-after", "controls", "self-approval"),
            *("pending-label", "success-label", "failure-label", "check-name", "environment", "environment-url"),
            *("app-id", "app-private-key", "github-token"),
        ),
    ),
    Step(
        "publish",
        DOCKER_PUBLISH,
        output_prefix="image-",
        passes_on=(
            *("image", "registry", "username", "password", "registries", "insecure-registries", "context", "file"),
            *("target", "build-args", "secrets", "platforms", "tags", "prefix", "suffix", "cache", "cache-from", "cache-to"),
            *("labels", "skip-unchanged", "max-age", "force", "compression", "provenance", "sbom", "builder"),
            *("builder-timeout", "build-options", "github-token"),
        ),
    ),
    Step(
        "workflow",
        ARGO_SUBMIT,
        output_prefix="workflow-",
        passes_on=tuple(entry.name for entry in declared_inputs(ARGO_SUBMIT.inputs) if entry.name not in _NOT_OF_A_PIPELINE),
        others={"continued": _OF_A_CONTINUED_WORKFLOW, "control": _OF_A_CONTROL},
        stand_in="continued",
    ),
    Step(
        "report",
        WANDB_RUNS,
        output_prefix="",
        passes_on=(
            *("project", "api-key", "base-url", "sha-config-key", "baseline", "no-baseline"),
            *("baseline-tags", "baseline-sha", "max-baselines"),
            *("metrics", "select-by", "judge", "config-keys", "gates", "require", "aggregate", "curves", "lineage"),
            *("promote-alias", "partial", "check-name", "statement"),
            *("comment", "comment-tag", "section", "matrix", "github-token"),
        ),
    ),
)


def inputs() -> tuple[Input, ...]:
    """List the inputs of the pipeline, each once, in the order of the steps; only `commands` is required."""
    by_name: dict[str, Input] = {}
    for step in STEPS:
        declarations = {entry.name: entry for entry in declared_inputs(step.action.inputs)}
        for name in step.passes_on:
            public = step.public_input(name)
            if public not in by_name:
                by_name[public] = replace(
                    declarations[name],
                    name=public,
                    help=_HELP.get(public, declarations[name].help),
                    default=_DEFAULT.get(public, declarations[name].default),
                    required=public == "commands",
                    legacy=(),
                    env=(),
                )
    return tuple(by_name.values())


def literal_default(entry: Input) -> str:
    """Return the default the pipeline must write itself: one the runner evaluates, or one that differs from the action's.

    Every other default stays with its action, because an input that is passed on empty counts as not given.
    """
    return entry.runner_default or _DEFAULT.get(entry.name, "")


def blocks_of_inputs(passed_on: Callable[[Step, str], str | None]) -> dict[str, list[str]]:
    """Return the lines below `with:` of every step of an action, by the marks of the templates.

    `passed_on` writes the expression of an input of a step's action; None leaves the input out.
    """
    steps = {f"inputs-of-{step.action.name}": (step, step.passes_on) for step in STEPS}
    steps |= {f"inputs-of-{name}": (step, inputs) for step in STEPS for name, inputs in step.others.items()}
    return {
        mark: [f"{name}: ${{{{ {value} }}}}" for name in names if (value := passed_on(step, name)) is not None]
        for mark, (step, names) in steps.items()
    }


def outputs() -> Iterator[PipelineOutput]:
    """List the outputs of the pipeline, in the order of the steps."""
    for step in STEPS:
        for output in step.outputs:
            yield PipelineOutput(step.public_output(output.name), step, output)
