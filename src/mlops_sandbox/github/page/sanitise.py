"""Reduce HTML to what GitHub lets through: known elements and attributes, harmless addresses, balanced tags.

The output is written anew from parsed pieces, never cut out of the input, so nothing that the parser did not understand
can survive. Elements that hold something other than HTML (`script`, `style`, `svg`, `textarea`, …) go with their content.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape
from html.parser import HTMLParser
from typing import Final

# https://github.com/gjtorikian/html-pipeline describes GitHub's own list.
_ELEMENTS = """
a abbr b bdo blockquote br caption cite code dd del details dfn div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i
img ins kbd li mark ol p picture pre q rp rt ruby s samp section small span strike strong sub summary sup table tbody
td tfoot th thead time tr tt ul var wbr
"""
_OPAQUE = """
applet audio canvas embed frame frameset iframe math noembed noframes noscript object plaintext script select style svg
template textarea title video xmp
"""
# Classes that the Markdown renderer itself sets; a user's own classes go.
_CLASSES = """
contains-task-list footnote-backref footnote-item footnote-ref footnotes footnotes-list footnotes-sep markdown-alert
markdown-alert-caution markdown-alert-important markdown-alert-note markdown-alert-tip markdown-alert-title
markdown-alert-warning task-list-item
"""
ELEMENTS: Final = frozenset(_ELEMENTS.split())
VOID: Final = frozenset({"br", "hr", "img", "wbr"})
OPAQUE: Final = frozenset(_OPAQUE.split())
ATTRIBUTES: Final = frozenset({"align", "alt", "colspan", "dir", "height", "open", "rowspan", "title", "width", "start"})
CLASSES: Final = frozenset(_CLASSES.split())
_LANGUAGE = re.compile(r"language-[\w+#.-]{1,40}")
_ALIGNMENT = re.compile(r"text-align:(left|right|center)")
_SCHEMES: Final = ("http:", "https:", "mailto:")

TextHook = Callable[[str], str]


def sanitise(html: str, *, text: TextHook = escape, prefix: str = "user-content-") -> str:
    """Return safe HTML. `text` renders plain text outside code and links; `prefix` keeps ids apart from the page's."""
    parser = _Sanitiser(text, prefix)
    parser.feed(html)
    parser.close()
    return parser.result()


def safe_address(address: str) -> str | None:
    """Return an address that can be linked: http, https, mailto, a fragment or relative; None for any other."""
    # Browsers drop controls and blanks inside a scheme, so `java\tscript:` is one.
    squeezed = re.sub(r"[\x00-\x20\x7f-\xa0]", "", address).lower()
    scheme = re.match(r"[^/?#]*?:", squeezed)
    if scheme is None or squeezed.startswith(_SCHEMES):
        return address.strip()
    return None


class _Sanitiser(HTMLParser):
    def __init__(self, text: TextHook, prefix: str) -> None:
        super().__init__(convert_charrefs=True)
        self._text = text
        self._prefix = prefix
        self._out: list[str] = []
        self._open: list[str] = []
        self._hidden: list[str] = []

    def parse_marked_section(self, i: int, report: int = 1) -> int:  # noqa: ARG002 - the library's signature
        """Take `<![…>` for the bogus comment that it is in HTML; the library reads SGML there, and raises on most of it."""
        return self.parse_bogus_comment(i)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag in OPAQUE:
            self._hidden.append(tag)
        if self._hidden:
            return
        given = {name: value or "" for name, value in attrs}
        if tag == "input":
            self._checkbox(given)
        elif tag == "img":
            self._image(given)
        elif tag in ELEMENTS:
            self._out.append(f"<{tag}{self._attributes(tag, given)}>")
            if tag not in VOID:
                self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        # `<script/>` does not close in HTML, so it is a start tag like any other.
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            if tag in self._hidden:
                del self._hidden[self._hidden.index(tag) :]
            return
        if tag in self._open:
            while True:
                last = self._open.pop()
                self._out.append(f"</{last}>")
                if last == tag:
                    break

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            inside = {"a", "code", "pre", "tt", "samp"} & set(self._open)
            self._out.append(escape(data, quote=False) if inside else self._text(data))

    def result(self) -> str:
        return "".join([*self._out, *(f"</{tag}>" for tag in reversed(self._open))])

    def _attributes(self, tag: str, given: dict[str, str]) -> str:
        kept = {name: value for name, value in given.items() if name in ATTRIBUTES}
        if tag == "a" and (address := safe_address(given.get("href", ""))):
            kept["href"] = f"#{self._prefix}{address[1:]}" if address.startswith("#") else address
            kept["rel"] = "nofollow noopener noreferrer"
        if given.get("id"):
            kept["id"] = self._prefix + re.sub(r"[^\w-]", "", given["id"])
        if alignment := _ALIGNMENT.fullmatch(given.get("style", "")):
            kept["align"] = alignment[1]
        if classes := [name for name in given.get("class", "").split() if _known_class(tag, name)]:
            kept["class"] = " ".join(classes)
        return "".join(f' {name}="{escape(value)}"' for name, value in kept.items())

    def _checkbox(self, given: dict[str, str]) -> None:
        if given.get("type") == "checkbox":
            checked = " checked" if "checked" in given else ""
            self._out.append(f'<input type="checkbox" disabled{checked}>')

    def _image(self, given: dict[str, str]) -> None:
        """Name an image instead of loading it: the page must reach no network."""
        address = safe_address(given.get("src", ""))
        label = escape(given.get("alt") or "image", quote=False)
        if address and not {"a"} & set(self._open):
            self._out.append(f'<a class="image" href="{escape(address)}" rel="nofollow noopener noreferrer">{label}</a>')
        else:
            self._out.append(f'<span class="image">{label}</span>')


def _known_class(tag: str, name: str) -> bool:
    return name in CLASSES or (tag == "code" and _LANGUAGE.fullmatch(name) is not None)
