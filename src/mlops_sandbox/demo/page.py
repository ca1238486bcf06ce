"""Write the whole demo as one page that needs no server and no network: `index.html`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mlops_actions.core.types import Json
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.demo import acts, doctor
from mlops_sandbox.demo.beside import FOLDER, write_pages_beside
from mlops_sandbox.demo.recording import Act, Evidence, Recording
from mlops_sandbox.demo.relink import relink
from mlops_sandbox.demo.stage import DemoFailed, Stage
from mlops_sandbox.github.page import html
from mlops_sandbox.github.page.html import MarkdownOf

_PACKAGE = "mlops_sandbox.demo"
PAGE = "index.html"
_TITLE = "the demo of mlops-actions"
_HEAD_LENGTH = 4_000  # the title is within it, though a pull request's may be 256 characters long, each escaped
# Files that the demo leaves → what they are.
_FILES = {
    "pr.html": "the pull request alone, as a page",
    "pr.md": "the same as Markdown",
    "outputs.json": "the outputs of each action, as later steps of a job get them",
    "wandb_report.csv": "the table of the report, one row a run",
    "wandb_statement.json": "the statement of where the deployed model comes from",
}


@dataclass(frozen=True)
class Figure:
    """A number of the first screen."""

    value: str
    name: str


def clear(output: Path) -> None:
    """Remove what an earlier demo has left, so that nothing of it passes for a result of this one.

    Raises DemoFailed where the folder has a page that no demo has written; without a page it removes nothing.
    """
    page = output / PAGE
    if not page.exists():
        return
    with page.open(encoding="utf-8", errors="replace") as file:
        if f"{_TITLE}</title>" not in file.read(_HEAD_LENGTH):
            raise DemoFailed(f"{page} is none of a demo, and stays: name another folder with --output")
    written = [*output.glob("logs/*.log"), *output.glob(f"{FOLDER}/*.html")]
    for path in [*(output / name for name in (PAGE, *_FILES)), *written]:
        path.unlink(missing_ok=True)


def write_page(stage: Stage) -> Path:
    """Write the page beside the demo's other files."""
    path = stage.output / PAGE
    path.write_text(render(stage, write_pages_beside(stage.output, stage.sandbox)), encoding="utf-8")
    return path


def render(stage: Stage, beside: Mapping[str, str]) -> str:
    """Return the page; `beside` holds the files that have been written for addresses of the sandbox."""
    recording, pull = stage.recording, stage.recording.pull
    shown = [act for act in recording.acts if not acts.was_ignored(act)]
    images = [act for act in shown if act.step("docker-publish")]
    context = {
        **(html.context(pull) if pull else {}),
        "markdown": MarkdownOf(stage.repository),
        "recording": recording,
        "figures": figures(recording),
        "shown": shown,
        "acts": acts,
        "replies": acts.replies(pull, stage.sandbox.github.deliveries, recording.acts) if pull else [],
        "workflow": _reported(shown),
        "workflows": _workflows(shown),
        "images": images,
        "evidence": recording.evidence,
        "subjects": _subjects(recording.evidence),
        "groups": _groups(recording),
        "marks": doctor.MARKS,
        "files": {name: text for name, text in _FILES.items() if (stage.output / name).is_file()},
        "phases": _phases(stage),
        "opened": _opened,
        "had_eyes": _had_eyes(stage),
        "logs": {act: f"logs/{act.log}.log" for act in recording.acts},
    }
    context["contents"] = _contents(context)
    body = html.environment(_PACKAGE).get_template("index.html").render(context)
    body = relink(body, {**_places(stage, recording, body), **beside})
    style = (files(_PACKAGE) / "templates" / "index.css").read_text(encoding="utf-8")
    title = f"{pull.title if pull else stage.repository.full_name} · {_TITLE}"
    return html.document(title, Markup(body), style=style)  # noqa: S704 - rendered with escaping above


