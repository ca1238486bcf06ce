"""docker-publish gets an odd answer to each of its calls: it reuses no image for it, claims no digest, never crashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from mlops_actions.boundary.http import USER_AGENT
from mlops_actions.core.checkout import Checkout
from mlops_actions.core.errors import ActionError
from mlops_actions.core.outcome import Outcome
from mlops_sandbox.github import GitHubServer
from mlops_sandbox.registry import Account, Registry
from tests.actions.docker_publish.conftest import publisher, publisher_of, registry_host, workspace
from tests.actions.docker_publish.publisher import Publisher
from tests.actions.odd_answers.calls import Call, odd_answers, shown, times_asked, undeclared
from tests.support.docker_publish import COMMITTED
from tests.support.interceptor import Answer, Change, Interceptor
from tests.support.payloads import make_sample
from tests.support.registries import PASSWORD, USER
from tests.support.shared_host import SharedHost
from tests.support.step import LocalRunner, Step

__all__ = ["publisher", "publisher_of", "registry_host", "workspace"]
LOGIN = {"username": USER, "password": PASSWORD}
_JSON = "application/json"
_MANIFEST = ("config", "config.digest", "config.size", "layers", "layers.[].digest", "layers.[].size")


def _publish(publisher: Publisher, **inputs: str) -> Callable[[], Outcome]:
    return lambda: publisher.publish(LOGIN | {name.replace("_", "-"): value for name, value in inputs.items()})


def _again(publisher: Publisher, **inputs: str) -> Callable[[], Outcome]:
    """Publish once, so that the next commit finds its image in the registry."""
    publisher.publish(LOGIN | {name.replace("_", "-"): value for name, value in inputs.items()})
    publisher.docker.images.clear()
    publisher.checkout = Checkout("f" * 40, "main", committed=COMMITTED + 60)
    return _publish(publisher, **inputs)


def _with_base(publisher: Publisher) -> Callable[[], Outcome]:
    """Start from an image of the same registry."""
    publisher.publish(LOGIN | {"image": f"{publisher.host}/octo/base"})
    publisher.docker.images.clear()  # else the daemon's own is used
    (publisher.workspace / "Dockerfile").write_text(f"FROM {publisher.host}/octo/base:main\n")
    return _again(publisher)


def _from_elsewhere(publisher: Publisher) -> Callable[[], Outcome]:
    publisher.publish(LOGIN | {"image": f"{publisher.host}/octo/other"})
    return _publish(publisher, reuse_from="octo/other")


def _release(publisher: Publisher) -> Callable[[], Outcome]:
    publisher.publish(LOGIN | {"tags": "v1.0.0\nv2.0.0"})
    publisher.checkout = Checkout("f" * 40, "", tags=("refs/tags/v1.0.1",), committed=COMMITTED + 60)
    return lambda: publisher.publish(LOGIN, GITHUB_REF="refs/tags/v1.0.1")


def _tried_again(publisher: Publisher) -> Callable[[], Outcome]:
    """The login runs out at the end of the push."""
    publisher.registry.quirks.late_statuses = [401]
    return _publish(publisher)


def _immutable(publisher: Publisher) -> Callable[[], Outcome]:
    """Build once more what an immutable tag stands for already."""
    once_more = _publish(publisher, skip_unchanged="false", tags="v1")
    once_more()
    publisher.registry.quirks.immutable_tags = "ecr"
    return once_more


SCENARIOS: dict[str, Callable[[Publisher], Callable[[], Outcome]]] = {
    "a first image": _publish,
    "a reuse": _again,
    "a reuse of a young image": partial(_again, max_age="24h"),
    "a base image": _with_base,
    "a reuse from elsewhere": _from_elsewhere,
    "a release": _release,
    "a push that is tried again": _tried_again,
    "an image that an immutable tag stands for": _immutable,
}
REUSED = frozenset(SCENARIOS) - {"a first image", "a push that is tried again", "an image that an immutable tag stands for"}
# With `empty` the true answer has no body that is read.
CALLS = (
    Call("GET /v2/", "a first image", "feedback", empty=True),
    Call("GET /token", "a first image", "decision", ("token",)),
    Call("GET /v2/octo/digits/manifests/ctx-*", "a first image", "decision"),
    Call("POST /v2/octo/digits/blobs/uploads/", "a first image", "decision", empty=True),
    Call("DELETE /v2/octo/digits/blobs/uploads/*", "a first image", "feedback", empty=True),
    Call("HEAD /v2/octo/digits/manifests/latest", "a first image", "decision", empty=True),
    Call("HEAD /v2/octo/digits/manifests/main", "a first image", "decision", empty=True),
    Call("GET /v2/octo/digits/manifests/sha256:*", "a first image", "decision", _MANIFEST),
    Call("GET /v2/octo/digits/manifests/latest", "a first image", "feedback"),
    Call("GET /v2/octo/digits/manifests/main", "a first image", "feedback"),
    Call("GET /v2/octo/digits/manifests/0123456789ab", "a first image", "feedback"),
    Call("PUT /v2/octo/digits/manifests/*", "a first image", "decision", empty=True),
    Call("GET /v2/octo/digits/blobs/*", "a first image", "feedback"),
    Call("GET /v2/octo/digits/manifests/ctx-*", "a reuse", "decision", _MANIFEST),
    Call("HEAD /v2/octo/digits/blobs/*", "a reuse", "decision", empty=True),
    Call("PUT /v2/octo/digits/manifests/*", "a reuse", "decision", empty=True),
    # How old an image is stands in its tag of the period; the configuration is only described.
    Call("GET /v2/octo/digits/blobs/*", "a reuse of a young image", "feedback"),
    Call("HEAD /v2/octo/base/manifests/main", "a base image", "feedback", empty=True),
    Call("GET /v2/octo/other/manifests/ctx-*", "a reuse from elsewhere", "decision", _MANIFEST),
    Call("HEAD /v2/octo/other/blobs/*", "a reuse from elsewhere", "decision", empty=True),
    Call("GET /v2/octo/other/blobs/*", "a reuse from elsewhere", "feedback"),
    Call("POST /v2/octo/digits/blobs/uploads/", "a reuse from elsewhere", "decision", empty=True),
    Call("POST /v2/octo/digits/blobs/uploads/", "a push that is tried again", "decision", empty=True, occurrence=3),
    Call("GET /token", "a push that is tried again", "decision", ("token",), occurrence=2),
    Call("GET /v2/octo/digits/manifests/v1", "an image that an immutable tag stands for", "decision", _MANIFEST),
    # 404 and null are the answers for a repository without tags.
    Call(
        "GET /v2/octo/digits/tags/list",
        "a release",
        "decision",
        ("tags?", "tags.[]"),
        silent=("404", "as HTML", "names twice"),
    ),
)

_GZIP = b"\x1f\x8b"


class Trial:
    """Plays a scenario on a registry of its own each time, with one answer changed; Docker's own calls are left alone."""

    def __init__(self, shared: SharedHost, workspace: Path, directory: Path) -> None:
        self._shared, self._workspace, self._directory, self._count = shared, workspace, directory, 0
        self._dockerfile = (workspace / "Dockerfile").read_text()

    def run(self, call: Call, change: Change) -> tuple[Outcome | ActionError, Publisher, Interceptor]:
        registry = Registry(challenge="bearer", accounts={USER: Account(PASSWORD)})
        registry.quirks.token_fields = ("token",)
        interceptor = Interceptor(registry.app, prefix="")

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            by_action = (b"user-agent", USER_AGENT.encode()) in scope.get("headers", ())
            await (interceptor if by_action else registry.app)(scope, receive, send)

        self._shared.application = serve
        self._count += 1
        (self._workspace / "Dockerfile").write_text(self._dockerfile)
        runner = LocalRunner(self._directory / str(self._count), "Octo/Digits", workspace=self._workspace)
        host = self._shared.host.url.removeprefix("http://")
        publisher = Publisher(runner=runner, registry=registry, host=host)
        play = SCENARIOS[call.scenario](publisher)
        # The question for a login is what `GET /v2/` is for; elsewhere it is no answer yet.
        skipped = () if call.route == "GET /v2/" else (401,)
        interceptor.arm(call.route, partial(_of_the_same_type, change, skipped), call.occurrence)
        try:
            return play(), publisher, interceptor
        except ActionError as error:
            return error, publisher, interceptor

    def usual(self, call: Call) -> tuple[Outcome, bytes]:
        """Run with no answer changed; return also the body of the true answer."""
        bodies: list[bytes] = []

        def keep(true: Answer) -> Answer:
            bodies.append(true.body)
            return true

        outcome, _, interceptor = self.run(call, keep)
        assert isinstance(outcome, Outcome), outcome
        assert interceptor.changed, interceptor.calls
        return outcome, bodies[-1]


