"""A workflow outlives the run that submitted it: the run of its call-back concludes that run's feedback."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.chatops import command_handler
from mlops_actions.core.callback import EVENT_TYPE, CallBack
from mlops_actions.core.command_notice import TITLE, CommandNotice
from mlops_sandbox.github import Delivery, GitHubServer
from tests.actions.chatops.case import US
from tests.actions.chatops.step import ChatopsStep
from tests.support.call_backs import submitting_run
from tests.support.payloads import Sample, make_sample
from tests.support.step import StepRecord

SUBMITTED, REPORTING = 4242, 4343
INPUTS = {
    "commands": "/train", "pending-label": "training", "success-label": "trained", "failure-label": "training-failed",
    "check-name": "training",
}  # fmt: skip


@pytest.fixture
def sample(github: GitHubServer) -> Sample:
    return make_sample(github)


class Jobs:
    """Jobs of two workflow runs that share nothing but GitHub."""

    def __init__(self, sample: Sample, directory: Path) -> None:
        self.sample, self._directory, self._number = sample, directory, 0

    def run(
        self, run_id: int, delivery: Delivery[Any], inputs: Mapping[str, str], *, fresh: bool = True
    ) -> tuple[StepRecord, ChatopsStep]:
        self._number += 1
        folder = self._directory / str(self._number)
        folder.mkdir()
        stage = ChatopsStep(self.sample.github, folder, environ={"GITHUB_RUN_ID": str(run_id)})
        return stage.run(delivery, {**INPUTS, **inputs}), stage

    def begin(self, run_id: int = SUBMITTED, **inputs: str) -> Delivery[Any]:
        """Give a command as a maintainer; its job ends and leaves the feedback open."""
        delivery = self.sample.pull.comment("/train", by="maintainer")
        ran, stage = self.run(run_id, delivery, {"conclude": "false", **inputs})
        assert (ran.exit_code, ran.outputs["triggered"]) == (0, "true"), ran.log
        assert stage.run(delivery, {**INPUTS, "conclude": "false"}, post=True, state=ran.state).exit_code == 0
        return delivery

    def call_back(self, **changed: Any) -> Delivery[Any]:
        claim = CallBack(
            sha=self.sample.pull.commits[0].sha,
            pull_request=self.sample.pull.number,
            run=SUBMITTED,
            workflow="train-x7k2p",
            phase="Succeeded",
            namespace="ml",
            uid="0b5a-1",
        )
        call_back = replace(claim, **changed)
        submitting_run(self.sample.repository, call_back)
        return self.sample.repository.dispatch(EVENT_TYPE, call_back.payload(), by="maintainer")

    def conclude(self, status: str, delivery: Delivery[Any] | None = None, **inputs: str) -> StepRecord:
        """Run the call-back's job to its end, with the post step."""
        delivery = delivery or self.call_back()
        ran, stage = self.run(REPORTING, delivery, inputs)
        assert (ran.exit_code, ran.outputs["triggered"]) == (0, "true"), ran.log
        post = {**INPUTS, **inputs, "job-status": status}
        assert stage.run(delivery, post, post=True, state=ran.state).exit_code == 0
        return ran

    def checks(self) -> list[tuple[str, str | None]]:
        """The check runs that chatops created; those of jobs are GitHub's own."""
        runs = self.sample.repository.check_runs.values()
        return [(run.name, run.conclusion) for run in runs if run.from_api]

    def reactions(self, delivery: Delivery[Any]) -> list[str]:
        return [reaction.content for reaction in delivery.subject.reactions]


@pytest.fixture
def jobs(sample: Sample, tmp_path: Path) -> Jobs:
    return Jobs(sample, tmp_path)


