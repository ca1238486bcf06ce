"""What a tag scheme returns, and what it says about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mlops_actions.docker_publish.revision import Revision
from mlops_actions.docker_publish.tags.ownership import Tag, TagKind


class Notes:
    """Collects what a rule left out or changed; a notice is shown on the run's page as well."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.notices: list[str] = []

    def add(self, text: str) -> None:
        """Note a decision that the log and the summary show."""
        self.notes.append(text)

    def notice(self, text: str) -> None:
        """Note a decision that nobody may miss."""
        self.notes.append(text)
        self.notices.append(text)


@dataclass(frozen=True)
class Tags:
    """Tags in order, without repetition; `notes` say what a rule left out or changed; `snapshot` is that rule's tag.

    `notices` are those notes that the run's page shows too. `of_branch` are the tags that follow the branch, `of_ref`
    those that a branch or a git tag gives, or the workflow file for a commit that is not the event's; `made_of` names the
    ref whose name a tag is made of. `fallback` is the commit's tag, for an image that may have none of them.
    `stay_only_before_newer`: tags of the branch move unless GitHub says that their image is of a newer commit.
    """

    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    snapshot: str = ""
    notices: tuple[str, ...] = ()
    of_branch: frozenset[str] = frozenset()
    of_ref: frozenset[str] = frozenset()
    made_of: Mapping[str, str] = field(default_factory=dict)
    fallback: str = ""
    stay_only_before_newer: bool = False

    @property
    def unbound(self) -> str:
        """The first tag that may move whatever the registry has by then; empty where there is none."""
        return next((name for name in self.names if name not in self.of_ref), "")

    @classmethod
    def of(cls, tags: Iterable[Tag], notes: Notes, *, fallback: str, snapshot: str = "", is_elsewhere: bool = False) -> Tags:
        """Put tags together with what is known of each; `is_elsewhere`: the commit is not the event's own."""
        tags = list(tags)
        # The commit may be a pull request's, whose code moves no literal.
        literals = (TagKind.LITERAL,) if is_elsewhere else ()
        follows = {tag.name for tag in tags if tag.kind is TagKind.BRANCH}
        return cls(
            names=tuple(dict.fromkeys(tag.name for tag in tags)),
            notes=tuple(notes.notes),
            snapshot=snapshot,
            notices=tuple(notes.notices),
            of_branch=frozenset(follows),
            of_ref=frozenset(follows | {tag.name for tag in tags if tag.kind in (TagKind.RELEASE, *literals)}),
            made_of={tag.name: tag.made_of for tag in tags if tag.made_of},
            fallback=fallback,
        )


class TagScheme(Protocol):
    """One way to choose tags."""

    def needs_versions(self, revision: Revision) -> bool:
        """Tell whether the registry's tags must be known: only a release moves tags that an older one must not move."""

    def tags(self, revision: Revision, *, pushes: bool = True) -> Tags:
        """Choose the tags; raises BadInput."""
