"""What a user can tell chatops, and what it tells the steps that follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from mlops_actions.chatops.glance import DEFAULT_PREFIX, prefix_of
from mlops_actions.chatops.roles import ROLES
from mlops_actions.core.declare import Action, DeclaredInputs, Legacy, Output, Retired, given, inputs
from mlops_actions.core.errors import BadInput
from mlops_actions.core.parsers import boolean, choice, items, text

# The labels of the replaced actions were there to start other workflows, or to be seen: they stayed.
_STAYING = ("indicator_label", "pr_acknowledgement_label")
# What a pull request's pipeline does with the App's token; GitHub adds `metadata: read` itself, which every token has.
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
# Scripts written for the replaced action may also push and dispatch by the token they are given.
OLDER_APP_PERMISSIONS: Mapping[str, str] = {**APP_PERMISSIONS, "actions": "write", "contents": "write"}
REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes", "none")


@dataclass(frozen=True)
class Declaration:
    """The text of `commands`, read only when a comment may hold one; `phrase` marks the legacy trigger phrase."""

    text: str
    phrase: bool = False


def _team(value: str) -> tuple[str, ...]:
    teams = items(value)
    for team in teams:
        if team.count("/") != 1 or not all(team.split("/")):
            raise ValueError(f"must name teams as org/team, not {team!r}")
    return teams


def _logins(value: str) -> tuple[str, ...]:
    return tuple(login.removeprefix("@") for login in items(value))


def _label(value: str) -> str:
    label = value.strip()
    # GitHub takes at most 50 characters (422 beyond).
    if len(label) > 50 or "\n" in label:
        raise ValueError("must be one label of at most 50 characters")
    return label


def _permissions(value: str) -> Mapping[str, str]:
    """Read `name: read|write`, one a line or parted by commas, also in the braces of YAML and JSON."""
    found: dict[str, str] = {}
    for item in items(value.strip().removeprefix("{").removesuffix("}")):
        written, _, level = (part.strip(" \t,\"'").lower() for part in item.partition(":"))
        name = written.replace("-", "_")
        if not (name.isascii() and name.replace("_", "").isalpha()) or level not in ("read", "write"):
            raise ValueError(f"must hold 'name: read' or 'name: write', not {item!r}")
        if name in found:
            raise ValueError(f"gives {name!r} twice")
        found[name] = level
    return found


_reaction: Callable[[str], str] = choice(*REACTIONS)


@inputs
class Inputs(DeclaredInputs):
    """The inputs of chatops, in the order of the documentation."""

    RETIRED: ClassVar[tuple[Retired, ...]] = (
        Retired(
            "test_event_path",
            "An event that can be replaced has no place where commands are authorised; to try a workflow, run it with act "
            "or on the sandbox.",
        ),
        Retired("debug", "Enable debug logging of the run instead: it shows more, and no comment's text by mistake."),
    )

    commands: Declaration | None = given(
        Declaration,
        "Required, except with `mode: finish`. YAML: a list of names, with or without the prefix (`/train, /deploy`), or a "
        "mapping name → `{description, permission, label, params: {name: {type: str|int|float|bool, required, default, "
        "choices, min, max, pattern, positional}}}`. A command's `label` is the label that stands for it where the workflow "
        "runs on `labeled`.",
        legacy=(
            Legacy(
                "trigger_phrase",
                parse=lambda value: Declaration(value.strip(), phrase=True),
                note="One phrase, any text; it may stand anywhere outside of quotes and code.",
            ),
        ),
    )
    prefix: str = given(prefix_of, "What a command starts with.", default=DEFAULT_PREFIX)
    permission: str = given(
        choice(*ROLES),
        "Least repository role of who may command: read < triage < write < maintain < admin. A command's own wins.",
        default="write",
    )
    allow_users: tuple[str, ...] | None = given(
        _logins, "If given, the commenter must be one of these users (or in `allow-teams`) as well as hold the role."
    )
    allow_teams: tuple[str, ...] | None = given(
        _team,
        "If given, the commenter must be in one of these `org/team`s (or in `allow-users`) as well as hold the role. The "
        "token must be able to read the organisation's members.",
    )
    allow_bots: tuple[str, ...] | None = given(
        _logins, "Logins of bots that may command, whatever their role; all other bots are ignored."
    )
    forks: str = given(
        choice("deny", "approved", "allow"),
        "Pull requests from forks: `deny`, `approved` (an approving review of that exact commit by someone who holds the "
        "role), or `allow` (the command must carry `sha=`).",
        default="deny",
    )
    drafts: str = given(choice("allow", "deny"), "Draft pull requests: `allow` or `deny`.", default="allow")
    base_branches: tuple[str, ...] = given(items, "Globs of the base branches that may be commanded.", default="*")
    head: str = given(
        choice("seen", "pinned", "latest"),
        "`seen`: GitHub itself must show that the commit was the head when the comment was written; else a reply offers the "
        "command with `sha=` filled in. `pinned`: the command must carry `sha=` with the head's 40 digits. `latest`: no "
        "check; unsafe, since somebody can push between the comment and the run.",
        default="seen",
    )
    require_approval: bool = given(
        boolean, "Require an approving review of the head commit by somebody else who holds the role.", default="false"
    )
    require_checks: tuple[str, ...] | None = given(
        items, "Names of checks that must have passed on the head commit; `required`: those that the base branch requires."
    )
    reaction: str = given(_reaction, "Reaction on the comment when its command is taken; `none` for none.", default="eyes")
    success_reaction: str = given(_reaction, "Reaction when the job has succeeded.", default="rocket")
    failure_reaction: str = given(_reaction, "Reaction on a refusal and when the job has failed.", default="confused")
    reply: str = given(
        choice("deny", "always", "never"),
        "`deny`: a refusal is explained in a reply. `always`: so is a start. `never`: no replies.",
        default="deny",
    )
    acknowledgement: str | None = given(
        text,
        "Text of a comment on the pull request when a command is taken.",
        legacy=("pr_acknowledgement_comment",),
    )
    pending_label: str | None = given(
        _label,
        "Label on the pull request from the trigger to the end of the job.",
        legacy=tuple(Legacy(name, note="By this name the label stays when the job ends.") for name in _STAYING),
    )
    success_label: str | None = given(_label, "Label that takes its place when the job has succeeded.")
    failure_label: str | None = given(_label, "Label that takes its place when the job has failed.")
    check_name: str | None = given(
        text, "Name of a check run on the head commit: in progress on the trigger, concluded when the job ends."
    )
    environment: str | None = given(
        text,
        "Create a deployment of the commit to this environment, its payload the parameters; concluded when the job ends.",
    )
    help: bool = given(boolean, "Answer the command `help` with the commands and their parameters.", default="true")
    app_id: str | None = given(
        text, "Act as this GitHub App, so that its labels and deployments trigger further workflows.", legacy=("app_id",)
    )
    app_private_key: str | None = given(text, "The App's private key (PEM).", secret=True, legacy=("app_pem",))
    export_app_token: bool = given(
        boolean,
        "Emit the App's installation token: masked, good for this repository and `app-permissions` only, minted only after "
        "authorisation. Implied by the older `app_pem`.",
        default="false",
    )
    app_permissions: Mapping[str, str] | None = given(
        _permissions,
        "What the emitted token may do: `name: read` or `name: write`, one a line, by GitHub's names for an App's "
        "permissions. All of it must have been granted to the App. By default what a pull request's pipeline needs, as far "
        "as it was granted: `checks`, `deployments`, `issues`, `pull_requests` and `statuses` to write, `actions`, "
        "`contents` and `metadata` to read; with the older `app_pem`, `actions` and `contents` to write too.",
    )
    github_token: str | None = given(
        text,
        "The token to read and write with.",
        runner_default="${{ github.token }}",
        secret=True,
        env=("GITHUB_TOKEN",),
    )
    mode: str = given(
        choice("listen", "finish"),
        "`listen`: take the event's command. `finish`: conclude what an earlier job's chatops began, for pipelines of "
        "several jobs.",
        default="listen",
    )
    conclude: bool = given(
        boolean,
        "Conclude reaction, labels, check run and deployment when this job ends; `false` leaves them to a later job's "
        "`mode: finish`.",
        default="true",
    )
    begun: str | None = given(text, "With `mode: finish`: the output `result` of that earlier step.")
    job_status: str | None = given(
        choice("success", "failure", "cancelled", "skipped"),
        "How the job stands; read again by the post step. With `mode: finish`, the status to report, for example "
        "the expression `needs.train.result`.",
        runner_default="${{ job.status }}",
    )

    def problems(self) -> Iterator[BadInput]:
        """Check across inputs."""
        if self.mode == "listen" and self.commands is None:
            yield BadInput(
                "input 'commands' is required and was not given",
                "add 'commands:' (or its older name 'trigger_phrase') to the step's 'with:', for example 'commands: /train'",
            )
        if self.mode == "finish" and self.begun is None:
            yield BadInput(
                "input 'begun' is required with 'mode: finish'",
                "hand over the output 'result' of the step that began, for example '${{ needs.listen.outputs.result }}'",
            )
        if (self.app_id is None) != (self.app_private_key is None):
            given_one, missing = (
                ("app-id", "app-private-key") if self.app_private_key is None else ("app-private-key", "app-id")
            )
            yield BadInput(f"input '{given_one}' was given without '{missing}'", "give both, or neither")
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
    def exports_token(self) -> bool:
        """Whether the App's token is emitted."""
        return self.export_app_token or self.was_given("app_pem")

    @property
    def token_permissions(self) -> Mapping[str, str]:
        """What the emitted token is to be good for."""
        if self.app_permissions is not None:
            return self.app_permissions
        return OLDER_APP_PERMISSIONS if self.was_given("app_pem") else APP_PERMISSIONS

    @property
    def keeps_label(self) -> bool:
        """Whether the pending label stays when the job has ended."""
        return any(self.was_given(name) for name in _STAYING)