def _of_the_same_type(change: Change, skipped: tuple[int, ...], true: Answer) -> Answer:
    """Let a body that claims to be JSON claim to be what was asked for; the question for a token stays as it is.

    So does a layer: it is no document, and looked into for hints only (`test_layer_hints.py`).
    """
    if true.status in skipped or true.body.startswith(_GZIP):
        return true
    answer = change(true)
    if answer is true or not answer.headers.get("content-type", "").startswith(_JSON):
        return answer
    headers = {**answer.headers, "content-type": true.headers.get("content-type", _JSON)}
    return replace(answer, headers=headers)


def problems(call: Call, outcome: Outcome | ActionError, publisher: Publisher, *, usual: Outcome) -> Iterator[str]:
    """Yield what is wrong with a step that got an odd answer."""
    if isinstance(outcome, ActionError):
        if call.kind == "feedback":
            yield f"it failed: {outcome}"
        if not outcome.remedy or not any(name in outcome.cause for name in (publisher.host, "the registry")):
            yield f"the error names no registry or remedy: {outcome}"
        return
    digest = outcome.outputs["digest"]
    if wrong := {tag for tag in outcome.outputs["tags"].split() if publisher.tags.get(tag) != digest}:
        yield f"it claims {digest} for {wrong}"
    rests = call.kind == "decision" and call.scenario in REUSED and not call.empty and "tags/list" not in call.route
    if rests and outcome.outputs["built"] == "false":
        yield "it reused an image"
    if call.scenario not in REUSED and outcome.outputs["built"] == "false":
        yield "it reused an image that is not there"
    if call.scenario == "a release" and outcome.outputs["tags"] != usual.outputs["tags"]:
        yield f"it moved {outcome.outputs['tags']}"


