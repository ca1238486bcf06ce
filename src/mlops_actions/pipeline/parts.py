"""Which inputs of the four actions the whole has, what each step gets from the one before, and when each runs.

Nothing is declared here that an action declares: descriptions, defaults and what is secret are theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mlops_actions.argo_submit.inputs import ACTION as ARGO_SUBMIT
from mlops_actions.chatops.inputs import ACTION as CHATOPS
from mlops_actions.core.declare import Action, Input, Output, declared
from mlops_actions.docker_publish.inputs import ACTION as DOCKER_PUBLISH
from mlops_actions.wandb_runs.inputs import ACTION as WANDB_RUNS

REPOSITORY = "machine-learning-apps/mlops-actions"
# The one form in which the actions are named, here and in what is rendered: a release looks for it, and writes its SHA.
REF = "v1"
CHECKOUT = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0"

# Where an action's own name for an input would not say whose it is, or two actions mean different things by it.
_RENAMED = {
    ("docker-publish", "secrets"): "build-secrets",
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
    "tags": "Rules and literal tags: `sha` (12 digits), `sha-long`, `pr`, `snapshot`, `date`, or any text.",
    "workflow": "Path or glob in the repository, or inline YAML, of the Argo workflow. It gets the command's parameters, "
    "`image`, `sha` and `pr` where it declares them. Without it (and without `from`), nothing is submitted.",
    "project": "`entity/project` on W&B, as in its address. Without it, nothing is reported.",
    "comment": "Keep one comment on the pull request: what runs, how it ended, and in the end the report.",
    "comment-tag": "Which comment: each tag has its own.",
    "github-token": "The token to read and write on GitHub with.",
}
# What a pull request's image must not be: `latest`, or the name of a branch.
_DEFAULT = {"comment": "true", "tags": "sha"}


@dataclass(frozen=True)
class Part:
    """One action's share of the whole.

    `takes` are the inputs that are handed through; `told` those that an earlier step answers, as expressions. `condition`
    is what must hold beside the success of what came before. The outputs' names begin with `prefix`.
    """

    identifier: str
    title: str
    action: Action
    prefix: str
    takes: tuple[str, ...]
    told: Mapping[str, str]
    condition: str = ""

    def public(self, name: str) -> str:
        """What the whole calls this action's input."""
        return _RENAMED.get((self.action.name, name), name)

    def public_output(self, name: str) -> str:
        """What the whole calls this action's output."""
        if name == "result":
            return f"{self.prefix or 'report-'}result"
        return name if name.startswith(self.prefix) or f"{name}-" == self.prefix else f"{self.prefix}{name}"

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The action's outputs, without the names of the replaced actions."""
        return tuple(output for output in self.action.outputs if not output.legacy)


# A call-back of a workflow that has ended (`command` is empty then) is to be reported, not to be run again.
_COMMANDED = "steps.chatops.outputs.triggered == 'true' && steps.chatops.outputs.command != ''"

PARTS = (
    Part(
        "chatops",
        "Read the command",
        CHATOPS,
        "chatops-",
        (
            *("commands", "prefix", "permission", "allow-users", "allow-teams", "allow-bots", "forks", "drafts"),
            *("base-branches", "head", "require-approval", "require-checks", "reply"),
            *("pending-label", "success-label", "failure-label", "check-name", "environment"),
            *("app-id", "app-private-key", "github-token"),
        ),
        {},
    ),
    Part(
        "publish",
        "Build and push the image",
        DOCKER_PUBLISH,
        "image-",
        (
            *("image", "registry", "username", "password", "context", "file", "target", "build-args", "secrets"),
            *("platforms", "tags", "cache", "builder", "github-token"),
        ),
        {"sha": "steps.chatops.outputs.sha"},
        f"{_COMMANDED} && inputs.image != ''",
    ),
    Part(
        "workflow",
        "Run the workflow on the cluster",
        ARGO_SUBMIT,
        "workflow-",
        (
            *("workflow", "from", "parameter-file", "unknown-parameters", "namespace", "service-account"),
            *("kubeconfig", "kube-context", "gke-cluster", "gke-location", "gke-project", "gke-endpoint"),
            *("google-credentials", "argo-url", "timeout", "on-timeout", "on-cancel", "logs", "comment", "comment-tag"),
            "github-token",
        ),
        {
            "parameters": "steps.chatops.outputs.params",
            "image": "steps.publish.outputs.ref",
            "sha": "steps.chatops.outputs.sha",
            "pr-number": "steps.chatops.outputs.pr-number",
        },
        f"{_COMMANDED} && (inputs.workflow != '' || inputs.from != '')",
    ),
    Part(
        "report",
        "Report what the runs measured",
        WANDB_RUNS,
        "",
        (
            *("project", "api-key", "base-url", "sha-config-key", "baseline-tags", "baseline-sha", "max-baselines"),
            *("metrics", "config-keys", "gates", "require", "aggregate", "curves", "lineage", "promote-alias"),
            *("check-name", "statement", "comment", "comment-tag", "github-token"),
        ),
        {
            "sha": "steps.chatops.outputs.sha",
            "pr-number": "steps.chatops.outputs.pr-number",
            "image": "steps.publish.outputs.ref",
            "workflow-url": "steps.workflow.outputs.workflow-url",
            "workflow-uid": "steps.workflow.outputs.workflow-uid",
        },
        "steps.chatops.outputs.triggered == 'true' && inputs.project != ''",
    ),
)
CHECKOUT_CONDITION = f"{_COMMANDED} && (inputs.image != '' || inputs.workflow != '' || inputs.parameter-file != '')"


def inputs() -> tuple[Input, ...]:
    """The inputs of the whole, each once, in the order of the steps; only `commands` is required."""
    found: dict[str, Input] = {}
    for part in PARTS:
        known = {entry.name: entry for entry in declared(part.action.inputs)}
        for name in part.takes:
            public = part.public(name)
            if public not in found:
                found[public] = replace(
                    known[name],
                    name=public,
                    help=_HELP.get(public, known[name].help),
                    default=_DEFAULT.get(public, known[name].default),
                    required=public == "commands",
                    legacy=(),
                    env=(),
                )
    return tuple(found.values())


def own_default(entry: Input) -> str:
    """The default that the whole itself must give: what the runner evaluates, and what differs from the action's own.

    Any other stays with its action: an input that is handed on empty is one that was not given.
    """
    return entry.runner_default or _DEFAULT.get(entry.name, "")


def outputs() -> Iterator[tuple[str, Part, Output]]:
    """Each output of the whole: its name, and whose it is."""
    for part in PARTS:
        for output in part.outputs:
            yield part.public_output(output.name), part, output


def uses(part: Part) -> str:
    """How a step names a part's action: a release replaces what stands behind the `@`."""
    return f"{REPOSITORY}/actions/{part.action.name}@{REF}"
