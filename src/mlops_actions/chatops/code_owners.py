"""The check of `require-code-owner`: an owner of each changed file has approved the commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from mlops_actions.chatops import owners_file
from mlops_actions.chatops.evaluation import Evaluation, cause_and_remedy
from mlops_actions.chatops.facts import Question, TeamMembership, Unknown
from mlops_actions.chatops.ports import Reader
from mlops_actions.chatops.request import Decision
from mlops_actions.core.errors import Unavailable
from mlops_actions.core.user import User

MAX_FILES = 3000  # GitHub lists no more of a pull request's files
OWNER_ROLE = "write"  # GitHub takes nobody with a lower role as a code owner
_MAX_SHOWN = 5

Owners: TypeAlias = frozenset[str]


@dataclass(frozen=True)
class CodeOwnersFile(Question["str | None"]):
    """The text of the CODEOWNERS file on a branch; None where there is none."""

    branch: str

    def ask(self, reader: Reader) -> str | None:
        """Read the first of the files where GitHub looks."""
        found = (reader.file(place, self.branch, owners_file.MAX_BYTES) for place in owners_file.PLACES)
        return next((content.decode(errors="replace") for content in found if content is not None), None)


@dataclass(frozen=True)
class ChangedFiles(Question[tuple[str, ...]]):
    """The paths that a pull request changes with this head; both paths of a file that was renamed."""

    number: int
    sha: str

    def ask(self, reader: Reader) -> tuple[str, ...]:
        """Read the files; raises Unavailable where GitHub does not list all of them, or lists those of another head."""
        files = list(reader.files(self.number))
        if len(files) >= MAX_FILES:
            raise Unavailable(
                f"pull request {self.number} changes {MAX_FILES} files or more, and GitHub lists no others",
                "split the pull request, or give the command where no code owner is needed",
            )
        # The address of a file that exists names the head. Somebody can push between this list and the other answers.
        refs = {_ref_of(str(file["contents_url"])) for file in files if file["status"] != "removed"}
        if refs - {self.sha}:
            raise Unavailable(f"pull request {self.number} changed while its files were listed", "comment again")
        return tuple(dict.fromkeys(path for file in files for path in _paths(file)))


def _ref_of(address: str) -> str:
    return "".join(parse_qs(urlsplit(address).query).get("ref", []))


def _paths(file: Any) -> list[str]:
    return [str(file["filename"]), *([str(file["previous_filename"])] if file.get("previous_filename") else [])]


def questions(evaluation: Evaluation) -> list[Question[Any]]:
    """Return the questions about owners, so that they can be asked together with others."""
    return [CodeOwnersFile(evaluation.pull_request.base.ref), ChangedFiles(evaluation.pull_request.number, evaluation.sha)]


def require_owners(evaluation: Evaluation, approvers: Sequence[User], *, needed: int) -> Decision | None:
    """Deny unless this many of the approvers own each changed file that has owners.

    `approvers` have approved the commit, none of them is excluded, and each has at least the role of an owner.
    """
    file, changed = evaluation.answers(questions(evaluation))
    if isinstance(file, Unknown) or isinstance(changed, Unknown):
        return Decision("code-owners-unknown", cause_and_remedy(file if isinstance(file, Unknown) else changed))
    base = evaluation.pull_request.base.ref
    if file is None:
        return Decision("code-owners-unknown", (f"the branch {base} has no CODEOWNERS file",))
    try:
        rules = owners_file.parse(file)
    except owners_file.InvalidLine as error:
        return Decision("code-owners-unknown", (f"CODEOWNERS of the branch {base}, {error}",))
    path_by_owners = {owners_file.owners_of(rules, path): path for path in reversed(changed)}
    path_by_owners.pop(frozenset(), None)
    memberships = _memberships(evaluation, [*path_by_owners], approvers, needed)
    missing: list[str] = []
    for owners, path in reversed(path_by_owners.items()):
        if len(_owning(owners, approvers, memberships)) >= needed:
            continue
        answers = [answer for question, answer in memberships.items() if _is_of(question, owners)]
        unknown = next((answer for answer in answers if isinstance(answer, Unknown)), None)
        if unknown is not None:
            return Decision("team-unknown", cause_and_remedy(unknown))
        missing.append(f"{path}: {' or '.join(sorted(owners))}")
    if not missing:
        return None
    more = [f"and files of {len(missing) - _MAX_SHOWN} other groups of owners"] if len(missing) > _MAX_SHOWN else []
    return Decision("not-approved-by-owner", (f"commit: {evaluation.sha}", *missing[:_MAX_SHOWN], *more))


def _memberships(
    evaluation: Evaluation, owners_of_files: Sequence[Owners], approvers: Sequence[User], needed: int
) -> Mapping[TeamMembership, bool | Unknown]:
    """Ask who of the approvers is in an owning team, where the owners that are users do not suffice."""
    organisation = evaluation.pull_request.base.repository.partition("/")[0].lower()
    open_ones = [owners for owners in owners_of_files if len(_owning(owners, approvers, {})) < needed]
    # GitHub takes no team of another organisation as an owner.
    teams = sorted({owner[1:] for owners in open_ones for owner in owners if owner.startswith(f"@{organisation}/")})
    asked: list[Any] = [TeamMembership(team, user.login) for team in teams for user in approvers]
    return dict(zip(asked, evaluation.answers(asked), strict=True))


def _owning(owners: Owners, approvers: Sequence[User], memberships: Mapping[TeamMembership, bool | Unknown]) -> set[int]:
    """Return the ids of the approvers who are owners. An e-mail address tells nobody's account."""
    in_teams = {question.login for question, answer in memberships.items() if answer is True and _is_of(question, owners)}
    return {user.id for user in approvers if f"@{user.login.lower()}" in owners or user.login in in_teams}


def _is_of(question: TeamMembership, owners: Owners) -> bool:
    return f"@{question.team}" in owners
