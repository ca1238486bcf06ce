"""Every reason there is for a decision: a stable code, when it arises, and what the commenter sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Decided: TypeAlias = Literal["continue", "ignore", "deny"]


@dataclass(frozen=True, slots=True)
class Reason:
    """`when` is for the documentation; `says` is Markdown for the reply, empty where nobody is answered."""

    decision: Decided
    when: str
    says: str = ""


REASONS: dict[str, Reason] = {
    "ok": Reason("continue", "Everything that was asked for is established."),
    "unsupported-event": Reason("ignore", "The workflow ran on an event that carries no command."),
    "unsupported-action": Reason(
        "ignore", "The comment was edited or deleted, not created; the label was removed; the call-back is of another type."
    ),
    "no-command": Reason("ignore", "Nothing in the text is a declared command, or the label stands for none."),
    "not-a-pull-request": Reason("ignore", "The comment is on a plain issue."),
    "bot": Reason("ignore", "A bot wrote it, and `allow-bots` does not name it."),
    "finished": Reason("ignore", "`mode: finish` concluded what an earlier job began."),
    "help": Reason("ignore", "Help was asked for.", "These commands are understood here:"),
    "multiple-commands": Reason(
        "deny", "One comment holds more than one command.", "One comment can hold one command; this one holds several:"
    ),
    "unknown-command": Reason(
        "deny", "The name is a slip away from a declared one.", "There is no such command here, but one is near:"
    ),
    "sender-not-author": Reason(
        "deny", "Whoever caused the event did not write the comment.", "Only the comment's own author can command with it."
    ),
    "pull-request-unknown": Reason(
        "deny", "The pull request cannot be read.", "GitHub did not show the pull request, so nothing about it is certain."
    ),
    "closed": Reason("deny", "The pull request is closed or merged.", "This pull request is not open."),
    "draft": Reason(
        "deny", "It is a draft, and `drafts: deny` is set.", "Drafts take no commands here; mark it as ready first."
    ),
    "base-branch": Reason(
        "deny", "Its base branch is not in `base-branches`.", "Pull requests into this base branch take no commands."
    ),
    "permission": Reason(
        "deny", "The role of who commands is lower than the command's `permission`.", "You may not give this command."
    ),
    "permission-unknown": Reason(
        "deny", "GitHub did not tell the role.", "GitHub did not say what you may do here, so the command was not taken."
    ),
    "not-allowed": Reason(
        "deny",
        "Who commands is neither in `allow-users` nor in `allow-teams`.",
        "You may not give this command: it is reserved for certain people.",
    ),
    "team-unknown": Reason(
        "deny",
        "GitHub did not tell who is in the team.",
        "GitHub did not say who is in the team that may give this command.",
    ),
    "rerun-permission": Reason(
        "deny",
        "Somebody who does not hold the role, or is not in `allow-users` or `allow-teams`, re-ran the job.",
        "The job was run again by somebody who may not give this command.",
    ),
    "arguments": Reason(
        "deny",
        "The arguments cannot be read: an open quote, an option without a name, a character that does not show.",
        "The arguments cannot be read:",
    ),
    "parameters": Reason(
        "deny", "A parameter is unknown, missing or ill-typed.", "The parameters are not what this command takes:"
    ),
    "run-not-here": Reason(
        "deny",
        "A call-back names a run that this repository does not have, or that was of another commit.",
        "This repository does not know the run that is said to have submitted the workflow.",
    ),
    "run-unknown": Reason(
        "deny", "The run that a call-back names cannot be read.", "GitHub did not show the run that submitted the workflow."
    ),
    "commit-not-here": Reason(
        "deny",
        "A call-back names a commit that is not of its pull request.",
        "The commit is not one of this pull request.",
    ),
    "commits-unknown": Reason(
        "deny", "The pull request's commits cannot be read.", "GitHub did not show the commits of the pull request."
    ),
    "fork": Reason(
        "deny",
        "The head is in a fork, and `forks: deny` is set.",
        "This pull request comes from a fork; its code does not run here.",
    ),
    "fork-gone": Reason("deny", "The fork was deleted.", "The fork of this pull request has been deleted."),
    "fork-not-approved": Reason(
        "deny",
        "`forks: approved` is set, and no approving review of the head commit by somebody with the role exists.",
        "A pull request from a fork needs an approving review of exactly this commit first.",
    ),
    "sha-malformed": Reason(
        "deny",
        "`sha=` is not 40 hexadecimal digits.",
        "`sha=` takes the whole commit, 40 digits: a short one can be forged.",
    ),
    "sha-mismatch": Reason(
        "deny",
        "`sha=` is not the head commit.",
        "The commit you named is not the head of this pull request (any more). Look at what changed, then:",
    ),
    "sha-missing": Reason(
        "deny",
        "`head: pinned` is set (or the head is in a fork), and the command carries no `sha=`.",
        "This command must name the commit it is meant for. If it is this one:",
    ),
    "head-not-seen": Reason(
        "deny",
        "The head was pushed after the command was written.",
        "Somebody pushed after this command was written. If you have looked at the commit that is the head now:",
    ),
    "head-unknown": Reason(
        "deny",
        "GitHub does not show since when the commit has been the head.",
        "GitHub does not show that this commit was the head when the command was written. If you have looked at it:",
    ),
    "head-moved": Reason(
        "deny",
        "While the command was looked at, the head, the base branch or the draft state changed, or it was closed.",
        "The pull request changed while this command was looked at. Look at what changed, then:",
    ),
    "not-approved": Reason(
        "deny",
        "`require-approval` is set, and nobody else with the role approved the head commit.",
        "This command needs an approving review of exactly this commit by somebody else first.",
    ),
    "approval-unknown": Reason(
        "deny", "The reviews cannot be read.", "GitHub did not show the reviews, so an approval is not certain."
    ),
    "checks": Reason("deny", "A check of `require-checks` has not passed.", "These checks must pass on this commit first:"),
    "checks-unknown": Reason(
        "deny", "The state of the checks cannot be read.", "GitHub did not show the state of the checks."
    ),
}
