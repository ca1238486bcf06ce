"""The files of the guides on the sandbox's runner and cluster: the command that each guide shows does what it says.

Here is no Docker, so that nothing is built, and no run to report: the workflow runs another program, not the training.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_sandbox.cluster import LocalImage, ProcessExecutor
from mlops_sandbox.demo.story import STRANGER
from mlops_sandbox.suite import Sandbox
from tests.support import pipeline
from tests.support.commanded_repository import CommandedRepository

EXAMPLES = Path(__file__).parents[3] / "examples"
CONNECTION = {"kubeconfig": "secrets.KUBECONFIG"}
# What has no place here: the image, and the report of runs that nobody logged.
LEFT_OUT = re.compile(
    r"image|registry|username|context|project|metrics|select-by|gates|baseline|require|aggregate|config-keys"
)
SIMPLE = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: simple-}
spec:
  entrypoint: main
  arguments: {parameters: [{name: lr, value: ""}, {name: seeds, value: ""}]}
  templates: [{name: main, container: {image: example.test/model, command: [echo, trained]}}]
"""
# The file, the comment, the workflow's own parameters, and how many pods there are.
STORIES: dict[str, tuple[str, dict[str, str], int]] = {
    "sweep/sweep": ("/sweep lr=0.1 lr=0.03 lr=0.01", {"lr": "[0.1,0.03,0.01]"}, 3),
    "seeds/seeds": ("/train lr=0.1 seeds='[0, 1]'", {"lr": "0.1", "seeds": "[0, 1]"}, 1),
    "gpu-queue/gpu": ("/train lr=0.1", {"lr": "0.1"}, 1),
    "monorepo/ranking": ("/train-ranking lr=0.1", {"lr": "0.1"}, 1),
    "gates/gates": ("/train", {}, 1),
    "private-registries/registries": ("/train", {}, 1),
    "forks/forks": ("/train", {}, 1),
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(ProcessExecutor({"": LocalImage()})) as server:
        yield server


def document(path: str) -> Any:
    return yaml.safe_load((EXAMPLES / path).read_text(encoding="utf-8"))


def manifest(folder: str, name: str) -> str:
    """The Argo workflow of an example with another program, or a simple one where the example has none."""
    file = EXAMPLES / folder / name
    text = file.read_text(encoding="utf-8") if file.exists() else SIMPLE
    return text.replace("[python, train.py]", "[echo, trained]")


@pytest.mark.parametrize("name", STORIES)
def test_the_command_of_a_guide_starts_its_workflow(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    comment, parameters, pods = STORIES[name]
    folder, _, file = name.partition("/")
    (job,) = document(f"{folder}/.github/workflows/{file}.yml")["jobs"].values()
    given = {key: value for key, value in job["with"].items() if not LEFT_OUT.search(key)}
    given["workflow"] = manifest(folder, given["workflow"])
    called = CommandedRepository(sandbox, tmp_path, pipeline.reusable(given, CONNECTION))
    assert called.say(comment).conclusion == "success", called.log
    (workflow,) = called.workflows()
    assert workflow["status"]["phase"] == "Succeeded"
    submitted = {one["name"]: one.get("value") for one in workflow["spec"]["arguments"]["parameters"]}
    assert submitted.items() >= parameters.items()
    nodes = workflow["status"]["nodes"].values()
    assert sum(node["type"] == "Pod" for node in nodes) == pods


@pytest.fixture
def two_jobs(sandbox: Sandbox, tmp_path: Path) -> CommandedRepository:
    """The README's file; the sandbox's runner takes the steps of the root action in place of the one that uses it."""
    text = document("two-jobs/.github/workflows/two-jobs.yml")
    train = text["jobs"]["train"]
    (step,) = train["steps"]
    given = {key: value for key, value in step["with"].items() if not LEFT_OUT.search(key) and "secrets." not in value}
    given["workflow"] = SIMPLE
    (rendered,) = yaml.safe_load(pipeline.root(given, CONNECTION, train["permissions"]))["jobs"].values()
    jobs = {**text["jobs"], "train": {**train, "steps": rendered["steps"]}}
    called = yaml.safe_dump({"on": text[True], "jobs": jobs}, sort_keys=False)
    return CommandedRepository(sandbox, tmp_path, called)


def reactions(repository: CommandedRepository) -> list[list[str]]:
    """The reactions to each comment of a person."""
    people = [comment for comment in repository.pull.comments if not comment.user.is_bot]
    return [[reaction.content for reaction in comment.reactions] for comment in people]


def test_the_second_job_of_the_readme_concludes_what_both_began(two_jobs: CommandedRepository) -> None:
    run = two_jobs.say("/train lr=0.1")
    assert {name: job.conclusion for name, job in run.jobs.items()} == {"listen": "success", "train": "success"}
    (workflow,) = two_jobs.workflows()
    assert workflow["status"]["phase"] == "Succeeded"
    assert reactions(two_jobs) == [["rocket"]]
    assert len(two_jobs.replies) == 1


@pytest.mark.parametrize(("comment", "replies"), [("Looks good.", 0), ("/help", 1), ("/tarin", 1)])
def test_what_is_no_command_is_answered_by_the_first_job_alone(
    two_jobs: CommandedRepository, comment: str, replies: int
) -> None:
    run = two_jobs.say(comment)
    assert (run.jobs["listen"].conclusion, run.jobs["train"].conclusion) == ("success", "skipped"), two_jobs.log
    assert len(two_jobs.replies) == replies
    assert two_jobs.workflows() == []


def test_a_stranger_is_refused_once(two_jobs: CommandedRepository) -> None:
    run = two_jobs.say("/train", by=STRANGER)
    assert run.jobs["train"].conclusion == "skipped"
    assert (len(two_jobs.replies), reactions(two_jobs)) == (1, [["confused"]])
