"""Workflows written for Publish-Docker-Github-Action, with nothing but `uses:` replaced, against Debian's registry."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops_sandbox.github import GitHubServer
from tests.e2e.act import Act, WorkflowRun
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.docker_daemon import Docker
from tests.e2e.dropin import OldRepository
from tests.e2e.publishing import git

FILES = {
    "Dockerfile": "FROM scratch\nCOPY VERSION /VERSION\n",
    "VERSION": "2.14\n",
    "server/image/Dockerfile": (
        "FROM scratch\nARG GREETING=none\nARG FLAVOUR=none\nLABEL greeting=$GREETING flavour=$FLAVOUR\nCOPY app.py /app.py\n"
    ),
    "server/app.py": "print('serving')\n",
}


@pytest.fixture
def old(act: Act, docker: Docker, registry: DebianRegistry, tmp_path: Path) -> Iterator[OldRepository]:
    repository = OldRepository.make(act, tmp_path / "origin", ["publish-docker-refs", "publish-docker-options"], FILES)
    repository.secrets |= {
        "DOCKER_USERNAME": registry.username,
        "DOCKER_PASSWORD": registry.password,
        "DOCKER_REGISTRY": registry.host,
        "GITHUB_TOKEN": "the-jobs-own",
    }
    yield repository
    references = docker(
        "image", "ls", "--filter", f"reference={registry.host}/octo/*", "--format", "{{.Repository}}:{{.Tag}}"
    )
    docker("image", "rm", *references.split(), check=False)


def tags(run: WorkflowRun) -> list[list[str]]:
    """Return the tags of the three steps of `publish-docker-refs`, with SNAPSHOT for a tag of that form."""
    snapshot = re.compile(r"20[0-9]{12}[0-9a-f]{6}")
    tags_by_step = [run.step(step).outputs["tags"].splitlines() for step in ("plain", "named", "versioned")]
    return [["SNAPSHOT" if snapshot.fullmatch(tag) else tag for tag in step_tags] for step_tags in tags_by_step]


@pytest.mark.parametrize(
    ("ref", "expected"),
    [
        ("refs/heads/main", [["latest"], ["latest"], ["latest", "SNAPSHOT"]]),
        ("refs/heads/feature/new-layer", [["feature-new-layer"], ["feature-new-layer"], ["feature-new-layer", "SNAPSHOT"]]),
        ("refs/tags/v1.2.3", [["latest"], ["v1.2.3"], ["1.2.3", "1.2", "1", "SNAPSHOT"]]),
        # A pre-release was `latest`, and no longer is.
        ("refs/tags/v2.0.0-rc.1", [["v2.0.0-rc.1"], ["v2.0.0-rc.1"], ["2.0.0-rc.1", "SNAPSHOT"]]),
        ("refs/tags/nightly", [["latest"], ["nightly"], ["nightly", "SNAPSHOT"]]),
    ],
)
def test_tags_follow_the_ref(old: OldRepository, registry: DebianRegistry, ref: str, expected: list[list[str]]) -> None:
    run = old.push("publish-docker-refs", ref)
    assert tags(run) == expected
    for step, repository in (("plain", "octo/plain"), ("named", "octo/named"), ("versioned", "octo/versioned")):
        outputs = run.step(step).outputs
        assert outputs["tag"] == outputs["tags"].splitlines()[0]
        digest = outputs["digest"].removeprefix(f"{registry.host}/{repository}@")
        assert {registry.digest(repository, tag) for tag in outputs["tags"].splitlines()} == {digest}
    assert run.step("versioned").outputs["snapshot-tag"] == run.step("versioned").outputs["tags"].splitlines()[-1]


def test_a_pull_request_is_tagged_with_its_commit(old: OldRepository, registry: DebianRegistry) -> None:
    github = GitHubServer()
    github.repository(old.name, sha=old.head).open_pull_request(by="maintainer", head="change", sha=old.head)
    opened = next(delivery for delivery in github.deliveries if delivery.event == "pull_request")
    run = old.run("publish-docker-refs", opened.event, opened.payload)
    assert tags(run) == [[old.head], [old.head], [old.head, "SNAPSHOT"]]
    assert registry.digest("octo/plain", old.head)


def test_every_option_has_its_effect(old: OldRepository, registry: DebianRegistry, docker: Docker) -> None:
    git(old.origin, "branch", "trunk")
    run = old.push("publish-docker-options", "refs/heads/trunk", branch="trunk")
    shown = run.step("shown").outputs
    assert shown["tag"] == "latest"
    assert run.step("everything").outputs["tags"].splitlines() == ["latest", "2.14", shown["snapshot"]]
    repository, _, digest = shown["digest"].partition("@")
    assert (repository, digest) == (f"{registry.host}/octo/everything", registry.digest("octo/everything", "2.14"))
    manifest: Any = registry.manifest("octo/everything", digest)
    labels = json.loads(registry.blob("octo/everything", manifest["config"]["digest"]))["config"]["Labels"]
    assert (labels["greeting"], labels["flavour"]) == ("good morning", "plain")
    assert registry.tags("octo/default") == ["latest"]
    assert registry.tags("octo/tagged") == ["1.0"]
    # Built and not pushed: the daemon has the image, under the branch's name.
    assert registry.tags("octo/tried") == []
    assert docker("image", "inspect", f"{registry.host}/octo/tried:trunk")
    assert registry.password not in run.transcript

    # An image that is reused on a push is built again each week, though nothing has changed.
    weekly = {"schedule": "0 2 * * 0", "repository": {"full_name": old.name, "default_branch": "trunk"}}
    scheduled = old.run("publish-docker-options", "schedule", weekly, branch="trunk")
    assert scheduled.step("everything").outputs["built"] == "true"
