"""The replies to a commenter, as Markdown. Text that others wrote stands in a fence or in code, cut to length."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from mlops_actions.chatops.parameters import CONFIRM, Parameter, Value, format_value
from mlops_actions.chatops.reasons import REASONS
from mlops_actions.chatops.request import CommandRequest, CommandSource, Decision
from mlops_actions.core.duration_text import duration_text
from mlops_actions.core.event import PullRequest
from mlops_actions.core.markdown import code, cut, escape, fence, link, table
from mlops_actions.core.user import User

_MARKER = "<!-- mlops-actions:chatops -->"
_MAX_DETAIL = 300
_MAX_DETAILS = 20
# A command line that is cut is another command, so a longer one is not offered.
_MAX_PASTE = 2000
_MAX_NAME = 100
_MAX_BEHIND = 5
# The summary travels to the post stage in an environment variable.
_MAX_SUMMARY = 8000
# A name that GitHub can have given: nothing else becomes a mention.
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,60})")
_MARKS: Mapping[str, str] = {"success": "✅", "failure": "❌", "cancelled": "🚫"}
STATUS_WORDS: Mapping[str, str] = {"success": "succeeded", "failure": "failed", "cancelled": "was cancelled"}


def denial(asked: str, decision: Decision, run_url: str) -> str:
    """Explain a denial: first what to do; `asked` says what was asked and by whom, as Markdown.

    An empty `run_url` stands for several runs.
    """
    parts = [REASONS[decision.reason].reply]
    if decision.details:
        shown = [_shortened(line) for line in decision.details[:_MAX_DETAILS]]
        hidden = len(decision.details) - len(shown)
        parts.append(fence("\n".join(shown + ([f"… and {hidden} more"] if hidden else [])), "text"))
    if offered(decision.paste):
        parts.append(fence(decision.paste, "text"))
    parts.append(f"{asked} was **not** run.")
    parts.append(_footer(decision.reason, run_url))
    return "\n\n".join(parts)


def offered(command: str) -> str:
    """Return a command that a reply offers; empty where it is too long to be shown whole."""
    return command if len(command) <= _MAX_PASTE else ""


def replaced(command: str) -> str:
    """Say that a newer command took the place of a waiting one; `command` repeats it, empty where it is too long."""
    text = (
        "It had not begun: a newer command took its place in the queue, since this server keeps only one command waiting "
        "in each. Give it again:"
    )
    return f"{text}\n\n{fence(command, 'text')}" if command else f"{text.removesuffix(':')}."


def started(name: str, summary: str, run_url: str, *, waits: bool) -> str:
    """Return the command's comment at its start; `waits` says that a later job does the work."""
    state = "was accepted and waits for the job that runs it" if waits else "is running"
    return "\n\n".join(
        filter(None, (f"⏳ **{code(name[:_MAX_NAME])} {state}.** {link('Follow the run', run_url)}", summary))
    )


def waits_behind(lock: str, runs: Sequence[tuple[str, int, str]]) -> str:
    """Say behind which commands a command with a lock waits: their names, pull requests and the addresses of their runs."""
    shown = [f"{code(name[:_MAX_NAME])} on #{number} ({link('run', url)})" for name, number, url in runs[:_MAX_BEHIND]]
    hidden = [f"{len(runs) - len(shown)} more"] if len(runs) > len(shown) else []
    return f"It takes the lock {code(lock)}, and waits behind {', '.join(shown + hidden)}."


def question(request: CommandRequest, marker: str, summary: str, prefix: str, server_url: str) -> str:
    """Ask for the confirmation of a command; the same command on the same commit gets the same text."""
    commander = person(request.source.actor, server_url)
    who = commander if request.command.confirm == "self" else f"Somebody else than {commander} who may give this command"
    limit = duration_text(request.command.confirm_timeout).removesuffix(" 00s").removesuffix(" 00m")
    parts = [
        f"{marker}\n⏸️ **{code(request.name[:_MAX_NAME])} waits for a confirmation.** {summary}",
        f"{who} can start it within {limit}, on exactly this commit, by a comment:",
        fence(f"{prefix}{CONFIRM.name}", "text"),
    ]
    return "\n\n".join(parts)


def ended(name: str, outcome: str, summary: str, run_url: str, seconds: float | None) -> str:
    """Return the command's comment at its end; `outcome` is the job's status, `seconds` how long it took, if known."""
    took = f" after {duration_text(seconds)}" if seconds is not None else ""
    words = f"{code(name[:_MAX_NAME])} {STATUS_WORDS[outcome]}"
    return "\n\n".join(filter(None, (f"{_MARKS[outcome]} **{words}**{took}. {link('The run', run_url)}", summary)))


def left_behind(name: str, conclusion: str, run_url: str, before: str) -> str:
    """Return the comment of a command whose run died: how is not known; `before` is what the comment has said so far."""
    what = {"cancelled": "was cancelled", "timed_out": "ran out of time"}.get(conclusion, "is over")
    words = f"{code(name[:_MAX_NAME])} has ended without a result"
    first = f"🚫 **{words}.** {link('Its run', run_url)} {what}, and did not say more."
    # The first paragraph says that the command is running.
    return "\n\n".join(filter(None, (first, before.partition("\n\n")[2])))