@pytest.fixture
def trial(registry_host: SharedHost, workspace: Path, tmp_path: Path) -> Iterator[Trial]:
    yield Trial(registry_host, workspace, tmp_path)
    registry_host.application = None


def test_every_call_is_in_the_table(trial: Trial) -> None:
    for scenario in SCENARIOS:
        outcome, _, interceptor = trial.run(Call("GET /nothing", scenario, "decision"), lambda true: true)
        assert isinstance(outcome, Outcome), (scenario, outcome)
        assert outcome.outputs["built"] == str(scenario not in REUSED).lower(), scenario
        assert undeclared(interceptor.calls, CALLS) == set(), scenario
        for call in (call for call in CALLS if call.scenario == scenario):
            assert times_asked(interceptor, call) >= max(call.occurrence, 1), (scenario, call, interceptor.calls)


def test_github_is_asked_nothing(github_host: SharedHost, publisher: Publisher, workspace: Path, tmp_path: Path) -> None:
    github = GitHubServer(origin=github_host.host.url)
    recorder = github_host.application = Interceptor(github.app)
    addresses = {"GITHUB_API_URL": github.api_url, "GITHUB_SERVER_URL": github.origin}
    addresses["GITHUB_GRAPHQL_URL"] = f"{github.origin}/api/graphql"
    make_sample(github).pull.push(by="writer")
    push = github.deliveries[-1]
    publisher.publish(event=push.event, payload=push.payload, environ=addresses)
    publisher.publish(environ=addresses, GITHUB_REF="refs/tags/v1.0.0")
    # The whole action, as far as it goes without Docker.
    runner = LocalRunner(tmp_path / "job", workspace=workspace)
    environ = {**addresses, "PATH": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/none"}
    step = Step("docker-publish", {"image": "digits"}, push.event, push.payload, environ)
    record = runner.run(step)
    assert "no Docker daemon answers" in record.log
    assert runner.run(replace(step, event=None, state=record.state, post=True)).exit_code == 0
    github_host.application = None
    assert recorder.calls == []


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_an_odd_answer_of_a_registry_reuses_nothing_and_claims_no_digest(call: Call, trial: Trial) -> None:
    usual, true_body = trial.usual(call)
    found: dict[str, list[str]] = {}
    for name, change in odd_answers(call, true_body):
        if call.silent and name.startswith(call.silent):
            continue
        outcome, publisher, interceptor = trial.run(call, change)
        assert interceptor.changed, name
        if wrong := list(problems(call, outcome, publisher, usual=usual)):
            found[name] = wrong
    assert not found, shown(found)
