"""Carry it out: ask the tracker, wait, judge, write the report everywhere it belongs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path

from mlops_actions.core.context import Context
from mlops_actions.core.errors import ActionError, BadInput, TimedOut, WorkFailed
from mlops_actions.core.event import Event
from mlops_actions.core.outcome import Outcome, flag, legacy_flag
from mlops_actions.core.ports import Runner
from mlops_actions.core.provenance import is_sha
from mlops_actions.wandb_runs import gates, report, select, spreadsheet
from mlops_actions.wandb_runs.attest import Attested, attest
from mlops_actions.wandb_runs.deliver import deliver, pull_request_of
from mlops_actions.wandb_runs.findings import FAILED, Findings
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.judge import Picked, choice_of, judge, keys_of, pick
from mlops_actions.wandb_runs.model import Details, Query
from mlops_actions.wandb_runs.ports import Ports, Tracker
from mlops_actions.wandb_runs.promotion import Promotion, promote
from mlops_actions.wandb_runs.show import fitting, jsonable

_POLL_SECONDS = 20.0
_SAMPLES = 200  # points of a curve that are fetched; fewer are drawn
_DETAILED = 50  # runs whose history and lineage are looked at, by one request
_LISTED = 100  # candidates in the output `result`: steps take it as one variable, whose size Linux limits


def run(inputs: Inputs, context: Context, event: Event | None, ports: Ports) -> Outcome:
    """Execute the action's main stage; the outcome carries the error of a failed gate or a wait given up."""
    directory = _directory(inputs.report_dir, context.workspace)
    findings = _learn(inputs, ports)
    around = _surroundings(inputs, context)
    attested = _attest(inputs, context, event, ports, findings)
    # What cannot be attested to is not promoted: the two say the same of a model.
    promotion = (
        Promotion(inputs.promote_alias or "", error=attested.error) if attested.error else promote(inputs, ports, findings)
    )
    text = report.render(findings, around, promotion)
    paths = _write_files(directory, context.workspace, findings, inputs, text)
    paths |= _write(directory, context.workspace, attested.files())
    ports.runner.summary(text)
    _tell(findings, ports.runner)
    delivered = deliver(inputs, event, ports, findings, text, around.job_url)
    result = {
        **fitting(findings.document(_LISTED)),
        "notes": [*findings.notes, *delivered.notes],
        "comment_url": delivered.comment_url or None,
        "promoted": promotion.artifact or None,
        "files": paths,
    }
    error = _error(inputs, findings) or attested.error or promotion.error or next(iter(delivered.failures), None)
    told = {"promoted": promotion.artifact, "comment-url": delivered.comment_url, **attested.outputs(), **paths}
    return Outcome(_outputs(findings, told), result, error)


def _learn(inputs: Inputs, ports: Ports) -> Findings:
    choice = choice_of(inputs)
    query = Query(select.candidate_filter(choice))
    bar = select.baseline_filter(choice)
    keys = keys_of(inputs)
    if inputs.debug:
        ports.runner.info(f"candidates: {json.dumps(query.filters)}")
        ports.runner.info(f"baselines: {json.dumps(bar)}")
        ports.runner.info(f"summary keys: {', '.join(keys.summary)}; config keys: {', '.join(keys.config)}")
    timed_out = inputs.wait and not _wait(inputs, query, ports)
    found = ports.tracker.find(query, Query(bar, least=choice.max_baselines) if bar else None, keys)
    for answered in (*found.candidates, *found.baselines) if inputs.debug else ():
        ports.runner.info(f"{answered.id} {answered.state} {json.dumps(jsonable(dict(answered.summary)))}")
    picked = pick(inputs, found)
    return judge(
        inputs,
        picked,
        _details(inputs, picked, ports.tracker),
        now=ports.clock.now(),
        project_url=ports.tracker.project_url,
        timed_out=timed_out,
    )


def _attest(inputs: Inputs, context: Context, event: Event | None, ports: Ports, findings: Findings) -> Attested:
    # What was refused or is not yet complete is no subject of a statement; the step fails for that already.
    if not inputs.statement or findings.refused or findings.timed_out:
        return Attested()
    return attest(inputs, context, findings, ports.tracker, inputs.pr_number or pull_request_of(event))


