"""The checks of the people: who wrote the command, who ran the job again, who approved the commit.

People are compared by the id of their account. A login can be changed, and somebody else can take it then.
"""

from __future__ import annotations

from typing import Any

from mlops_actions.chatops.bots import is_allowed_bot
from mlops_actions.chatops.evaluation import Evaluation, cause_and_remedy
from mlops_actions.chatops.facts import (
    Approvers,
    BranchUpdates,
    CurrentPullRequest,
    Question,
    Role,
    TeamMembership,
    Unknown,
    UserRole,
    pusher_of,
)
from mlops_actions.chatops.request import Decision
from mlops_actions.chatops.roles import rank
from mlops_actions.core.user import User

# One reviewer with the role is enough, so only the roles of this many reviewers are read.
_MAX_APPROVERS = 10


def check_sender(evaluation: Evaluation) -> Decision | None:
    """Deny where the user who caused the event did not write the comment."""
    return None if evaluation.request.sender_is_author else Decision("sender-not-author")


def check_role(evaluation: Evaluation) -> Decision | None:
    """Deny where the user has a lower role than the command needs, or the login belongs to somebody else by now."""
    actor = evaluation.request.source.actor
    if is_allowed_bot(actor, evaluation.inputs):
        return None
    return _require_role(evaluation, actor, "permission")


def check_rerun_role(evaluation: Evaluation) -> Decision | None:
    """Deny a re-run by a user without the role."""
    login = evaluation.request.rerun_by
    # The runner names who ran a job again by the login alone: its present owner is asked about.
    return _require_role(evaluation, User(login, ""), "rerun-permission") if login else None


def _require_role(evaluation: Evaluation, user: User, reason: str) -> Decision | None:
    if not user.login:
        return Decision(reason, ("the account does not exist any more",))
    questions: list[Question[Any]] = [UserRole(user.login)]
    if evaluation.inputs.allow_author != "none":
        questions.append(CurrentPullRequest(evaluation.request.source.pr_number))
    role, *_ = evaluation.answers(questions)
    if isinstance(role, Unknown):
        return Decision("permission-unknown", cause_and_remedy(role))
    if user.id and role.account != user.id:
        return Decision("login-reused", (f"account {user.id} was called {user.login}; {role.account} is by now",))
    needed = _needed_role(evaluation, role.account)
    if rank(role.name) >= rank(needed):
        return None
    return Decision(reason, (f"{user.login} has the role {role.name or 'none'!r} here; the command needs {needed!r}",))


def _needed_role(evaluation: Evaluation, account: int) -> str:
    """Return the role that an account needs: `allow-author` lowers it for the author, but not a command's own."""
    lowered = evaluation.inputs.allow_author
    if lowered == "none" or evaluation.request.command.permission or evaluation.pull_request.author.id != account:
        return evaluation.role
    return min(lowered, evaluation.role, key=rank)


def check_allow_list(evaluation: Evaluation) -> Decision | None:
    """Deny where the user is not among the allowed ones."""
    actor = evaluation.request.source.actor
    if is_allowed_bot(actor, evaluation.inputs):
        return None
    return _require_listed(evaluation, actor, Decision("not-allowed"))


def check_rerun_allow_list(evaluation: Evaluation) -> Decision | None:
    """Deny a re-run by a user who may not give the command, since a re-run gives the command again."""
    login = evaluation.request.rerun_by
    if not login or (evaluation.inputs.allow_users is None and evaluation.inputs.allow_teams is None):
        return None
    teams: list[Question[Any]] = [TeamMembership(team, login) for team in evaluation.inputs.allow_teams or ()]
    role, *_ = evaluation.answers([UserRole(login), *teams])
    account = role.account if isinstance(role, Role) else 0
    denial = Decision("rerun-permission", (f"{login} is not among the allowed users",))
    return _require_listed(evaluation, User(login, "", account), denial)


