"""The error with which the step ends, as the verdict decides: its cause and its remedy. Pure."""

from __future__ import annotations

from mlops_actions.core.errors import ActionError, TimedOut, WorkFailed
from mlops_actions.wandb_runs.findings import Findings
from mlops_actions.wandb_runs.inputs import Inputs
from mlops_actions.wandb_runs.verdict.doubts import named, of_commit
from mlops_actions.wandb_runs.verdict.gates import GateResult
from mlops_actions.wandb_runs.verdict.verdict import FAILED, NOT_ENDED


def error_of(inputs: Inputs, findings: Findings) -> ActionError | None:
    """Return the step's error, as the verdict decides."""
    verdict = findings.verdict
    if verdict.exit_code == NOT_ENDED:
        return _not_ended(inputs, findings)
    if verdict.requirements == FAILED:
        unmet = [f"{result.name} ({result.reason})" for result in findings.unmet_requirements]
        number = f"{len(unmet)} of {len(findings.requirements)} requirements do not hold: {' · '.join(unmet)}"
        return WorkFailed(
            number if unmet else _none_accepted(findings),
            _remedy_without_judged(findings) or "select a run that fulfils them; see 'require' in the step's 'with:'",
        )
    if verdict.gate == FAILED:
        failed = [f"{result.gate.text} ({result.explanation})" for result in findings.failed_gates]
        number = f"{len(failed)} of {len(findings.gates)} gates failed: {' · '.join(failed)}"
        return WorkFailed(number if failed else _other_commit(findings), _remedy_of_gates(findings))
    return None


def _remedy_of_gates(findings: Findings) -> str:
    """Return what helps where gates failed: a better candidate helps only where there was one, and a baseline, too."""
    failed = findings.failed_gates
    if remedy := _remedy_without_judged(findings):
        return remedy
    if not findings.baselines and any(result.gate.reference and result.value is not None for result in failed):
        return "give a finished run one of 'baseline-tags', or give 'no-baseline: pass' or 'neutral' until there is one"
    if failed and all(result.bound is not None and _is_good_enough(result) for result in failed):
        return "train more seeds of the group, or correct 'gates' where they ask for too much; the report shows the numbers"
    return "improve the candidate, or correct 'gates' where they ask for too much; the report shows the numbers"


def _remedy_without_judged(findings: Findings) -> str:
    """Return what helps where no candidate could be judged; empty where one was."""
    if findings.judged.run is not None:
        return ""
    if not findings.candidates:
        return "check that the training logs the commit, and that the inputs select its runs"
    if findings.all_contradicted or (findings.counts.finished and not findings.judged.candidates):
        return "train the commit that 'sha' names, or correct 'sha'; the report shows the commit of each run"
    if findings.counts.finished:
        return "log this metric in the training, or name another one in 'select-by'"
    if findings.running:
        return "give 'wait: true' to wait for the runs that have not ended, or run this step again later"
    return "look at why the runs did not finish: the report links each"


def _none_accepted(findings: Findings) -> str:
    """Say why a run is not accepted although every requirement holds."""
    if findings.all_contradicted:
        return _other_commit(findings)
    return f"no run can be accepted, although every requirement holds: {findings.why_none_is_judged}"


def _is_good_enough(result: GateResult) -> bool:
    """Tell whether the mean of the seeds would pass, and only the evidence is missing."""
    value, required = result.value, result.required
    return value is not None and required is not None and result.gate.passes(value, required)


def _not_ended(inputs: Inputs, findings: Findings) -> TimedOut:
    counts, running = findings.counts, named([run.id for run in findings.running])
    if findings.timed_out:
        return TimedOut(
            f"after {inputs.timeout:g} s there were {counts.candidates} of at least {inputs.min_runs} runs, and "
            f"{len(findings.running)} had not ended{f': {running}' if running else ''}",
            "raise 'timeout', or look at the runs: " + findings.tracker.project_url,
        )
    return TimedOut(
        f"nothing is decided yet: {len(findings.running)} of {counts.candidates} runs had not ended: {running}",
        "give 'wait: true' to wait for them, run this step again later, or give 'partial: true' to judge without them",
    )


def _other_commit(findings: Findings) -> str:
    runs = named([f"{run.id} ({of_commit(run, findings.commit.sha)})" for run in findings.commit.contradicted])
    return f"no candidate is of commit {findings.commit.sha}: {runs}"
