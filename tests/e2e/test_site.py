"""The documentation's site in a real browser: every page, on a desk and on a phone, in both colour schemes."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.e2e.devtools import DevTools, devtools
from website import pages

ROOT = Path(__file__).parents[2]
SIZES = [(1280, "light"), (390, "dark")]
# Elements that stick out of the page, apart from what is inside a box that scrolls.
STICKS_OUT = """
  [...document.querySelectorAll('.md-content *')].filter(one =>
    one.getBoundingClientRect().right > document.documentElement.clientWidth + 1
    && !one.closest('.md-typeset__scrollwrap, pre, .wide-diagram')
  ).map(one => one.tagName + ' ' + one.textContent.slice(0, 60))
"""
BROKEN_PICTURES = """
  Promise.all([...document.querySelectorAll('.md-content img')].map(async one => {
    one.loading = 'eager'
    await one.decode().catch(() => {})
    return one.naturalWidth ? '' : one.src
  })).then(found => found.filter(Boolean))
"""
# Mermaid draws into a closed shadow root: that it drew is seen by the space that the diagram takes.
DIAGRAMS = "[...document.querySelectorAll('div.mermaid')].map(one => one.getBoundingClientRect().height)"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make lint` builds it."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [ROOT / "tools/website/build.sh", "--site-dir", folder], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.fixture
def tab(chromium: str, tmp_path: Path) -> Iterator[DevTools]:
    with devtools(chromium, tmp_path / "profile") as opened:
        yield opened


def names(site: Path) -> list[str]:
    found = [f"{page.parent.relative_to(site).as_posix()}/".removeprefix("./") for page in site.rglob("index.html")]
    assert len(found) > 20
    return sorted(found)


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_every_page_fits_and_loads_whole_and_from_nowhere_else(
    site: Path, address: str, tab: DevTools, width: int, scheme: str
) -> None:
    diagrams = 0
    for name in names(site):
        tab.open(f"{address}{name}", width=width, scheme=scheme)
        tab.until("document.querySelectorAll('pre.mermaid').length === 0")
        assert tab.run(BROKEN_PICTURES) == [], name
        assert tab.run("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0, name
        assert tab.run(STICKS_OUT) == [], name
        heights = tab.run(DIAGRAMS)
        assert all(height > 20 for height in heights), name
        diagrams += len(heights)
        seen = tab.seen()
        assert seen.troubles == [], name
        assert [one for one in seen.addresses if not one.startswith((address, "data:", "blob:"))] == [], name
    assert diagrams > 1


def test_a_page_that_does_not_fit_or_lacks_a_part_would_be_noticed(tmp_path: Path, address: str, tab: DevTools) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        '<!doctype html><body class="md-content"><p style="width: 900px">wide</p><img src="missing.png">'
        "<script>console.error('no'); nothing()</script></body>"
    )
    tab.open(page.as_uri(), width=390)
    assert tab.run("document.documentElement.scrollWidth - document.documentElement.clientWidth") > 0
    assert tab.run(STICKS_OUT) == ["P wide"]
    assert tab.run(BROKEN_PICTURES) == [page.with_name("missing.png").as_uri()]
    assert len(tab.seen().troubles) >= 3


def test_the_search_finds_a_page(address: str, tab: DevTools) -> None:
    tab.open(address, width=1280)
    tab.run("document.querySelector('[data-md-component=search-query]').focus()")
    tab.call("Input.insertText", text="wait-for-checks")
    tab.until("document.querySelectorAll('.md-search-result__item a').length > 0")
    found = tab.run("[...document.querySelectorAll('.md-search-result__item a')].map(one => one.pathname)")
    assert "/actions/chatops/" in found
    assert tab.seen().troubles == []


def test_the_reader_chooses_the_colours_and_the_pictures_follow(address: str, tab: DevTools) -> None:
    tab.open(f"{address}reports/", width=1280, scheme="dark")
    shown = "[...document.querySelectorAll('.md-content img')].filter(one => one.offsetParent).map(one => one.src)"
    assert tab.run("document.body.getAttribute('data-md-color-scheme')") == "slate"
    assert all("-dark.png" in one for one in tab.run(shown))
    tab.run("document.querySelector('label[title=\"Light colours\"]').click()")
    tab.until("document.body.getAttribute('data-md-color-scheme') === 'default'")
    pictures = tab.run(shown)
    assert len(pictures) > 5
    assert all("-light.png" in one for one in pictures)


def test_a_command_is_copied_without_its_prompt(address: str, tab: DevTools) -> None:
    tab.open(f"{address}gke/", width=1280)
    blocks = "[...document.querySelectorAll('.language-console code')]"
    code = f"{blocks}.find(one => one.textContent.includes('identity-pools create'))"
    assert tab.run(f"{code}.innerText").startswith("$ NUMBER=")
    assert "\nCreated workload identity pool" in tab.run(f"{code}.innerText")
    copied = tab.run(f"({code}.setAttribute('data-md-copying', ''), {code}.innerText)")
    assert copied.startswith("NUMBER=")
    assert "\n    --workload-identity-pool github" in copied, "a command's further lines belong to it"
    assert "\n$ " not in copied
    assert "\nCreated" not in copied


TEXT = re.compile(
    r"<(script|style)\b.*?</\1>|<a class=\"headerlink\".*?</a>|<a href=\"[^\"]*/edit/main/.*?</a>|<[^>]+>", re.DOTALL
)


def words(html: str) -> str:
    """What a reader sees of some HTML, without blanks."""
    return re.sub(r"\s|¶", "", unescape(TEXT.sub("", re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL))))


def test_the_site_says_what_github_shows(site: Path) -> None:
    github = MarkdownIt("gfm-like", {"html": True})
    files = [*(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")), *pages.OUTSIDE]
    for path in files:
        page = (pages.page_of(path) or "").removesuffix(".md").removesuffix("README").rstrip("/")
        html = (site / page / "index.html").read_text(encoding="utf-8")
        article = re.search(r"<article[^>]*>(.*?)</article>", html, re.DOTALL)
        assert article, path
        assert words(article[1]) == words(github.render((ROOT / path).read_text(encoding="utf-8"))), path


FAULTS = {
    "a page that is not there": ("[a page](gone.md)", "gone.md"),
    "a heading that is not there": ("[a heading](gke.md#gone)", "#gone"),
    "a script from elsewhere": ('<script src="https://cdn.example/a.js"></script>', "https://cdn.example/a.js"),
}


def test_each_kind_of_fault_fails_the_build(tmp_path: Path) -> None:
    """A copy of the documents in which one page has all of them, built as `make lint` builds the site."""
    for part in ("docs", "tools/website", "actions", "examples/digits"):
        shutil.copytree(ROOT / part, tmp_path / part)
    for path in pages.OUTSIDE:
        shutil.copy2(ROOT / path, tmp_path / path)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    with (tmp_path / "docs/support.md").open("a", encoding="utf-8") as page:
        page.write("\n\n".join(["", *(text for text, _ in FAULTS.values())]))
    (tmp_path / "docs/unlisted.md").write_text("# No menu lists it\n", encoding="utf-8")
    ended = subprocess.run([tmp_path / "tools/website/build.sh"], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    warnings = [line for line in ended.stderr.splitlines() if line.startswith("WARNING")]
    for fault, (_, named) in FAULTS.items():
        assert [line for line in warnings if named in line], fault
    assert "unlisted.md" in ended.stderr
