"""From the runs to findings and what follows from these: statement, promotion, report, files, comment, check, outcome."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mlops_actions.core.context import Context
from mlops_actions.core.errors import ActionError, Refused
from mlops_actions.core.event import Event, pull_request_of
from mlops_actions.core.outcome import RESULT_SCHEMA_VERSION, Outcome, flag, legacy_flag
from mlops_actions.core.ports import Runner
from mlops_actions.core.provenance import is_sha
from mlops_actions.core.runs import RunQuery
from mlops_actions.core.section import section_of
from mlops_actions.wandb_runs import comparison
from mlops_actions.wandb_runs.attestation import Attestation, attest
from mlops_actions.wandb_runs.details import details_query
from mlops_actions.wandb_runs.failures import error_of
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.inputs import ACTION, CSV_FILE, JSON_FILE, MARKDOWN_FILE, Inputs
from mlops_actions.wandb_runs.model_choice import choose
from mlops_actions.wandb_runs.ports import Ports
from mlops_actions.wandb_runs.promotion import ModelOf, Promotion, promote
from mlops_actions.wandb_runs.reading import Reading
from mlops_actions.wandb_runs.report import document as report
from mlops_actions.wandb_runs.report import spreadsheet
from mlops_actions.wandb_runs.report.fit import join
from mlops_actions.wandb_runs.report.provenance import ReportContext
from mlops_actions.wandb_runs.report.publish import PublishedReport, publish
from mlops_actions.wandb_runs.selection.from_inputs import decisive_metrics
from mlops_actions.wandb_runs.settling import Settling
from mlops_actions.wandb_runs.values import as_json, fit_output
from mlops_actions.wandb_runs.verdict.doubts import still
from mlops_actions.wandb_runs.verdict.verdict import ATTESTED

_MAX_LISTED = 100  # candidates in the output `result`: later steps take it as one variable, whose size Linux limits


def conclude(inputs: Inputs, context: Context, event: Event | None, ports: Ports, reading: Reading, folder: Path) -> Outcome:
    """Judge the runs, publish the report and write its files to `folder`; see `run` for the outcome."""
    findings = _findings(ports, reading)
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


def _findings(ports: Ports, reading: Reading) -> Findings:
    inputs, tracker = reading.inputs, ports.tracker
    settling = Settling(
        read_again=lambda runs: tracker.find(RunQuery(run_ids=tuple(run.id for run in runs)), None, reading.keys).candidates,
        needed=decisive_metrics(inputs),
        clock=ports.clock,
        log=ports.runner,
    )
    settled = settling.settled(reading.result)
    result = settled.result
    if inputs.debug:
        for answer in (*result.candidates, *result.baselines):
            ports.runner.info(f"{answer.id} {answer.state} {json.dumps(as_json(dict(answer.summary)))}")
    compared = comparison.prepare(inputs, result, reading.selection)
    details = tracker.details(details_query(inputs, compared))
    findings = comparison.evaluate(
        inputs,
        compared,
        details,
        now=ports.clock.now(),
        tracker=tracker.info,
        tracker_notes=tracker.notes,
        timed_out=reading.timed_out,
        read_at=reading.read_at,
        sweep=reading.sweep,
    )
    return replace(findings, doubts=(*findings.doubts, *settled.doubts))


def _attestation(inputs: Inputs, context: Context, event: Event | None, ports: Ports, findings: Findings) -> Attestation:
    verdict = findings.verdict
    if inputs.statement and verdict.is_open:
        ports.runner.warning(
            f"no statement was written: {still(findings.running) or 'there are too few runs'}", title=ACTION.name
        )
    elif inputs.statement and verdict.state in ATTESTED and findings.data_difference:
        ports.runner.warning(
            f"no statement was written: {findings.data_difference}\n"
            "train a baseline on the same data, or select candidates of the same data with 'group', 'sweep' or 'run-id'",
            title=ACTION.name,
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
        ports.runner.warning(f"nothing was promoted to '{alias}': {promotion.reason}\n{promotion.remedy}", title=ACTION.name)
    return promotion


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