@pytest.mark.parametrize(
    ("status", "label", "reaction"), [("success", "trained", "rocket"), ("failure", "training-failed", "confused")]
)
def test_a_call_back_concludes_the_feedback_of_the_submitting_run(
    jobs: Jobs, sample: Sample, status: str, label: str, reaction: str
) -> None:
    command = jobs.begin()
    assert (jobs.checks(), sample.pull.label_names) == ([("training", None)], ["training"])
    assert jobs.reactions(command) == ["eyes"]
    jobs.conclude(status)
    assert jobs.checks() == [("training", status)], "the check run of the submitting run, and no second one"
    assert sample.pull.label_names == [label]
    assert jobs.reactions(command) == [reaction]
    (check,) = (run for run in sample.repository.check_runs.values() if run.from_api)
    assert (check.title or "").startswith("/train ")
    assert str(REPORTING) in (check.summary or "")


@pytest.mark.parametrize("check_name", ["training", ""])
def test_the_end_of_a_detached_workflow_is_told_its_commander(jobs: Jobs, sample: Sample, check_name: str) -> None:
    """Whoever may write to the repository can edit the comment of the command: the run says who gave it."""
    jobs.begin(SUBMITTED, **{"check-name": check_name})
    (begun,) = [comment for comment in sample.pull.comments if comment.user.login == US]
    sample.pull.edit_comment(begun, begun.body.replace("maintainer", "mallory"), by="writer")
    delivery, sha = jobs.call_back(), sample.pull.head_sha
    notice = CommandNotice("/train", sample.pull.number, sha, f"issues/comments/{begun.id}")
    annotations = sample.repository.workflow_runs[SUBMITTED].jobs[-1].check_run.annotations
    annotations.append({"annotation_level": "notice", "title": TITLE, "message": notice.text})
    jobs.conclude("success", delivery, **{"check-name": check_name})
    ended, told = [comment.body for comment in sample.pull.comments if comment.user.login == US]
    assert "✅ **`/train` succeeded**" in ended
    assert f"`/train` by [maintainer]({sample.github.origin}/maintainer), for commit [`{sha[:7]}`](" in ended
    assert told.startswith("@maintainer ✅ `/train` succeeded: [the report](")
    assert "mallory" not in ended + told


@pytest.mark.parametrize(
    "text",
    [
        f"/train on #2, commit {'e' * 40}, by hand",  # another pull request
        f"/train on #1, commit {'f' * 40}, by hand",  # another commit
        "/train on #1",
    ],
)
def test_a_record_of_another_command_names_nothing(jobs: Jobs, sample: Sample, text: str) -> None:
    jobs.begin(SUBMITTED, **{"check-name": ""})
    delivery = jobs.call_back()
    annotations = sample.repository.workflow_runs[SUBMITTED].jobs[-1].check_run.annotations
    annotations.append({"annotation_level": "notice", "title": TITLE, "message": text})
    jobs.conclude("success", delivery, **{"check-name": ""})
    assert "`call-back` by [maintainer](" in sample.pull.comments[-2].body


def test_a_later_job_with_mode_finish_concludes_it_as_well(jobs: Jobs, sample: Sample) -> None:
    command = jobs.begin()
    ran, _ = jobs.run(REPORTING, delivery := jobs.call_back(), {"conclude": "false"})
    finish = {"mode": "finish", "begun": ran.outputs["result"], "job-status": "success"}
    assert jobs.run(REPORTING, delivery, finish)[0].exit_code == 0
    assert (jobs.checks(), sample.pull.label_names) == ([("training", "success")], ["trained"])
    assert jobs.reactions(command) == ["rocket"]


@pytest.mark.parametrize("what", ["rebased", "merged", "closed"])
def test_a_call_back_concludes_the_feedback_on_its_own_commit_whatever_became_of_the_pull_request(
    jobs: Jobs, sample: Sample, what: str
) -> None:
    command, trained = jobs.begin(), sample.pull.head_sha
    delivery = jobs.call_back(sha=trained)
    if what == "rebased":
        sample.pull.push(sha="e" * 40, force=True)
    elif what == "merged":
        sample.pull.merge(by="maintainer")
    else:
        sample.pull.close(by="writer")
    jobs.conclude("success", delivery)
    (check,) = (run for run in sample.repository.check_runs.values() if run.from_api)
    assert (check.head_sha, check.conclusion) == (trained, "success")
    assert (sample.pull.label_names, jobs.reactions(command)) == (["trained"], ["rocket"])


