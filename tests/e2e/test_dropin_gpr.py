"""A workflow written for gpr-docker-publish, with nothing but `uses:` replaced, and a registry that is called ghcr.io."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.act import Act, WorkflowRun
from tests.e2e.dropin import OldRepository
from tests.e2e.dropin.ghcr import PASSWORD, USERNAME, Ghcr, ghcr

FILES = {
    "argo/gpu.Dockerfile": "FROM scratch\nCOPY train.py /train.py\n",
    "argo/train.py": "print('training')\n",
    "Dockerfile": "FROM scratch\nCOPY model.txt /model.txt\n",
    "model.txt": "weights\n",
}
IMAGE = "octo-org/digits/trainer-gpu"
SMALL = "octo-org/digits/trainer"


@pytest.fixture(scope="module")
def github_registry() -> Iterator[Ghcr]:
    with ghcr() as registry:
        yield registry


@pytest.fixture
def old(act: Act, tmp_path: Path) -> OldRepository:
    repository = OldRepository.make(act, tmp_path / "origin", ["gpr-docker-publish"], FILES)
    repository.actor = USERNAME
    repository.secrets["GITHUB_TOKEN"] = PASSWORD
    return repository


def publish(old: OldRepository, registry: Ghcr, ref: str = "refs/heads/main") -> WorkflowRun:
    old.env |= registry.env
    options = {"container_options": registry.container_options, "daemon": registry.docker.host}
    return old.push("gpr-docker-publish", ref, act=options)


def test_images_are_named_by_commit_and_pushed_to_github(old: OldRepository, github_registry: Ghcr) -> None:
    run = publish(old, github_registry, "refs/heads/feature/new-layer")
    short = old.head[:12]
    assert run.step("shown").outputs == {
        "image": f"ghcr.io/{IMAGE}:{short}",
        "page": "https://github.com/octo-org/digits/packages",
        "small": f"ghcr.io/{SMALL}:{short}",
    }
    store = github_registry.registry.store
    assert set(store.repository(IMAGE).tags) == {short, "latest", "candidate"}
    assert {short, "latest", "new-layer"} <= set(store.repository(SMALL).tags)
    # Later steps of the job find the image on the machine, as after `docker build`.
    assert github_registry.docker("image", "inspect", f"ghcr.io/{IMAGE}:{short}", f"ghcr.io/{SMALL}:latest")
    assert PASSWORD not in run.transcript


def test_an_image_is_reused_only_where_cache_is_set(old: OldRepository, github_registry: Ghcr) -> None:
    first, second = publish(old, github_registry), publish(old, github_registry)
    assert [run.step("docker").outputs["built"] for run in (first, second)] == ["true", "true"]
    assert second.step("small").outputs["built"] == "false"
    assert second.step("shown").outputs == first.step("shown").outputs