def _details(inputs: Inputs, picked: Picked, tracker: Tracker) -> Mapping[str, Details]:
    """Ask more about the best candidate, the baselines, and the newest of the other candidates."""
    curves = inputs.curves or ()
    if not picked.candidates or not (inputs.lineage or curves or inputs.sha or inputs.require):
        return {}
    first = picked.best.members if picked.best else ()
    runs = (*first[: _DETAILED // 2], *picked.baselines[: _DETAILED // 4], *picked.candidates)
    chosen = list({run.id: run for run in runs}.values())[:_DETAILED]
    return tracker.details(chosen, curves=curves, lineage=inputs.lineage, samples=_SAMPLES)


def _wait(inputs: Inputs, query: Query, ports: Ports) -> bool:
    """Poll until enough candidates are there and all have ended; False where the time ran out."""
    deadline = ports.clock.now() + timedelta(seconds=inputs.timeout)
    said = ""
    while True:
        found = ports.tracker.states(query)
        now = ports.clock.now()
        going = sum(not candidate.over(now) for candidate in found)
        if len(found) >= inputs.min_runs and not going:
            return True
        seen = f"{len(found)} of at least {inputs.min_runs} runs are there, {going} have not ended"
        if seen != said:
            ports.runner.info(f"waiting: {seen}")
            said = seen
        left = (deadline - now).total_seconds()
        if left <= 0:
            return False
        ports.clock.sleep(min(_POLL_SECONDS, left))


def _surroundings(inputs: Inputs, context: Context) -> report.Surroundings:
    sha = inputs.sha or ""
    return report.Surroundings(
        commit_url=f"{context.server_url}/{context.repository}/commit/{sha}" if is_sha(sha) else "",
        workflow_url=inputs.workflow_url or "",
        image=inputs.image or "",
        job_url=context.run_url if context.run_id else "",
    )


def _directory(given: str, workspace: Path) -> Path:
    """The report's folder; links that a checkout may hold must not lead out of the workspace."""
    root = workspace.resolve()
    found = (root / given).resolve()
    if found != root and root not in found.parents:
        raise BadInput(
            f"input 'report-dir' leads out of the workspace: {given!r}", "name a folder within the checked out repository"
        )
    return found


def _write_files(directory: Path, workspace: Path, findings: Findings, inputs: Inputs, text: str) -> dict[str, str]:
    table = spreadsheet.render(
        findings.candidates,
        findings.baselines,
        [metric.name for metric in findings.metrics],
        findings.config_keys,
        inputs.sha_config_key,
    )
    document = json.dumps({"schema": 1, **findings.document()}, ensure_ascii=False) + "\n"
    files = (
        ("csv", "wandb_report.csv", table),
        ("json", "wandb_report.json", document),
        ("markdown", "wandb_report.md", text),
    )
    return _write(directory, workspace, files)


def _write(directory: Path, workspace: Path, files: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """Write files, each (output, name, content); returns their paths from the workspace by output."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return {output: _place(directory / name, content, workspace) for output, name, content in files}
    except OSError as error:
        raise BadInput(
            f"the report cannot be written to {str(directory)!r}: {error.strerror or error}",
            "name a folder that can be written in 'report-dir'",
        ) from None


def _place(path: Path, content: str, workspace: Path) -> str:
    """Write a file in one step; a link that stands in its place is replaced, never followed."""
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="") as file:
            file.write(content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return str(path.relative_to(workspace.resolve()))


def _tell(findings: Findings, runner: Runner) -> None:
    counts = findings.counts
    runner.info(
        f"{findings.project}: {counts.candidates} candidates ({counts.finished} finished, {counts.running} running, "
        f"{counts.crashed} crashed, {counts.failed} failed, {counts.killed} killed), {counts.baselines} baselines"
    )
    for verdict in findings.verdicts:
        runner.info(f"gate {'passed' if verdict.passed else 'failed'}: {verdict.gate.text} ({_numbers(verdict)})")
    for requirement in findings.requirements:
        runner.info(f"{requirement.name}: {requirement.reason or 'holds'}")
    if not counts.candidates:
        runner.warning(
            "no run was found for this choice\ncheck that the training logs the commit (config "
            f"{findings.choice.sha_config_key!r}, or WANDB_GIT_COMMIT) to {findings.project}",
            title="wandb-runs",
        )
    for note in findings.notes:
        runner.warning(note, title="wandb-runs")


def _numbers(verdict: gates.Verdict) -> str:
    return verdict.reason or f"{verdict.value} against {verdict.required}"


def _outputs(findings: Findings, told: Mapping[str, str]) -> dict[str, str]:
    counts = findings.counts
    best = findings.best
    same = findings.data.same if findings.data else None
    return {
        "complete": flag(counts.complete),
        "single-run": flag(counts.single_run),
        "num-candidates": str(counts.candidates),
        "num-finished": str(counts.finished),
        "num-running": str(counts.running),
        "num-crashed": str(counts.crashed),
        "num-failed": str(counts.failed),
        "num-killed": str(counts.killed),
        "num-baselines": str(counts.baselines),
        "gate": findings.gate,
        "requirements": findings.required,
        "verified": flag(findings.commit.verified),
        "same-data": "" if same is None else flag(same),
        "best-run-id": best.id if best else "",
        "best-run-url": best.url if best else "",
        **told,
        "BOOL_COMPLETE": legacy_flag(counts.complete),
        "BOOL_SINGLE_RUN": legacy_flag(counts.candidates == 1),
        "NUM_FINISHED": str(counts.finished),
        "NUM_RUNNING": str(counts.running),
        "NUM_CRASHED": str(counts.crashed),
        "NUM_ABORTED": str(counts.killed + counts.failed),
        "NUM_BASELINES": str(counts.baselines),
    }


def _error(inputs: Inputs, findings: Findings) -> ActionError | None:
    """What the step ends with; a wait given up comes first, since the numbers are not final then."""
    counts = findings.counts
    if findings.timed_out:
        return TimedOut(
            f"after {inputs.timeout:g} s {counts.candidates} of at least {inputs.min_runs} runs were there and "
            f"{counts.running} had not ended",
            "raise 'timeout', or look at the runs: " + findings.project_url,
        )
    if findings.required == FAILED:
        unmet = [f"{one.name} ({one.reason})" for one in findings.requirements if not one.holds]
        return WorkFailed(
            f"{len(unmet)} of {len(findings.requirements)} requirements do not hold: {' · '.join(unmet)}",
            "name a run that fulfils them; see 'require' in the step's 'with:'",
        )
    if findings.gate == FAILED:
        failed = [verdict for verdict in findings.verdicts if not verdict.passed]
        return WorkFailed(
            f"{len(failed)} of {len(findings.verdicts)} gates failed: "
            + " · ".join(f"{verdict.gate.text} ({_numbers(verdict)})" for verdict in failed),
            "improve the candidate, or correct 'gates' where the bar is wrong; the report has the numbers",
        )
    return None
