"""The calls of chatops, and the scenarios that make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mlops_actions.core.callback import EVENT_TYPE, CallBack
from mlops_sandbox.github import Delivery, GitHubServer
from tests.actions.chatops.cases_controls import HERE, accepted
from tests.actions.chatops.step import APP_PERMISSIONS, ChatopsStep, app_inputs
from tests.actions.odd_answers.calls import Call, Play
from tests.support.call_backs import submitting_run
from tests.support.payloads import Sample, make_sample

_RIGHTS = dict.fromkeys(("actions", "checks", "contents", "deployments", "issues", "pull-requests", "statuses"), "write")
_FEEDBACK = {
    "pending-label": "training",
    "success-label": "trained",
    "check-name": "model",
    "environment": "staging",
    "reply": "always",
}


@dataclass
class World:
    """A GitHub with a sample, and a job on it."""

    github: GitHubServer
    directory: Path

    @cached_property
    def sample(self) -> Sample:
        """A repository with a pull request and a team."""
        sample = make_sample(self.github)
        self.github.team("octo-org/ml", ["maintainer"])
        return sample

    def with_check(self) -> World:
        """Let a check and a status pass, which the base branch requires."""
        sha, repository = self.sample.pull.head_sha, self.sample.repository
        repository.check_run(sha, "tests", conclusion="success")
        repository.status(sha, "lint", "success")
        repository.protect("main", ["tests"])
        repository.protect("main", ["lint"], by="ruleset")
        return self

    def with_status_of_an_app(self) -> World:
        """Let an App's commit status pass, which the base branch takes from that App only."""
        repository, sha = self.sample.repository, self.sample.pull.head_sha
        app = self.github.register_app("ci", permissions={"statuses": "write"}, repositories=[repository])
        repository.status(sha, "lint", "success", by=app.bot)
        repository.protect("main", ["lint"], app=app)
        return self

    def play(self, delivery: Delivery[Any], inputs: Mapping[str, str], *, post: bool = False, run_id: str = "7") -> Play:
        """Return the last stage of a scenario; with `post` the main stage runs now."""
        stage = ChatopsStep(
            self.github,
            self.directory,
            permissions=_RIGHTS,
            environ={"GITHUB_RUN_ID": run_id, **HERE},
        )
        given = {"commands": "/train, /deploy", "reaction": "none", "reply": "never", **inputs}
        state = stage.run(delivery, given).state if post else None
        return lambda: stage.run(delivery, given, post=post, state=state)

    def comment(self, body: str = "/train", by: str = "maintainer") -> Delivery[Any]:
        """Comment on the pull request."""
        return self.sample.pull.comment(body, by=by)

    def with_label(self) -> World:
        """Set a label that no command sets."""
        self.sample.pull.label("data", by="maintainer")
        return self

    def without(self, route: str, status: int = 403) -> World:
        """Refuse a route."""
        assert self.sample
        self.github.faults.answer(route, status)
        return self


def _review(world: World) -> Play:
    world.sample.pull.review("APPROVED", by="writer")
    # The author's own approval does not count, so that of another one is asked for.
    world.sample.repository.collaborator("reviewer", "maintain")
    world.sample.pull.review("APPROVED", by="reviewer")
    return world.play(world.comment(), {"require-approval": "true"})


def _code_owner(world: World, more: str = "") -> Play:
    sample = world.sample
    repository = sample.repository
    files = {".github/CODEOWNERS": f"*.py @reviewer\n{more}", "old.py": "pass\n"}
    repository.branches["schedule"] = sample.pull.base_sha = repository.push("main", by="maintainer", files=files).sha
    repository.push("schedule", by="writer", files={"old.py": None, "train.py": "pass\n"})
    sample.repository.collaborator("reviewer", "write")
    sample.pull.review("APPROVED", by="reviewer")
    return world.play(world.comment(), {"require-code-owner": "true"})


