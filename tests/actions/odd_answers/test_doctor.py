"""The services send doctor odd answers: it never crashes, and a check that rests on one does not say `ok`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from mlops_sandbox.cluster import Cluster
from mlops_sandbox.github import GitHubServer
from mlops_sandbox.host import Host
from mlops_sandbox.wandb import WandbServer
from tests.actions.doctor.world import Diagnosed, World, build, registry_of_one_account
from tests.actions.odd_answers.answers import NO_CONTENT, ODD, OF_THE_BODY
from tests.actions.odd_answers.calls import shown
from tests.support.interceptor import Answer, Change, Interceptor
from tests.support.shared_host import SharedHost

GROUPS = ("github", "registry", "cluster", "wandb")
# The answer without which nothing else is asked.
FIRST = {"github": "/repos/octo-org/digits", "registry": "/v2/", "cluster": "/version", "wandb": "/graphql"}
ANSWERS = {**ODD, **NO_CONTENT, **OF_THE_BODY}


@dataclass(frozen=True)
class Trial:
    """A world in which everything is in place, and what stands between doctor and each service."""

    world: World
    between: Mapping[str, Interceptor]

    def ask(self, group: str, change: Change) -> Diagnosed:
        """Ask one group, with the change applied to all answers of its service."""
        self.between[group].arm("* /**", change)
        return self.world.ask("--only", group)

    def calls(self, group: str) -> list[str]:
        """Return the calls of the last time, each once."""
        return sorted(set(self.between[group].calls))


@pytest.fixture
def trial(github: GitHubServer, github_host: SharedHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trial]:
    registry, wandb, cluster = registry_of_one_account(), WandbServer(), Cluster()
    assert github_host.application is not None
    between = {
        "github": Interceptor(github_host.application),
        "registry": Interceptor(registry.app, prefix=""),
        "wandb": Interceptor(wandb.app, prefix=""),
        "cluster": Interceptor(cluster.app, prefix=""),
    }
    github_host.application = between["github"]
    with ExitStack() as stack:
        stack.enter_context(cluster)
        hosts = {name: stack.enter_context(Host(app)) for name, app in between.items() if name != "github"}
        hosts["argo"] = stack.enter_context(Host(cluster.argo_server))
        world = build(github, hosts, registry, wandb, cluster, tmp_path)
        monkeypatch.chdir(world.checkout)
        yield Trial(world, between)


def _to(calls: Mapping[str, Change]) -> Change:
    """Change the answers to some calls, each in its way."""

    def change(true: Answer) -> Answer:
        path = true.path.partition("?")[0].removeprefix("/api/v3")
        return calls[path](true) if path in calls else true

    return change


@pytest.mark.parametrize("group", GROUPS)
def test_an_odd_answer_is_told_with_its_call(group: str, trial: Trial) -> None:
    usual = trial.ask(group, lambda true: true)
    problems: dict[str, list[str]] = {}
    for call in trial.calls(group):
        path = call.partition(" ")[2]
        diagnosed = trial.ask(group, _to({path: ANSWERS["a page"]}))
        told = (check for check in diagnosed.checks if check not in usual.checks and check["status"] != "ok")
        texts = [f"{check['asked']} {check['answer']}" for check in told]
        if call != "GET /v2/" and not any(path in text for text in texts):  # each call gets a challenge of its own
            problems[call] = texts
    assert not problems, shown(problems)


@pytest.mark.parametrize("group", GROUPS)
def test_doctor_never_crashes(group: str, trial: Trial) -> None:
    usual = trial.ask(group, lambda true: true)
    paths = [call.partition(" ")[2] for call in trial.calls(group)]
    others = [path for path in paths if path != FIRST[group]]
    changes = list(ANSWERS.items())
    problems: dict[str, list[str]] = {}
    for asked, shift in product(([FIRST[group]], others), range(len(changes))):
        # Most checks need only one answer: so each call gets each odd answer, many of them in one run.
        odd = {path: changes[(shift + number) % len(changes)] for number, path in enumerate(asked)}
        diagnosed = trial.ask(group, _to({path: change for path, (_, change) in odd.items()}))
        found = [word for word in ("unexpected", "Traceback", "object has no", "Error(") if word in diagnosed.text]
        if found or diagnosed.code not in (0, 1) or len(diagnosed.checks) == 0:
            problems[", ".join(f"{path}: {name}" for path, (name, _) in odd.items())] = [*found, diagnosed.text]
    assert usual.code == 0
    assert not problems, shown(problems)
