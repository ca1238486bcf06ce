"""Rewrite sanitised HTML as GitHub does: mark references, replace images by links, disable check boxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from html.parser import HTMLParser

from mlops_sandbox.github.page.sanitise import LINK_REL

# Text inside these elements is shown as it is.
LITERAL_ELEMENTS = frozenset({"a", "code", "pre", "samp", "tt"})


def rewrite(html: str, render_text: Callable[[str], str]) -> str:
    """Return sanitised HTML with its plain text, outside code and links, rendered by `render_text`."""
    rewriter = _Rewriter(render_text)
    rewriter.feed(html)
    rewriter.close()
    return "".join(rewriter.output)


class _Rewriter(HTMLParser):
    def __init__(self, render_text: Callable[[str], str]) -> None:
        super().__init__(convert_charrefs=True)
        self.output: list[str] = []
        self._render_text = render_text
        self._literal: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "input":
            self._add_checkbox(attributes)
        elif tag == "img":
            self._add_image(attributes)
        else:
            self.output.append(self.get_starttag_text() or "")
            if tag in LITERAL_ELEMENTS:
                self._literal.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.output.append(f"</{tag}>")
        if tag in LITERAL_ELEMENTS:
            self._literal.remove(tag)

    def handle_data(self, data: str) -> None:
        self.output.append(escape(data, quote=False) if self._literal else self._render_text(data))

    def _add_checkbox(self, attributes: dict[str, str]) -> None:
        if attributes.get("type") == "checkbox":
            self.output.append(f'<input type="checkbox" disabled{" checked" if "checked" in attributes else ""}>')

    def _add_image(self, attributes: dict[str, str]) -> None:
        """Add a link to an image instead of the image: the page must load nothing from a network."""
        address, label = attributes.get("src"), escape(attributes.get("alt") or "image", quote=False)
        if address and "a" not in self._literal:
            self.output.append(f'<a class="image" href="{escape(address)}" rel="{LINK_REL}">{label}</a>')
        else:
            self.output.append(f'<span class="image">{label}</span>')
