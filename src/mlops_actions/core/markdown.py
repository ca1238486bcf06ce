"""GitHub-flavoured Markdown from untrusted text: escaping, tables, folds, fences, mermaid, cutting to GitHub's limits."""

from __future__ import annotations

import re
from collections.abc import Sequence

COMMENT_LIMIT = 65_536  # characters of a comment (GitHub answers 422 beyond)
SUMMARY_LIMIT = 1024 * 1024  # bytes of one step's summary (beyond it the runner shows nothing)

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&$:@])")
_BREAKS = re.compile(r"[\r\n\u2028\u2029\x0b\x0c\x85]+")
# Unprintable controls, and the marks that reorder what a reader sees (bidirectional overrides).
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_ZERO_WIDTH = "\u200b"


def escape(text: str) -> str:
    """Escape untrusted text for any place in Markdown, also a table: one line without mark-up, mentions and HTML.

    `@` and `#` get a zero-width space, since GitHub reads mentions and references after un-escaping. Addresses cannot link
    themselves either (`:` and `.` are escaped as entities).
    """
    line = _CONTROL.sub("\ufffd", _BREAKS.sub(" ", text))
    return _SPECIAL.sub(lambda match: _entity(match[1]), line)


def _entity(character: str) -> str:
    if character in "@#":
        return f"&#{ord(character)};{_ZERO_WIDTH}"
    return f"&#{ord(character)};" if character in "<>&|`:.$" else "\\" + character


def code(text: str) -> str:
    """Return untrusted text as inline code on one line, safe in a table cell; empty text stays empty."""
    line = _CONTROL.sub("\ufffd", _BREAKS.sub(" ", text))
    if not line.strip():
        return ""
    if "|" in line:
        # A table splits at `|` before backticks are read, and elsewhere a backslash between them would show.
        return f"<code>{escape(line)}</code>"
    run = _longest_run(line, "`")
    ticks = "`" * (run + 1)
    pad = " " if run and (line.startswith("`") or line.endswith("`")) else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def fence(text: str, language: str = "") -> str:
    """Return untrusted text as a fenced block, with a fence longer than any inside."""
    ticks = "`" * max(3, _longest_run(text, "`") + 1)
    return f"{ticks}{language}\n{_CONTROL.sub(chr(0xFFFD), text)}\n{ticks}"


def _longest_run(text: str, character: str) -> int:
    return max((len(run) for run in re.findall(f"{re.escape(character)}+", text)), default=0)


def link(text: str, url: str) -> str:
    """Link untrusted text; only http(s) addresses link, anything else stays text."""
    if not re.match(r"https?://[^\s]", url):
        return escape(text)
    safe = re.sub(r"[\s<>()\[\]\\|`\"'\x00-\x1f]", lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), url)
    return f"[{escape(text)}]({safe})"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str = "") -> str:
    """Draw a table of cells that are Markdown already (use `escape`, `code`, `link`); `align` has one of `lrc` a column."""
    marks = {"l": ":---", "r": "---:", "c": ":---:"}
    rule = [marks.get(align[index : index + 1], "---") for index in range(len(header))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))


def fold(title: str, body: str, *, opened: bool = False) -> str:
    """Fold Markdown under a title (which is escaped as HTML)."""
    safe = title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", f"@{_ZERO_WIDTH}")
    return f"<details{' open' if opened else ''}>\n<summary>{_BREAKS.sub(' ', safe)}</summary>\n\n{body}\n\n</details>"


def mermaid(diagram: str) -> str:
    """Fence a mermaid diagram; its texts must be escaped by `mermaid_text`."""
    return fence(diagram, "mermaid")


def mermaid_text(text: str, limit: int = 60) -> str:
    """Escape untrusted text for a quoted mermaid label, in which only entities (`#code;`) and quotes are special."""
    line = _CONTROL.sub("\ufffd", _BREAKS.sub(" ", text))
    line = line if len(line) <= limit else line[: limit - 1] + "…"
    return re.sub(r"[^\w \-./…=+,]", lambda match: f"#{ord(match[0])};", line)


def cut(markdown: str, limit: int, note: str) -> str:
    """Cut Markdown to `limit` characters at the end of a line, close an open fence and open folds, and append the note."""
    if len(markdown) <= limit:
        return markdown
    tail = f"\n\n{note}"
    kept = markdown[: max(0, limit - len(tail) - 100)]
    kept = kept.rpartition("\n")[0]
    fences = re.findall(r"^(`{3,})", kept, re.MULTILINE)
    if len(fences) % 2:
        kept += f"\n{fences[-1]}"
    kept += "\n\n</details>" * max(0, kept.count("<details") - kept.count("</details>"))
    return (kept + tail)[:limit]
