"""The checks of the runner: Docker, disk, clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime

from mlops_actions.core.errors import ActionError
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.ports import GitHubApi, RunnerApi
from mlops_actions.doctor.scope import Scope

_CHECK = Checker("runner")
_MIN_FREE_BYTES = 5 << 30
_MAX_SKEW_SECONDS = 60  # GitHub refuses an App's token that begins in its future


def check(scope: Scope, api: RunnerApi, github: Callable[[], GitHubApi]) -> Iterator[HealthCheck]:
    """Ask this machine, which is the runner if doctor runs as a job."""
    if scope.workflow.steps("docker-publish"):
        yield _docker(scope, api)
        yield _disk(api)
    yield _clock(api, github)


def _docker(scope: Scope, api: RunnerApi) -> HealthCheck:
    if any(step.inputs.get("builder") for step in scope.workflow.steps("docker-publish")):
        return _CHECK.skipped("Docker", "the workflow file names a builder of its own")
    try:
        return _CHECK.ok("Docker", "ping the daemon", f"Docker {api.docker()}")
    except ActionError as error:
        if not api.is_job:
            return _CHECK.skipped("Docker", f"this machine is not the runner ({error.cause})")
        return _CHECK.fails("Docker", "ping the daemon", error.cause, remedy="docker version")


def _disk(api: RunnerApi) -> HealthCheck:
    free = api.free_bytes()
    text = f"{free / (1 << 30):.1f} GiB are free"
    if free >= _MIN_FREE_BYTES:
        return _CHECK.ok("disk", "free space", text)
    if not api.is_job:
        return _CHECK.skipped("disk", f"this machine is not the runner ({text})")
    return _CHECK.fails("disk", "free space", text, remedy="docker system prune --all --force")


def _clock(api: RunnerApi, github: Callable[[], GitHubApi]) -> HealthCheck:
    asked = "the header Date of GitHub"
    try:
        sent = github().get("/rate_limit").headers.get("date", "")
        skew = api.now() - parsedate_to_datetime(sent).timestamp()
    except (ActionError, ValueError, TypeError) as error:
        return _CHECK.unknown("clock", asked, error.cause if isinstance(error, ActionError) else "GitHub sent no time")
    if abs(skew) <= _MAX_SKEW_SECONDS:
        return _CHECK.ok("clock", asked, f"differs by {abs(skew):.0f} s at most")
    return _CHECK.fails("clock", asked, f"this machine's clock is {skew:+.0f} s off", remedy="sudo timedatectl set-ntp true")
