"""One repository on GitHub: what the actions read and write, call by call."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from mlops_actions.boundary.github import shapes
from mlops_actions.boundary.github.check_reports import CheckReports, output_summary
from mlops_actions.boundary.github.failures import GitHubRefused, hidden_app, label_refusal
from mlops_actions.boundary.github.sticky_comments import StickyComments
from mlops_actions.boundary.github.transport import NOT_GITHUB, GitHubTransport
from mlops_actions.boundary.github.workflow_runs import WorkflowRuns
from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput, Unavailable
from mlops_actions.core.event import PullRequest, pull_request
from mlops_actions.core.github_cli import host_of
from mlops_actions.core.markdown import COMMENT_LIMIT, cut
from mlops_actions.core.ports import Log
from mlops_actions.core.section import CommentSection
from mlops_actions.core.sticky import CommandComment, CommandMark
from mlops_actions.core.submitting_run import submitting_run
from mlops_actions.core.types import Json

_MAX_DESCRIPTION = 140
_CUT_NOTE = "_Cut here: GitHub takes at most 65,536 characters in a comment._"


class GitHub:
    """A client for one repository, with one token.

    `repository` is `owner/name`. `login` is the token's account, where it is known already (a GitHub App). `run_id` is the
    workflow run's id, which tells its own reports from earlier ones; `section` is this step's part of a comment that several
    jobs write, and `runs_url` with a run's id is the run's address.
    """

    def __init__(
        self,
        transport: GitHubTransport,
        repository: str,
        *,
        login: str = "",
        run_id: str = "",
        section: CommentSection | None = None,
        runs_url: str = "",
    ) -> None:
        self._api = transport
        self._root = f"/repos/{repository}"
        self._sticky_comments = StickyComments(
            transport, self._root, login=login, run_id=run_id, section=section, runs_url=runs_url
        )
        self._check_reports = CheckReports(transport, self._root)
        self.runs = WorkflowRuns(transport, self._root)

    @classmethod
    def connect(cls, token: str, context: Context, log: Log, section: CommentSection | None = None) -> GitHub:
        """Return a client for the workflow's repository, at the address the runner gave."""
        run_id = str(submitting_run(context) or context.run_id)
        transport = GitHubTransport(token, context.api_url, log)
        return cls(transport, context.repository, run_id=run_id, section=section, runs_url=context.runs_url)

    # Pull requests and people

    def pull_request(self, number: int) -> PullRequest:
        """Read a pull request."""
        answer = self._api.get(f"{self._root}/pulls/{number}", shapes.anything)
        try:
            found = pull_request(answer)
            if found.number != number:
                raise BadInput(f"it is about the pull request {found.number}", "")
        except BadInput as error:
            raise Unavailable(
                f"the answer to 'GET {self._root}/pulls/{number}' is not of GitHub's form: {error.cause}",
                NOT_GITHUB,
            ) from None
        return found

    def pull_request_of_commit(self, sha: str, head: str = "") -> int | None:
        """Return the number of the open pull request whose head is this commit; None where there is none, or several.

        `head` is the head's branch as `owner:branch`, where it is known. GitHub answers the question by commit with an empty
        list where only a fork has the commit (reported by TooTallNate/nx.js#410 and learningequality/kolibri#14719).
        """
        pulls = self._api.pages(f"{self._root}/commits/{_part(sha)}/pulls", shapes.PULL_REQUEST_OF_COMMIT)
        numbers = _open_with_head(pulls, sha)
        if not numbers and head:
            pulls = self._api.pages(f"{self._root}/pulls", shapes.PULL_REQUEST_OF_COMMIT, head=head, state="open")
            numbers = _open_with_head(pulls, sha)
        return numbers.pop() if len(numbers) == 1 else None

    def permission(self, login: str) -> Mapping[str, Any]:
        """Read a user's permission in the repository: `role_name`, `user.permissions`."""
        path = f"{self._root}/collaborators/{_part(login)}/permission"
        answer: Mapping[str, Any] = self._api.get(path, shapes.PERMISSION)
        return answer

    def is_team_member(self, team: str, login: str) -> bool:
        """Return whether a user is an active member of `org/team` or of a child team; the token must see the team."""
        organisation, _, slug = team.partition("/")
        path = f"/orgs/{_part(organisation)}/teams/{_part(slug)}/memberships/{_part(login)}"
        try:
            return bool(self._api.get(path, shapes.MEMBERSHIP)["state"] == "active")
        except GitHubRefused as refused:
            if refused.status != 404:
                raise
        # GitHub also answers 404 to a token that cannot see the team: the team itself must be readable.
        self._api.get(f"/orgs/{_part(organisation)}/teams/{_part(slug)}", shapes.TEAM)
        return False

    def reviews(self, number: int) -> Iterator[Mapping[str, Any]]:
        """Yield all reviews of a pull request, oldest first."""
        return self._api.pages(f"{self._root}/pulls/{number}/reviews", shapes.REVIEW)

    def files(self, number: int) -> Iterator[Mapping[str, Any]]:
        """Yield the files that a pull request changes; GitHub lists at most 3,000."""
        return self._api.pages(f"{self._root}/pulls/{number}/files", shapes.CHANGED_FILE)

    def events(self, number: int) -> Iterator[Mapping[str, Any]]:
        """Yield what happened to a pull request, newest first: `event` (`closed`, `reopened`, `labeled`), `created_at`."""
        return self._api.newest_first(f"{self._root}/issues/{number}/events", shapes.ISSUE_EVENT)

    def conversation(self, number: int, since: str) -> Iterator[Mapping[str, Any]]:
        """Yield the comments of an issue or pull request that were written or changed since a moment (ISO 8601)."""
        return self._api.pages(f"{self._root}/issues/{number}/comments", shapes.COMMENT_TO_READ, since=since)

    def account(self) -> str:
        """Return the login of the token's account."""
        return self._sticky_comments.account()

    def commits(self, number: int) -> Iterator[Mapping[str, Any]]:
        """Yield the commits of a pull request, oldest first; GitHub lists at most 250."""
        return self._api.pages(f"{self._root}/pulls/{number}/commits", shapes.COMMIT)

    # Commits, branches and workflow runs

    def workflow_run(self, run: int) -> Mapping[str, Any] | None:
        """Read a workflow run; None where this repository has none with this id."""
        try:
            path = f"{self._root}/actions/runs/{run}"
            answer: Mapping[str, Any] = self._api.get(path, shapes.WORKFLOW_RUN)
        except GitHubRefused as refused:
            if refused.status == 404:
                return None
            raise
        return answer

    def activity(self, repository: str, ref: str) -> Iterator[Mapping[str, Any]]:
        """Yield the updates of a ref (`refs/heads/…`), newest first: `ref`, `after`, `timestamp`, `actor`.

        `repository` is `owner/name`: a fork's branch is in another one.
        """
        path = f"/repos/{repository}/activity"
        return self._api.pages(path, shapes.ACTIVITY, ref=ref, direction="desc")

    def check_suites(self, sha: str) -> Iterator[Mapping[str, Any]]:
        """Yield the check suites of a commit."""
        path = f"{self._root}/commits/{sha}/check-suites"
        return self._api.pages(path, shapes.CHECK_SUITE, key="check_suites")

    def check_runs(self, sha: str) -> Iterator[Mapping[str, Any]]:
        """Yield the latest check runs of a commit."""
        path = f"{self._root}/commits/{sha}/check-runs"
        return self._api.pages(path, shapes.CHECK_RUN, key="check_runs")

    def statuses(self, sha: str) -> Iterator[Mapping[str, Any]]:
        """Yield the latest status of each context of a commit."""
        path = f"{self._root}/commits/{sha}/status"
        return self._api.pages(path, shapes.STATUS, key="statuses")

    def every_status(self, sha: str) -> Iterator[Mapping[str, Any]]:
        """Yield all statuses of a commit, newest first: `context`, `state`, `creator`, which `statuses` does not have."""
        return self._api.pages(f"{self._root}/commits/{sha}/statuses", shapes.STATUS_BY)

    def app_id(self, slug: str) -> int:
        """Return the id of the GitHub App with this slug; GitHub shows a private App to its owner alone."""
        try:
            return int(self._api.get(f"/apps/{_part(slug)}", shapes.APP)["id"])
        except GitHubRefused as refused:
            if refused.status == 404:
                raise hidden_app(slug) from None
            raise

    def required_checks(self, branch: str) -> tuple[tuple[str, int], ...]:
        """Return the checks that a branch requires, by its protection and by rulesets.

        Each name comes with the id of the App that must report the check, 0 where any may.
        """
        answer = self._api.get(f"{self._root}/branches/{_part(branch)}", shapes.BRANCH)
        protection = answer["protection"].get("required_status_checks") or {}
        protected = dict.fromkeys(protection.get("contexts", []), 0)
        protected |= {check["context"]: _app_id(check.get("app_id")) for check in protection.get("checks") or []}
        required = dict.fromkeys(protected.items())
        for rule in self._api.pages(f"{self._root}/rules/branches/{_part(branch)}", shapes.RULE):
            if rule["type"] == "required_status_checks":
                checks = rule["parameters"]["required_status_checks"]
                required |= dict.fromkeys((check["context"], _app_id(check.get("integration_id"))) for check in checks)
        return tuple(required)

    def file(self, path: str, branch: str, limit: int) -> bytes | None:
        """Read a file of a branch; None where there is none. Raises Unavailable for one of `limit` bytes or more."""
        call = f"{self._root}/contents/{quote(path)}"
        try:
            # A tag can have the name of the branch: the whole name of the ref is one of a branch only.
            entry = self._api.get(call, shapes.FILE, ref=f"refs/heads/{branch}")
        except GitHubRefused as refused:
            if refused.status == 404:
                return None
            raise
        if entry["size"] >= limit:
            raise Unavailable(
                f"{path} on the branch {branch} has {entry['size']} bytes; GitHub takes less than {limit}",
                f"make {path} shorter",
            )
        if entry["encoding"] != "base64":  # GitHub puts no file of more than 1 MB into this answer
            call = f"{self._root}/git/blobs/{entry['sha']}"
            entry = self._api.get(call, shapes.BLOB)
        try:
            return base64.b64decode(entry["content"])
        except ValueError:
            raise Unavailable(
                f"the answer to 'GET {call}' is not of GitHub's form: its content is not base64", NOT_GITHUB
            ) from None

    # Comments, reactions and labels

    def react(self, target: str, content: str) -> int:
        """Add a reaction to `issues/comments/ID`, `pulls/comments/ID` or `issues/NUMBER`; returns its id."""
        path = f"{self._root}/{target}/reactions"
        body = {"content": content}
        _, reaction = self._api.send("POST", path, shapes.REACTION, body=body, repeatable=True)
        return int(reaction["id"])

    def unreact(self, target: str, reaction: int) -> None:
        """Remove a reaction; it may be gone already."""
        self._delete(f"{self._root}/{target}/reactions/{reaction}", shapes.nothing)

    def comment(self, number: int, body: str) -> str:
        """Write a comment on an issue or pull request; returns its html_url."""
        path = f"{self._root}/issues/{number}/comments"
        text = cut(body, COMMENT_LIMIT, _CUT_NOTE)
        _, comment = self._api.send("POST", path, shapes.COMMENT, body={"body": text})
        return str(comment["html_url"])

    def upsert_comment(self, number: int, tag: str, body: str, *, keep: bool = False, replaces: bool = False) -> str:
        """Write a text into the comment of this tag, or create that comment; returns its html_url.

        `keep` makes the body a report, which later runs of the workflow fold instead of replacing. `replaces` hides the
        reports of earlier commands with this tag as outdated.
        """
        return self._sticky_comments.upsert(number, tag, body, keep=keep, replaces=replaces)

    def share_comment(self, number: int, beginning: str, compose: Callable[[Sequence[str]], str]) -> str:
        """Write one comment together with other workflow runs; returns its html_url."""
        return self._sticky_comments.share(number, beginning, compose)

    def begin_command(self, number: int, tag: str, mark: CommandMark, about: str, *, again: bool = False) -> int:
        """Write the comment of a command that starts, or use that of an earlier attempt again; returns its id."""
        return self._sticky_comments.begin_command(number, tag, mark, about, again=again)

    def end_command(self, number: int, comment_id: int, tag: str, mark: CommandMark, about: str) -> tuple[str, str]:
        """Say in the comment of a command how it ended; returns its html_url and the first line of its report."""
        return self._sticky_comments.end_command(number, comment_id, tag, mark, about)

    def command_comments(self, number: int) -> list[CommandComment]:
        """Return the comments of commands on a pull request, oldest first."""
        return self._sticky_comments.command_comments(number)

    def open_commands(self, number: int, label: str) -> list[CommandMark]:
        """Return the marks of the commands that have this pending label and still run, by their comments."""
        return self._sticky_comments.open_commands(number, label)

    def add_labels(self, number: int, labels: list[str]) -> None:
        """Add labels to an issue or pull request; GitHub creates one that does not exist where the token may do that."""
        path = f"{self._root}/issues/{number}/labels"
        try:
            self._api.send("POST", path, shapes.LABELS, body={"labels": labels}, repeatable=True)
        except GitHubRefused as refused:
            repository = self._root.removeprefix("/repos/")
            host = host_of(self._api.api_url)
            raise label_refusal(refused, labels, repository, host, as_app=self._api.as_app) from None

    def remove_label(self, number: int, label: str) -> None:
        """Remove a label; it may be gone already."""
        self._delete(f"{self._root}/issues/{number}/labels/{_part(label)}", shapes.LABELS)

    # Check runs and deployments

    def create_check_run(self, name: str, sha: str, *, url: str, title: str, summary: str, external_id: str = "") -> int:
        """Create a check run in progress on a commit; `url` is the address of its details. Returns its id."""
        body: Json = {
            "name": name,
            "head_sha": sha,
            "status": "in_progress",
            "details_url": url,
            "output": {"title": title, "summary": output_summary(summary)},
        }
        if external_id:
            body["external_id"] = external_id
        path = f"{self._root}/check-runs"
        _, check_run = self._api.send("POST", path, shapes.WRITTEN_CHECK_RUN, body=body)
        return int(check_run["id"])

    def check_runs_named(self, name: str, sha: str) -> Iterator[Mapping[str, Any]]:
        """Yield all check runs of a commit with this name, newest first."""
        path = f"{self._root}/commits/{sha}/check-runs"
        return self._api.pages(path, shapes.CHECK_RUN, key="check_runs", check_name=name, filter="all")

    def find_check_run(self, name: str, sha: str, external_id: str) -> int:
        """Return the id of the check run that was created with this external id; 0 where there is none."""
        check_runs = self.check_runs_named(name, sha)
        return next((int(run["id"]) for run in check_runs if run.get("external_id") == external_id), 0)

    def conclude_check_run(self, check_run: int, conclusion: str, *, title: str, summary: str) -> None:
        """Conclude a check run: `success`, `failure`, `cancelled`, `neutral`, `timed_out`, `skipped`."""
        path = f"{self._root}/check-runs/{check_run}"
        body = {
            "status": "completed",
            "conclusion": conclusion,
            "output": {"title": title, "summary": output_summary(summary)},
        }
        self._api.send("PATCH", path, shapes.concluded_check_run(conclusion), body=body)

    def report_check_run(
        self, name: str, sha: str, conclusion: str, *, external_id: str, url: str, title: str, summary: str
    ) -> None:
        """Show a report as a check run; without a conclusion it stays in progress, for a later report to conclude."""
        self._check_reports.write(name, sha, conclusion, external_id=external_id, url=url, title=title, summary=summary)

    def create_deployment(self, sha: str, environment: str, payload: Mapping[str, Any], description: str) -> int:
        """Create a deployment of exactly this commit; returns its id."""
        body = {
            "ref": sha,
            "environment": environment,
            "payload": payload,
            "description": description[:_MAX_DESCRIPTION],
            # By default GitHub merges the base branch first, and so deploys another commit.
            "auto_merge": False,
            "required_contexts": [],
        }
        path = f"{self._root}/deployments"
        _, deployment = self._api.send("POST", path, shapes.DEPLOYMENT, body=body)
        return int(deployment["id"])

    def deployment_status(
        self, deployment: int, state: str, *, url: str, description: str, environment_url: str = ""
    ) -> None:
        """Add a status to a deployment: `in_progress`, `success`, `failure`, `error`, `inactive`.

        `url` is the address of the run, `environment_url` that of what was deployed (empty: none).
        """
        body: Json = {"state": state, "log_url": url, "description": description[:_MAX_DESCRIPTION], "auto_inactive": True}
        if environment_url:
            body["environment_url"] = environment_url
        path = f"{self._root}/deployments/{deployment}/statuses"
        self._api.send("POST", path, shapes.deployment_status(state), body=body)

    def find_deployment(self, sha: str, environment: str, description: str) -> int:
        """Return the id of the deployment that was created with this description; 0 where there is none."""
        expected = description[:_MAX_DESCRIPTION]
        deployments = self.deployments(sha, environment)
        return next((int(deployment["id"]) for deployment in deployments if deployment.get("description") == expected), 0)

    def deployments(self, sha: str, environment: str) -> Iterator[Mapping[str, Any]]:
        """Yield the deployments of a commit to an environment, newest first."""
        return self._api.pages(f"{self._root}/deployments", shapes.DEPLOYMENT, sha=sha, environment=environment)

    def deployment_state(self, deployment: int) -> str:
        """Return the state of a deployment, as its newest status has it; empty where it has none yet."""
        statuses = self._api.pages(f"{self._root}/deployments/{deployment}/statuses", shapes.DEPLOYMENT_STATUS)
        return next((str(status["state"]) for status in statuses), "")

    def _delete(self, path: str, shape: shapes.Shape) -> None:
        try:
            self._api.send("DELETE", path, shape)
        except GitHubRefused as refused:
            if refused.status != 404:
                raise


def _open_with_head(pulls: Iterator[Mapping[str, Any]], sha: str) -> set[int]:
    return {int(pull["number"]) for pull in pulls if pull["state"] == "open" and pull["head"]["sha"] == sha}


def _part(text: str) -> str:
    """Quote one part of a path: a label or branch may hold any character."""
    return quote(text, safe="")


def _app_id(value: int | None) -> int:
    # GitHub writes "any App" as null and as -1.
    return value if value and value > 0 else 0