def _call_back(world: World, inputs: Mapping[str, str]) -> Play:
    sample = world.sample
    sha = sample.pull.head_sha
    claim = CallBack(sha=sha, pull_request=1, run=7, workflow="train", phase="Succeeded")
    submitting_run(sample.repository, claim)
    if "check-name" in inputs:
        world.play(world.comment(), {**inputs, "conclude": "false"})()
    sample.pull.push(sha="e" * 40)
    return world.play(sample.repository.dispatch(EVENT_TYPE, claim.payload(), by="maintainer"), inputs, run_id="8")


def _as_app(world: World, inputs: Mapping[str, str], by: str = "maintainer") -> Play:
    return world.play(world.comment(by=by), {**app_inputs(world.sample, APP_PERMISSIONS), **inputs})


def _control(world: World, body: str, *, ends: str = "", reply: str = "never") -> Play:
    accepted(ends=ends)(world.sample)
    return world.play(world.comment(body), {"controls": body.removeprefix("/"), "reply": reply})


def _approval(world: World) -> Play:
    accepted(by="writer")(world.sample)
    return world.play(world.comment(f"/approve sha={world.sample.pull.head_sha}"), {"controls": "approve"})


def _left(world: World) -> Play:
    """Let a run die, so that the post stage of the next one ends what it left."""
    accepted(ends="failure")(world.sample)
    world.play(world.comment(), _FEEDBACK, run_id="100")()
    return world.play(world.comment("/status"), {**_FEEDBACK, "controls": "status"}, post=True)


def _locked(world: World) -> Play:
    accepted(lock="gpu", said=False)(world.sample)
    return world.play(world.comment(), {"commands": "train: {lock: gpu}", "reply": "always"}, run_id="200")


def _lost(world: World, created_by: str) -> Play:
    """Lose the answer to a creation, so that the post stage searches for what was created."""
    assert world.sample
    world.github.faults.close(created_by, done=True)
    return world.play(world.comment(), _FEEDBACK, post=True)


SCENARIOS: Mapping[str, Callable[[World], Play]] = {
    "a command": lambda world: world.play(world.comment(), {}),
    "a command after a reopening": lambda world: (
        world.sample.pull.close(by="writer"),
        world.sample.pull.reopen(by="writer"),
        world.play(world.comment(), {}),
    )[-1],
    "a command of a team": lambda world: _as_app(world, {"allow-teams": "octo-org/ml"}),
    "a command by no member of the team": lambda world: _as_app(world, {"allow-teams": "octo-org/ml"}, by="writer"),
    "a command where the activity cannot be read": lambda world: (
        world.with_check().without("GET /repos/*/*/activity").play(world.comment(), {"head": "suites"})
    ),
    "a command with an approval": _review,
    "a command with a code owner": _code_owner,
    "a command with a long file of code owners": lambda world: _code_owner(world, more=f"# {'-' * 80}\n" * 13_000),
    "a command with checks": lambda world: world.with_check().play(world.comment(), {"require-checks": "required"}),
    "a command with an App's status": lambda world: world.with_status_of_an_app().play(
        world.comment(), {"require-checks": "required"}
    ),
    "a call-back": lambda world: _call_back(world, {}),
    "a call-back without activity": lambda world: _call_back(world.without("GET /repos/*/*/activity"), {}),
    "a call-back with feedback": lambda world: _call_back(world, {"check-name": "model"}),
    "the first feedback": lambda world: world.play(world.comment(), {**_FEEDBACK, "reaction": "eyes"}),
    "the last feedback": lambda world: world.with_label().play(
        world.comment(), {**_FEEDBACK, "reaction": "eyes"}, post=True
    ),
    "a lost check run": lambda world: _lost(world, "POST /repos/*/*/check-runs"),
    "a lost deployment": lambda world: _lost(world, "POST /repos/*/*/deployments"),
    "a denial": lambda world: world.play(world.comment(by="outsider"), {"reply": "always"}),
    "feedback of an App": lambda world: _as_app(world, {"pending-label": "training"}),
    "a stop": lambda world: _control(world, "/stop"),
    "a stop of a detached workflow": lambda world: _control(world, "/stop", ends="success"),
    "a retry": lambda world: _control(world, "/retry", ends="failure", reply="always"),
    "an approval of a workflow": _approval,
    "what a dead run left": _left,
    "a lock": _locked,
    "a token of an App": lambda world: _as_app(world, {"export-app-token": "true"}),
}

