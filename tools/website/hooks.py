"""Connects the pages to MkDocs: https://www.mkdocs.org/dev-guide/plugins/#events."""

from __future__ import annotations

import importlib.util
import logging
import posixpath
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

from website import pages

# Warnings of this name are counted, as MkDocs' own: --strict makes an error of them.
_log = logging.getLogger("mkdocs.hooks.website")
ROOT = Path(__file__).resolve().parents[2]
ASSETS = Path(__file__).parent / "assets"
# The theme would load mermaid from a CDN where no script of the page has brought it.
MERMAID = "assets/mermaid.js"


def on_config(config: Any) -> Any:
    """Give headings GitHub's anchors, and put the pages of a folder into the navigation."""
    config.mdx_configs.setdefault("toc", {})["slugify"] = pages.github_slug
    docs = Path(config.docs_dir)
    written = [path.relative_to(docs).as_posix() for path in docs.rglob("*.md")]
    index = (docs / "README.md").read_text(encoding="utf-8")
    config.nav = pages.expanded(config.nav, pages.in_order_of(index, written))
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages outside of docs/, the stylesheet, and mermaid from its package."""
    for path, page in pages.OUTSIDE.items():
        files.append(File.generated(config, page, content=(ROOT / path).read_text(encoding="utf-8")))
    for asset in sorted(ASSETS.iterdir()):
        files.append(File.generated(config, f"assets/{asset.name}", abs_src_path=str(asset)))
    files.append(File.generated(config, MERMAID, abs_src_path=str(_mermaid())))
    return files


def _mermaid() -> Path:
    package = importlib.util.find_spec("mmdc")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("the package mmdc, which contains mermaid, is not installed", name="mmdc")
    return Path(package.origin).parent / "assets" / "mermaid.js"


def on_pre_page(page: Any, **_: Any) -> Any:
    """Let the link that edits a page lead to its file."""
    page.edit_url = f"{pages.REPOSITORY}/edit/main/{pages.file_of(page.file.src_uri)}"
    return page


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Turn the file's GitHub Markdown into the site's."""
    return pages.to_site(markdown, pages.file_of(page.file.src_uri), ROOT)


def on_post_page(output: str, *, page: Any, **_: Any) -> str:
    """Load mermaid, which is large, only where there is something to draw, and before the theme's own script."""
    for address in pages.loaded_from_elsewhere(output):
        _log.warning("%s loads %s, from elsewhere", page.file.src_uri, address)
    if '<pre class="mermaid">' not in output:
        return output
    script = posixpath.relpath(MERMAID, posixpath.dirname(page.file.dest_uri) or ".")
    return pages.with_wide_diagrams(output).replace("</head>", f'<script src="{script}"></script></head>', 1)