def notice(name: str, outcome: str, *, login: str, headline: str, url: str, seconds: float | None) -> str:
    """Tell the commander of a long command that it has ended, with the first line of its report; `url` is the report's."""
    mention = f"@{login} " if _LOGIN.fullmatch(login) else ""
    took = f" after {duration_text(seconds)}" if seconds is not None else ""
    parts = [
        f"{mention}{_MARKS[outcome]} {code(name[:_MAX_NAME])} {STATUS_WORDS[outcome]}{took}: {link('the report', url)}."
    ]
    parts += [f"> {escape(_shortened(headline))}"] if headline else []
    return "\n\n".join(parts) + f"\n{_MARKER}"


def replacement(name: str, command: str, *, login: str, run_url: str) -> str:
    """Tell the commander that a newer command took the place of the waiting one, and how to repeat it."""
    mention = f"@{login} " if _LOGIN.fullmatch(login) else ""
    first = f"{mention}{_MARKS['cancelled']} {code(name[:_MAX_NAME])} {STATUS_WORDS['cancelled']}. {replaced(command)}"
    return f"{first}\n\n<sub>{link('the run', run_url)}</sub>\n{_MARKER}"


def person(user: User, server_url: str) -> str:
    """Name a person by a link, which notifies nobody."""
    if not user.login:
        return "somebody whose account is gone"
    path = f"{'apps/' if user.is_bot else ''}{quote(user.login.removesuffix('[bot]'), safe='')}"
    return link(user.login, f"{server_url}/{path}")


def quoted(name: str, rest: str) -> str:
    """Return a command as it was written, as inline code, cut to length."""
    return code(_shortened(f"{name[:_MAX_NAME]} {rest}".strip()))


def asked(source: CommandSource, server_url: str, request: CommandRequest | None = None) -> str:
    """Say what was asked, by whom and where; without a request: the commands of a comment."""
    what = quoted(request.name, request.rest) if request else "What"
    by = f" by {person(source.actor, server_url)}" if request else f" {person(source.actor, server_url)} asked for"
    place = f" in {link('a comment', source.comment_url)}" if source.comment_url else ""
    place = f" by the label {code(source.label)}" if source.label else place
    return f"{what}{by}{place}"


def moved_on(workflow: str, phase: str, commit_url: str, pull_request: PullRequest, run_url: str) -> str:
    """Say that a workflow has ended for a commit that is not, or not any more, what the open pull request shows."""
    parts = [f"Workflow {code(workflow[:_MAX_NAME])} of commit {_commit_link(commit_url)} has ended: {code(phase)}."]
    if pull_request.head.sha not in commit_url:
        parts[0] += f" The head of this pull request has moved since: it is {code(pull_request.head.sha[:7])} now."
    if pull_request.state != "open":
        parts[0] += f" The pull request is {'merged' if pull_request.merged else 'closed'}."
    parts.append(f"<sub>{link('the run', run_url)}</sub>\n{_MARKER}")
    return "\n\n".join(parts)


def left_open(outcome: str, names: Mapping[str, str], run_url: str) -> str:
    """Say that a check run or a deployment still shows as running; `names` maps its kind to its name."""
    subjects = " and ".join(f"the {kind} {code(name[:_MAX_NAME])}" for kind, name in names.items())
    verb = "shows" if len(names) == 1 else "show"
    parts = [f"{code(outcome[:_MAX_NAME])}. GitHub did not take this outcome for {subjects}, which still {verb} as running."]
    parts.append(f"<sub>{link('the run', run_url)}</sub>\n{_MARKER}")
    return "\n\n".join(parts)


def summary(request: CommandRequest, server_url: str, commit_url: str, params: Mapping[str, Value]) -> str:
    """Describe a command in its comment and check run: who gave it, on which commit, with which parameters."""
    first = asked(request.source, server_url, request)
    if request.confirmation:
        confirmer = person(request.confirmation.user, server_url)
        first += f", confirmed by {confirmer} in {link('a comment', request.confirmation.url)}"
    first += f", for commit {_commit_link(commit_url)}."
    parts = [first, *_params_table(params, request.command.parameters or ())]
    if request.below and request.below.notes:
        parts.append("Below the command:\n\n" + fence("\n".join(map(_shortened, request.below.notes)), "text"))
    return cut("\n\n".join(parts), _MAX_SUMMARY, "_Cut here._")


def submitted(name: str, actor: User, server_url: str, commit_url: str) -> str:
    """Say who gave the command whose workflow has called back, and for which commit."""
    return f"{code(name[:_MAX_NAME])} by {person(actor, server_url)}, for commit {_commit_link(commit_url)}."


def _commit_link(url: str) -> str:
    return f"[{code(url.rpartition('/')[2][:7])}]({url})"


def _params_table(params: Mapping[str, Value], declared: Sequence[Parameter]) -> list[str]:
    defaults = {parameter.name: parameter.default for parameter in declared if parameter.default is not None}
    rows = [
        (code(key), code(_format_values(value)) + (" (default)" if key in defaults and value == defaults[key] else ""))
        for key, value in params.items()
    ]
    return [table(("parameter", "value"), rows)] if rows else []


def _format_values(value: Value) -> str:
    return _shortened(", ".join(map(format_value, value if isinstance(value, list) else [value])))


def _shortened(line: str) -> str:
    one_line = " ".join(line.splitlines())
    return one_line if len(one_line) <= _MAX_DETAIL else one_line[: _MAX_DETAIL - 1] + "…"


def with_footer(text: str, reason: str, run_url: str) -> str:
    """Return a reply with the line that ends every reply."""
    return f"{text}\n\n{_footer(reason, run_url)}"


def _footer(reason: str, run_url: str) -> str:
    log = f" · {link('log', run_url)}" if run_url else ""
    return f"<sub>{code(reason)}{log}</sub>\n{_MARKER}"
