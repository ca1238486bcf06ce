"""The commits of a repository, the branches that point at them, and the record of pushes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mlops_sandbox.github.accounts import User
from mlops_sandbox.github.commit_facts import CommitFacts
from mlops_sandbox.github.events import Event
from mlops_sandbox.github.git import NO_COMMIT, Activity, Commit, invent_sha


@dataclass(eq=False, repr=False, kw_only=True)
class Branches(CommitFacts):
    """The git repository of a `Repository`.

    `suites_on_push` says whether a push starts a check suite, as it does where a workflow listens to pushes; a
    repository whose only workflow listens to comments has none.
    """

    suites_on_push: bool = False
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    releases: list[str] = field(default_factory=list)
    commits: dict[str, Commit] = field(default_factory=dict)
    activity: list[Activity] = field(default_factory=list)

    def push(
        self,
        branch: str,
        *,
        by: User | str,
        message: str = "Update",
        sha: str | None = None,
        files: Mapping[str, str | None] | None = None,
        force: bool = False,
        at: datetime | None = None,
        committed_at: datetime | None = None,
    ) -> Commit:
        """Put a commit on a branch, created where it is missing; open pull requests with this head follow.

        A file whose text is None is removed. `sha` of a commit that exists moves the branch there (with `force`: back). `at`
        is when GitHub received the push; `committed_at` is what the commit itself claims.
        """
        at = at or self.instance.clock.tick()
        actor = self.instance.account(by)
        before = self.branches.get(branch, NO_COMMIT)
        tip = self.commits.get(before) or self.commits.get(self.branches.get(self.default_branch, ""))
        parents: tuple[str, ...] = () if tip is None else (tip.sha,)
        if force and tip is not None:
            parents = tip.parents  # an amended commit replaces the tip
        sha = sha or invent_sha(self.full_name, branch, message, before, len(self.activity))
        if sha not in self.commits:
            changed: dict[str, str | None] = {**(tip.files if tip else {}), **(files or {})}
            self.commits[sha] = Commit(
                sha=sha,
                message=message,
                author=actor,
                date=committed_at or at,
                parents=parents,
                files={path: text for path, text in changed.items() if text is not None},
            )
        kind = "branch_creation" if before == NO_COMMIT else "force_push" if force else "push"
        self.set_branch(branch, sha, actor=actor, kind=kind, at=at)
        return self.commits[sha]

    def set_branch(self, branch: str, sha: str, *, actor: User, kind: str, at: datetime) -> None:
        """Point a branch at a known commit and record it."""
        before = self.branches.get(branch, NO_COMMIT)
        self.branches[branch] = sha
        self.activity.append(
            Activity(
                id=self.instance.next_id("activity"),
                ref=f"refs/heads/{branch}",
                before=before,
                after=sha,
                at=at,
                kind=kind,
                actor=actor,
            )
        )
        if self.suites_on_push:
            self.check_suite(sha, branch=branch, at=at)
        details = {"branch": branch, "before": before, "after": sha}
        self.instance.emit(Event(name="push", source=self, subject=None, sender=actor, details=details))
        self._branch_moved(branch, sha, actor=actor, forced=kind == "force_push", at=at)

    def delete_branch(self, branch: str, *, by: User | str) -> None:
        """Delete a branch; GitHub closes the open pull requests from and to it."""
        actor, at, before = self.instance.account(by), self.instance.clock.tick(), self.branches.pop(branch)
        number, ref = self.instance.next_id("activity"), f"refs/heads/{branch}"
        self.activity.append(
            Activity(id=number, ref=ref, before=before, after=NO_COMMIT, at=at, kind="branch_deletion", actor=actor)
        )
        details = {"branch": branch, "before": before, "after": NO_COMMIT}
        self.instance.emit(Event(name="push", source=self, subject=None, sender=actor, details=details))
        self._branch_deleted(branch, actor=actor)

    def _branch_deleted(self, branch: str, *, actor: User) -> None:
        """Close the pull requests that need the branch."""
        raise NotImplementedError

    def is_ancestor(self, sha: str, *, of: str) -> bool:
        """Return whether a commit is `of` itself or one of its ancestors."""
        pending, seen = [of], set[str]()
        while pending:
            current = pending.pop()
            if current == sha:
                return True
            if current in self.commits and current not in seen:
                seen.add(current)
                pending += self.commits[current].parents
        return False

    def log(self, commit: Commit) -> list[Commit]:
        """List a commit and all its ancestors as `git log` does: none before its children, else the newest first."""
        reachable, pending = dict[str, Commit](), [commit]
        while pending:
            current = pending.pop()
            if current.sha not in reachable:
                reachable[current.sha] = current
                pending += [self.commits[parent] for parent in current.parents if parent in self.commits]
        # A child is made after its parents; of one moment the one that was stored last is the newer.
        stored = {sha: index for index, sha in enumerate(self.commits)}
        return sorted(reachable.values(), key=lambda found: stored[found.sha], reverse=True)

    def merge_commit(self, branch: str, sha: str, *, by: User | str, message: str = "Merge") -> Commit:
        """Merge a commit into a branch by a commit with two parents, as GitHub's default way of merging does."""
        at, actor, before = self.instance.clock.tick(), self.instance.account(by), self.branches[branch]
        files = {**self.commits[before].files, **self.commits[sha].files}
        merged = invent_sha(self.full_name, branch, message, before, sha)
        self.commits[merged] = Commit(sha=merged, message=message, author=actor, date=at, parents=(before, sha), files=files)
        self.set_branch(branch, merged, actor=actor, kind="pr_merge", at=at)
        return self.commits[merged]

    def commits_beyond(self, base: str, head: str) -> list[Commit]:
        """List the commits that `head` has and `base` has not, oldest first."""
        pending, found = [head], dict[str, Commit]()
        while pending:
            commit = self.commits.get(pending.pop())
            if commit and commit.sha not in found and not self.is_ancestor(commit.sha, of=base):
                found[commit.sha] = commit
                pending += commit.parents
        return list(found.values())[::-1]

    def merge_base(self, base: str, head: str) -> Commit | None:
        """Return the nearest commit that both have; None where they have nothing in common."""
        pending = [head]
        while pending:
            commit = self.commits.get(pending.pop(0))
            if commit and self.is_ancestor(commit.sha, of=base):
                return commit
            pending += commit.parents if commit else ()
        return None

    def _branch_moved(self, branch: str, sha: str, *, actor: User, forced: bool, at: datetime) -> None:
        """Update the pull requests that depend on the branch."""
        raise NotImplementedError

    def _branch_with(self, sha: str) -> str | None:
        return next((branch for branch, tip in self.branches.items() if tip == sha), None)

    def release(self, version: str, *moving: str, sha: str | None = None) -> str:
        """Publish a release: its tag, and the tags that move to it, name a commit (the default branch's); return that."""
        sha = sha or self.branches[self.default_branch]
        self.tags |= dict.fromkeys((version, *moving), sha)
        self.releases.append(version)
        return sha

    def find_commit(self, ref: str) -> Commit | None:
        """Find a commit by branch or tag, `heads/…`, `refs/heads/…`, or SHA (seven digits or more)."""
        name = ref.removeprefix("refs/").removeprefix("heads/")
        if ref.removeprefix("refs/").removeprefix("tags/") in self.tags:
            return self.commits.get(self.tags[ref.removeprefix("refs/").removeprefix("tags/")])
        if name in self.branches:
            return self.commits.get(self.branches[name])
        if len(ref) >= 7 and all(digit in "0123456789abcdef" for digit in ref):
            return next((commit for sha, commit in self.commits.items() if sha.startswith(ref)), None)
        return None
