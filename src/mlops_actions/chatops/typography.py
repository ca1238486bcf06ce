"""Characters that a keyboard or a mail program writes in the place of those of the command language.

Phones write `—` for `--` and curly quotes for straight ones; some keyboards write the full-width forms of ASCII.
"""

from __future__ import annotations

import re

_WHITE_SPACE = (
    " \t\r\n\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
# Characters without a shape of their own: soft hyphen, zero-width characters, byte-order mark, variation selectors, marks
# and changes of direction, and the blanks that are letters (fillers of Korean syllables, the Braille cell without dots).
INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u180b\u180c\u180d\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060"
    "\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f\u2800\u3164\ufe0e\ufe0f\ufeff\uffa0"
)
# These change the order in which a reader sees what follows.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_WITHOUT_SHAPE = {ord(character): None for character in INVISIBLE}
# The full-width forms of ASCII, and the other signs that look like a slash.
_ASCII_FORMS = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | dict.fromkeys((0x2044, 0x2215, 0x29F8), ord("/"))
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2e3a\u2e3b\ufe58\ufe63\uff0d"
_MINUS = "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"
_DOUBLE = "\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02"
_SINGLE = "\u2018\u2019\u201a\u201b\uff07"
_BEGIN = r"(?:(?<!\S)|(?<=[=＝]))"
# The patterns are compiled where they are first used: an ignored comment needs none of them.
# A curly quote opens a word or a value and is closed before a blank: the apostrophe of "don’t" does neither. No alternative
# reads on past the next quote that opens, so that the time is linear.
_CHANGED = (
    r"""(?P<straight>\\.|'[^']*+'|"(?:[^"\\]++|\\.)*+")"""
    rf"|{_BEGIN}[{_DOUBLE}](?P<double>[^{_DOUBLE}]*+)[{_DOUBLE}](?!\S)"
    rf"|{_BEGIN}[{_SINGLE}](?P<single>(?:[^{_SINGLE}]|(?<=\w)[{_SINGLE}](?=\w))*+)[{_SINGLE}](?!\S)"
    rf"|(?<!\S)(?P<dashes>-?[{_DASHES}]+-?|--)?(?P<name>[^\W\d][\w.-]*+)＝"
    rf"|(?<!\S)(?P<option>-?[{_DASHES}]+-?)(?=[^\W\d])"
    rf"|(?:{_BEGIN}|(?<=[0-9][eE]))(?P<minus>[{_MINUS}])(?=[0-9.])"
)
_NOT_UNDERSTOOD = rf"(?<!\S)-?[{_DASHES}]+-?(?!\S)|{_BEGIN}[{_DOUBLE}{_SINGLE}]"
_STRAIGHT_PART = r"""\\.|'[^']*+'|"(?:[^"\\]++|\\.)*+\""""


def starts_with(line: str, prefix: str) -> bool:
    """Return whether a line shows the prefix first, in whatever form of its characters."""
    begin = leading_blanks(line)
    return plain_ascii(line[begin : begin + len(prefix)]) == plain_ascii(prefix)


def leading_blanks(line: str) -> int:
    """Return how many white-space and invisible characters a line begins with."""
    return len(line) - len(line.lstrip(_WHITE_SPACE + INVISIBLE))


def plain_ascii(text: str) -> str:
    """Return the text with ASCII characters for their full-width forms, and `/` for what looks like it."""
    return text if text.isascii() else text.translate(_ASCII_FORMS)


def without_invisible(text: str) -> str:
    """Return the text without the characters that have no shape."""
    return text if text.isascii() else text.translate(_WITHOUT_SHAPE)


def reordering(text: str) -> str:
    """Return the characters of the text that change the order of reading."""
    return "" if text.isascii() else "".join(character for character in text if character in _REORDERING)


def straightened(rest: str) -> str:
    """Return the arguments with the dashes, quotes and equals signs that the command language has.

    What stands between straight quotes stays as it is.
    """
    return rest if rest.isascii() else re.sub(_CHANGED, _straight, rest, flags=re.DOTALL)


def not_understood(rest: str) -> str:
    """Return the first dash or curly quote of straightened arguments whose meaning is open; empty where there is none."""
    if rest.isascii():
        return ""
    match = re.search(_NOT_UNDERSTOOD, re.sub(_STRAIGHT_PART, "x", rest, flags=re.DOTALL))
    return match[0] if match else ""


def _straight(match: re.Match[str]) -> str:
    if match["straight"] is not None:
        return match["straight"]
    if match["option"]:
        return "--"
    if match["minus"]:
        return "-"
    if match["name"]:
        return f"{'--' if match['dashes'] else ''}{match['name']}="
    text = match["single"] if match["double"] is None else match["double"]
    if "'" not in text:
        return f"'{text}'"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
