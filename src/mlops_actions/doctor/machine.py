"""The checks of the runner: its version, Docker, disk, clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime

from mlops_actions.core.errors import ActionError
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.ports import GitHubApi, RunnerApi
from mlops_actions.doctor.scope import Scope

_CHECK = Checker("runner")
# References that older runners do not know: an action of the file's own commit (`$/`, github.com's changelog of 2026-07-30),
# and actions on Node.js 24 (https://github.com/actions/checkout#checkout-v5).
_NEEDED = (
    (re.compile(r"\$/"), (2, 336, 0)),
    (re.compile(r"actions/checkout@v(?:[5-9]|[1-9][0-9])"), (2, 327, 1)),
)
_MIN_FREE_BYTES = 5 << 30
_MAX_SKEW_SECONDS = 60  # GitHub refuses an App's token that begins in its future


def check(scope: Scope, api: RunnerApi, github: Callable[[], GitHubApi]) -> Iterator[HealthCheck]:
    """Ask this machine, which is the runner if doctor runs as a job."""
    if scope.workflow.steps("docker-publish"):
        yield _docker(scope, api)
        yield _disk(api)
    yield from _version(scope, api)
    yield _clock(api, github)


def _version(scope: Scope, api: RunnerApi) -> Iterator[HealthCheck]:
    """Compare the runner's version with the newest one that a `uses:` of the file needs."""
    needs = [(version, uses) for uses in scope.workflow.uses for pattern, version in _NEEDED if pattern.match(uses)]
    if not needs:
        return
    needed, uses = max(needs)
    name, asked = "runner version", f"the version for 'uses: {uses}'"
    least = ".".join(map(str, needed))
    if not api.is_job:
        yield _CHECK.skipped(name, f"this machine is not the runner; {uses} needs {least} or newer")
        return
    text = api.runner_version()
    found = re.match(r"([0-9]+)\.([0-9]+)\.([0-9]+)", text)
    if found is None:
        look = "open the job's log: 'Set up job' prints 'Current runner version'"
        yield _CHECK.unknown(name, asked, f"the runner does not tell its version; {uses} needs {least}", remedy=look)
    elif tuple(map(int, found.groups())) < needed:
        update = "update the runner: https://github.com/actions/runner/releases"
        yield _CHECK.fails(name, asked, f"{text} is older than {least}, which {uses} needs", remedy=update)
    else:
        yield _CHECK.ok(name, asked, text)


def _docker(scope: Scope, api: RunnerApi) -> HealthCheck:
    if any(step.inputs.get("builder") for step in scope.workflow.steps("docker-publish")):
        return _CHECK.skipped("Docker", "the workflow file names a builder of its own")
    try:
        return _CHECK.ok("Docker", "ping the daemon", f"Docker {api.docker()}")
    except ActionError as error:
        if not api.is_job:
            return _CHECK.skipped("Docker", f"this machine is not the runner ({error.cause})")
        return _CHECK.fails(
            "Docker", "ping the daemon", error.cause, remedy="docker version  # on the runner; or name a 'builder'"
        )


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
