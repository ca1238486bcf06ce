"""A repository of one's own on the sandbox: its branches are pushed as they move, and comments run its workflow files.

What a person does on GitHub is done by committing: the default branch is what GitHub reads workflow files from, and every
other branch becomes a pull request. Comments are written in the browser.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mlops_sandbox.actions import ActionsRun, GitHubActions, NotTriggered
from mlops_sandbox.cluster import DockerExecutor, Executor, LocalImage, ProcessExecutor
from mlops_sandbox.demo import machine
from mlops_sandbox.git import GitError, git
from mlops_sandbox.github import Delivery, Repository
from mlops_sandbox.github.published import publish_actions
from mlops_sandbox.runner.environment import inherited_variables
from mlops_sandbox.runner.job import Settings
from mlops_sandbox.runner.process import until_stopped
from mlops_sandbox.runner.workflow import Job, Workflow, WorkflowError, parse
from mlops_sandbox.suite import Sandbox, exports
from mlops_sandbox.workflow_needs import WorkflowNeeds

OWNER, CONTRIBUTOR, STRANGER = "maintainer", "contributor", "stranger"
_WORKFLOWS = ".github/workflows/"
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_TO_CANCEL = 15.0
_AS_GITHUB = "replace"  # names and messages that are no UTF-8 are shown with question marks
# Where Docker is missing, the workflow runs from the checkout, and this name stands for the image.
_NO_IMAGE = "sandbox.invalid/no-image-was-built:checkout"


class OwnRepository:
    """Keeps a repository of the sandbox's GitHub in step with one on disk; `root` is a private directory for its jobs."""

    def __init__(self, sandbox: Sandbox, origin: Path, root: Path, without_docker: str) -> None:
        self._sandbox, self._origin, self._root = sandbox, origin, root
        self._without_docker = without_docker
        self.default_branch = _default_branch(origin)
        self.name = f"octo-org/{re.sub(r'[^A-Za-z0-9._-]+', '-', origin.name).strip('-.') or 'model'}"
        self.repository: Repository | None = None
        self._actions: GitHubActions | None = None
        self._runs: list[ActionsRun] = []
        self.checkout: Path | None = None
        self._secrets = sandbox.secrets()

    def image(self, _reference: str) -> LocalImage | None:
        """Return the stand-in of every image where none can be built: what the current job has checked out."""
        return LocalImage(self.checkout, env={"PYTHONUNBUFFERED": "1"}) if self.checkout else None

    def follow(self) -> None:
        """Push what has been committed since the last look, and open a pull request for each new branch."""
        heads = dict(
            line.split()
            for line in git(
                self._origin,
                "for-each-ref",
                "--format=%(refname:lstrip=2) %(objectname)",
                "refs/heads",
                errors=_AS_GITHUB,
            ).splitlines()
        )
        if (main := heads.pop(self.default_branch, "")) and (repository := self._pushed(self.default_branch, main)):
            for branch, sha in heads.items():
                if sha != main and repository.branches.get(branch) != sha:
                    self._push_to_pull_request(repository, branch, sha)

    def answer(self, delivery: Delivery[Any]) -> None:
        """Run each workflow file of the default branch that a comment triggers."""
        if not self._actions or not self.repository or delivery.event != "issue_comment" or not delivery.starts_workflows:
            return
        by, text = delivery.payload["comment"]["user"]["login"], delivery.payload["comment"]["body"]
        say(f"{by} comments: {' '.join(text.split())[:80]}")
        commit = self.repository.commits[self.repository.branches[self.default_branch]]
        for path, content in commit.files.items():
            if path.startswith(_WORKFLOWS) and path.endswith((".yml", ".yaml")):
                with suppress(NotTriggered):
                    try:
                        self._start(self._actions, parse(content, path), delivery, by)
                    except WorkflowError as error:
                        say(f"GitHub would not run {path}: {error}")

    def stop(self) -> None:
        """Cancel what runs, and wait for its end."""
        running = [run for run in self._runs if run.result is None]
        for run in running:
            run.cancel()
        for run in running:
            with suppress(TimeoutError):
                run.wait(_SECONDS_TO_CANCEL)

    def _pushed(self, branch: str, sha: str) -> Repository | None:
        repository = self.repository
        if repository is None:
            repository = self._sandbox.github.repository(
                self.name, sha=sha, files=self._files(sha), default_branch=self.default_branch
            )
            self._set_up(repository)
        elif repository.branches.get(branch) == sha:
            return repository
        else:
            self._push(repository, branch, sha, by=OWNER)
        files = repository.commits[sha].files
        workflows = {path: text for path, text in files.items() if path.startswith(_WORKFLOWS)}
        publish_actions(self._sandbox.github, workflows.values())
        self._provide(repository, workflows)
        say(f"pushed {branch}: {sha[:12]}")
        return repository

    def _set_up(self, repository: Repository) -> None:
        """Do what comes before any file: accounts, and the variables and secrets under their usual names."""
        self.repository, self._actions = repository, GitHubActions(self._sandbox.github, repository, self._root)
        repository.collaborator(OWNER, "admin")
        repository.collaborator(CONTRIBUTOR, "write")
        self._sandbox.github.user(STRANGER)
        repository.actions_settings.variables |= self._sandbox.variables(self._origin.name)
        repository.actions_settings.secrets |= set(self._secrets)

    def _provide(self, repository: Repository, workflows: Mapping[str, str]) -> None:
        """Do what `init` asks an administrator to do for the names in these files."""
        needs = WorkflowNeeds()
        for path, text in workflows.items():
            with suppress(WorkflowError):  # a comment that would start it shows the error
                needs.add(parse(text, path))
        for label in sorted(needs.labels):
            repository.define_label(label)
        self._secrets |= {name: self._sandbox.secrets()[purpose] for name, purpose in needs.secrets.items()}
        repository.actions_settings.secrets |= set(self._secrets)
        for namespace in sorted(needs.namespaces):
            self._sandbox.open_namespace(namespace)

    def _push_to_pull_request(self, repository: Repository, branch: str, sha: str) -> None:
        title = git(self._origin, "log", "-1", "--format=%s", sha, errors=_AS_GITHUB) or branch
        self._push(repository, branch, sha, by=CONTRIBUTOR)
        if any(pull.head_ref == branch and pull.state == "open" for pull in repository.pulls):
            say(f"pushed {branch}: {sha[:12]}")
            return
        pull = repository.open_pull_request(by=CONTRIBUTOR, head=branch, title=title)
        say(f"opened a pull request for {branch}: {self._sandbox.github.origin}/{self.name}/pull/{pull.number}#write")

    def _push(self, repository: Repository, branch: str, sha: str, *, by: str) -> None:
        tip = repository.commits.get(repository.branches.get(branch, repository.branches[self.default_branch]))
        removed = dict.fromkeys(tip.files if tip else ())
        message = git(self._origin, "log", "-1", "--format=%B", sha, errors=_AS_GITHUB)
        repository.push(branch, by=by, message=message, sha=sha, files={**removed, **self._files(sha)})

    def _files(self, sha: str) -> dict[str, str]:
        """Return the files of a commit that GitHub itself reads, by path."""
        found = {}
        listed = git(self._origin, "ls-tree", "-r", "--name-only", sha, ".github", "CODEOWNERS", "docs/CODEOWNERS")
        for path in listed.splitlines():
            with suppress(GitError, UnicodeDecodeError):
                found[path] = f"{git(self._origin, 'show', f'{sha}:{path}')}\n"
        return found

    def _start(self, actions: GitHubActions, workflow: Workflow, delivery: Delivery[Any], by: str) -> None:
        run = actions.create(workflow, delivery, by=by)
        builds = [step.identifier for job in workflow.jobs for step in job.steps if "/docker-publish@" in step.uses]
        skipped = builds if self._without_docker else []

        def use_checkout(job: Job) -> None:
            if any(step.uses.startswith("actions/checkout@") for step in job.steps):
                self.checkout = run.root / job.identifier / "workspace"

        def write_log(line: str) -> None:
            say(f"  {line}" if line.startswith("──") else f"    {line}")

        run.when_started = use_checkout
        self._runs.append(run)
        run.start(
            Settings(
                origin=self._origin,
                variables=self._sandbox.variables(self._origin.name),
                secrets=self._secrets,
                write_log=write_log,
                skip=dict.fromkeys(skipped, self._without_docker),
                stand_ins={identifier: {"ref": _NO_IMAGE} for identifier in skipped},
            )
        )


