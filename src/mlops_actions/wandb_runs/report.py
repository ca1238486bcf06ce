"""The report a reviewer decides by: verdict first, then gates, comparison, curves, and where the numbers come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlops_actions.core import markdown
from mlops_actions.core.provenance import is_sha, short
from mlops_actions.wandb_runs import curves, show
from mlops_actions.wandb_runs.compare import Difference, best_ids
from mlops_actions.wandb_runs.findings import FAILED, PASSED, Findings
from mlops_actions.wandb_runs.gates import Verdict
from mlops_actions.wandb_runs.metrics import INFERRED, Metric
from mlops_actions.wandb_runs.model import Artifact, Run, metric_value, number, value_at
from mlops_actions.wandb_runs.promotion import Promotion
from mlops_actions.wandb_runs.require import Requirement
from mlops_actions.wandb_runs.seeds import Interval, Spread

# Beyond these a table of all runs no longer fits the eye, and is folded.
_OPEN_RUNS, _OPEN_COLUMNS = 8, 6
_MOST_RUNS = 60
_NO_BREAK = "\u00a0"
_BASELINE_CURVES = 2


@dataclass(frozen=True)
class Surroundings:
    """What the report links to: addresses of the commit, the workflow and this job, the image by digest."""

    commit_url: str = ""
    workflow_url: str = ""
    image: str = ""
    job_url: str = ""


def render(findings: Findings, around: Surroundings, promotion: Promotion | None = None) -> str:
    """Write the whole report as GitHub-flavoured Markdown."""
    sections = [
        f"### {headline(findings)}",
        _requirements(findings.requirements),
        _promotion(promotion or Promotion()),
        _gates(findings.verdicts),
        _comparison(findings),
        _seeds(findings.seeds),
        _runs(findings),
        _curves(findings),
        _provenance(findings, around),
        _notes(findings),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def headline(findings: Findings) -> str:
    """The verdict in one line."""
    counts = findings.counts
    subject = _subject(findings)
    if findings.required == FAILED:
        unmet = [requirement for requirement in findings.requirements if not requirement.holds]
        return f"❌ Not accepted, {subject}: {markdown.escape(unmet[0].reason)}" + _and_more(unmet)
    if findings.gate == FAILED:
        failed = [verdict for verdict in findings.verdicts if not verdict.passed]
        return f"❌ Gates failed for {subject}: {_why(failed[0])}" + _and_more(failed)
    unfinished = f"; {_plural(counts.running, 'run')} still to come" if counts.running else ""
    if findings.gate == PASSED:
        gates = f"All {len(findings.verdicts)} gates" if len(findings.verdicts) > 1 else "The gate"
        return f"✅ {gates} passed for {subject}{unfinished}"
    if findings.required == PASSED:
        return f"✅ All that is required holds for {subject}{unfinished}"
    if not counts.candidates:
        return f"⚪ No run found for {subject}"
    if not counts.finished:
        return f"⚪ No run has finished for {subject}: {_states(findings)}"
    return f"📊 {_balance(findings)}{unfinished}"


def headline_text(findings: Findings) -> str:
    """The verdict as plain text of one line, as a check run's title wants it."""
    counts = findings.counts
    passed = sum(verdict.passed for verdict in findings.verdicts)
    if findings.required == FAILED:
        return f"not accepted: {', '.join(one.name for one in findings.requirements if not one.holds)}"
    if findings.verdicts:
        return f"{passed} of {_plural(len(findings.verdicts), 'gate')} passed"
    return f"{counts.finished} of {_plural(counts.candidates, 'run')} finished"


def _subject(findings: Findings) -> str:
    choice = findings.choice
    if findings.choice.run_id:
        return f"run {markdown.code(choice.run_id)}"
    if choice.sha:
        return markdown.code(short(choice.sha) if is_sha(choice.sha) else choice.sha)
    return f"group {markdown.code(choice.group)}" if choice.group else "the chosen runs"


def _why(verdict: Verdict) -> str:
    if verdict.value is None or verdict.required is None:
        return markdown.escape(verdict.reason)
    return (
        f"{markdown.code(verdict.gate.metric)} is {show.figure(verdict.value)}, "
        f"required is {markdown.escape(verdict.gate.op)} {show.figure(verdict.required)}"
    )


