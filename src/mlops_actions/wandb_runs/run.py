"""Run the action: ask the tracker, wait, compare, and write the report to files, the summary, the comment and the check."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from mlops_actions.core.context import Context
from mlops_actions.core.errors import ActionError, BadInput, Refused
from mlops_actions.core.event import Event, pull_request_of
from mlops_actions.core.outcome import RESULT_SCHEMA_VERSION, Outcome, flag, legacy_flag
from mlops_actions.core.ports import Runner
from mlops_actions.core.provenance import is_sha
from mlops_actions.core.runs import RunQuery
from mlops_actions.core.section import section_of
from mlops_actions.wandb_runs import comparison
from mlops_actions.wandb_runs.attestation import Attestation, attest
from mlops_actions.wandb_runs.base_branch import base_commits
from mlops_actions.wandb_runs.comparison import keys_of, selection_of
from mlops_actions.wandb_runs.details import details_query
from mlops_actions.wandb_runs.failures import error_of
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.inputs import ACTION, CSV_FILE, JSON_FILE, MARKDOWN_FILE, Inputs
from mlops_actions.wandb_runs.model_choice import choose
from mlops_actions.wandb_runs.ports import Ports
from mlops_actions.wandb_runs.promotion import ModelOf, Promotion, promote
from mlops_actions.wandb_runs.report import document as report
from mlops_actions.wandb_runs.report import spreadsheet
from mlops_actions.wandb_runs.report.fit import join
from mlops_actions.wandb_runs.report.provenance import ReportContext
from mlops_actions.wandb_runs.report.publish import PublishedReport, publish
from mlops_actions.wandb_runs.selection import runs as selection
from mlops_actions.wandb_runs.selection import sweep
from mlops_actions.wandb_runs.settling import Settling
from mlops_actions.wandb_runs.values import as_json, fit_output
from mlops_actions.wandb_runs.verdict.doubts import still

_POLL_SECONDS = 20.0
_MAX_LISTED = 100  # candidates in the output `result`: later steps take it as one variable, whose size Linux limits


def run(inputs: Inputs, context: Context, event: Event | None, ports: Ports) -> Outcome:
    """Run the action's main stage; the outcome carries the error of a failed gate or of a wait that timed out."""
    folder = ports.workspace.path(inputs.report_dir, "report-dir")
    findings = _findings(inputs, event, ports)
    report_context = _report_context(inputs, context)
    attestation = _attestation(inputs, context, event, ports, findings)
    promotion = _promotion(inputs, ports, findings, attestation)
    sections = report.sections(findings, report_context, promotion)
    text = join(sections)
    paths = _write_files(inputs, ports, folder, findings, text, attestation)
    ports.runner.summary(text)
    _log(findings, ports.runner)
    published = publish(inputs, event, ports, findings, sections=sections, job_url=report_context.job_url)
    base = findings.selection.base
    error = (base.error if base else None) or error_of(inputs, findings) or attestation.error or promotion.error
    kept_as = {"artifact-name": f"report-{section_of(context, inputs.matrix or {}, inputs.section or '').file_name}"}
    outputs = {
        **_outputs(findings),
        "promoted": promotion.artifact,
        "comment-url": published.comment_url,
        **kept_as,
        **attestation.outputs(),
        **paths,
        **_legacy_outputs(findings),
    }
    return Outcome(outputs, _result(findings, promotion, published, {**kept_as, **attestation.outputs(), **paths}), error)