ACTION = Action(
    name="chatops",
    title="MLOps ChatOps",
    description="Read a command from a pull request's comment and decide whether it may run, for whom and on which commit",
    icon="message-square",
    color="blue",
    inputs=Inputs,
    outputs=(
        Output("triggered", "Whether the steps that follow should run: `true` or `false`."),
        Output("decision", "`continue`, `ignore` or `deny`."),
        Output("reason", "Why, as a stable code."),
        Output("command", "The command's name, without the prefix."),
        Output("params", "The typed parameters, a JSON object."),
        Output("positional", "The arguments without a name, a JSON list."),
        Output("args", "The rest of the command's line, as it was written: hand it on by `env:` only."),
        Output("pr-number", "The pull request's number."),
        Output("sha", "The head commit that was authorised. Check out this, never the branch."),
        Output("ref", "The head's branch."),
        Output("base-ref", "The base branch."),
        Output("base-sha", "The base branch's commit."),
        Output("head-repo", "The head's repository, `owner/name`."),
        Output("fork", "Whether the head is in another repository: `true` or `false`."),
        Output("actor", "Who commanded."),
        Output("comment-id", "The comment's id; empty for a label or a dispatch."),
        Output("comment-url", "The comment's address."),
        Output("check-run-id", "The check run that was opened."),
        Output("deployment-id", "The deployment that was created."),
        Output("result", "All of this as one JSON document, with what `mode: finish` needs."),
        Output("BOOL_TRIGGERED", "`True` or `False`.", legacy=True),
        Output("TRAILING_LINE", "What stands behind the command on its line.", legacy=True),
        Output("TRAILING_TOKEN", "The first word of that.", legacy=True),
        Output("PULL_REQUEST_NUMBER", "`pr-number`.", legacy=True),
        Output("PR_NUMBER", "`pr-number`.", legacy=True),
        Output("COMMENTER_USERNAME", "`actor`.", legacy=True),
        Output("BRANCH_NAME", "`ref`.", legacy=True),
        Output("APP_INSTALLATION_TOKEN", "The App's token, see `export-app-token`.", legacy=True),
    ),
)
