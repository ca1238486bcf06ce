"""The inputs and outputs of chatops; `result.py` declares its `result` document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from mlops_actions.chatops.control_names import parse_controls
from mlops_actions.chatops.fast_path import DEFAULT_PREFIX, parse_prefix
from mlops_actions.chatops.result import OUTPUTS, RESULT
from mlops_actions.chatops.roles import PERMISSIONS
from mlops_actions.core.declare import Action, DeclaredInputs, Legacy, Retired, input_field, inputs
from mlops_actions.core.errors import BadInput
from mlops_actions.core.parsers import boolean, choice, duration, items, text

# The labels of the replaced actions stayed when the job ended: other workflows and people relied on them.
_KEPT_LABELS = ("indicator_label", "pr_acknowledgement_label")
# What a pipeline on a pull request needs; GitHub adds `metadata: read` to every token itself.
APP_PERMISSIONS: Mapping[str, str] = {
    "actions": "read",
    "checks": "write",
    "contents": "read",
    "deployments": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "write",
}
# Scripts written for the replaced action may also push and dispatch with the token.
LEGACY_APP_PERMISSIONS: Mapping[str, str] = {**APP_PERMISSIONS, "actions": "write", "contents": "write"}
REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes", "none")


@dataclass(frozen=True)
class CommandsText:
    """The text of `commands`, parsed only when a comment may hold one; `is_phrase` marks the legacy trigger phrase."""

    text: str
    is_phrase: bool = False


def _teams(value: str) -> tuple[str, ...]:
    teams = items(value)
    for team in teams:
        if team.count("/") != 1 or not all(team.split("/")):
            raise ValueError(f"must name teams as org/team, not {team!r}")
    return teams


def _logins(value: str) -> tuple[str, ...]:
    return tuple(login.removeprefix("@") for login in items(value))


def _label(value: str) -> str:
    label = value.strip()
    # GitHub answers 422 to a label of more than 50 characters.
    if len(label) > 50 or "\n" in label:
        raise ValueError("must be one label of at most 50 characters")
    return label


def _permissions(value: str) -> Mapping[str, str]:
    """Parse `name: read|write`, one a line or separated by commas, also in the braces of YAML and JSON."""
    permissions: dict[str, str] = {}
    for item in items(value.strip().removeprefix("{").removesuffix("}")):
        written, _, level = (part.strip(" \t,\"'").lower() for part in item.partition(":"))
        name = written.replace("-", "_")
        if not (name.isascii() and name.replace("_", "").isalpha()) or level not in ("read", "write"):
            raise ValueError(f"must list 'name: read' or 'name: write', not {item!r}")
        if name in permissions:
            raise ValueError(f"gives {name!r} twice")
        permissions[name] = level
    return permissions


def _notify_after(value: str) -> float | None:
    return None if value.strip().lower() == "never" else duration(value)


_reaction: Callable[[str], str] = choice(*REACTIONS)


@inputs
class Inputs(DeclaredInputs):
    """The inputs of chatops, in the order of the documentation."""

    RETIRED: ClassVar[tuple[Retired, ...]] = (
        Retired(
            "test_event_path",
            "Commands are authorised by the event, so it cannot be replaced; to try a workflow, run it with act or on the "
            "sandbox.",
        ),
        Retired(
            "debug", "Enable debug logging of the run instead: it shows more, and never the text of a comment by mistake."
        ),
    )

    commands: CommandsText | None = input_field(
        CommandsText,
        "Required, except with `mode: finish`. YAML: a list of names, with or without the prefix (`/train, /deploy`), or a "
        "mapping name → `{description, permission, label, confirm: true|second, confirm-timeout, lock, params: {name: "
        "{type: str|int|float|bool, required, default, choices, min, max, pattern, positional, description}}}`. A command's "
        "`label` gives the command where the workflow runs on `labeled`. With `confirm` a command starts only after the "
        "comment `/confirm` by its commander (`true`) or by somebody else who may give it (`second`), within "
        "`confirm-timeout` (`10m`). A `lock` is the name of what one command at a time may use: see the output `lock`.",
        legacy=(
            Legacy(
                "trigger_phrase",
                parse=lambda value: CommandsText(value.strip(), is_phrase=True),
                note="One phrase, any text; it may stand anywhere outside quotes and code.",
            ),
        ),
    )
    prefix: str = input_field(parse_prefix, "Text that a command starts with.", default=DEFAULT_PREFIX)
    permission: str = input_field(
        choice(*PERMISSIONS),
        "Least repository role that may give a command: read < triage < write < maintain < admin. A command's own "
        "`permission` wins.",
        default="write",
    )
    allow_users: tuple[str, ...] | None = input_field(
        _logins,
        "Only these users (or those in `allow-teams`) may give a command; they need the role as well. Each is a login, or "
        "the number that `gh api users/LOGIN --jq .id` shows: a login can be changed and taken by somebody else, the number "
        "stays. A name of digits alone is always such a number.",
    )
    allow_teams: tuple[str, ...] | None = input_field(
        _teams,
        "Only members of these `org/team`s (or those in `allow-users`) may give a command; they need the role as well. A "
        "job's own token never sees an organisation's members: give `app-id` and `app-private-key` of a GitHub App with the "
        "permission `members: read`, which is then asked, or a `github-token` that may read them.",
    )
    allow_author: str = input_field(
        choice("none", *PERMISSIONS),
        "Least repository role with which the author of the pull request may give a command on it, where it is lower than "
        "`permission`. A command's own `permission` is not lowered. In a public repository everybody has the role `read`. "
        "Meant for forks of a team's own, with `forks: approved`.",
        default="none",
    )
    allow_bots: tuple[str, ...] | None = input_field(
        _logins, "Bots that may give commands, whatever their role, by login or number; all other bots are ignored."
    )
    forks: str = input_field(
        choice("deny", "approved", "allow"),
        "Pull requests from forks: `deny`, `approved` (somebody with the role must have approved that exact commit in a "
        "review), or `allow` (the command must name the commit by `sha=`).",
        default="deny",
    )
    drafts: str = input_field(choice("allow", "deny"), "Draft pull requests: `allow` or `deny`.", default="allow")
    base_branches: tuple[str, ...] = input_field(
        items, "Globs of base branches; pull requests into other branches take no commands.", default="*"
    )
    head: str = input_field(
        choice("seen", "suites", "pinned", "latest"),
        "`seen`: the branch's activity on GitHub must show that the commit was the head when the comment was written; else "
        "a reply offers the command with `sha=` filled in. `suites`: where the activity cannot be read, a check suite that "
        "is older than the comment is enough, with a warning; unsafe, since a commit can be pushed, reset and pushed again. "
        "`pinned`: the command must name the head commit by `sha=` and its 40 digits. "
        "`latest`: no check; unsafe, since somebody can push between the comment and the run.",
        default="seen",
    )
    require_approval: bool = input_field(
        boolean,
        "Require that somebody with the role approved the head commit in a review: not the author, not who gives the "
        "command, not who pushed the commit. Where GitHub does not show who pushed it, two people must approve.",
        default="false",
    )
    require_code_owner: bool = input_field(
        boolean,
        "Like `require-approval`, and for each changed file that has code owners one of them must be among those who "
        "approved: by the file CODEOWNERS of the base branch, as GitHub reads it. Owners need the role `write`; an e-mail "
        "address tells nobody's account. Where teams are owners, the token must see their members, as for `allow-teams`.",
        default="false",
    )
    require_checks: tuple[str, ...] | None = input_field(
        items,
        "Names of checks that must have passed on the head commit; `required` stands for those the base branch requires. "
        "One that the branch takes from one GitHub App counts only where that App reported it, as a check run or as a "
        "status.",
    )
    ignored_checks: tuple[str, ...] | None = input_field(
        items,
        "Names of checks that `required` leaves out: those that later steps of this workflow report. The check run "
        "`check-name` and the jobs of this run are always left out.",
    )
    wait_for_checks: float = input_field(
        duration,
        "Longest time to wait for checks of `require-checks` that are merely pending or not reported yet: `10m`. "
        "The job waits meanwhile; a check that has failed ends the wait.",
        default="0",
    )
    reaction: str = input_field(
        _reaction, "Reaction to the comment when its command starts; `none` for none.", default="eyes"
    )
    success_reaction: str = input_field(_reaction, "Reaction when the job has succeeded.", default="rocket")
    failure_reaction: str = input_field(
        _reaction, "Reaction to a refused command, and when the job has failed.", default="confused"
    )
    reply: str | None = input_field(
        choice("deny", "always", "never"),
        "`always`: each command has one comment from its start to its end, and a reply explains why a command is refused. "
        "`deny`: only refusals are explained. `never`: no comments. Default: `always`, but `deny` with the legacy "
        "`trigger_phrase`.",
    )
    comment_tag: str = input_field(
        text,
        "Tag of a command's comment: argo-submit and wandb-runs with the same tag turn it into their progress and report.",
        default="mlops",
    )
    notify_after: float | None = input_field(
        _notify_after,
        "Duration: a command that ran longer ends with a short new comment that mentions its commander, since GitHub "
        "notifies nobody of an edited comment. `never` for none.",
        default="10m",
    )
    controls: Mapping[str, str] = input_field(
        parse_controls,
        "Built-in commands about what runs on the pull request: a list of `status`, `stop`, `retry`, `approve`, `reject`, "
        "or a mapping of names to roles. Default of the role: `permission`; for `stop`, `approve` and `reject` that of the "
        "command they are about. A declared command of the same name wins. `none`: no such commands.",
        default="none",
    )
    self_approval: str = input_field(
        choice("deny", "allow"),
        "Whether the author of the pull request, whoever pushed the commit and whoever gave the command may `/approve` its "
        "workflow: `deny` or `allow`.",
        default="deny",
    )
    acknowledgement: str | None = input_field(
        text,
        "Text of a comment on the pull request when a command starts.",
        legacy=("pr_acknowledgement_comment",),
    )
    pending_label: str | None = input_field(
        _label,
        "Label on the pull request from the start of the command to the end of the job, and to that of the last of several "
        "commands: they are counted by their comments. With `reply: deny` or `never` the first that ends removes it.",
        legacy=tuple(Legacy(name, note="With this name the label stays when the job ends.") for name in _KEPT_LABELS),
    )
    success_label: str | None = input_field(_label, "Label that replaces `pending-label` when the job has succeeded.")
    failure_label: str | None = input_field(_label, "Label that replaces `pending-label` when the job has failed.")
    check_name: str | None = input_field(
        text, "Name of a check run on the head commit: in progress when the command starts, concluded when the job ends."
    )
    environment: str | None = input_field(
        text,
        "Create a deployment of the commit to this environment, with the parameters as its payload; its status is set when "
        "the job ends. The environment's protection rules do not hold it: only a job that names the environment in "
        "`environment:` waits for them.",
    )
    environment_url: str | None = input_field(
        text,
        "Address (http or https) of what was deployed to `environment`: the pull request then shows a button that opens it. "
        "It is read again when the job ends, so an output of a later step can be given.",
    )
    help: bool = input_field(boolean, "Answer the command `help` with the commands and their parameters.", default="true")
    app_id: str | None = input_field(
        text, "Act as this GitHub App, so that its labels and deployments trigger further workflows.", legacy=("app_id",)
    )
    app_private_key: str | None = input_field(text, "The App's private key (PEM).", secret=True, legacy=("app_pem",))
    export_app_token: bool = input_field(
        boolean,
        "Emit the App's installation token: masked, valid for this repository and `app-permissions` only, minted only after "
        "the command is authorised. The legacy `app_pem` implies it.",
        default="false",
    )
    app_permissions: Mapping[str, str] | None = input_field(
        _permissions,
        "Permissions of the emitted token: `name: read` or `name: write`, one a line, with GitHub's names for an App's "
        "permissions. The App must have been granted all of them. Default: the permissions that a pipeline on a pull "
        "request needs, as far as the App has them: `checks`, `deployments`, `issues`, `pull_requests` and `statuses` to "
        "write, `actions`, `contents` and `metadata` to read; with the legacy `app_pem` also `actions` and `contents` to "
        "write.",
    )
    github_token: str | None = input_field(
        text,
        "Token that reads from and writes to GitHub.",
        runner_default="${{ github.token }}",
        secret=True,
        env=("GITHUB_TOKEN",),
    )
    mode: str = input_field(
        choice("listen", "finish"),
        "`listen`: handle the event's command. `finish`: conclude the feedback that chatops began in an earlier job, for "
        "pipelines of several jobs.",
        default="listen",
    )
    conclude: bool = input_field(
        boolean,
        "Conclude reaction, labels, check run and deployment when this job ends; `false` leaves them to `mode: finish` in a "
        "later job.",
        default="true",
    )
    begun: str | None = input_field(text, "With `mode: finish`: the output `result` of the earlier chatops step.")
    begun_file: str | None = input_field(
        text,
        "With `mode: finish`: a file in the workspace that holds that `result`, instead of `begun`. An earlier step must "
        "have written it; one in a checkout is refused, since a pull request may have brought it.",
    )
    job_status: str | None = input_field(
        choice("success", "failure", "cancelled", "skipped"),
        "Status of the job; the post step reads it again. With `mode: finish`, the status to report, for example the "
        "expression `needs.train.result`.",
        runner_default="${{ job.status }}",
    )

    def problems(self) -> Iterator[BadInput]:
        """Yield problems between several inputs."""
        if self.mode == "listen" and self.commands is None:
            yield BadInput(
                "input 'commands' is required and was not given",
                "add 'commands:' (legacy name: 'trigger_phrase') to the step's 'with:', for example 'commands: /train'",
            )
        if self.mode == "finish" and (self.begun is None) == (self.begun_file is None):
            yield BadInput(
                "'mode: finish' needs exactly one of the inputs 'begun' and 'begun-file'",
                "pass the output 'result' of the earlier chatops step, for example '${{ needs.listen.outputs.result }}'",
            )
        if "retry" in self.controls and self.replies != "always":
            yield BadInput(
                "'retry' in 'controls' finds the last command by its comment, and 'reply' is not 'always'",
                "leave 'reply' out, or take 'retry' out of 'controls'",
            )
        if (self.app_id is None) != (self.app_private_key is None):
            present, missing = (
                ("app-id", "app-private-key") if self.app_private_key is None else ("app-private-key", "app-id")
            )
            yield BadInput(f"input '{present}' was given without '{missing}'", "give both, or neither")
        if self.export_app_token and self.app_id is None:
            yield BadInput(
                "input 'export-app-token' needs a GitHub App", "give 'app-id' and 'app-private-key', or leave it out"
            )
        if self.app_permissions is not None and not self.exports_token:
            yield BadInput(
                "input 'app-permissions' is for the token that 'export-app-token' emits, and none is emitted",
                "add 'export-app-token: true', or leave 'app-permissions' out",
            )
        if self.github_token is None:
            yield BadInput(
                "input 'github-token' is empty, and the environment has no GITHUB_TOKEN",
                "leave 'github-token' out to use the job's own token",
            )

    @property
    def replies(self) -> str:
        """`always`, `deny` or `never`: the input `reply`, or its default."""
        is_phrase = self.commands is not None and self.commands.is_phrase
        return self.reply or ("deny" if is_phrase else "always")

    @property
    def exports_token(self) -> bool:
        """Whether the step emits the App's token."""
        return self.export_app_token or self.was_given("app_pem")

    @property
    def token_permissions(self) -> Mapping[str, str]:
        """The permissions of the emitted token."""
        if self.app_permissions is not None:
            return self.app_permissions
        return LEGACY_APP_PERMISSIONS if self.was_given("app_pem") else APP_PERMISSIONS

    @property
    def keeps_label(self) -> bool:
        """Whether the pending label stays when the job ends."""
        return any(self.was_given(name) for name in _KEPT_LABELS)


ACTION = Action(
    name="chatops",
    title="MLOps ChatOps",
    description="Read a command from a pull request's comment and decide whether it may run, for whom and on which commit",
    icon="message-square",
    color="blue",
    inputs=Inputs,
    result=RESULT,
    outputs=OUTPUTS,
)