_PULL_REQUEST = (
    "number", "state", "draft?", "merged?", "user.login", "user.type?", "head.ref", "head.sha", "head.repo.id",
    "head.repo.full_name", "base.ref", "base.sha", "base.repo.id", "base.repo.full_name", "html_url?",
)  # fmt: skip
_CHECK_RUNS = ("check_runs", "check_runs.[].id", "check_runs.[].name", "check_runs.[].status")
_COMMENT = ("id", "html_url")
_COMMENTS = (*(f"[].{name}" for name in _COMMENT), "[].body?", "[].user?", "[].user.login")
# As every answer to a job's token is; the account is then the workflow's own.
_REFUSED = ("403", "404", "cut off", "no UTF-8", "as HTML", "names twice")
_COMMAND_RUN = (
    "id", "path", "event", "head_branch?", "status", "conclusion?", "created_at", "actor?", "actor.login", "actor.id",
)  # fmt: skip
_JOBS = (
    "jobs", "jobs.[].id", "jobs.[].name", "jobs.[].status", "jobs.[].conclusion?", "jobs.[].started_at?",
    "jobs.[].run_attempt",
)  # fmt: skip
_RUNS = ("workflow_runs", *(f"workflow_runs.[].{name}" for name in _COMMAND_RUN))
_ANNOTATIONS = ("[].title?", "[].message")
_INSTALLATION = ("id", "app_slug", "permissions")
_TOKEN = ("token", "permissions")