def _findings(inputs: Inputs, event: Event | None, ports: Ports) -> Findings:
    tracker, selected = ports.tracker, selection_of(inputs, base_commits(inputs, event, ports))
    candidate_query, baseline_query = selection.candidate_query(selected), selection.baseline_query(selected)
    found_sweep = tracker.sweep(inputs.sweep) if inputs.sweep and not inputs.run_id else None
    if inputs.sweep and not inputs.run_id and not found_sweep:
        raise BadInput(
            f"input 'sweep' names {inputs.sweep!r}, and {inputs.project} has no such sweep",
            "give the id at the end of the sweep's address",
        )
    inputs = sweep.guided_by(inputs, found_sweep)
    keys = sweep.with_parameters(keys_of(inputs), found_sweep)
    if inputs.debug:
        ports.runner.info(f"candidates: {tracker.native_query(candidate_query)}")
        ports.runner.info(f"baselines: {tracker.native_query(baseline_query) if baseline_query else 'none'}")
        ports.runner.info(f"summary keys: {', '.join(keys.summary)}; config keys: {', '.join(keys.config)}")
    timed_out = inputs.wait and not _wait(inputs, candidate_query, ports)
    read_at = ports.clock.now()
    settling = Settling(
        read_again=lambda runs: tracker.find(RunQuery(run_ids=tuple(run.id for run in runs)), None, keys).candidates,
        needed=comparison.decisive_metrics(inputs),
        clock=ports.clock,
        log=ports.runner,
    )
    settled = settling.settled(tracker.find(candidate_query, baseline_query, keys))
    result = settled.result
    if inputs.debug:
        for answer in (*result.candidates, *result.baselines):
            ports.runner.info(f"{answer.id} {answer.state} {json.dumps(as_json(dict(answer.summary)))}")
    compared = comparison.prepare(inputs, result, selected)
    details = tracker.details(details_query(inputs, compared))
    findings = comparison.evaluate(
        inputs,
        compared,
        details,
        now=ports.clock.now(),
        tracker=tracker.info,
        tracker_notes=tracker.notes,
        timed_out=timed_out,
        read_at=read_at,
        sweep=found_sweep,
    )
    return replace(findings, doubts=(*findings.doubts, *settled.doubts))


def _attestation(inputs: Inputs, context: Context, event: Event | None, ports: Ports, findings: Findings) -> Attestation:
    verdict = findings.verdict
    if inputs.statement and verdict.is_open:
        ports.runner.warning(
            f"no statement was written: {still(findings.running) or 'there are too few runs'}", title=ACTION.name
        )
    if not inputs.statement or not verdict.attests:
        return Attestation()
    number = inputs.pr_number or _pull_request_number(event, ports)
    tracker = ports.tracker
    return attest(inputs, context, findings, _model_of(inputs, ports), tracker.files, pull_request=number)


def _model_of(inputs: Inputs, ports: Ports) -> ModelOf:
    return lambda run: choose(ports.tracker.models(run), inputs.model, run.id)


def _pull_request_number(event: Event | None, ports: Ports) -> int | None:
    """Return the event's pull request; None also where GitHub does not answer, since a statement can do without it."""
    publisher = ports.publisher
    try:
        return pull_request_of(event, publisher.pull_request_of_commit if publisher else None).number
    except ActionError as error:
        message = f"the statement names no pull request: {error}"
        # The job's token may not read pull requests: that is the workflow's choice, and no reason to warn.
        if isinstance(error, Refused) and error.is_forbidden:
            ports.runner.info(message)
        else:
            ports.runner.warning(message, title=ACTION.name)
        return None


def _promotion(inputs: Inputs, ports: Ports, findings: Findings, attestation: Attestation) -> Promotion:
    alias = inputs.promote_alias or ""
    # A model that cannot be attested is not promoted either.
    if attestation.error:
        return Promotion(alias, error=attestation.error)
    promotion = promote(alias, findings, _model_of(inputs, ports), ports.tracker.promote)
    if promotion.artifact:
        ports.runner.notice(f"{promotion.artifact} is now '{alias}'", title=ACTION.name)
    if promotion.reason:
        ports.runner.warning(
            f"nothing was promoted to '{alias}': {promotion.reason}\n"
            "train a baseline on the same data, or give 'lineage: false' where the data are not to be compared",
            title=ACTION.name,
        )
    return promotion


def _wait(inputs: Inputs, query: RunQuery, ports: Ports) -> bool:
    """Poll until there are enough candidates and all have ended; return False where the time ran out."""
    deadline = ports.clock.now() + timedelta(seconds=inputs.timeout)
    last_message = ""
    while True:
        candidates = ports.tracker.states(query)
        now = ports.clock.now()
        running = sum(not candidate.has_ended(now) for candidate in candidates)
        if len(candidates) >= inputs.min_runs and not running:
            return True
        message = f"waiting: {len(candidates)} of at least {inputs.min_runs} runs exist, {running} have not ended"
        if message != last_message:
            ports.runner.info(message)
            last_message = message
        left = (deadline - now).total_seconds()
        if left <= 0:
            return False
        ports.clock.sleep(min(_POLL_SECONDS, left))


