"""The replies to the built-in commands, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from mlops_actions.chatops.controls.running import CommandRun, CommandRuns
from mlops_actions.chatops.reply import person, with_footer
from mlops_actions.core.context import Context
from mlops_actions.core.errors import ActionError
from mlops_actions.core.markdown import code, escape, link

MAX_LINES = 10
_MAX_HEADLINE = 200


def status(runs: CommandRuns, names: Sequence[str], context: Context) -> str:
    """List what runs and waits, newest first; `names` are the commands of this workflow file."""
    shown = runs.open[:MAX_LINES]
    hidden = len(runs.open) - len(shown)
    lines = [_line(run, context) for run in shown]
    if hidden:
        lines.append(f"- … and {hidden} more")
    if not lines:
        lines = [f"Nothing of {_names(names)} runs or waits on this pull request."]
    return with_footer("\n".join([*lines, *_unknown(runs, context)]), "status", context.run_url)


def stopped(
    answers: Mapping[CommandRun, bool | ActionError | None],
    refused: Sequence[CommandRun],
    found: CommandRuns,
    context: Context,
) -> str:
    """Say what was stopped, what GitHub did not cancel, and what this person may not stop.

    `answers` says of each run whether GitHub cancelled it; False: it had ended already; None: its workflow has no job any
    more, and is left to a later job or step.
    """
    lines = [f"- {_named(run, context)}{_how_stopped(run, answer, context)}" for run, answer in answers.items()]
    lines += [f"- {_named(run, context)} was **not** stopped: you may not give this command" for run in refused]
    return with_footer("\n".join([*lines, *_unknown(found, context)]), "stopped", context.run_url)


def nothing_to_stop(names: Sequence[str], found: CommandRuns, context: Context) -> str:
    """Say that nothing runs which could be stopped."""
    lines = [f"Nothing of {_names(names)} runs or waits on this pull request, so nothing was stopped."]
    return with_footer("\n".join([*lines, *_unknown(found, context)]), "nothing-to-stop", context.run_url)


def _names(names: Sequence[str]) -> str:
    return ", ".join(code(name) for name in names) or "this workflow file"


def _run_link(run: int, text: str, context: Context) -> str:
    return link(text, f"{context.server_url}/{context.repository}/actions/runs/{run}")


def _named(run: CommandRun, context: Context) -> str:
    commit = f"[{code(run.notice.sha[:7])}]({context.server_url}/{context.repository}/commit/{run.notice.sha})"
    return f"**{code(run.notice.name)}** for {commit}"


def _line(run: CommandRun, context: Context) -> str:
    doing = "its workflow runs on without a job, and reports its end" if run.is_detached else run.doing
    line = (
        f"- {_named(run, context)}, since {_time(run.created_at)}, given by {person(run.actor, context.server_url)}: "
        f"{escape(doing)}. {_run_link(run.id, 'The run', context)}"
    )
    headline = run.comment.headline if run.comment else ""
    if headline and run.comment:
        # Only shown, for nothing is decided by it: who may write to the repository can edit the comment.
        line += f"; {link('its comment', run.comment.url)} says: {escape(headline[:_MAX_HEADLINE])}"
    return line


def _how_stopped(run: CommandRun, answer: bool | ActionError | None, context: Context) -> str:
    if isinstance(answer, ActionError):
        return f" was **not** stopped: {escape(answer.cause)}"
    if answer is None:
        # What that comes to is not known yet.
        return f": {link('this run', context.run_url)} goes on to stop its workflow on the cluster"
    link_to_run = _run_link(run.id, "its run", context)
    return f": {link_to_run} was cancelled" if answer else f": {link_to_run} had ended already"


def _unknown(runs: CommandRuns, context: Context) -> list[str]:
    """Say which runs may belong to this pull request too."""
    lines = []
    if runs.doubtful:
        links = ", ".join(_run_link(run, str(run), context) for run in runs.doubtful[:MAX_LINES])
        lines.append(f"\nThese runs name more than one command, so they are not believed: {links}")
    if runs.unread:
        links = ", ".join(_run_link(run, str(run), context) for run in runs.unread[:MAX_LINES])
        lines.append(f"\nThese runs have not finished reading their comment, so it is not known what they do: {links}")
    if not runs.is_complete:
        lines.append("\nGitHub lists more runs than were read.")
    return lines


def _time(stamp: str) -> str:
    moment = datetime.fromisoformat(stamp)
    return f"{moment:%Y-%m-%d %H:%M} UTC"
