"""Every reason for a decision: a stable code, when it applies, and what the commenter reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

DecisionKind: TypeAlias = Literal["continue", "ignore", "deny"]


@dataclass(frozen=True, slots=True)
class Reason:
    """`when` is for the documentation; `reply` is Markdown for the commenter, empty where nobody gets a reply."""

    kind: DecisionKind
    when: str
    reply: str = ""


REASONS: dict[str, Reason] = {
    "ok": Reason("continue", "All conditions are met."),
    "unsupported-event": Reason("ignore", "The workflow ran on an event that carries no command."),
    "unsupported-action": Reason(
        "ignore",
        "The comment was edited or deleted, not created; the label was removed; the call-back has another event type.",
    ),
    "no-command": Reason("ignore", "The text holds no declared command, or the label belongs to none."),
    "not-a-pull-request": Reason("ignore", "The comment is on an issue that is no pull request."),
    "bot": Reason("ignore", "A bot wrote the comment, and `allow-bots` does not name it."),
    "finished": Reason("ignore", "`mode: finish` concluded the feedback of an earlier job."),
    "help": Reason("ignore", "The commenter asked for help.", "You can use these commands here:"),
    "status": Reason("ignore", "`/status` was answered."),
    "stopped": Reason("ignore", "`/stop` has stopped something."),
    "nothing-to-stop": Reason("ignore", "`/stop` found nothing that runs or waits."),
    "approved": Reason("ignore", "`/approve` was passed on, as the output `control` says."),
    "rejected": Reason("ignore", "`/reject` was passed on, as the output `control` says."),
    "runs-unknown": Reason(
        "deny",
        "GitHub does not say what runs on the pull request.",
        "Follow the remedy below, then write the command again. GitHub did not say what runs here:",
    ),
    "not-stopped": Reason(
        "deny",
        "`/stop` was allowed, and GitHub cancelled none of the runs.",
        "Follow the remedy below, then write the command again. GitHub did not cancel the run:",
    ),
    "nothing-to-retry": Reason(
        "deny",
        "`/retry` found no command that can be given again.",
        "Write the command again: the last one cannot be repeated.",
    ),
    "retry-moved": Reason(
        "deny",
        "`/retry failed`, and the head is another commit than that of the command.",
        "Give the command on the head commit instead, by `/retry`: somebody pushed since the workflow was started.",
    ),
    "nothing-waits": Reason(
        "deny",
        "`/approve` or `/reject`, and no command of this workflow file runs (for `/approve`: for the head commit).",
        "Start a command first. Nothing waits for this: no command runs here that was started for this commit.",
    ),
    "self-approval": Reason(
        "deny",
        "`/approve` by the author of the pull request, by whoever pushed the commit, or by whoever gave the command, where "
        "`self-approval` is not `allow`.",
        "Ask somebody else to approve this: not the author, not who pushed the commit, not who gave the command.",
    ),
    "pusher-unknown": Reason(
        "deny",
        "`/approve`, where `self-approval` is not `allow`, and GitHub does not show who pushed the commit.",
        "Follow the remedy below, or ask a maintainer to set `self-approval: allow`, then approve again. GitHub did not "
        "show who pushed this commit:",
    ),
    "confirmation": Reason(
        "ignore",
        "The command passed all checks and declares `confirm`: a question was written, and `/confirm` starts it.",
    ),
    "nothing-to-confirm": Reason(
        "deny",
        "No question about a command stands before `/confirm`.",
        "Give the command first, or again: no command waits for a confirmation here.",
    ),
    "confirmation-early": Reason(
        "deny",
        "A newer command that must be confirmed has no question yet.",
        "Wait for the question about the newer command, or give the older one again:",
    ),
    "confirmation-expired": Reason(
        "deny",
        "`/confirm` came later than `confirm-timeout` after the question.",
        "Give the command again: the time for its confirmation is over.",
    ),
    "confirmation-changed": Reason(
        "deny",
        "The command's comment or the question was edited or deleted, or something else would run than the question shows.",
        "Give the command again: what would run now is not what the question showed.",
    ),
    "confirmation-elsewhere": Reason(
        "deny",
        "A command that must be confirmed, or its confirmation, came by a label, a dispatch, a review or a review comment.",
        "Write it as a comment in the conversation of the pull request: only there it can be confirmed.",
    ),
    "confirmation-unknown": Reason(
        "deny",
        "GitHub does not return the comments of the pull request.",
        "Follow the remedy below, then confirm again. GitHub did not return the comments of the pull request:",
    ),
    "confirmed-before": Reason(
        "deny",
        "Somebody who may confirm the command did so before.",
        "Give the command again if it is to run again. It was confirmed before.",
    ),
    "may-not-confirm": Reason(
        "deny",
        "`confirm: true`, and somebody else wrote `/confirm`; or `confirm: second`, and the commander or a bot did.",
        "Ask somebody who may confirm this command. You may not:",
    ),
    "multiple-commands": Reason(
        "deny",
        "One comment holds more than one command.",
        "Write one command in each comment. This comment holds several:",
    ),
    "unknown-command": Reason(
        "deny",
        "The name looks like a mistyped name of a declared command.",
        "Correct the name. There is no such command here:",
    ),
    "sender-not-author": Reason(
        "deny",
        "The user who caused the event did not write the comment.",
        "Write your own comment. Only the author of a comment can give a command with it.",
    ),
    "pull-request-unknown": Reason(
        "deny",
        "GitHub does not return the pull request.",
        "Follow the remedy below, then write the command again. GitHub did not return the pull request:",
    ),
    "closed": Reason(
        "deny",
        "The pull request is closed or merged.",
        "Reopen the pull request, then write the command again: it is not open. If it is merged, open a new one.",
    ),
    "reopened": Reason(
        "deny",
        "The pull request was reopened after the command was written.",
        "Look at the head commit, then paste the command below. This pull request was closed and reopened after the "
        "command was written:",
    ),
    "draft": Reason(
        "deny",
        "The pull request is a draft, and `drafts: deny` is set.",
        "Mark the pull request as ready for review, then write the command again. A draft takes no commands here.",
    ),
    "base-branch": Reason(
        "deny",
        "The base branch is not in `base-branches`.",
        "Choose another base branch, or ask a maintainer to allow this one. Pull requests into it take no commands:",
    ),
    "permission": Reason(
        "deny",
        "The commenter's role is lower than the command's `permission`.",
        "Ask somebody with the needed role to give this command. Your role does not allow it:",
    ),
    "permission-unknown": Reason(
        "deny",
        "GitHub does not return the commenter's role.",
        "Follow the remedy below, then write the command again. GitHub did not return your role:",
    ),
    "login-reused": Reason(
        "deny",
        "The commenter's login belongs to another account by now.",
        "Write a new comment. The login of the person who wrote this one belongs to another account now:",
    ),
    "not-allowed": Reason(
        "deny",
        "The commenter is neither in `allow-users` nor in `allow-teams`.",
        "Ask one of the people who may give this command. You are not among them.",
    ),
    "team-unknown": Reason(
        "deny",
        "GitHub does not return who is in the team.",
        "Follow the remedy below, then write the command again. GitHub did not return who is in the team that may give "
        "this command:",
    ),
    "rerun-permission": Reason(
        "deny",
        "A user without the role, or not in `allow-users` or `allow-teams`, re-ran the job.",
        "Ask somebody who may give this command to write it. The person who ran the job again may not:",
    ),
    "arguments": Reason(
        "deny",
        "The arguments cannot be parsed: an open quote, an option without a name, an invisible character.",
        "Correct the arguments. They cannot be read:",
    ),
    "parameters": Reason(
        "deny",
        "A parameter is unknown, missing or has a wrong type.",
        "Correct the parameters. The command does not accept them:",
    ),
    "run-not-here": Reason(
        "deny",
        "A call-back names a run that this repository does not have, or that was of another commit.",
        "Name a run of this repository. It does not have the run that the call-back names:",
    ),
    "run-unknown": Reason(
        "deny",
        "GitHub does not return the run that a call-back names.",
        "Follow the remedy below. GitHub did not return the run that submitted the workflow:",
    ),
    "workflow-not-of-run": Reason(
        "deny",
        "A call-back names a workflow that no job of its run has recorded as one that it submitted.",
        "Name the run that submitted the workflow. The one that the call-back names did not.",
    ),
    "commit-not-here": Reason(
        "deny",
        "A call-back names a commit that is not in its pull request.",
        "Name a commit of this pull request. It does not have the commit that the call-back names:",
    ),
    "commits-unknown": Reason(
        "deny",
        "GitHub does not return the commits of the pull request.",
        "Follow the remedy below. GitHub did not return the commits of the pull request:",
    ),
    "fork": Reason(
        "deny",
        "The head is in a fork, and `forks: deny` is set.",
        "Push the branch to this repository, and open a pull request from there. This one comes from a fork, whose code "
        "does not run here.",
    ),
    "fork-gone": Reason(
        "deny", "The fork was deleted.", "Open a new pull request from another branch. The fork of this one was deleted."
    ),
    "fork-not-approved": Reason(
        "deny",
        "`forks: approved` is set, and nobody with the role approved the head commit in a review.",
        "Ask somebody with the role to approve exactly this commit in a review. The pull request comes from a fork:",
    ),
    "sha-malformed": Reason(
        "deny",
        "`sha=` is not 40 hexadecimal digits.",
        "Look at the head commit, then paste the command below. `sha=` takes all 40 digits of a commit, since a shorter "
        "name can be forged:",
    ),
    "sha-mismatch": Reason(
        "deny",
        "`sha=` is not the head commit.",
        "Look at the head commit, then paste the command below. The commit that you named is not the head of this pull "
        "request:",
    ),
    "sha-missing": Reason(
        "deny",
        "`head: pinned` is set (or the head is in a fork), and the command has no `sha=`.",
        "Look at the head commit, then paste the command below. This command must name its commit:",
    ),
    "head-not-seen": Reason(
        "deny",
        "Somebody pushed after the command was written.",
        "Look at the new commits, then paste the command below. Somebody pushed after the command was written:",
    ),
    "older-commit": Reason(
        "deny",
        "The review, or the comment on the code, belongs to a commit that was not the head even when it was written.",
        "Look at the newer commits, then paste the command below. Your comment is on an older commit:",
    ),
    "head-unknown": Reason(
        "deny",
        "GitHub does not show when the commit became the head.",
        "Look at the head commit, then paste the command below. GitHub does not show that it was the head when the "
        "command was written:",
    ),
    "head-moved": Reason(
        "deny",
        "While the decision was made, the head, the base branch or the draft state changed.",
        "Look at the changes, then paste the command below. The pull request changed while the command was checked:",
    ),
    "not-approved": Reason(
        "deny",
        "`require-approval` is set, and nobody else with the role approved the head commit.",
        "Ask somebody else with the role to approve exactly this commit in a review:",
    ),
    "approval-unknown": Reason(
        "deny",
        "GitHub does not return the reviews.",
        "Follow the remedy below, then write the command again. GitHub did not return the reviews:",
    ),
    "not-approved-by-owner": Reason(
        "deny",
        "`require-code-owner` is set, and no owner of a changed file approved the head commit, or not enough of them.",
        "Ask an owner of each file below to approve exactly this commit in a review. The approval of the pull request's "
        "author, of who pushed the commit and of who gives the command does not count. The files, and their owners:",
    ),
    "code-owners-unknown": Reason(
        "deny",
        "GitHub does not return the changed files or the file CODEOWNERS, or the base branch has none that can be read.",
        "Follow the remedy below, then write the command again. The code owners of the changed files are not known:",
    ),
    "checks": Reason(
        "deny",
        "A check of `require-checks` has not passed.",
        "Wait until these checks have passed on this commit, then write the command again:",
    ),
    "checks-unknown": Reason(
        "deny",
        "GitHub does not return the state of the checks.",
        "Follow the remedy below, then write the command again. GitHub did not return the state of the checks:",
    ),
}
