"""Commands that come while another one works, in the workflow files of the example, on the sandbox's runner."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import pytest

from mlops_sandbox.runner.concurrency import Cancellation, Concurrency, ConcurrencyGroups
from mlops_sandbox.runner.environment import Run
from mlops_sandbox.runner.expressions import Scope
from mlops_sandbox.runner.job import JobResult, Settings, run_workflow
from mlops_sandbox.runner.workflow import Step, load

EXAMPLES = Path(__file__).parents[3] / "examples" / "digits" / ".github" / "workflows"


@pytest.mark.xfail(strict=True, reason="examples and init: of several commands that wait, only the newest is carried out")
@pytest.mark.parametrize(
    ("file", "group", "command"),
    [("mlops", "train-7", "/train"), ("deploy", "deploy-production", "/deploy r1"), ("long", "long-7", "/long")],
)
def test_every_command_that_waits_is_carried_out(file: str, group: str, command: str, tmp_path: Path) -> None:
    groups = ConcurrencyGroups()
    results: dict[int, JobResult] = {}
    workflow = load(EXAMPLES / f"{file}.yml")
    jobs = [dataclasses.replace(job, steps=[Step("work", "work", run="true")], environment={}) for job in workflow.jobs]
    workflow = dataclasses.replace(workflow, jobs=jobs)

    def comment(number: int) -> None:
        run = Run(
            repository="octo/digits", server_url="http://server", api_url="http://api", graphql_url="http://graphql",
            event_name="issue_comment", sha="0" * 40, ref="refs/heads/main", actor="octocat", run_id=number,
            payload={"comment": {"body": command}, "issue": {"number": 7, "pull_request": {}}},
        )  # fmt: skip
        settings = Settings(tmp_path, {}, {}, lambda _: None)
        (results[number],) = run_workflow(settings, run, workflow, tmp_path / f"{number}", lambda _: "t", groups).values()

    threads = [threading.Thread(target=comment, args=(number,), daemon=True) for number in (2, 3)]
    with groups.enter(Concurrency(group), Scope({}), "the command that works", Cancellation()):
        for thread, label in zip(threads, ("2", "3"), strict=True):
            thread.start()
            groups.wait_until_pending(group, label)
    for thread in threads:
        thread.join(60)
    assert {number: job.conclusion for number, job in results.items()} == {2: "success", 3: "success"}
