"""Give the links to servers that have stopped another place, or none."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from html.parser import HTMLParser


def relink(html: str, places: Mapping[str, str]) -> str:
    """Return HTML in which links lead to the places of their addresses; where the place is empty, the link becomes text.

    An address below one of `places` that has no place itself becomes text too. All else stays as it is.
    """
    relinker = _Relinker(places)
    relinker.feed(html)
    relinker.close()
    return "".join(relinker.output)


class _Relinker(HTMLParser):
    def __init__(self, places: Mapping[str, str]) -> None:
        super().__init__(convert_charrefs=False)
        self.output: list[str] = []
        self._places = places
        self._prefixes = tuple(f"{address}/" for address in places)
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            address = dict(attrs).get("href") or ""
            place = self._place(address)
            if place is None:
                self._open.append("a")
                self.output.append(self.get_starttag_text() or "")
            elif place:
                self._open.append("a")
                self.output.append(f'<a href="{escape(place)}">')
            else:
                self._open.append("span")
                self.output.append(f'<span class="gone" title="{escape(address)} (the sandbox has stopped)">')
        else:
            self.output.append(self.get_starttag_text() or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.output.append(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        self.output.append(f"</{self._open.pop() if tag == 'a' and self._open else tag}>")

    def handle_data(self, data: str) -> None:
        self.output.append(data)

    def handle_entityref(self, name: str) -> None:
        self.output.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.output.append(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        self.output.append(f"<!{decl}>")

    def handle_comment(self, data: str) -> None:
        self.output.append(f"<!--{data}-->")

    def _place(self, address: str) -> str | None:
        """Return where an address leads; None where it stays."""
        if address in self._places:
            return self._places[address]
        return "" if address.startswith(self._prefixes) else None