CALLS = (
    Call("GET /repos/*/*/pulls/*", "a command", "decision", _PULL_REQUEST, occurrence=1),
    Call("GET /repos/*/*/pulls/*", "a command", "decision", _PULL_REQUEST, occurrence=2),
    Call(
        "GET /repos/*/*/collaborators/*/permission", "a command", "decision",
        ("permission", "role_name?", "user", "user.id", "user.permissions?"),
    ),
    Call("GET /repos/*/*/issues/*/events", "a command after a reopening", "decision", ("[].event", "[].created_at")),
    Call(
        "GET /repos/*/*/activity", "a command", "decision",
        ("[].ref", "[].timestamp", "[].before?", "[].after", "[].actor?", "[].actor.login", "[].actor.id"),
    ),
    Call("GET /orgs/*/teams/*/memberships/*", "a command of a team", "decision", ("state",), absence="not-allowed"),
    Call("GET /orgs/*/teams/*", "a command by no member of the team", "decision", ("id",)),
    Call(
        "GET /repos/*/*/commits/*/check-suites", "a command where the activity cannot be read", "decision",
        ("check_suites", "check_suites.[].created_at?", "check_suites.[].head_branch?"),
    ),
    Call(
        "GET /repos/*/*/pulls/*/reviews", "a command with an approval", "decision",
        ("[].user?", "[].user.login", "[].user.id", "[].state", "[].commit_id?", "[].author_association?"),
    ),
    Call(
        "GET /repos/*/*/pulls/*/files", "a command with a code owner", "decision",
        ("[].filename", "[].status", "[].contents_url", "[].previous_filename?"),
    ),
    Call(
        "GET /repos/*/*/contents/**", "a command with a code owner", "decision",
        ("type", "encoding", "size", "content", "sha"), absence="code-owners-unknown",
    ),
    Call(
        "GET /repos/*/*/git/blobs/*", "a command with a long file of code owners", "decision", ("encoding", "content"),
    ),
    Call(
        "GET /repos/*/*/commits/*/check-runs", "a command with checks", "decision",
        (*_CHECK_RUNS, "check_runs.[].conclusion?", "check_runs.[].app?", "check_runs.[].app.id", "check_runs.[].app.slug?"),
    ),
    Call(
        "GET /repos/*/*/commits/*/status", "a command with checks", "decision",
        ("statuses", "statuses.[].context", "statuses.[].state"),
    ),
    Call(
        "GET /repos/*/*/branches/*", "a command with checks", "decision",
        (
            "protection", "protection.required_status_checks?", "protection.required_status_checks.contexts",
            "protection.required_status_checks.checks?", "protection.required_status_checks.checks.[].context",
            "protection.required_status_checks.checks.[].app_id?",
        ),
    ),
    Call(
        "GET /repos/*/*/rules/branches/*", "a command with checks", "decision",
        (
            "[].type", "[].parameters", "[].parameters.required_status_checks",
            "[].parameters.required_status_checks.[].context",
        ),
    ),
    Call(
        "GET /repos/*/*/commits/*/statuses", "a command with an App's status", "decision",
        ("[].context", "[].state", "[].creator?", "[].creator.login", "[].creator.type"),
    ),
    Call("GET /apps/*", "a command with an App's status", "decision", ("id",)),
    Call(
        "GET /repos/*/*/actions/runs/*", "a call-back", "decision",
        ("event", "head_sha", "created_at", "actor?", "actor.login", "actor.id"),
        absence="run-not-here",
    ),
    Call(
        "GET /repos/*/*/actions/runs/*/jobs", "a call-back", "decision",
        _JOBS,
    ),
    Call(
        "GET /repos/*/*/check-runs/*/annotations", "a call-back", "decision",
        ("[].title?", "[].message"), absence="workflow-not-of-run",
    ),
    Call(
        "GET /repos/*/*/actions/workflows/*/runs", "a stop", "decision",
        _RUNS,
    ),
    Call("GET /repos/*/*/actions/runs/*/jobs", "a stop", "decision", _JOBS),
    Call(
        "GET /repos/*/*/check-runs/*/annotations", "a stop", "decision", ("[].title?", "[].message"),
        absence="nothing-to-stop",
    ),
    # The true answer is an object without fields, which these are too.
    Call(
        "POST /repos/*/*/actions/runs/*/cancel", "a stop", "decision", silent=("an empty object", "no UTF-8", "names twice")
    ),
    Call(
        "GET /repos/*/*/actions/runs/*", "a stop of a detached workflow", "decision", _COMMAND_RUN,
        absence="nothing-to-stop",
    ),
    Call("GET /repos/*/*/issues/*/comments", "a stop of a detached workflow", "decision", _COMMENTS),
    Call(
        "GET /repos/*/*/issues/comments/*", "a retry", "decision",
        ("id", "html_url", "body?", "created_at", "updated_at", "user?", "user.login", "user.id", "issue_url?"),
        absence="nothing-to-retry",
    ),
    Call(
        "GET /repos/*/*/activity", "an approval of a workflow", "decision",
        ("[].ref", "[].timestamp", "[].before?", "[].after", "[].actor?", "[].actor.login", "[].actor.id"),
    ),
    Call("GET /repos/*/*/pulls/*/commits", "a call-back without activity", "decision", ("[].sha",)),
    Call("GET /repos/*/*/installation", "a command of a team", "decision", _INSTALLATION),
    Call("POST /app/installations/*/access_tokens", "a command of a team", "decision", _TOKEN),
    Call("GET /repos/*/*/installation", "a token of an App", "decision", _INSTALLATION),
    Call("POST /app/installations/*/access_tokens", "a token of an App", "decision", _TOKEN),
    Call("GET /repos/*/*/installation", "feedback of an App", "feedback", _INSTALLATION),
    Call("POST /app/installations/*/access_tokens", "feedback of an App", "feedback", _TOKEN),
    Call(
        "GET /repos/*/*/commits/*/check-runs", "a call-back with feedback", "feedback",
        (*_CHECK_RUNS, "check_runs.[].external_id?"),
    ),
    Call("POST /repos/*/*/issues/comments/*/reactions", "the first feedback", "feedback", ("id",)),
    Call("POST /repos/*/*/issues/*/labels", "the first feedback", "feedback", ("[].name",)),
    Call("POST /repos/*/*/check-runs", "the first feedback", "feedback", ("id",)),
    Call("POST /repos/*/*/deployments", "the first feedback", "feedback", ("id",)),
    Call("POST /repos/*/*/deployments/*/statuses", "the first feedback", "feedback", ("id", "state")),
    Call("POST /repos/*/*/issues/*/comments", "the first feedback", "feedback", ("id", "html_url")),
    Call("POST /repos/*/*/issues/*/comments", "a denial", "feedback", ("id", "html_url")),
    Call("POST /repos/*/*/issues/comments/*/reactions", "a denial", "feedback", ("id",)),
    Call("GET /repos/*/*/issues/*/comments", "the last feedback", "feedback", _COMMENTS),
    Call("GET /repos/*/*/issues/comments/*", "the last feedback", "feedback", _COMMENT, silent=("404", "410")),
    Call("PATCH /repos/*/*/issues/comments/*", "the last feedback", "feedback", _COMMENT, silent=("404", "410")),
    Call("GET /user", "the last feedback", "feedback", silent=_REFUSED),
    Call("POST /api/graphql", "the last feedback", "feedback", silent=("",)),
    Call("DELETE /repos/*/*/issues/comments/*/reactions/*", "the last feedback", "feedback", empty=True, silent=("404",)),
    Call("DELETE /repos/*/*/issues/*/labels/*", "the last feedback", "feedback", ("[].name",), silent=("404",)),
    Call("POST /repos/*/*/issues/*/labels", "the last feedback", "feedback", ("[].name",)),
    Call("PATCH /repos/*/*/check-runs/*", "the last feedback", "feedback", ("id", "conclusion")),
    Call("POST /repos/*/*/deployments/*/statuses", "the last feedback", "feedback", ("id", "state")),
    Call("POST /repos/*/*/issues/comments/*/reactions", "the last feedback", "feedback", ("id",)),
    Call(
        "GET /repos/*/*/commits/*/check-runs", "a lost check run", "feedback", (*_CHECK_RUNS, "check_runs.[].external_id?")
    ),
    Call("GET /repos/*/*/deployments", "a lost deployment", "feedback", ("[].id", "[].description?")),
    # What dead runs left is ended where all of it can be read; else the log says so, and the next run tries again.
    Call("GET /repos/*/*/pulls/*", "what a dead run left", "feedback", _PULL_REQUEST, silent=("",)),
    Call("GET /repos/*/*/issues/*/comments", "what a dead run left", "feedback", _COMMENTS, silent=("",)),
    Call(
        "GET /repos/*/*/commits/*/check-runs", "what a dead run left", "feedback",
        (*_CHECK_RUNS, "check_runs.[].external_id?"), silent=("",),
    ),
    Call("GET /repos/*/*/deployments", "what a dead run left", "feedback", ("[].id", "[].description?"), silent=("",)),
    Call("GET /repos/*/*/deployments/*/statuses", "what a dead run left", "feedback", ("[].state",), silent=("",)),
    Call("GET /repos/*/*/actions/runs/*", "what a dead run left", "feedback", _COMMAND_RUN, silent=("",)),
    Call("GET /repos/*/*/actions/runs/*/jobs", "what a dead run left", "feedback", _JOBS, silent=("",)),
    Call("GET /repos/*/*/check-runs/*/annotations", "what a dead run left", "feedback", _ANNOTATIONS, silent=("",)),
    Call("GET /repos/*/*/actions/workflows/*/runs", "a lock", "feedback", _RUNS),
    Call("GET /repos/*/*/actions/runs", "a lock", "feedback", _RUNS),
    Call("GET /repos/*/*/actions/runs/*/jobs", "a lock", "feedback", _JOBS),
    Call("GET /repos/*/*/check-runs/*/annotations", "a lock", "feedback", _ANNOTATIONS, silent=("404",)),
)  # fmt: skip