def _balance(findings: Findings) -> str:
    """Say how the best candidate does, metric by metric, against the best baseline."""
    finished = f"{_plural(findings.counts.finished, 'run')} finished for {_subject(findings)}"
    if not findings.baselines:
        return (
            f"{finished}; there is no baseline to compare with"
            if findings.choice.baseline_tags or (findings.choice.baseline_sha)
            else finished
        )
    told = [row.best.better for row in findings.rows if row.best and row.metric.direction]
    if not told:
        return f"{finished}, against {_plural(findings.counts.baselines, 'baseline')}"
    parts = [
        f"{word} on {sum(better is kind for better in told)}"
        for word, kind in (("better", True), ("equal", None), ("worse", False))
        if any(better is kind for better in told)
    ]
    return f"{finished}: {', '.join(parts)} of {_plural(len(told), 'metric')} against the best baseline"


def _states(findings: Findings) -> str:
    counts = findings.counts
    named = (
        (counts.running, "not ended"),
        (counts.crashed, "crashed"),
        (counts.failed, "failed"),
        (counts.killed, "killed"),
    )
    return ", ".join(f"{number} {word}" for number, word in named if number)


def _requirements(requirements: Sequence[Requirement]) -> str:
    if not requirements:
        return ""
    told = [
        f"✅ {requirement.name}" if requirement.holds else f"❌ {requirement.name}: {markdown.escape(requirement.reason)}"
        for requirement in requirements
    ]
    return f"**Required:** {' · '.join(told)}"


def _promotion(promotion: Promotion) -> str:
    if not promotion.alias:
        return ""
    alias = markdown.code(promotion.alias)
    if promotion.artifact:
        return f"**Promoted:** {markdown.code(promotion.artifact)} is now {alias}"
    why = f": {markdown.escape(promotion.error.cause)}" if promotion.error else ""
    return f"**Nothing was promoted to {alias}**{why}"


