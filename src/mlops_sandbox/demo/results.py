"""Write the results of the demo: `outputs.json`, the pull request as a page and as Markdown, the report's table."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

from mlops_sandbox.github import PullRequest, render_page, render_transcript
from mlops_sandbox.github.page import view
from mlops_sandbox.runner.job import RunResult

# Column of the report → column of the demo's table.
_COLUMNS = {
    "__eval.category": "", "github_sha": "commit", "_hidden_units": "hidden units", "_lr": "lr", "_epochs": "epochs",
    "_seed": "seed", "val_accuracy": "validation", "test_accuracy": "hold-out", "run.id": "run",
}  # fmt: skip
_SHA_DIGITS = 12
_NAMES = ("name", "subject", "environment")  # the attribute that names the subject of a timeline event


def write_outputs(directory: Path, run: RunResult) -> Path:
    """Write the outputs of each action's first step by the action's name; null for an action that was skipped."""
    outputs: dict[str, dict[str, str] | None] = {}
    for step in run.steps:
        if step.action:
            outputs.setdefault(step.action, None if step.outcome == "skipped" else step.outputs)
    path = directory / "outputs.json"
    path.write_text(json.dumps(outputs, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def write_pull_request(directory: Path, pull: PullRequest) -> list[Path]:
    """Write the pull request as a page that needs no other file, and as Markdown."""
    page, transcript = directory / "pr.html", directory / "pr.md"
    page.write_text(render_page(pull), encoding="utf-8")
    transcript.write_text(render_transcript(pull), encoding="utf-8")
    return [page, transcript]


def copy_from_workspace(directory: Path, run: RunResult, step: str, output: str) -> Path:
    """Copy the file that an output of a step names from its job's workspace, which will be removed."""
    source = run.job_of(step).workspace / run.step(step).outputs[output]
    return shutil.copyfile(source, directory / source.name)


def report_rows(path: Path) -> list[list[str]]:
    """Return the report's table: a heading, then a row for each run, with numbers rounded to four digits."""
    with path.open(encoding="utf-8", newline="") as file:
        runs = list(csv.DictReader(file))
    return [list(_COLUMNS.values()), *([_cell(run.get(column, ""), column) for column in _COLUMNS] for run in runs)]


def _cell(text: str, column: str) -> str:
    if column == "github_sha":
        return text[:_SHA_DIGITS]
    try:
        return text if text.isdigit() or column == "run.id" else f"{float(text):.4g}"
    except ValueError:
        return text


def timeline(pull: PullRequest) -> list[str]:
    """Return the timeline events of the pull request, one a line."""
    lines = []
    for event in pull.timeline:
        body = getattr(event.subject, "body", "") or ""
        first_line = next((line for line in body.splitlines() if line.strip() and not line.startswith("<!--")), "")
        subject = first_line or event.detail or next(filter(None, (getattr(event.subject, name, "") for name in _NAMES)), "")
        lines.append(f"{event.at:%H:%M:%S}  {event.actor.login:20}  {event.kind:12}  {subject[:70]}".rstrip())
    return lines


def states(pull: PullRequest) -> list[str]:
    """Return the labels, checks of the head commit, environments, and reactions to comments."""
    checks = [run for run in pull.repository.check_runs.values() if run.head_sha == pull.head_sha]
    reactions = [
        f"{reaction.content} on {comment.body.splitlines()[0][:40]!r}"
        for comment in pull.comments
        for reaction in comment.reactions
    ]
    return [
        f"labels: {', '.join(pull.label_names)}",
        *(f"check {run.name!r}: {run.conclusion or run.status}" for run in checks),
        *(
            f"environment {deployment.environment!r}: {view.deployment_label(deployment)}"
            for deployment in view.deployments(pull)
        ),
        f"reactions: {', '.join(reactions)}",
    ]