def _default_branch(origin: Path) -> str:
    """Return `main` or `master` where there is one, else the branch that is checked out."""
    branches = git(origin, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads", errors=_AS_GITHUB).splitlines()
    return next((name for name in ("main", "master") if name in branches), "") or git(
        origin, "symbolic-ref", "--short", "HEAD"
    )


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def serve(directory: Path) -> int:
    """Serve until SIGINT or SIGTERM, with the repository in this directory, and print what to export."""
    try:
        origin = Path(git(directory, "rev-parse", "--show-toplevel")) if directory.is_dir() else directory
        git(origin, "rev-parse", "--git-dir")
    except (GitError, NotADirectoryError, FileNotFoundError):
        sys.stderr.write(f"error: {directory} is no git repository: git init --initial-branch main {directory}\n")
        return 2
    with until_stopped() as wait, tempfile.TemporaryDirectory(prefix="mlops-own-", ignore_cleanup_errors=True) as root:
        environment = {**inherited_variables(os.environ), "HOME": root}
        without_docker = machine.missing_docker(environment)
        own: OwnRepository | None = None
        executor: Executor = (
            ProcessExecutor(lambda reference: own.image(reference) if own else None)
            if without_docker
            else DockerExecutor(environment=environment)
        )
        with Sandbox(executor) as sandbox:
            own = OwnRepository(sandbox, origin, Path(root), without_docker)
            _introduce(sandbox, own, without_docker)
            with _following(own):
                sandbox.github.observers.append(own.answer)
                sandbox.github.open_form((OWNER, CONTRIBUTOR, STRANGER))
                wait()
                sandbox.github.observers.remove(own.answer)
            own.stop()
        if not without_docker:
            machine.remove_images(environment, sandbox.registry_host)
    return 0


def _introduce(sandbox: Sandbox, own: OwnRepository, without_docker: str) -> None:
    token = sandbox.github.user_token(OWNER).value
    say(exports({**sandbox.environment(), "GH_TOKEN": token, "GITHUB_REPOSITORY": own.name}).rstrip("\n"))
    say(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"')
    say("# Export these in another terminal. What `init` asks for is set here as soon as you commit its files: labels,")
    say("# variables, secrets, and on the cluster the namespace with the secret `wandb`.")
    if without_docker:
        say(f"# No image is built ({without_docker}): workflows run as processes, from the checkout.")
    say(f"# Commit to {own.default_branch}; each other branch becomes a pull request, whose page takes comments.")
    say(f"# The experiment tracker: {sandbox.wandb_url}/   The workflows: {sandbox.argo_url}/workflows")
    say("# Serving until stopped (Ctrl-C).")


@contextmanager
def _following(own: OwnRepository) -> Iterator[None]:
    """Look for new commits until the block ends."""
    stopped = threading.Event()

    def follow() -> None:
        while not stopped.wait(_SECONDS_BETWEEN_LOOKS):
            with suppress(GitError):  # somebody commits this very moment
                own.follow()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
