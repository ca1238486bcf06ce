"""W&B sends odd answers to its own SDK: a model has the alias, or an error says that it may not have it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from mlops_actions.boundary.doctor.log import QuietLog
from mlops_actions.boundary.wandb.project import WandbProject
from mlops_actions.boundary.wandb.server import Server
from mlops_actions.core.errors import Refused, Unavailable
from mlops_actions.core.runs import Artifact, Run, RunKeys, RunQuery
from mlops_sandbox.host import Host
from mlops_sandbox.wandb import WandbServer
from mlops_sandbox.wandb.store import Collection
from tests.actions.odd_answers.answers import NO_CONTENT, ODD, OF_THE_BODY
from tests.support.interceptor import Interceptor

# The SDK follows a redirect, or tries again, for long.
ANSWERS = {name: change for name, change in {**ODD, **NO_CONTENT, **OF_THE_BODY}.items() if not name.startswith("30")}
MODEL = Artifact(name="weights", version=0, type="model", digest="d")
REQUESTS = 7  # of the SDK, to give an alias


@pytest.fixture(scope="module")
def promotion() -> Iterator[tuple[WandbProject, Run, Interceptor, Collection]]:
    """A project with a run that logged a model, and what stands between the SDK and W&B."""
    server = WandbServer()
    interceptor = Interceptor(server.app, prefix="")
    with Host(interceptor) as host:
        run = server.store.add_run("sandbox", "digits", name="r1", state="finished")
        collection = server.store.project("sandbox", "digits").collection("weights", "model")
        server.store.add_artifact(collection, "d", run=run)
        project = WandbProject("sandbox/digits", Server(host.url, host.url, server.api_key), QuietLog({}))
        [candidate] = project.find(RunQuery(), None, RunKeys()).candidates
        interceptor.calls.clear()
        project.promote(candidate, MODEL, "best")
        assert "best" in collection.aliases
        assert len(interceptor.calls) <= REQUESTS + 1
        yield project, candidate, interceptor, collection


@pytest.mark.parametrize("request_number", range(1, REQUESTS + 1))
def test_an_alias_is_there_or_missed(
    request_number: int, promotion: tuple[WandbProject, Run, Interceptor, Collection]
) -> None:
    project, run, interceptor, collection = promotion
    for name, change in ANSWERS.items():
        interceptor.arm("POST /graphql", change, request_number)
        alias = f"{name}-{request_number}".replace(" ", "-").replace(",", "")
        promoted = False
        with contextlib.suppress(Refused, Unavailable):
            project.promote(run, MODEL, alias)
            promoted = True
        assert not promoted or alias in collection.aliases, name