def _gates(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return ""
    rows = [
        [
            _together("✅ passed" if verdict.passed else "❌ failed"),
            markdown.code(verdict.gate.text),
            show.NOTHING if verdict.value is None else show.figure(verdict.value),
            show.NOTHING
            if verdict.required is None
            else _together(f"{markdown.escape(verdict.gate.op)} {show.figure(verdict.required)}"),
            markdown.escape(verdict.reason),
        ]
        for verdict in verdicts
    ]
    header, align = ["Gate", "Rule", "Value", "Required", ""], "llrrl"
    if not any(verdict.reason for verdict in verdicts):
        header, align, rows = header[:4], align[:4], [row[:4] for row in rows]
    return markdown.table(header, rows, align)


def _comparison(findings: Findings) -> str:
    if not findings.best or not findings.baselines or not findings.rows:
        return ""
    rows = [
        [
            _metric(row.metric),
            f"**{show.cell(row.value)}**" if row.best and row.best.better else show.cell(row.value),
            _against(row.best),
            _against(row.mean),
            _against(row.latest),
        ]
        for row in findings.rows
    ]
    header = ["Metric", "Candidate", "Best baseline", "Mean", "Latest"]
    if len(findings.baselines) == 1:
        header = ["Metric", "Candidate", "Baseline"]
        rows = [[*row[:2], _against(found.latest)] for row, found in zip(rows, findings.rows, strict=True)]
    # Which one is best can only be said by a metric with a direction.
    told = [row.metric for row in findings.rows if row.metric.direction and number(row.value) is not None]
    word = "Candidate" if findings.counts.finished == 1 else "Best candidate" if told else "Newest candidate"
    by = f" (by {markdown.code(told[0].name)})" if told and findings.counts.finished > 1 else ""
    title = f"**{word}** {_link(findings.best)}{by} against {_plural(findings.counts.baselines, 'baseline')}"
    table = markdown.table(header, rows, "l" + "r" * (len(header) - 1))
    return f"{title}\n\n{table}\n\n{_legend(findings.metrics, compared=True)}"


def _seeds(intervals: Sequence[Interval]) -> str:
    if not intervals:
        return ""
    rows = [
        [
            _metric(interval.metric),
            _spread(interval.ours),
            _spread(interval.theirs),
            show.signed(interval.difference),
            show.NOTHING
            if interval.low is None or interval.high is None
            else f"{show.signed(interval.low)} … {show.signed(interval.high)}",
            interval.sentence,
        ]
        for interval in intervals
    ]
    header = ["Metric", "Candidate's seeds", "Baselines", "Δ of means", "95 % interval", ""]
    return f"**More than noise?**\n\n{markdown.table(header, rows, 'lrrrrl')}"


def _spread(spread: Spread) -> str:
    deviation = "" if spread.deviation is None else f" ± {show.figure(spread.deviation, 2)}"
    return f"{show.figure(spread.mean)}{deviation} (n = {spread.n})"


def _against(found: Difference | None) -> str:
    """The reference, and under it how far the candidate is from it; nothing in between may wrap."""
    if not found:
        return show.NOTHING
    mark = {True: " 🟢", False: " 🔴", None: ""}[found.better]
    relative = f" ({show.percent(found.percent)})" if found.percent is not None else ""
    return f"{show.figure(found.reference)}<br>{_together(f'{show.signed(found.absolute, 3)}{relative}{mark}')}"


def _together(text: str) -> str:
    """Text whose words stay on one line."""
    return text.replace(" ", _NO_BREAK)


def _metric(metric: Metric) -> str:
    suffix = f" {metric.arrow}" if metric.arrow else ""
    return markdown.code(metric.name) + _together(suffix + (" \\*" if metric.source == INFERRED else ""))


def _legend(metrics: Sequence[Metric], *, compared: bool) -> str:
    parts = []
    if any(metric.direction for metric in metrics):
        parts = ["🟢 better, 🔴 worse"] if compared else []
        parts.append("↑ higher is better, ↓ lower is better")
    if any(metric.source == INFERRED for metric in metrics):
        parts.append("\\* inferred from the name; say `:min` or `:max` in `metrics`")
    if any(not metric.direction for metric in metrics):
        parts.append("without an arrow: which way is better is not known")
    return f"<sub>{' · '.join(parts)}</sub>" if parts else ""


def _runs(findings: Findings) -> str:
    """All runs as a table: candidates first, the best of each metric in bold."""
    runs = [*findings.candidates, *findings.baselines]
    if not runs:
        return ""
    finished = [run for run in runs if run.finished]
    best = {metric.name: best_ids(finished, metric) for metric in findings.metrics}
    header = ["", "Run", "State", *(_metric(metric) for metric in findings.metrics)]
    header += [markdown.code(key) for key in findings.config_keys]
    rows = []
    for run in runs[:_MOST_RUNS]:
        kind = "candidate" if run in findings.candidates else "baseline"
        cells = [kind, _link(run), markdown.escape(findings.state(run))]
        for metric in findings.metrics:
            text = show.cell(metric_value(run, metric.name))
            cells.append(f"**{text}**" if run.id in best[metric.name] else text)
        rows.append([*cells, *(show.cell(value_at(run.config, key)) for key in findings.config_keys)])
    columns = len(findings.metrics) + len(findings.config_keys)
    table = markdown.table(header, rows, "lll" + "r" * columns)
    if len(runs) > _MOST_RUNS:
        table += f"\n\n{len(runs) - _MOST_RUNS} more are in {markdown.code('wandb_report.csv')}."
    if not findings.rows or not findings.baselines:
        table = f"{table}\n\n{_legend(findings.metrics, compared=False)}".rstrip()
    count = f"{_plural(len(findings.candidates), 'candidate')}, {_plural(len(findings.baselines), 'baseline')}"
    if len(runs) <= _OPEN_RUNS and columns <= _OPEN_COLUMNS:
        return f"**All runs** ({count}; best in bold)\n\n{table}"
    return markdown.fold(f"All runs ({count}; best in bold)", table)


def _curves(findings: Findings) -> str:
    if not findings.curves:
        return ""
    candidates = [run for run in findings.candidates if run.finished or run.state == "running"]
    if findings.best:
        best = findings.best.id
        candidates.sort(key=lambda run: run.id != best)
    shown = [*candidates[: curves.MOST_LINES - min(len(findings.baselines), _BASELINE_CURVES)]]
    labels = {run.id: f"candidate {_link(run)}" for run in shown}
    labels |= {run.id: f"baseline {_link(run)}" for run in findings.baselines[:_BASELINE_CURVES]}
    found = {run: details.curves for run, details in findings.details.items()}
    charts = []
    for metric in findings.curves:
        drawn = curves.chart(metric, curves.lines_of(metric, found, labels))
        charts.append(drawn or f"No run shown here has a history of {markdown.code(metric)}.")
    return markdown.fold("Learning curves", "\n\n".join(charts), opened=len(charts) <= 2)


def _provenance(findings: Findings, around: Surroundings) -> str:
    parts = [_commit(findings, around)] if findings.choice.sha else []
    if around.image:
        parts.append(f"image {markdown.code(around.image)}")
    if around.workflow_url:
        parts.append(markdown.link("workflow", around.workflow_url))
    if findings.data:
        parts.append(_data(findings))
    parts.append(markdown.link(findings.project, findings.project_url))
    if around.job_url:
        parts.append(markdown.link("job", around.job_url))
    advice = (
        "\n\n<sub>A claimed commit is what the run wrote about itself. Set `WANDB_GIT_COMMIT` (and `WANDB_GIT_REMOTE_URL`) "
        "where the training runs, and W&B records it.</sub>"
        if findings.commit.claimed
        else ""
    )
    return f"**Where this comes from:** {' · '.join(parts)}{advice}"


def _commit(findings: Findings, around: Surroundings) -> str:
    commit, total = findings.commit, len(findings.candidates)
    name = short(commit.sha) if is_sha(commit.sha) else commit.sha
    shown = f"commit {markdown.link(name, around.commit_url)}" if around.commit_url else f"commit {markdown.code(name)}"
    if not total:
        return shown
    if commit.verified:
        told = "✅ recorded by W&B" + (f" for all {total} candidates" if total > 1 else "")
    else:
        counted = (
            (commit.recorded, "recorded by W&B"),
            (commit.claimed, "only claimed by the run's config"),
            (len(commit.contradicted), "❌ contradicted"),
            (commit.untied, "not tied to it"),
        )
        told = "⚠️ " + ", ".join(f"{number} of {total} {word}" for number, word in counted if number)
    if commit.contradicted:
        told += f" ({', '.join(_contradiction(run) for run in commit.contradicted[:3])})"
    if commit.dirty:
        told += f", ⚠️ {_plural(len(commit.dirty), 'run')} from a tree with uncommitted changes"
    return f"{shown} {told}"


def _contradiction(run: Run) -> str:
    says = markdown.code(short(run.commit)) if run.commit else "another commit in its config"
    return f"{_link(run)} is of {says}"


def _data(findings: Findings) -> str:
    data = findings.data
    assert data is not None  # noqa: S101 - the caller asked
    ours = ", ".join(_artifact(artifact) for artifact in data.candidates)
    theirs = ", ".join(_artifact(artifact) for artifact in data.baselines)
    if data.same:
        return f"data {ours}, the same for all runs"
    if data.same is False:
        return f"⚠️ data differ: candidates {ours or 'none recorded'}; baselines {theirs or 'none recorded'}"
    if not ours and not theirs:
        return "data not recorded (`run.use_artifact` does)"
    return f"data {ours or 'of the candidates not recorded'}" + (f"; baselines {theirs}" if theirs else "")


def _artifact(artifact: Artifact) -> str:
    return f"{markdown.code(artifact.label)} ({markdown.code(artifact.digest[:12])})"


def _notes(findings: Findings) -> str:
    return "\n".join(f"> {markdown.escape(note)}" for note in findings.notes)


def _link(run: Run) -> str:
    return markdown.link(run.title, run.url)


def _and_more(found: Sequence[object]) -> str:
    return f" (and {len(found) - 1} more)" if len(found) > 1 else ""


def _plural(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
