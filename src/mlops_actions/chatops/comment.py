"""Read the text of a comment that its author wrote and a reader sees: not quoted, not code, not hidden.

The blocks of a comment are those of CommonMark (https://spec.commonmark.org, which GitHub renders), so that text is skipped
exactly where a reader sees a quote or code. Two differences are deliberate: a line without `>` that merely continues a
quoted paragraph counts as the author's (people forget the blank line after a quote), and raw HTML blocks are skipped whole
(`<pre>` is code too). Time is linear in the length: nesting is bounded, and no search starts twice.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass

# Deeper containers are read as text, as renderers do. Otherwise a comment of `> > >` alone would cost its length squared.
MAX_CONTAINERS = 32
HIDDEN = "\ufffd"

_LINE_END = re.compile(r"\r\n|\r|\n")
_QUOTE = 0
_FENCE = re.compile(r"(`{3,})[^`]*$|(~{3,})")
_HEADING = re.compile(r"#{1,6}(?:[ \t]|$)")
_UNDERLINE = re.compile(r"(?:=+|-+)[ \t]*$")
_RULE = re.compile(r"(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_MARKER = re.compile(r"(?:[-+*]|([0-9]{1,9})[.)])(?= |$)")
_INLINE = re.compile(r"\\[!-/:-@\[-`{-~]|`+|<!--|<!\[CDATA\[|<!(?=[A-Za-z])|<\?|</?(?=[A-Za-z])|!\[|\](?=[(:])")
# The text that ends each of these constructs; for an image, the end of its description.
_CLOSERS = {"<!--": "-->", "<![CDATA[": "]]>", "<!": ">", "<?": "?>", "![": "]("}
_WORD = re.compile(r"\S*+")
_TICKS = re.compile(r"`+")

# Raw HTML blocks, by the numbers of CommonMark's list of start and end conditions.
_BLOCK_TAGS = (
    "address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|fieldset|"
    "figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|menuitem|nav|"
    "noframes|ol|optgroup|option|p|param|search|section|source|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul"
)
_ATTRIBUTE = r"\s+[a-zA-Z_:][\w.:-]*(?:\s*=\s*(?:[^\s\"'=<>`]+|'[^']*'|\"[^\"]*\"))?"
_BLANK = re.compile(r"^\s*$")
_HTML = (
    (re.compile(r"<(?:script|pre|style|textarea)(?=\s|>|$)", re.I), re.compile(r"</(?:script|pre|style|textarea)>", re.I)),
    (re.compile(r"<!--"), re.compile(r"-->")),
    (re.compile(r"<\?"), re.compile(r"\?>")),
    (re.compile(r"<![A-Za-z]"), re.compile(r">")),
    (re.compile(r"<!\[CDATA\["), re.compile(r"\]\]>")),
    (re.compile(rf"</?(?:{_BLOCK_TAGS})(?=\s|/?>|$)", re.I), _BLANK),
)
_ANY_TAG = re.compile(rf"(?:<[A-Za-z][A-Za-z0-9-]*(?:{_ATTRIBUTE})*\s*/?>|</[A-Za-z][A-Za-z0-9-]*\s*>)\s*$")
_TITLE = r"(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\((?:[^()\\]|\\.)*\))"
# A tag, and the target and title of a link or link definition: a reader sees none of them, and each may span lines.
_NOT_SHOWN = re.compile(
    rf"<[A-Za-z][A-Za-z0-9-]*(?:{_ATTRIBUTE})*\s*/?>|</[A-Za-z][A-Za-z0-9-]*\s*>"
    rf"|\][(:]\s*(?:<[^<>\n]*>|[^\s<]\S*+)\s+{_TITLE}"
    rf"|\]\([ \t]*\n\s*(?:<[^<>\n]*>|(?!<)(?:[^\s()]|\([^\s()]*\))++)\s*\)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class CommentLine:
    """One line of the author's own text.

    `text` is the line as written, with blanks for HTML comments. `visible` has the same length and characters, except that
    `HIDDEN` covers inline code and text that no reader sees: commands are searched in it.
    """

    text: str
    visible: str


def read_lines(body: str) -> list[CommentLine]:
    """Return the lines of a comment that are neither quoted nor code nor hidden, in order."""
    scanner = _Scanner()
    for line in _LINE_END.split(body):
        scanner.feed(line)
    scanner.end_paragraph()
    return scanner.lines


class _Scanner:
    """The open blocks at one line of a comment: containers from the outside in, then at most one leaf."""

    def __init__(self) -> None:
        self.lines: list[CommentLine] = []
        # `_QUOTE`, or for a list item the columns its content is indented by.
        self._containers: list[int] = []
        self._paragraph: list[tuple[str, int, bool]] = []
        self._fence = ""
        self._html: re.Pattern[str] | None = None
        self._item_is_empty = False

    def feed(self, raw: str) -> None:
        line = raw.expandtabs(4) if "\t" in raw else raw
        at, matched, quoted = self._match_containers(line)
        if matched < len(self._containers):
            # A fence and an HTML block end with their container; a paragraph may go on (lazily).
            self._fence, self._html = "", None
        if self._fence or self._html:
            self._continue_verbatim(line[at:])
            return
        self._open(raw, line, at=at, matched=matched, quoted=quoted)

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

    def _continue_verbatim(self, rest: str) -> None:
        if self._html:
            if self._html.search(rest):
                self._html = None
            return
        indent = _indent(rest, 0)
        closing = rest[indent:].rstrip(" ")
        # Only a run of the fence's own character, at least as long, closes it.
        if indent <= 3 and len(closing) >= len(self._fence) and closing == self._fence[0] * len(closing):
            self._fence = ""

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
                    self._close(matched)
                    return
                break
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
        self._paragraph.append((raw, _raw_offset(raw, line, start), quoted))

    def _blank(self, matched: int) -> None:
        was_empty = self._item_is_empty and matched == len(self._containers)
        self._close(matched)
        self._item_is_empty = was_empty

    def _close(self, matched: int) -> None:
        self.end_paragraph()
        del self._containers[matched:]
        self._item_is_empty = False

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
            return True
        if line[start] == "<" and (end := _html_block(line, start, continues)):
            self._close(matched)
            self._html = None if end.search(line, start) else end
            return True
        if _HEADING.match(line, start):
            self._close(matched)
            self._paragraph.append((raw, _raw_offset(raw, line, start), quoted))
            self.end_paragraph()
            return True
        return False

    def end_paragraph(self) -> None:
        """Cover the paragraph's code and comments, which may span lines, and keep the lines that are not quoted."""
        if not self._paragraph:
            return
        text = "\n".join(raw[start:] for raw, start, _ in self._paragraph)
        text_without_comments, visible = _hide(text)
        for (raw, start, quoted), plain, covered in zip(
            self._paragraph, text_without_comments.split("\n"), visible.split("\n"), strict=True
        ):
            if not quoted:
                self.lines.append(CommentLine(raw[:start] + plain, raw[:start] + covered))
        self._paragraph.clear()


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


