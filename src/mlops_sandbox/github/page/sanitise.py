"""Reduce HTML to the elements, attributes and addresses that GitHub lets through, by nh3."""

from __future__ import annotations

import re

import nh3

# https://github.com/gjtorikian/html-pipeline describes GitHub's own list. `input` is for check boxes.
_ELEMENTS = """
a abbr b bdo blockquote br caption cite code dd del details dfn div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i
img input ins kbd li mark ol p picture pre q rp rt ruby s samp section small span strike strong sub summary sup table
tbody td tfoot th thead time tr tt ul var wbr
"""
# Elements that go with their content, because it is something other than HTML.
_OPAQUE_ELEMENTS = """
applet audio canvas embed frame frameset iframe math noembed noframes noscript object plaintext script select style svg
template textarea title video xmp
"""
# The classes that the Markdown renderer sets; a user's own classes go.
_CLASSES = """
contains-task-list footnote-backref footnote-item footnote-ref footnotes footnotes-list footnotes-sep markdown-alert
markdown-alert-caution markdown-alert-important markdown-alert-note markdown-alert-tip markdown-alert-title
markdown-alert-warning task-list-item
"""
ELEMENTS = frozenset(_ELEMENTS.split())
VOID_ELEMENTS = frozenset({"br", "hr", "img", "input", "wbr"})
OPAQUE_ELEMENTS = frozenset(_OPAQUE_ELEMENTS.split())
CLASSES = frozenset(_CLASSES.split())
ATTRIBUTES = {
    "*": {"align", "alt", "class", "colspan", "dir", "height", "id", "open", "rowspan", "start", "title", "width"},
    "a": {"href"},
    "img": {"src"},
    "input": {"checked", "type"},
}
URL_SCHEMES = {"http", "https", "mailto"}
LINK_REL = "nofollow noopener noreferrer"
_LANGUAGE_CLASS = re.compile(r"language-[\w+#.-]{1,40}")


def sanitise(html: str, *, prefix: str = "user-content-") -> str:
    """Return HTML that is safe to show; `prefix` keeps the ids of a text apart from the page's own."""

    def filter_attribute(element: str, name: str, value: str) -> str | None:
        if name == "id":
            return prefix + re.sub(r"[^\w-]", "", value) if value else None
        if name == "class":
            return " ".join(word for word in value.split() if _is_known_class(element, word)) or None
        if name in ("href", "src"):
            address = _known_address(value)
            return f"#{prefix}{address[1:]}" if address and address.startswith("#") else address
        return value

    return nh3.clean(
        html,
        tags=set(ELEMENTS),
        clean_content_tags=set(OPAQUE_ELEMENTS),
        attributes=ATTRIBUTES,
        attribute_filter=filter_attribute,
        url_schemes=URL_SCHEMES,
        link_rel=LINK_REL,
    )


def _is_known_class(element: str, name: str) -> bool:
    return name in CLASSES or (element == "code" and _LANGUAGE_CLASS.fullmatch(name) is not None)


def _known_address(address: str) -> str | None:
    """Return an address of a known scheme, a fragment or a relative address; None for any other.

    nh3 lets an address pass as relative where a character makes its scheme invalid, such as a NUL inside `javascript:`.
    """
    visible = re.sub(r"[\x00-\x20\x7f-\xa0]", "", address)
    scheme = re.match(r"([^/?#:]*):", visible)
    return address.strip() if scheme is None or scheme[1].lower() in URL_SCHEMES else None
