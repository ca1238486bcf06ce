"""Move no tag back, and none that only a claim stands behind: what GitHub and the registry know of the tags.

The checkout is one commit deep, so that git cannot order two commits. GitHub can. A tag of the branch moves where the commit
is the branch's newest, or follows the commit of the image that has the tag now (its label `revision`). What neither of the
two can tell stays where it is.

The label names the commit that built the image. Where the image was reused, newer commits have it too: their own tags
(rule `sha`) tell that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from mlops_actions.core.errors import ActionError
from mlops_actions.docker_publish.revision import Revision
from mlops_actions.docker_publish.tags import tag_names, versions
from mlops_actions.docker_publish.tags.scheme import Tags

REVISION_LABEL = "org.opencontainers.image.revision"
VERSION_LABEL = "org.opencontainers.image.version"  # the branch or git tag that an image is of
# Between hyphens, what can be the number of a release: `1`, `v1.2`; a day (20261123) or a commit has more digits.
_VERSION_PART = re.compile(r"v?[0-9]{1,6}(?:\.[0-9]{1,18})*", re.IGNORECASE)
REMEDY = "give the job 'contents: read', or run the newest commit of the branch again"


class History(Protocol):
    """The order of commits, as GitHub knows it."""

    def compare(self, base: str, head: str) -> str:
        """Return how the commit `head` stands to `base`: `identical`, `ahead`, `behind` or `diverged`.

        `base` is a commit or a full ref. Empty where GitHub does not know one of them. Raises Refused and Unavailable.
        """

    def newest(self, branch: str) -> tuple[str, ...]:
        """Return the newest commits of a branch, the newest first, a page of them. Raises Refused and Unavailable."""

    def branches(self, prefix: str) -> tuple[str, ...]:
        """Return the branches whose names begin so. Raises Refused and Unavailable."""

    def git_tags(self, prefix: str) -> tuple[str, ...]:
        """Return the git tags whose names begin so. Raises Refused and Unavailable."""


class TaggedImages(Protocol):
    """The images that have the tags now."""

    def digest(self, tag: str) -> str | None:
        """Return the digest of a tag, None where no image has it; raises Refused and Unavailable."""

    def labels(self, tag: str) -> Mapping[str, str]:
        """Return the labels of the image with a tag, none where they cannot be read."""


def settled(tags: Tags, revision: Revision, open_history: Callable[[], History], images: TaggedImages, digest: str) -> Tags:
    """Leave out the tags that must not move to the image `digest` (empty: not built yet); a notice tells why of each."""
    judge = _Judge(revision, open_history, images, digest)
    reasons = {name: reason for name in tags.names if (reason := judge.why_not(name, tags))}
    notices = tuple(f"tag {name!r} stays where it is: {reason}" for name, reason in reasons.items())
    names = tuple(name for name in tags.names if name not in reasons)
    return replace(
        tags,
        names=names or ((tags.fallback or revision.sha[:12],) if reasons else ()),
        notes=(*tags.notes, *notices),
        notices=notices,
    )


@dataclass
class _Judge:
    revision: Revision
    open_history: Callable[[], History]
    images: TaggedImages
    digest: str
    _failure: str = ""  # why GitHub did not answer
    _answers: dict[tuple[str, str], str] = field(default_factory=dict)

    def why_not(self, name: str, tags: Tags) -> str:
        """Return why a tag must not move; empty where it may."""
        is_elsewhere = self.revision.is_claimed or self.revision.is_placeless
        if is_elsewhere and name in tags.of_ref and not self._is_confirmed:
            return f"GitHub does not confirm that {self.revision.sha[:12]} is of {self._ref}{self._failure}"
        made_of = tags.made_of.get(name, "")
        may_be_shared = bool(made_of) and (made_of != name or "-" in name)
        if not may_be_shared and name not in tags.of_branch:
            return ""
        current = self.images.digest(name)
        if current is None or current == self.digest:
            return ""
        if may_be_shared and (reason := self._why_of_another_ref(name, made_of) or self._why_of_a_release(name, made_of)):
            return reason
        return self._why_not_forward(name, tags, current) if name in tags.of_branch else ""

    def _why_of_another_ref(self, name: str, made_of: str) -> str:
        """Return why a tag is, or may be, that of another branch or git tag with a similar name.

        The image's label tells it, but that of a reused image may name a third ref. A name that is the tag already wins
        then; for a changed one GitHub is asked for other branches of which the same tag is made.
        """
        tag = tag_names.made_valid(made_of)
        other = self.images.labels(name).get(VERSION_LABEL, "")
        if other == made_of:
            return ""
        if tag_names.made_valid(other) != tag:
            if not self.revision.branch or made_of == tag:
                return ""
            try:
                branches = self.history.branches(tag.partition("-")[0])
            except ActionError as error:
                return f"GitHub does not tell whether another branch's name gives it too ({error.cause}); {REMEDY}"
            other = next((each for each in branches if each != made_of and tag_names.made_valid(each) == tag), "")
        if not other:
            return ""
        return f"it belongs to {other!r}, whose name gives the same tag as {made_of!r}; rename one, or delete the tag"

    def _why_of_a_release(self, name: str, made_of: str) -> str:
        """Return why the tag of a branch may be that of a release's variant, as `1-cuda` or `cpu-1.2.3`.

        Which prefixes and suffixes the other images of a matrix have, this one does not know: the label of the image tells
        whose it is, or GitHub's git tags tell that there is such a release.
        """
        parts = [part.lower().removeprefix("v") for part in re.split(r"[-_]", name) if _VERSION_PART.fullmatch(part)]
        label = self.images.labels(name).get(VERSION_LABEL, "") if parts and self.revision.branch else made_of
        if label == made_of:
            return ""
        try:
            releases = [
                label,
                *re.split(r"[-_]", label),
                *(tag for part in parts for start in (part, f"v{part}") for tag in self.history.git_tags(start)),
            ]
        except ActionError as error:
            return f"GitHub does not tell whether it is that of a release ({error.cause}); {REMEDY}"
        release = next((text for text in releases if any(versions.is_short_of(part, text) for part in parts)), "")
        return (
            f"it may be that of the release {release!r}; rename the branch {made_of!r}, or delete the tag" if release else ""
        )

    def _why_not_forward(self, name: str, tags: Tags, current: str) -> str:
        own = self.revision.sha
        if self._of_branch == "identical":
            return ""
        published = self.images.labels(name).get(REVISION_LABEL, "")
        if published == own:
            return ""
        if tags.stay_only_before_newer and (not published or self._compare(published, own) != "behind"):
            return ""
        if self._of_branch != "behind":
            return (
                f"GitHub does not confirm that {own[:12]} is a commit of {self.revision.branch!r}{self._failure}; {REMEDY}"
            )
        relation = self._compare(published, own) if published else ""
        if relation in ("identical", "ahead"):
            return self._why_not_of_older(tags, current)
        if relation == "behind":
            return f"its image is of {published[:12]}, which is newer than {own[:12]}"
        return f"{own[:12]} is not the newest commit of {self.revision.branch!r}, and its image names no commit of it"

    def _why_not_of_older(self, tags: Tags, current: str) -> str:
        """Return why the image `current`, which an older commit built, may be that of a newer commit too."""
        own = self.revision.sha
        if tags.fallback not in tags.names:
            return f"{own[:12]} is not the newest commit, and without 'sha' in 'tags' a newer one may have its image unseen"
        newest = self._newest
        if own not in newest:
            return f"{own[:12]} is none of the newest commits of {self.revision.branch!r}{self._failure}"
        for sha in newest[: newest.index(own)]:
            if self.images.digest(tags.fallback.replace(own[:12], sha[:12])) == current:
                return f"its image is that of {sha[:12]} as well, which is newer than {own[:12]}"
        return ""

    @cached_property
    def history(self) -> History:
        """GitHub, once it is asked."""
        return self.open_history()

    @cached_property
    def _newest(self) -> tuple[str, ...]:
        try:
            return self.history.newest(self.revision.branch)
        except ActionError as error:
            self._failure = f" ({error.cause})"
            return ()

    @property
    def _ref(self) -> str:
        """The ref that the commit must be of: the claimed one, else the default branch."""
        return self.revision.ref or f"refs/heads/{self.revision.default_branch}"

    @property
    def _is_confirmed(self) -> bool:
        relation = self._compare(self._ref, self.revision.sha)
        return relation == "identical" or (relation == "behind" and self._ref.startswith("refs/heads/"))

    @property
    def _of_branch(self) -> str:
        return self._compare(f"refs/heads/{self.revision.branch}", self.revision.sha)

    def _compare(self, base: str, head: str) -> str:
        if (base, head) not in self._answers:
            try:
                self._answers[base, head] = self.history.compare(base, head)
            except ActionError as error:
                self._failure = f" ({error.cause})"
                self._answers[base, head] = ""
        return self._answers[base, head]
