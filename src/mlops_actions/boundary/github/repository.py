"""One repository on GitHub: what the actions read from it and write to it, call by call.

Each call names the `permissions:` line it needs, for the message where it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from mlops_actions.boundary.github.failures import GitHubRefused
from mlops_actions.boundary.github.transport import Transport
from mlops_actions.core.context import Context
from mlops_actions.core.errors import ActionError, BadInput, Unavailable
from mlops_actions.core.event import PullRequest, pull_request
from mlops_actions.core.markdown import COMMENT_LIMIT, cut
from mlops_actions.core.ports import Log
from mlops_actions.core.sticky import compose, marker

# How the workflow's own token signs; it may not ask who it is.
WORKFLOW_LOGIN = "github-actions[bot]"
_COMMENTS = "pull-requests: write"
_OUTPUT_BYTES = 65_535
_TRIES = 3
_GONE = (404, 410)
_CUT_NOTE = "_Cut here: GitHub takes at most 65,536 characters in a comment._"


class GitHub:
    """`repository` is `owner/name`. `login` is who the token acts as, where that is known already (a GitHub App).

    `run_id` is the workflow run's, which tells its own reports from earlier ones.
    """

    def __init__(self, transport: Transport, repository: str, *, login: str = "", run_id: str = "") -> None:
        self._api = transport
        self.repository = repository
        self._login = login
        self._run_id = run_id
        self._root = f"/repos/{repository}"

    @classmethod
    def connect(cls, token: str, context: Context, log: Log) -> GitHub:
        """Reach the repository that the workflow runs in, at the address the runner gave."""
        return cls(Transport(token, context.api_url, log), context.repository, run_id=context.run_id)

    # Pull requests and people

    def pull_request(self, number: int) -> PullRequest:
        """Read a pull request."""
        answer = self._api.get(f"{self._root}/pulls/{number}", needs="pull-requests: read")
        try:
            return pull_request(answer)
        except BadInput as error:
            raise Unavailable(
                f"the answer to 'GET {self._root}/pulls/{number}' is not of GitHub's form: {error.cause}",
                "check GITHUB_API_URL and the proxy between the runner and GitHub",
            ) from None

    def pull_request_of_commit(self, sha: str) -> int | None:
        """Return the number of the open pull request whose head is this commit; None where there is none, or several."""
        pulls = self._api.pages(f"{self._root}/commits/{_part(sha)}/pulls", needs="pull-requests: read")
        numbers = {int(pull["number"]) for pull in pulls if pull["state"] == "open" and pull["head"]["sha"] == sha}
        return numbers.pop() if len(numbers) == 1 else None

    def permission(self, login: str) -> Mapping[str, Any]:
        """Ask what a user may do here: `role_name`, `user.permissions`."""
        found: Mapping[str, Any] = self._api.get(f"{self._root}/collaborators/{_part(login)}/permission")
        return found

    def is_team_member(self, team: str, login: str) -> bool:
        """Whether a user is an active member of `org/team` (also through a child team); the token must be able to see it."""
        organisation, _, slug = team.partition("/")
        path = f"/orgs/{_part(organisation)}/teams/{_part(slug)}/memberships/{_part(login)}"
        try:
            return bool(self._api.get(path)["state"] == "active")
        except GitHubRefused as refused:
            if refused.status != 404:
                raise
        # 404 is also the answer of a token that cannot see the team: only a team that can be read has no such member.
        self._api.get(f"/orgs/{_part(organisation)}/teams/{_part(slug)}")
        return False

    def reviews(self, number: int) -> Iterator[Mapping[str, Any]]:
        """Yield all reviews of a pull request, oldest first."""
        return self._api.pages(f"{self._root}/pulls/{number}/reviews", needs="pull-requests: read")

    def commits(self, number: int) -> Iterator[Mapping[str, Any]]:
        """Yield the commits of a pull request, oldest first; GitHub lists at most 250."""
        return self._api.pages(f"{self._root}/pulls/{number}/commits", needs="pull-requests: read")

    # What is known about a commit

    def workflow_run(self, run: int) -> Mapping[str, Any] | None:
        """Read a workflow run; None where this repository has none of that id."""
        try:
            found: Mapping[str, Any] = self._api.get(f"{self._root}/actions/runs/{run}", needs="actions: read")
        except GitHubRefused as refused:
            if refused.status == 404:
                return None
            raise
        return found

    def activity(self, ref: str) -> Iterator[Mapping[str, Any]]:
        """Yield the updates of a ref (`refs/heads/…`), newest first: `before`, `after`, `timestamp`."""
        return self._api.pages(f"{self._root}/activity", needs="contents: read", ref=ref, direction="desc")

    def check_suites(self, sha: str) -> Iterator[Mapping[str, Any]]:
        """Yield a commit's check suites."""
        return self._api.pages(f"{self._root}/commits/{sha}/check-suites", needs="checks: read", key="check_suites")

    def check_runs(self, sha: str) -> Iterator[Mapping[str, Any]]:
        """Yield the latest check runs of a commit."""
        return self._api.pages(f"{self._root}/commits/{sha}/check-runs", needs="checks: read", key="check_runs")

    def statuses(self, sha: str) -> Iterator[Mapping[str, Any]]:
        """Yield the latest status of each context of a commit."""
        return self._api.pages(f"{self._root}/commits/{sha}/status", needs="statuses: read", key="statuses")

    def required_checks(self, branch: str) -> tuple[tuple[str, int], ...]:
        """Name the checks that a branch requires, by its protection and by rulesets.

        With each goes the id of the App whose check it must be, 0 where anybody's will do.
        """
        protected = self._api.get(f"{self._root}/branches/{_part(branch)}", needs="contents: read")
        protection = (protected.get("protection") or {}).get("required_status_checks") or {}
        found = dict.fromkeys(protection.get("contexts") or [], 0)
        found |= {check["context"]: _app_id(check.get("app_id")) for check in protection.get("checks") or []}
        required = dict.fromkeys(found.items())
        for rule in self._api.pages(f"{self._root}/rules/branches/{_part(branch)}"):
            if rule.get("type") == "required_status_checks":
                checks = rule["parameters"]["required_status_checks"]
                required |= dict.fromkeys((check["context"], _app_id(check.get("integration_id"))) for check in checks)
        return tuple(required)

    # The conversation

    def react(self, target: str, content: str) -> int:
        """Put a reaction on `issues/comments/ID`, `pulls/comments/ID` or `issues/NUMBER`; returns its id."""
        _, made = self._api.send(
            "POST", f"{self._root}/{target}/reactions", body={"content": content}, needs=_COMMENTS, repeatable=True
        )
        return int(made["id"])

    def unreact(self, target: str, reaction: int) -> None:
        """Take a reaction away; one that is gone already is fine."""
        self._gone(f"{self._root}/{target}/reactions/{reaction}")

    def comment(self, number: int, body: str) -> str:
        """Write a comment on an issue or pull request; returns its html_url."""
        _, made = self._api.send(
            "POST", f"{self._root}/issues/{number}/comments", body={"body": _fitting(body)}, needs=_COMMENTS
        )
        return str(made["html_url"])

    def upsert_comment(self, number: int, tag: str, body: str, *, keep: bool = False) -> str:
        """Write the one comment that carries `tag`, or bring it up to date; returns its html_url.

        It is found by a hidden marker in its first line and by having been written by us: anybody can write the marker.
        `keep` makes the body a report that later runs of the workflow fold instead of replacing. Of several, which jobs
        make that begin at once, the oldest stays.
        """
        for _ in range(_TRIES):
            found = self._marked(number, tag)
            made: Mapping[str, Any] = {}
            if not found:
                text = compose(tag, body, run=self._run_id, keep=keep)
                path = f"{self._root}/issues/{number}/comments"
                _, made = self._api.send("POST", path, body={"body": text}, needs=_COMMENTS)
                # Another job may have looked before this one wrote, and written too.
                found = sorted([*(other for other in self._marked(number, tag) if other["id"] != made["id"]), made], key=_id)
                if found[0] is made:
                    return str(made["html_url"])
            oldest, *younger = found
            text = compose(
                tag,
                body,
                before=str(oldest["body"]),
                run=self._run_id,
                keep=keep,
                day=str(oldest.get("updated_at") or "")[:10],
            )
            try:
                path = f"{self._root}/issues/comments/{oldest['id']}"
                _, updated = self._api.send("PATCH", path, body={"body": text}, needs=_COMMENTS)
            except GitHubRefused as refused:
                if refused.status not in _GONE:
                    raise
                continue  # deleted since it was found
            for other in younger:
                self._gone(f"{self._root}/issues/comments/{other['id']}")
            return str(updated["html_url"])
        raise Unavailable(
            f"the comment '{tag}' was deleted {_TRIES} times while it was written", "see what else deletes comments there"
        )

    def _marked(self, number: int, tag: str) -> list[Mapping[str, Any]]:
        """Our comments with a tag, oldest first."""
        pages = self._api.pages(f"{self._root}/issues/{number}/comments", needs="pull-requests: read")
        marked = [comment for comment in pages if str(comment.get("body") or "").startswith(marker(tag))]
        return sorted((comment for comment in marked if self._is_ours(comment)), key=_id)

    def _is_ours(self, comment: Mapping[str, Any]) -> bool:
        author = comment.get("user") or {}
        return bool(author.get("login")) and author["login"] == self._who()

    def _who(self) -> str:
        """Learn who the token acts as: a user may ask; an installation is told by GraphQL alone, and not everywhere."""
        if not self._login:
            try:
                self._login = str(self._api.get("/user")["login"])
            except GitHubRefused:
                self._login = self._viewer() or WORKFLOW_LOGIN
        return self._login

    def _viewer(self) -> str:
        base = self._api.api_url
        address = f"{base.removesuffix('/v3')}/graphql"
        try:
            _, answer = self._api.send("POST", address, body={"query": "query{viewer{login}}"}, repeatable=True)
            return str(answer["data"]["viewer"]["login"])
        except (ActionError, KeyError, TypeError):
            return ""

    # Labels

    def add_labels(self, number: int, labels: list[str]) -> None:
        """Set labels on an issue or pull request; one that does not exist is made."""
        self._api.send(
            "POST", f"{self._root}/issues/{number}/labels", body={"labels": labels}, needs=_COMMENTS, repeatable=True
        )

    def remove_label(self, number: int, label: str) -> None:
        """Take a label away; one that is not there is fine."""
        self._gone(f"{self._root}/issues/{number}/labels/{_part(label)}")

    # Checks and deployments

    def create_check_run(self, name: str, sha: str, *, url: str, title: str, summary: str, external_id: str = "") -> int:
        """Open a check run in progress on a commit; `url` is where its details are. Returns its id."""
        body: dict[str, Any] = {
            "name": name,
            "head_sha": sha,
            "status": "in_progress",
            "details_url": url,
            "output": {"title": title, "summary": _output(summary)},
        }
        if external_id:
            body["external_id"] = external_id
        _, made = self._api.send("POST", f"{self._root}/check-runs", body=body, needs="checks: write")
        return int(made["id"])

    def check_runs_named(self, name: str, sha: str) -> Iterator[Mapping[str, Any]]:
        """Yield all check runs of a name on a commit, newest first."""
        path = f"{self._root}/commits/{sha}/check-runs"
        return self._api.pages(path, needs="checks: read", key="check_runs", check_name=name, filter="all")

    def find_check_run(self, name: str, sha: str, external_id: str) -> int:
        """Look for the check run that was opened with this external id; 0 where there is none."""
        runs = self.check_runs_named(name, sha)
        return next((int(run["id"]) for run in runs if run.get("external_id") == external_id), 0)

    def conclude_check_run(self, check_run: int, conclusion: str, *, title: str, summary: str) -> None:
        """End a check run: `success`, `failure`, `cancelled`, `neutral`, `timed_out`, `skipped`."""
        body = {
            "status": "completed",
            "conclusion": conclusion,
            "output": {"title": title, "summary": _output(summary)},
        }
        self._api.send("PATCH", f"{self._root}/check-runs/{check_run}", body=body, needs="checks: write")

    def create_deployment(self, sha: str, environment: str, payload: Mapping[str, Any], description: str) -> int:
        """Create a deployment of exactly this commit; returns its id."""
        body = {
            "ref": sha,
            "environment": environment,
            "payload": payload,
            "description": description[:140],
            # GitHub would otherwise merge the base branch first, and so deploy another commit.
            "auto_merge": False,
            "required_contexts": [],
        }
        _, made = self._api.send("POST", f"{self._root}/deployments", body=body, needs="deployments: write")
        return int(made["id"])

    def deployment_status(self, deployment: int, state: str, *, url: str, description: str) -> None:
        """Report on a deployment: `in_progress`, `success`, `failure`, `error`, `inactive`."""
        body = {"state": state, "log_url": url, "description": description[:140], "auto_inactive": True}
        path = f"{self._root}/deployments/{deployment}/statuses"
        self._api.send("POST", path, body=body, needs="deployments: write")

    def find_deployment(self, sha: str, environment: str, description: str) -> int:
        """Look for the deployment that was created with this description; 0 where there is none."""
        path = f"{self._root}/deployments"
        made = self._api.pages(path, needs="deployments: read", sha=sha, environment=environment)
        return next((int(one["id"]) for one in made if one.get("description") == description[:140]), 0)

    # Events

    def dispatch(self, event_type: str, payload: Mapping[str, Any]) -> None:
        """Send a `repository_dispatch`."""
        body = {"event_type": event_type, "client_payload": payload}
        self._api.send("POST", f"{self._root}/dispatches", body=body, needs="contents: write")

    def _gone(self, path: str) -> None:
        try:
            self._api.send("DELETE", path, needs=_COMMENTS)
        except GitHubRefused as refused:
            if refused.status != 404:
                raise


def _part(text: str) -> str:
    """One part of a path: a label or branch may hold anything."""
    return quote(text, safe="")


def _app_id(value: int | None) -> int:
    # GitHub writes "anybody" as null and as -1.
    return value if value and value > 0 else 0


def _id(comment: Mapping[str, Any]) -> int:
    return int(comment["id"])


def _output(summary: str) -> str:
    """Fit a check run's summary, whose limit counts bytes."""
    room = _OUTPUT_BYTES
    while (size := len((fitting := cut(summary, room, _CUT_NOTE)).encode())) > _OUTPUT_BYTES:
        room = room * _OUTPUT_BYTES // size
    return fitting


def _fitting(body: str) -> str:
    return cut(body, COMMENT_LIMIT, _CUT_NOTE)