def figures(recording: Recording) -> list[Figure]:
    """Return the numbers of the first screen, of what happened alone."""
    found = []
    reported = [step for act in recording.acts if act.comment and (step := act.step("wandb-runs"))]
    if result := next((json.loads(step.outputs["result"]) for step in reported if step.outputs.get("result")), None):
        found += [
            Figure(f"{gate['value']:.3g}", f"{gate['gate'].split()[0]}; {gate['required']:.3g} was required")
            for gate in result["gate-results"][:1]
            if gate["value"] is not None and gate["required"] is not None
        ]
    commands = [act for act in recording.acts if act.comment and not acts.was_ignored(act)]
    refused = [act for act in commands if acts.outcome(act).result != "success" and act.run.result is not None]
    found.append(Figure(str(len(commands)), f"commands, {len(refused)} of them refused or stopped"))
    if recording.evidence:
        lines = recording.evidence.verified.output.splitlines()
        found.append(Figure(str(sum(line.startswith("✓") for line in lines)), "facts of the statement verified"))
    if recording.doctor:
        checks = doctor.checks(recording.doctor)
        failed = sum(check["status"] == "fails" for check in checks)
        found.append(Figure(str(len(checks)), f"checks of doctor, {failed or 'none'} of them failed"))
    if recording.seconds:
        found.append(Figure(f"{recording.seconds:.0f} s", "of real time, from the first push to the last check"))
    return found


def _contents(context: Mapping[str, Any]) -> dict[str, str]:
    """Return the sections that have something to show, by id."""
    sections = {
        "short": ("In short", context["shown"]),
        "pull-request": ("The pull request", context["recording"].pull),
        "states": ("The comments in their states", context["replies"]),
        "workflow": ("The workflow on the cluster", context["workflow"]),
        "image": ("The image", context["images"] or context["recording"].without_docker),
        "provenance": ("Where the model comes from", context["evidence"]),
        "doctor": ("Doctor", context["groups"]),
        "next": ("In your repository", True),
    }
    return {name: title for name, (title, is_there) in sections.items() if is_there}


def _workflows(shown: Sequence[Act]) -> list[Act]:
    """Return the acts that started a workflow; an approval is about one that another act started."""
    steps = [(act, step) for act in reversed(shown) if (step := act.step("argo-submit"))]
    by_name = {name: act for act, step in steps if (name := step.outputs.get("workflow-name"))}
    return sorted(by_name.values(), key=lambda act: act.at)


def _phases(stage: Stage) -> dict[str, str]:
    """Return how the workflows are on the cluster, by name: a job that was cancelled has not seen the end."""
    statuses = {one["metadata"]["name"]: one.get("status") or {} for one in stage.sandbox.cluster.store.items(WORKFLOWS)[0]}
    return {
        name: f"{status.get('phase') or 'Pending'}{f': {message}' if (message := status.get('message')) else ''}"
        for name, status in statuses.items()
    }


def _opened(html: Markup) -> Markup:
    """Open the folds of a text."""
    return Markup(str(html).replace("<details>", "<details open>"))  # noqa: S704 - rendered Markdown


def _had_eyes(stage: Stage) -> bool:
    """Return whether an action has reacted to a comment with eyes."""
    reactions = stage.sandbox.github.requests("POST /repos/*/*/issues/comments/*/reactions")
    return any(reaction.status == 201 and reaction.body == {"content": "eyes"} for reaction in reactions)


def _subjects(evidence: Evidence | None) -> list[tuple[str, str]]:
    """Return what the statement is about: names, and SHA-256."""
    subjects = evidence.statement["subject"] if evidence else []
    return [(subject["name"], subject["digest"].get("sha256", "")) for subject in subjects]


def _groups(recording: Recording) -> dict[str, list[Json]]:
    groups: dict[str, list[Json]] = {}
    for check in doctor.checks(recording.doctor) if recording.doctor else ():
        groups.setdefault(check["group"], []).append(check)
    return groups


def _places(stage: Stage, recording: Recording, body: str) -> dict[str, str]:
    """Return where addresses of the sandbox, which has stopped, lead on this page; empty for those that lead nowhere."""
    sandbox = stage.sandbox
    hosts = (sandbox.github.origin, sandbox.wandb_url, sandbox.argo_url, sandbox.cluster_url, sandbox.registry_url)
    # docker-publish links an image by https, as registries elsewhere have it.
    places = dict.fromkeys((*hosts, f"https://{sandbox.registry_host}"), "")
    if recording.pull:
        page = stage.page(recording.pull)
        places[page] = "#pull-request"
        comments = (f"issuecomment-{comment.id}" for comment in recording.pull.comments)
        places |= {f"{page}#{anchor}": f"#{anchor}" for anchor in comments if f'id="{anchor}"' in body}
    runs = f"{sandbox.github.origin}/{stage.repository.full_name}/actions/runs"
    places |= {f"{runs}/{act.run.record.id}": f"logs/{act.log}.log" for act in recording.acts}
    return places


def _reported(recorded: Sequence[Act]) -> Act | None:
    """Return the first training whose runs were reported."""
    return next((act for act in recorded if act.comment and act.step("argo-submit") and act.step("wandb-runs")), None)
