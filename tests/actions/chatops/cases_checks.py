"""Checks that the base branch takes from one GitHub App only, which a commit status can be too."""

from __future__ import annotations

from collections.abc import Callable

from tests.actions.chatops.case import Case
from tests.support.payloads import Sample

# Who reports what about `coverage`, in order: a status of that state, or a check run with that conclusion.
Reports = tuple[tuple[str, str], ...]


def _reported(*reports: tuple[str, str], by: str = "protection", private: bool = False) -> Callable[[Sample], None]:
    """Require `coverage` of the App `codecov`, and let these report it.

    A report is who makes it and the state of a status; `check` before the name makes it a check run.
    """

    def before(sample: Sample) -> None:
        repository, sha = sample.repository, sample.pull.head_sha
        apps = {
            slug: sample.github.register_app(slug, permissions={"statuses": "write"}, repositories=[repository])
            for slug in ("codecov", "other-ci")
        }
        apps["codecov"].private = private
        repository.protect("main", ["coverage"], by=by, app=apps["codecov"])
        for who, state in reports:
            kind, _, name = who.rpartition(" ")
            if kind == "check":
                repository.check_run(sha, "coverage", conclusion=state, app=apps[name])
            else:
                repository.status(sha, "coverage", state, by=name)

    return before


def _of_a_job(sample: Sample) -> None:
    """Require `coverage` of GitHub Actions, and let a job report it as a status."""
    sample.repository.protect("main", ["coverage"], by="ruleset", app=sample.github.actions_app)
    sample.repository.status(sample.pull.head_sha, "coverage", "success", by="github-actions[bot]")


def _nameless(sample: Sample) -> None:
    """Let the account that made the status be gone."""
    _reported(("codecov[bot]", "success"))(sample)
    status = {"context": "coverage", "state": "success", "creator": None}
    sample.github.faults.answer("GET /repos/*/*/commits/*/statuses", 200, [status])


def _person_in_brackets(sample: Sample) -> None:
    """A server that shows a person with a bot's login: the type of the account counts too."""
    _reported(("codecov[bot]", "success"))(sample)
    creator = {"login": "codecov[bot]", "type": "User"}
    status = {"context": "coverage", "state": "success", "creator": creator}
    sample.github.faults.answer("GET /repos/*/*/commits/*/statuses", 200, [status])


APP, NOT_OF_THE_APP = "codecov[bot]", "missing; its status is not of this App"


def _case(name: str, reason: str, before: Callable[[Sample], None], *said: str, exit_code: int = 0) -> Case:
    return Case(
        f"App-bound status: {name}",
        reason,
        inputs={"require-checks": "required"},
        before=before,
        reply=said or None,
        exit_code=exit_code,
    )


CASES = [
    _case("by the App, for branch protection", "ok", _reported((APP, "success"))),
    _case("by the App, for a ruleset", "ok", _reported((APP, "success"), by="ruleset")),
    _case("by a job, for GitHub Actions", "ok", _of_a_job),
    _case("by a person", "checks", _reported(("writer", "success")), NOT_OF_THE_APP),
    _case("by a person called like the App", "checks", _reported(("codecov", "success")), NOT_OF_THE_APP),
    _case("by a job's own token", "checks", _reported(("github-actions[bot]", "success")), NOT_OF_THE_APP),
    _case("by another App", "checks", _reported(("other-ci[bot]", "success")), NOT_OF_THE_APP),
    _case("by a person with a bot's login", "checks", _person_in_brackets, NOT_OF_THE_APP),
    _case("by an account that is gone", "checks", _nameless, NOT_OF_THE_APP),
    _case("overwritten by a person", "checks", _reported((APP, "failure"), ("writer", "success")), NOT_OF_THE_APP),
    _case("of the App after a person's", "ok", _reported(("writer", "failure"), (APP, "success"))),
    _case("failed", "checks", _reported((APP, "error")), "coverage (of the App", "): failed"),
    _case("pending", "checks", _reported((APP, "pending")), "coverage (of the App", "): pending"),
    _case("failed beside a check run", "checks", _reported(("check codecov", "success"), (APP, "failure")), "): failed"),
    _case("a person's beside a check run", "ok", _reported(("check codecov", "success"), ("writer", "failure"))),
    _case("a check run of another App", "checks", _reported(("check other-ci", "success")), "): missing"),
    _case(
        "of a private App",
        "checks-unknown",
        _reported((APP, "success"), private=True),
        "'GET /apps/codecov' with 404",
        "make the App public",
        exit_code=3,
    ),
    _case(
        "whose maker cannot be read",
        "checks-unknown",
        lambda sample: (
            _reported((APP, "success"))(sample),
            sample.github.faults.answer("GET /repos/*/*/commits/*/statuses", 403),
        )[0],
        "permissions: { statuses: read }",
        exit_code=3,
    ),
]
