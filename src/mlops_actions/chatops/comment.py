"""Read the text of a comment that its author wrote and a reader sees: not quoted, not code, not hidden.

The blocks of a comment are those of CommonMark (https://spec.commonmark.org, which GitHub renders), so that text is skipped
exactly where a reader sees a quote or code. Two differences are deliberate: a line without `>` that merely continues a
quoted paragraph counts as the author's (people forget the blank line after a quote), and raw HTML blocks are skipped whole
(`<pre>` is code too). Time is linear in the length: nesting is bounded, and no search starts twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mlops_actions.chatops import html, inline, mail

# Deeper containers are read as text, as renderers do. Otherwise a comment of `> > >` alone would cost its length squared.
MAX_CONTAINERS = 32

_LINE_END = re.compile(r"\r\n|\r|\n")
_QUOTE = 0
_FENCE = re.compile(r"(`{3,})[^`]*$|(~{3,})")
_HEADING = re.compile(r"#{1,6}(?:[ \t]|$)")
_UNDERLINE = re.compile(r"(?:=+|-+)[ \t]*$")
_RULE = re.compile(r"(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_MARKER = re.compile(r"(?:[-+*]|([0-9]{1,9})[.)])(?= |$)")
# The definition of a footnote, which GitHub shows only where something refers to it.
_FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]:")


@dataclass(frozen=True, slots=True)
class CommentLine:
    """One line of the author's own text.

    `text` is the line as written, with blanks for HTML comments. `visible` has the same length and characters, except that
    `inline.CODE` covers inline code, and `inline.HIDDEN` text that no reader sees: commands are searched in it. `number`
    counts the comment's lines from 0.
    """

    text: str
    visible: str
    number: int = 0


@dataclass(slots=True)
class CodeBlock:
    """A block of code that the author wrote and a reader sees: its lines in the comment, and their text.

    `language` is what follows the fence, None for indented code. `is_closed` is False for a fence without an end.
    """

    first: int
    last: int
    language: str | None
    lines: list[str]
    is_closed: bool = True


@dataclass(frozen=True, slots=True)
class OwnText:
    """What the author of a comment wrote and a reader sees; `written` are all lines of the comment."""

    lines: list[CommentLine]
    blocks: list[CodeBlock]
    written: list[str]


def is_partly_hidden(line: CommentLine) -> bool:
    """Return whether a line holds text that no reader sees."""
    return inline.HIDDEN in line.visible


def read(body: str) -> OwnText:
    """Return the text and code of a comment that is neither quoted nor hidden nor another's e-mail, in order."""
    scanner = _Scanner()
    lines = _LINE_END.split(body)
    for number, line in enumerate(lines):
        if scanner.feed(line, number):
            break
    scanner.end_paragraph()
    end = mail.own_lines(lines, [line.number for line in scanner.lines])
    own = [line for line in scanner.lines if line.number < end]
    return OwnText(own, [block for block in scanner.blocks if block.first < end], lines)


