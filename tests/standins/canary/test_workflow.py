"""The canary's workflow file on the sandbox's runner, with the jobs that need no run of another workflow."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from mlops_sandbox.github import GitHubServer
from mlops_sandbox.runner.environment import Run
from mlops_sandbox.runner.job import Settings, run_workflow
from mlops_sandbox.runner.workflow import load
from tests.support.git import commit

ROOT = Path(__file__).parents[3]
CANARY = ROOT / ".github" / "workflows" / "canary.yml"
# Their commands start runs of other workflow files; see `test_canary.py`.
LEFT_OUT = {"queue-single", "queue-max", "post-steps", "reference"}


def test_each_job_writes_what_it_sees_and_the_report_shows_it(github: GitHubServer, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    shutil.copytree(ROOT / "tools" / "canary", origin / "tools" / "canary", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", str(origin)], check=True)
    sha = commit(origin, {"README.md": "The suite.\n"}, "Add the canary")
    repository = github.repository("octo-org/suite", sha=sha)
    repository.collaborator("owner", "admin")
    workflow = load(CANARY, ".github/workflows/canary.yml")
    jobs = [
        dataclasses.replace(job, needs=[name for name in job.needs if name not in LEFT_OUT])
        for job in workflow.jobs
        if job.identifier not in LEFT_OUT
    ]
    log: list[str] = []
    settings = Settings(origin, {}, {"CANARY_TOKEN": github.user_token("owner").value}, log.append)
    run = Run(
        repository=repository.full_name, server_url=github.origin, api_url=github.api_url,
        graphql_url=f"{github.origin}/api/graphql", event_name="workflow_dispatch", payload={}, sha=sha,
        ref="refs/heads/main", actor="owner", run_id=4711,
    )  # fmt: skip

    def token(permissions: Mapping[str, str] | None) -> str:
        return github.workflow_token(repository, permissions or {}).value

    results = run_workflow(settings, run, dataclasses.replace(workflow, jobs=jobs), tmp_path / "run", token)

    assert {job.conclusion for job in results.values()} == {"success"}, log
    rows = [line.split("|")[1:4] for line in results["report"].step("report").summary.splitlines() if line.startswith("| ")]
    seen = {text.strip(): (verdict.strip(), value.strip()) for text, verdict, value in rows[1:]}
    assert seen["a job output that holds a line of a mask is dropped"] == ("✅ holds", "``")
    assert seen["other outputs of that job arrive"] == ("✅ holds", "`plain`")
    assert seen["a job output of 400000 characters arrives whole"] == ("✅ holds", "`whole`")
    assert seen["a check run of the job's token can be created and concluded"] == ("✅ holds", "`[201, 200]`")
    assert seen["GitHub ignores `details_url` of the job's token"] == ("✅ holds", "`replaced`")
    assert seen["a closed pull request keeps its head when its branch moves"] == ("✅ holds", "`kept`")
    assert [pull.state for pull in repository.pulls] == ["closed"]
    assert repository.branches.keys() == {"main"}