def test_a_call_back_concludes_the_deployment(jobs: Jobs, sample: Sample) -> None:
    jobs.begin(environment="staging")
    jobs.conclude("success", environment="staging")
    assert [one.state for one in sample.repository.deployments.values()] == ["success"]


def test_a_repeated_call_back_concludes_nothing(jobs: Jobs, sample: Sample) -> None:
    command = jobs.begin()
    jobs.conclude("success")
    jobs.conclude("failure")
    assert jobs.checks() == [("training", "success"), ("training", "failure")], "a check run of its own"
    assert jobs.reactions(command) == ["rocket"]


def test_each_of_two_trainings_of_one_commit_is_concluded_by_its_own_call_back(jobs: Jobs, sample: Sample) -> None:
    first, second = jobs.begin(), jobs.begin(SUBMITTED + 1)
    jobs.conclude("failure", jobs.call_back(run=SUBMITTED + 1))
    assert jobs.checks() == [("training", None), ("training", "failure")]
    assert (jobs.reactions(first), jobs.reactions(second)) == (["eyes"], ["confused"])
    jobs.conclude("success")
    assert jobs.checks() == [("training", "success"), ("training", "failure")]
    assert jobs.reactions(first) == ["rocket"]


def test_a_call_back_of_another_run_concludes_nothing_of_this_one(jobs: Jobs, sample: Sample) -> None:
    """The run is in this repository, so the call-back is accepted; it must not touch the feedback of other runs."""
    command = jobs.begin()
    jobs.conclude("failure", jobs.call_back(run=REPORTING))
    assert jobs.checks()[0] == ("training", None)
    assert jobs.reactions(command) == ["eyes"]


@pytest.mark.parametrize(
    "external_id",
    [
        "",
        "x",
        f"{SUBMITTED}",
        f"{SUBMITTED}-1-00 ../../../../user /train",
        f"{SUBMITTED}9-1-00 - /train",
        "0 issues/1 /train",
    ],
)
def test_a_check_run_with_a_foreign_external_id_is_left_alone(jobs: Jobs, sample: Sample, external_id: str) -> None:
    planted = sample.repository.check_run(sample.pull.head_sha, "training", status="in_progress")
    planted.external_id = external_id
    jobs.conclude("success")
    assert planted.conclusion is None
    assert not [one for one in sample.github.writes if "user" in one.path]


def test_unreadable_check_runs_are_a_warning_only(jobs: Jobs, sample: Sample) -> None:
    jobs.begin()
    sample.github.faults.answer("GET /repos/*/*/commits/*/check-runs", 403)
    ran = jobs.conclude("success")
    assert "is unknown and stays" in ran.log


def test_a_call_back_that_is_faster_than_its_job_waits_for_the_record(
    jobs: Jobs, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_handler, "_PAUSE", 0.01)
    delivery = jobs.call_back()
    run = sample.repository.workflow_runs[SUBMITTED]
    run.status = "in_progress"
    nothing = {"total_count": 0, "jobs": []}
    sample.github.faults.answer("GET /repos/*/*/actions/runs/*/jobs", 200, nothing, times=1)
    ran, _ = jobs.run(REPORTING, delivery, {})
    assert ran.outputs["reason"] == "ok", ran.log
    assert "waiting: run" in ran.log


def test_a_call_back_of_a_run_that_has_ended_without_a_record_does_not_wait(jobs: Jobs, sample: Sample) -> None:
    delivery = jobs.call_back()
    nothing = {"total_count": 0, "jobs": []}
    sample.github.faults.answer("GET /repos/*/*/actions/runs/*/jobs", 200, nothing)
    ran, _ = jobs.run(REPORTING, delivery, {})
    assert ran.outputs["reason"] == "workflow-not-of-run"
    assert "waiting" not in ran.log