def _require_listed(evaluation: Evaluation, user: User, denial: Decision) -> Decision | None:
    users, teams = evaluation.inputs.allow_users, evaluation.inputs.allow_teams
    if users is None and teams is None:
        return None
    if user.is_among(users or ()):
        return None
    memberships = evaluation.answers([TeamMembership(team, user.login) for team in teams or ()])
    if any(membership is True for membership in memberships):
        return None
    unknown = next((membership for membership in memberships if isinstance(membership, Unknown)), None)
    return Decision("team-unknown", cause_and_remedy(unknown)) if unknown else denial


def check_approval(evaluation: Evaluation) -> Decision | None:
    """Deny where nobody else has approved the commit: not the author, not who commands, not who pushed it.

    With `require-code-owner` an owner of each changed file must be among those who have.
    """
    by_owner = evaluation.inputs.require_code_owner
    if not evaluation.inputs.require_approval and not by_owner:
        return None
    from mlops_actions.chatops import code_owners

    head = evaluation.pull_request.head
    activity = BranchUpdates(head.repository, head.ref, evaluation.request.written_at)
    approvals: Question[Any] = Approvers(evaluation.pull_request.number, evaluation.sha)
    updates, *_ = evaluation.answers([activity, approvals, *(code_owners.questions(evaluation) if by_owner else ())])
    pusher = 0 if isinstance(updates, Unknown) else pusher_of(updates, evaluation.sha)
    excluded = {evaluation.pull_request.author.id, evaluation.request.source.actor.id, pusher}
    # Where GitHub does not show who pushed the commit: of two people one at least is somebody else.
    needed = 1 if pusher else 2
    denial = require_approvals(evaluation, "not-approved", excluded, needed=needed)
    if denial or not by_owner:
        return denial
    owner_role = max(evaluation.role, code_owners.OWNER_ROLE, key=rank)
    approving = _confirmed_approvers(evaluation, excluded, owner_role)
    if isinstance(approving, Unknown):
        return Decision("approval-unknown", cause_and_remedy(approving))
    return code_owners.require_owners(evaluation, approving, needed=needed)


def check_self_approval(evaluation: Evaluation) -> Decision | None:
    """Deny the approval of a workflow by the author of the pull request, and by whoever pushed its commit."""
    if evaluation.inputs.self_approval == "allow":
        return None
    head = evaluation.pull_request.head
    updates = evaluation.answer(BranchUpdates(head.repository, head.ref, evaluation.request.written_at))
    pusher = 0 if isinstance(updates, Unknown) else pusher_of(updates, evaluation.sha)
    if evaluation.request.source.actor.id in {evaluation.pull_request.author.id, pusher}:
        return Decision("self-approval")
    if not pusher:
        details = cause_and_remedy(updates) if isinstance(updates, Unknown) else ("the branch's activity does not show it",)
        return Decision("pusher-unknown", details)
    return None


def require_approvals(evaluation: Evaluation, reason: str, excluded: set[int], *, needed: int = 1) -> Decision | None:
    """Deny unless this many users with the role, none of them among the `excluded` accounts, approved the commit."""
    confirmed = _confirmed_approvers(evaluation, excluded, evaluation.role)
    if isinstance(confirmed, Unknown):
        return Decision("approval-unknown", cause_and_remedy(confirmed))
    if len(confirmed) >= needed:
        return None
    details = [f"commit: {evaluation.sha}", f"role needed: {evaluation.role}"]
    if needed > 1:
        details.append(f"GitHub does not show who pushed this commit, so {needed} people must approve it")
    return Decision(reason, tuple(details))


def _confirmed_approvers(evaluation: Evaluation, excluded: set[int], least_role: str) -> list[User] | Unknown:
    """Return the users with the role, none of them among the `excluded` accounts, who approved the commit."""
    approving = evaluation.answer(Approvers(evaluation.pull_request.number, evaluation.sha))
    if isinstance(approving, Unknown):
        return approving
    # A job's token can approve, also that of a workflow file which the pull request brings: a bot is nobody else.
    counted = [user for user in approving if user.id not in excluded and not user.is_bot][-_MAX_APPROVERS:]
    roles = evaluation.answers([UserRole(user.login) for user in counted])
    return [
        user
        for user, role in zip(counted, roles, strict=True)
        if isinstance(role, Role) and role.account == user.id and rank(role.name) >= rank(least_role)
    ]