class _Scanner:
    """The open blocks at one line of a comment: containers from the outside in, then at most one leaf."""

    def __init__(self) -> None:
        self.lines: list[CommentLine] = []
        self.blocks: list[CodeBlock] = []
        # `_QUOTE`, or for a list item the columns its content is indented by.
        self._containers: list[int] = []
        self._paragraph: list[tuple[str, int, bool, int]] = []
        self._number = 0
        self._elements = html.OpenElements()
        self._fence = ""
        # The block whose lines are being read; None where it is quoted or hidden.
        self._block: CodeBlock | None = None
        # The end condition of the open block of raw HTML, and its lines.
        self._html: re.Pattern[str] | None = None
        self._html_lines: list[str] = []
        self._item_is_empty = False

    def feed(self, raw: str, number: int) -> bool:
        """Read one line; returns True for a line that begins an e-mail's signature, which ends the text."""
        self._number = number
        line = raw.expandtabs(4) if "\t" in raw else raw
        at, matched, quoted = self._match_containers(line)
        if matched < len(self._containers):
            # A fence and an HTML block end with their container; a paragraph may go on (lazily).
            self._end_fence()
            self._end_html()
        if self._fence or self._html:
            self._continue_verbatim(line[at:], line[at:] if at else raw)
            return False
        if raw == mail.SIGNATURE or (raw == mail.SIGNATURE.rstrip() and not self._paragraph):
            return True
        self._open(raw, line, at=at, matched=matched, quoted=quoted)
        return False

    def _match_containers(self, line: str) -> tuple[int, int, bool]:
        at, matched, quoted = 0, 0, False
        for container in self._containers:
            indent = _indent(line, at)
            blank = at + indent == len(line)
            if container == _QUOTE:
                if indent > 3 or not line.startswith(">", at + indent):
                    break
                at += indent + 1
                at += line.startswith(" ", at)
                quoted = True
            elif blank:
                # An item may begin with one blank line, not with two.
                if self._item_is_empty and matched == len(self._containers) - 1:
                    break
            elif indent >= container:
                at += container
            else:
                break
            matched += 1
        return at, matched, quoted

    def _continue_verbatim(self, rest: str, written: str) -> None:
        if self._html:
            self._html_lines.append(rest)
            if self._html.search(rest):
                self._end_html()
            return
        indent = _indent(rest, 0)
        closing = rest[indent:].rstrip(" ")
        # Only a run of the fence's own character, at least as long, closes it.
        if indent <= 3 and len(closing) >= len(self._fence) and closing == self._fence[0] * len(closing):
            if self._block:
                self._block.last = self._number
            self._end_fence()
        elif self._block:
            self._block.lines.append(written)
            self._block.last = self._number

    def _end_fence(self) -> None:
        if self._fence and self._block:
            self._block.is_closed = True
        self._fence, self._block = "", None

    def _begin_block(self, language: str | None, lines: list[str], quoted: bool) -> None:
        if not quoted and not self._elements.hides:
            self._block = CodeBlock(self._number, self._number, language, lines, is_closed=language is None)
            self.blocks.append(self._block)

    def _open(self, raw: str, line: str, at: int, matched: int, quoted: bool) -> None:
        """Open the blocks that begin on this line, then add its text."""
        continues = bool(self._paragraph)
        all_matched = matched == len(self._containers)
        while True:
            indent = _indent(line, at)
            start = at + indent
            if start == len(line):
                self._blank(matched)
                return
            if indent >= 4:
                if not continues:
                    block = self._block
                    self._close(matched)
                    self._continue_indented(block, line[at + 4 :], quoted)
                    return
                break
            self._block = None
            if self._begins_leaf(
                raw, line, start=start, matched=matched, quoted=quoted, continues=continues, all_matched=all_matched
            ):
                return
            marker = _begins_container(line, at, start=start, in_paragraph=continues and all_matched)
            if marker is None or matched >= MAX_CONTAINERS:
                break
            self._close(matched)
            continues, all_matched = False, True
            container, at = marker
            self._containers.append(container)
            quoted = quoted or container == _QUOTE
            self._item_is_empty = container != _QUOTE and at + _indent(line, at) == len(line)
            matched += 1
        if not continues:
            self._close(matched)
        self._item_is_empty = False
        self._paragraph.append((raw, _raw_offset(raw, line, start), quoted, self._number))

    def _continue_indented(self, block: CodeBlock | None, text: str, quoted: bool) -> None:
        """Add a line to indented code, or begin it."""
        if block is None:
            self._begin_block(None, [text], quoted)
        else:
            block.lines += [""] * (self._number - block.last - 1) + [text]
            block.last = self._number
            self._block = block

    def _blank(self, matched: int) -> None:
        was_empty = self._item_is_empty and matched == len(self._containers)
        self._close(matched)
        self._item_is_empty = was_empty

    def _close(self, matched: int) -> None:
        self.end_paragraph()
        del self._containers[matched:]
        self._elements.close(matched)
        self._item_is_empty = False

    def _end_html(self) -> None:
        self._elements.read("\n".join(self._html_lines), len(self._containers))
        self._html = None
        self._html_lines.clear()

    def _begins_leaf(
        self, raw: str, line: str, start: int, matched: int, quoted: bool, continues: bool, all_matched: bool
    ) -> bool:
        if continues and all_matched and _UNDERLINE.match(line, start):
            self.end_paragraph()
            return True
        if _RULE.match(line, start):
            self._close(matched)
            return True
        if fence := _FENCE.match(line, start):
            self._close(matched)
            self._fence = fence[1] or fence[2]
            self._begin_block(line[start + len(self._fence) :].strip(), [], quoted)
            return True
        if line[start] == "<" and (end := html.block_end(line, start, continues)):
            self._close(matched)
            self._html = end
            self._html_lines.append(line[start:])
            if end.search(line, start):
                self._end_html()
            return True
        if _HEADING.match(line, start):
            self._close(matched)
            self._paragraph.append((raw, _raw_offset(raw, line, start), quoted, self._number))
            self.end_paragraph()
            return True
        return False

    def end_paragraph(self) -> None:
        """Cover the paragraph's code and comments, which may span lines, and keep the lines that are not quoted."""
        if not self._paragraph:
            return
        text = "\n".join(raw[start:] for raw, start, *_ in self._paragraph)
        text_without_comments, visible, tags = inline.hide(text)
        if self._elements.hides or tags:
            visible = self._collapse(text, visible, tags)
        is_footnote = False
        for (raw, start, quoted, number), plain, covered in zip(
            self._paragraph, text_without_comments.split("\n"), visible.split("\n"), strict=True
        ):
            is_footnote = is_footnote or bool(_FOOTNOTE.match(raw, start))
            if not quoted:
                shown = inline.cover(covered, inline.HIDDEN) if is_footnote else covered
                self.lines.append(CommentLine(raw[:start] + plain, raw[:start] + shown, number))
        self._paragraph.clear()

    def _collapse(self, text: str, visible: str, tags: list[tuple[int, int]]) -> str:
        """Cover what stands within collapsed details; these may begin or end at the `tags` in this paragraph."""
        parts: list[str] = []
        position = 0
        for start, end in tags:
            parts.append(self._cover_if_hidden(visible[position:start]))
            position = start
            self._elements.read(text[start:end], len(self._containers))
        return "".join((*parts, self._cover_if_hidden(visible[position:])))

    def _cover_if_hidden(self, part: str) -> str:
        return inline.cover(part, inline.HIDDEN) if self._elements.hides else part


def _indent(line: str, at: int) -> int:
    end = at
    while line.startswith(" ", end):
        end += 1
    return end - at


def _begins_container(line: str, at: int, start: int, in_paragraph: bool) -> tuple[int, int] | None:
    """Return the container that begins at column `start` (its parent's content at `at`) and the column of its content."""
    if line[start] == ">":
        return _QUOTE, start + 1 + line.startswith(" ", start + 1)
    marker = _MARKER.match(line, start)
    if not marker:
        return None
    spaces = _indent(line, marker.end())
    empty = marker.end() + spaces == len(line)
    if in_paragraph and (empty or (marker[1] and int(marker[1]) != 1)):
        return None
    # More than four blanks after the marker: the item begins with indented code.
    content = marker.end() + (1 if empty or spaces > 4 else spaces)
    return content - at, min(content, len(line))


def _raw_offset(raw: str, line: str, start: int) -> int:
    """Return the offset in the line as written of a column in the line with expanded tabs."""
    if raw is line:
        return start
    marks = len(line[:start].replace(" ", ""))
    for offset, character in enumerate(raw):
        if character not in " \t":
            if not marks:
                return offset
            marks -= 1
    return len(raw)
