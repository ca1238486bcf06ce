"""What the demo leaves behind: `outputs.json`, the pull request as a page and as markdown, the report's table, the logs."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

from mlops_sandbox.github import PullRequest, render_page, render_transcript
from mlops_sandbox.github.page import view
from mlops_sandbox.runner.job import JobResult

# Column of the report → column of the demo's table.
_SHOWN = {
    "__eval.category": "", "github_sha": "commit", "_hidden_units": "hidden units", "_lr": "lr", "_epochs": "epochs",
    "_seed": "seed", "val_accuracy": "validation", "test_accuracy": "hold-out", "run.id": "run",
}  # fmt: skip
_SHA_DIGITS = 12
_NAMES = ("name", "subject", "environment")  # what an event's subject is called, whatever it is


def write_outputs(directory: Path, job: JobResult) -> Path:
    """Write each action's outputs by name; null for an action that was left out."""
    outputs = {
        result.action: None if result.outcome == "skipped" else result.outputs for result in job.steps if result.action
    }
    path = directory / "outputs.json"
    path.write_text(json.dumps(outputs, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def write_pull_request(directory: Path, pull: PullRequest) -> list[Path]:
    """Write the pull request as a page that needs no other file, and as markdown."""
    page, transcript = directory / "pr.html", directory / "pr.md"
    page.write_text(render_page(pull), encoding="utf-8")
    transcript.write_text(render_transcript(pull), encoding="utf-8")
    return [page, transcript]


def keep_report(directory: Path, job: JobResult) -> Path:
    """Copy wandb-runs' table out of the job's workspace, before that is removed."""
    target = directory / "wandb_report.csv"
    shutil.copyfile(job.workspace / job.step("report").outputs["csv"], target)
    return target


def report_rows(path: Path) -> list[list[str]]:
    """The report's runs for reading: a head, then a row a run, figures rounded to four digits."""
    with path.open(encoding="utf-8", newline="") as file:
        runs = list(csv.DictReader(file))
    return [list(_SHOWN.values()), *([_cell(run.get(column, ""), column) for column in _SHOWN] for run in runs)]


def _cell(text: str, column: str) -> str:
    if column == "github_sha":
        return text[:_SHA_DIGITS]
    try:
        return text if text.isdigit() or column == "run.id" else f"{float(text):.4g}"
    except ValueError:
        return text


def timeline(pull: PullRequest) -> list[str]:
    """The pull request's events in a line each, as its page shows them."""
    lines = []
    for moment in pull.timeline:
        body = getattr(moment.subject, "body", "") or ""
        first = next((line for line in body.splitlines() if line.strip() and not line.startswith("<!--")), "")
        what = first or moment.detail or next(filter(None, (getattr(moment.subject, name, "") for name in _NAMES)), "")
        lines.append(f"{moment.at:%H:%M:%S}  {moment.actor.login:20}  {moment.kind:12}  {what[:70]}".rstrip())
    return lines


def marks(pull: PullRequest) -> list[str]:
    """What stands beside the events: labels, checks of the head commit, environments, and reactions to the comments."""
    checks = [run for run in pull.repository.check_runs.values() if run.head_sha == pull.head_sha]
    reactions = [
        f"{reaction.content} on {comment.body.splitlines()[0][:40]!r}"
        for comment in pull.comments
        for reaction in comment.reactions
    ]
    return [
        f"labels: {', '.join(pull.label_names)}",
        *(f"check {run.name!r}: {run.conclusion or run.status}" for run in checks),
        *(f"environment {one.environment!r}: {view.deployment_label(one)}" for one in view.deployments(pull)),
        f"reactions: {', '.join(reactions)}",
    ]