def _html_block(line: str, start: int, in_paragraph: bool) -> re.Pattern[str] | None:
    """Return the end condition of the raw HTML block that begins here."""
    for begin, end in _HTML:
        if begin.match(line, start):
            return end
    return _BLANK if not in_paragraph and _ANY_TAG.match(line, start) else None


def _hide(text: str) -> tuple[str, str]:
    """Cover code spans, HTML and other text of a paragraph that a renderer does not show; line ends stay.

    Whether a bracket makes a link, only a whole parser can tell. So the target of what looks like a link or an image is
    covered, and read for tags and code all the same: too much may be covered, but nothing that is not shown is left.
    """
    runs: dict[int, list[int]] = {}
    for run in _TICKS.finditer(text):
        runs.setdefault(len(run[0]), []).append(run.start())
    covered: list[tuple[int, int]] = []
    comments: list[tuple[int, int]] = []
    at = target_end = image_end = 0
    last = {closer: text.rfind(closer) for closer in _CLOSERS.values()}
    while match := _INLINE.search(text, at):
        start, at = match.span()
        end = 0
        if match[0][0] == "`":
            closers = runs.get(len(match[0]), [])
            index = bisect_left(closers, at)
            end = closers[index] + len(match[0]) if index < len(closers) else 0
            at = end or at
        elif match[0] == "![":
            if image_end < at <= last["]("]:
                image_end = text.index("](", at)
            end = image_end if image_end >= at else 0
        elif closer := _CLOSERS.get(match[0]):
            end = text.index(closer, start + 2) + len(closer) if last[closer] >= start + 2 else 0
            at = end or at
        elif match[0] == "]":
            # A target in angle brackets, or on the next line, is not part of a word that was looked at before.
            if at > target_end or text[at + 1 : at + 2] in ("<", " ", "\t", "\n"):
                end = _end_of_tag_or_target(text, start)
                if not end and at > target_end and text[at + 1 : at + 2] != "<" and (word := _WORD.match(text, at)):
                    # Any other target that begins in this word ends with it too, and no title follows it either.
                    target_end = word.end()
        else:
            end = _end_of_tag_or_target(text, start)
            at = end or at
        if end:
            covered.append((start, end))
            if match[0] == "<!--":
                comments.append((start, end))
    return _cover_all(text, comments, " "), _cover_all(text, covered, HIDDEN)


def _end_of_tag_or_target(text: str, start: int) -> int:
    match = _NOT_SHOWN.match(text, start)
    return match.end() if match else 0


def _cover_all(text: str, spans: list[tuple[int, int]], character: str) -> str:
    """Cover the spans, which are in the order of their starts and may overlap."""
    parts: list[str] = []
    position = 0
    for start, end in spans:
        if end > position:
            begin = max(start, position)
            parts += (text[position:begin], _cover(text[begin:end], character))
            position = end
    return "".join((*parts, text[position:]))


def _cover(span: str, character: str) -> str:
    return "\n".join(character * len(part) for part in span.split("\n"))
