"""Decide whether a step that may not push builds all the same: to test a pull request takes no right to publish. Pure."""

from __future__ import annotations

from mlops_actions.core.errors import Refused
from mlops_actions.docker_publish.registries import credentials
from mlops_actions.docker_publish.request import BuildRequest

_DEPENDABOT = "dependabot[bot]"
# What tests code. By any other event somebody asks for work, and the next step needs the image: without its reference it
# would run another one.
_TESTING_EVENTS = ("push", "pull_request", "pull_request_target", "merge_group", "schedule")


def why_not_pushed(request: BuildRequest, refusal: Refused) -> str:
    """Return why the image is built and not pushed after the registry's refusal; empty where the refusal is a failure.

    The job's own token may be one that only reads, which nobody has to know who writes the workflow: GitHub gives such a
    token to runs of Dependabot, or an organisation's settings do. A login that the user chose must work. With `push: true`
    the step must push, and so it must after a command or a dispatch.
    """
    inputs, name = request.inputs, request.name
    if inputs.push is not None or request.merge or request.context.event_name not in _TESTING_EVENTS:
        return ""
    if refusal.status not in (401, 403):
        return ""
    login = credentials.choose(inputs, name.registry, request.context.server_url)
    by_dependabot = request.context.actor == _DEPENDABOT
    # A registry may answer 401, and not 403, to a token that is valid and has less rights than the request needs.
    if login.password is not None and login.password == inputs.github_token:
        source = "a run of Dependabot gets a token that only reads" if by_dependabot else "it may only read"
        return f"not pushed: {name.registry} refused the job's own token ({source}); 'packages: write' lets it push"
    if by_dependabot and login.password is None:
        return f"not pushed: a run of Dependabot has none of the repository's secrets, so no login for {name.registry}"
    return ""