def _report_context(inputs: Inputs, context: Context) -> ReportContext:
    sha = inputs.sha or ""
    return ReportContext(
        commit_url=f"{context.server_url}/{context.repository}/commit/{sha}" if is_sha(sha) else "",
        workflow_url=inputs.workflow_url or "",
        image=inputs.image or "",
        job_url=context.run_url if context.run_id else "",
    )


def _write_files(
    inputs: Inputs, ports: Ports, folder: Path, findings: Findings, text: str, attestation: Attestation
) -> dict[str, str]:
    """Write the report's files; return their paths from the workspace by output."""
    table = spreadsheet.render(
        findings.candidates,
        findings.baselines,
        metrics=[metric.name for metric in findings.metrics],
        config_keys=findings.config_keys,
        sha_config_key=inputs.sha_config_key,
    )
    document = json.dumps({"schema": RESULT_SCHEMA_VERSION, **findings.document()}, ensure_ascii=False) + "\n"
    files = [
        ("csv", CSV_FILE, table),
        ("json", JSON_FILE, document),
        ("markdown", MARKDOWN_FILE, text),
        *attestation.files(),
    ]
    paths = ports.workspace.write(folder, {name: content for _, name, content in files})
    return {output: paths[name] for output, name, _ in files}


def _log(findings: Findings, runner: Runner) -> None:
    counts = findings.counts
    runner.info(
        f"{findings.project}: {counts.candidates} candidates ({counts.finished} finished, {counts.running} running, "
        f"{counts.crashed} crashed, {counts.failed} failed, {counts.killed} killed), {counts.baselines} baselines"
    )
    for gate in findings.gates:
        word = "passed" if gate.passed else "failed"
        runner.info(f"gate {word if gate.judged else 'not judged'}: {gate.gate.text} ({gate.explanation})")
    for requirement in findings.requirements:
        runner.info(f"{requirement.name}: {requirement.reason or 'holds'}")
    if not counts.candidates:
        places = [f"config {findings.selection.sha_config_key!r}", *findings.tracker.commit_variables[:1]]
        runner.warning(
            "the inputs select no run\n"
            f"check that the training logs the commit ({' or '.join(places)}) to {findings.project}",
            title=ACTION.name,
        )
    for note in findings.notes:
        runner.warning(note, title=ACTION.name)


def _result(
    findings: Findings, promotion: Promotion, published: PublishedReport, outputs: Mapping[str, str]
) -> dict[str, object]:
    return {
        **fit_output(findings.document(_MAX_LISTED)),
        "notes": [*findings.notes, *published.notes],
        "promoted": promotion.artifact or None,
        "comment-url": published.comment_url or None,
        **outputs,
    }


def _outputs(findings: Findings) -> dict[str, str]:
    counts, best, same_data = findings.counts, findings.best, findings.same_data
    return {
        "complete": flag(counts.complete),
        "single-run": flag(counts.single_run),
        **{f"num-{state}": str(number) for state, number in vars(counts).items()},
        "gate": findings.gate_status,
        "requirements": findings.requirement_status,
        "verified": flag(findings.commit.verified),
        "same-data": "" if same_data is None else flag(same_data),
        "judged-run-id": findings.judged.run_id,
        "selected-by": findings.judged.selected_by,
        "best-run-id": best.id if best else "",
        "best-run-url": best.url if best else "",
    }


def _legacy_outputs(findings: Findings) -> dict[str, str]:
    counts = findings.counts
    return {
        "BOOL_COMPLETE": legacy_flag(counts.complete),
        "BOOL_SINGLE_RUN": legacy_flag(counts.candidates == 1),
        "NUM_FINISHED": str(counts.finished),
        "NUM_RUNNING": str(counts.running),
        "NUM_CRASHED": str(counts.crashed),
        "NUM_ABORTED": str(counts.killed + counts.failed),
        "NUM_BASELINES": str(counts.baselines),
    }
