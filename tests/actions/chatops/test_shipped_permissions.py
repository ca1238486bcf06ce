"""The shipped workflow files give their jobs what the calls need in a private repository, and no right to create labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from mlops_actions.argo_submit.read_manifest import read_manifest
from mlops_actions.doctor.job_rights import missing
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import parse
from mlops_actions.starter.answers import Answers
from mlops_actions.starter.render import files
from mlops_sandbox.github import GitHubServer
from tests.actions.chatops.faults import warnings
from tests.actions.chatops.step import ChatopsStep
from tests.support.payloads import Sample, make_sample

ROOT = Path(__file__).parents[3]
LABELS = {"pending-label": "training", "success-label": "trained", "failure-label": "training-failed"}
FEEDBACK = {"commands": "/train", "check-name": "training", "reply": "always", **LABELS}


def _shipped() -> dict[str, str]:
    paths = [*ROOT.glob("examples/**/.github/workflows/*.yml"), *ROOT.glob(".github/workflows/pipeline*.yml")]
    found = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}
    started = files(Answers(image="digits", project="team/digits"))
    found |= {f"init: {path}": text for path, text in started.items() if path.startswith(".github/")}
    return found


SHIPPED = _shipped()
# Each job that runs chatops and sets labels, by the file and the job's name.
LABELLING: Mapping[str, Mapping[str, str]] = {
    f"{path}: {name}": job["permissions"]
    for path, text in SHIPPED.items()
    for name, job in yaml.safe_load(text)["jobs"].items()
    if any("label" in str(step.get("with", {})) and "checks" in job["permissions"] for step in job.get("steps", ()))
}


@pytest.mark.parametrize("path", SHIPPED)
def test_each_job_has_what_its_steps_need_and_may_not_create_labels(path: str) -> None:
    workflow = parse(SHIPPED[path], path)
    scope = Scope(workflow=workflow, repository="octo-org/digits", context={}, read=str, read_manifest=read_manifest)
    for job in workflow.jobs:
        assert missing(job, scope, "none") == {}, job.name
        assert not isinstance(job.permissions, Mapping) or job.permissions.get("issues") != "write", job.name


def test_the_files_with_labels_are_found() -> None:
    assert len(LABELLING) > 4


def _run(
    github: GitHubServer, directory: Path, permissions: Mapping[str, str], *, has_labels: bool
) -> tuple[Sample, list[str]]:
    sample = make_sample(github)
    sample.repository.private = True
    for label in LABELS.values() if has_labels else ():
        sample.repository.define_label(label)
    delivery = sample.pull.comment("/train", by="maintainer")
    # The proof of the head is another job's where this one only concludes.
    stage = ChatopsStep(github, directory, permissions={"contents": "read", **permissions})
    first = stage.run(delivery, FEEDBACK)
    last = stage.run(delivery, FEEDBACK, post=True, state=first.state)
    assert (first.outputs["triggered"], first.exit_code, last.exit_code) == ("true", 0, 0), first.log
    return sample, warnings(first) + warnings(last)


@pytest.mark.parametrize("name", LABELLING)
def test_where_the_labels_exist_nothing_is_refused(name: str, github: GitHubServer, tmp_path: Path) -> None:
    sample, found = _run(github, tmp_path, LABELLING[name], has_labels=True)
    assert (found, sample.pull.label_names) == ([], ["trained"])


def test_where_a_label_is_missing_the_warning_says_how_to_create_it(github: GitHubServer, tmp_path: Path) -> None:
    permissions = next(iter(LABELLING.values()))
    sample, found = _run(github, tmp_path, permissions, has_labels=False)
    assert sample.pull.label_names == []
    for label, warning in zip(("training", "trained"), found, strict=True):
        assert f"gh label create {label} -R {github.origin.partition('//')[2]}/octo-org/digits" in warning
        assert "give the job 'permissions: { issues: write }'" in warning
