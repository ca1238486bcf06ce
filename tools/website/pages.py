"""Which files of the repository are pages of the site, and how their GitHub Markdown becomes the site's: pure functions."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

REPOSITORY = "https://github.com/machine-learning-apps/mlops-actions"
DOCS = "docs/"
# Pages outside of docs/: the file in the repository, and its page on the site.
OUTSIDE = {
    "actions/chatops/README.md": "actions/chatops.md",
    "actions/docker-publish/README.md": "actions/docker-publish.md",
    "actions/argo-submit/README.md": "actions/argo-submit.md",
    "actions/wandb-runs/README.md": "actions/wandb-runs.md",
    "examples/digits/README.md": "example.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
# Code, in which nothing is a link: a fenced block, or a span.
_CODE = re.compile(r"^([ \t]*)(`{3,}|~{3,}).*?^\1\2[ \t]*$|(?<!`)(`+)(?!`).*?(?<!`)\3(?!`)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=[)\s])|(?<=^\[)([^\]]+\]:\s*\S+)", re.MULTILINE)
_PICTURE = re.compile(
    r"""<picture>\s*<source\s[^>]*srcset="(?P<dark>[^"]+)"[^>]*>\s*<img\s(?P<light>[^>]*)>\s*</picture>""", re.DOTALL
)
# A row of a table: GitHub wants a pipe in its code escaped, where the site would show the backslash.
_ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
# What a browser loads by itself; of the links in the head, not those that only name an address.
_LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed|object|link)\b[^>]*?\s(?:src|srcset|href|data)=["']?((?:https?:)?//[^"'\s>]+)"""
)
_INERT = re.compile(r"""<link rel="(?:canonical|prev|next|edit)"[^>]*>""")
_WIDE_DIAGRAM = re.compile(r'<pre class="mermaid"><code>(?:flowchart|graph) (?:LR|RL)\b.*?</pre>', re.DOTALL)
_ATTRIBUTE = re.compile(r"""(\w+)="([^"]*)\"""")


def page_of(path: str) -> str | None:
    """Return the page of the site that shows a file of the repository."""
    if path.startswith(DOCS) and path.endswith(".md"):
        return path.removeprefix(DOCS)
    return OUTSIDE.get(path)


def file_of(page: str) -> str:
    """Return the file of the repository that a page of the site shows."""
    return next((path for path, shown in OUTSIDE.items() if shown == page), f"{DOCS}{page}")


def to_site(text: str, path: str, root: Path) -> str:
    """Turn the text of a file into that of its page: pictures of both colour schemes, folds, and links that lead further."""
    text = _ROW.sub(lambda row: _CODE.sub(lambda code: code[0].replace("\\|", "|"), row[0]), text)
    text = _outside_code(text, _pictures)
    text = _outside_code(text, lambda part: part.replace("<details>", "<details markdown>"))
    return _outside_code(text, lambda part: _LINK.sub(lambda match: _relinked(match[0], path, root), part))


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    parts, position = [], 0
    for code in _CODE.finditer(text):
        parts += [change(text[position : code.start()]), code[0]]
        position = code.end()
    return "".join([*parts, change(text[position:])])


def _pictures(text: str) -> str:
    """Let the site's own switch choose between the two files of a `<picture>`, which knows only the system's preference."""

    def images(match: re.Match[str]) -> str:
        light = dict(_ATTRIBUTE.findall(match["light"]))
        width = f" width={light['width']}" if "width" in light else ""
        return "\n".join(
            f"![{light.get('alt', '')}]({address}#only-{scheme}){{ loading=lazy{width} }}"
            for scheme, address in (("light", light["src"]), ("dark", match["dark"]))
        )

    return _PICTURE.sub(images, text)


def _relinked(link: str, path: str, root: Path) -> str:
    label, mark, target = link.rpartition("]:")
    if mark:
        return f"{label}{mark} {_relinked(target.strip(), path, root)}"
    address, mark, anchor = link.partition("#")
    if not address or re.match(r"[a-z]+:", address):
        return link
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), address))
    here = page_of(path) or path
    if page := page_of(target):
        return posixpath.relpath(page, posixpath.dirname(here) or ".") + mark + anchor
    if target.startswith(DOCS) and (root / target).is_file():
        return posixpath.relpath(target.removeprefix(DOCS), posixpath.dirname(here) or ".") + mark + anchor
    kind = "tree" if (root / target).is_dir() else "blob"
    return f"{REPOSITORY}/{kind}/main/{target}{mark}{anchor}"


def with_wide_diagrams(html: str) -> str:
    """Put each diagram that runs from left to right into a box of its own, which scrolls where the screen is narrow."""
    return _WIDE_DIAGRAM.sub(lambda diagram: f'<div class="wide-diagram">{diagram[0]}</div>', html)


def loaded_from_elsewhere(html: str) -> list[str]:
    """Return the addresses on other hosts that a browser would load with the page, before anybody clicks."""
    return _LOADED.findall(_INERT.sub("", html))


def github_slug(heading: str, separator: str = "-") -> str:
    """Return the anchor of a heading as GitHub makes it, so that one link serves both."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", separator)


def in_order_of(index: str, pages: Sequence[str]) -> list[str]:
    """Order pages as the links of the index are; what it does not name comes last, by name."""
    linked = list(dict.fromkeys(address.partition("#")[0] for address in re.findall(r"\]\(([^)\s]+)\)", index)))
    return sorted(pages, key=lambda page: (linked.index(page) if page in linked else len(linked), page))


def expanded(nav: Sequence[Any], pages: Sequence[str]) -> list[Any]:
    """Put the pages of a folder in its place in the navigation, in their order: `guides/` is all below docs/guides/."""
    found: list[Any] = []
    for entry in nav:
        if isinstance(entry, str) and entry.endswith("/"):
            found += [page for page in pages if page.startswith(entry)]
        elif isinstance(entry, Mapping):
            found.append({title: expanded(of, pages) if isinstance(of, list) else of for title, of in entry.items()})
        else:
            found.append(entry)
    return found
