"""Take pictures of the demo's pull request and of its page: run the demo, open both in Chromium, capture all of them.

    screenshots.py [--keep-page] [--docs | --reports] [FOLDER]        (FOLDER is the demo's, demo-output by default)

The pictures (light, dark, and as narrow as a phone) are written beside the pages and are not committed. With `--docs`, two
parts of the conversation are written to docs/pictures/ too, and the shapes of a report, light and dark; these pictures are
small, and committed. `--reports` takes only the shapes, without the demo.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops_sandbox.demo.story import MISSPELLED, SECOND_COMMAND
from report_pages import write_gallery, write_pages
from small_png import shrink

SCHEMES = {"light": 1, "dark": 0}
DOCS = Path(__file__).resolve().parents[1] / "docs" / "pictures"
MAX_BYTES_IN_DOCS = 150_000
# Milliseconds of virtual time: the page draws its diagrams itself, and Chromium skips ahead while it waits.
BUDGET = 20_000
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
_SCRIPT = "<script>addEventListener('load', () => setTimeout(() => { %s }, %d))</script>"
_MEASURE = _SCRIPT % ("document.documentElement.dataset.height = document.documentElement.scrollHeight", 5000)
_MEASURED = re.compile(r'<html[^>]* data-height="(\d+)"')
# Keeps the conversation from a person's last comment that begins with one text to the next one that begins with another,
# without the page around it but perhaps its title; of a long comment only the beginning, and three dots.
_CUT = """
  const [first, end, kept, title] = %s, entries = [...document.querySelectorAll('#conversation > .entry')]
  const begins = text => entry =>
    entry.matches('.comment:not(.by-bot)') && entry.querySelector('.markdown')?.textContent.trim().startsWith(text)
  const from = entries.findLastIndex(begins(first)), last = from + entries.slice(from).findIndex(begins(end))
  entries.forEach((entry, index) => { if (index < from || index >= last) entry.remove() })
  const around = title ? 'header.top, main > nav, aside' : 'header.top, main > h1, main > .lead, main > nav, aside'
  document.querySelectorAll(around).forEach(one => one.remove())
  document.querySelectorAll('.markdown').forEach(text => {
    const rest = [...text.children].slice(kept)
    if (rest.length > 8) { rest.forEach(one => one.remove()); text.append('…') }
  })
  document.querySelectorAll('details[open]').forEach(one => one.removeAttribute('open'))
"""
# Keeps the report's comment, without the page around it.
_REPORT = """
  const isReport = entry => entry.querySelector('.markdown h3')
  const comments = [...document.querySelectorAll('#conversation > .entry')].filter(isReport)
  document.querySelectorAll('#conversation > *').forEach(one => { if (one !== comments.at(-1)) one.remove() })
  document.querySelectorAll('header.top, main > h1, main > .lead, main > nav, aside').forEach(one => one.remove())
"""


@dataclass(frozen=True)
class Picture:
    """A picture of a page: file, colour scheme, width in pixels; `script` changes the page before it is taken."""

    path: Path
    scheme: str
    width: int
    script: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and take the pictures; return the exit code."""
    parser = argparse.ArgumentParser(prog="screenshots.py", description="Take pictures of the demo's pages.")
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path("demo-output"), help="folder of the demo (default: %(default)s)"
    )
    parser.add_argument("--keep-page", action="store_true", help="use the existing page; do not run the demo")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--docs", action="store_true", help="take the pictures of the documentation too")
    which.add_argument("--reports", action="store_true", help="take only the documentation's pictures of reports")
    options = parser.parse_args(arguments)
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        print("error: Chromium is not installed\nremedy: install it (Debian: apt-get install chromium)", file=sys.stderr)
        return 2
    page = options.folder / "pr.html"
    if options.docs or options.reports:
        taken = take_reports(browser)
        if options.reports or not taken:
            return 0 if taken else 1
    if not options.keep_page:
        from mlops_sandbox.demo import run

        if code := run(options.folder):
            return code
    story = options.folder / "index.html"
    if missing := next((one for one in (page, story) if not one.is_file()), None):
        print(f"error: there is no {missing}\nremedy: run the command without --keep-page", file=sys.stderr)
        return 2
    wanted = [(page, one) for one in pictures(page, with_docs=options.docs)]
    wanted += [(story, one) for one in pictures(story, with_docs=False)]
    return 0 if all(take(browser, source, picture) for source, picture in wanted) else 1


def take(browser: str, page: Path, picture: Picture) -> bool:
    """Take a picture; one for the documentation must be small."""
    capture(browser, page, picture)
    if picture.path.parent == DOCS:
        shrink(picture.path)
    print(f"written: {picture.path}")
    size = picture.path.stat().st_size
    if picture.path.parent == DOCS and size > MAX_BYTES_IN_DOCS:
        print(f"error: {picture.path} has {size} bytes, more than {MAX_BYTES_IN_DOCS}", file=sys.stderr)
        return False
    return True


def take_reports(browser: str) -> bool:
    """Take the pictures of the shapes of a report into docs/pictures/; return whether all are small enough."""
    DOCS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        pages = write_pages(Path(folder))
        write_gallery()
        wanted = [(name, page, scheme) for name, page in pages.items() for scheme in SCHEMES]
        return all(
            take(browser, page, Picture(DOCS / f"report-{name}-{scheme}.png", scheme, 820, _REPORT))
            for name, page, scheme in wanted
        )


def pictures(page: Path, *, with_docs: bool) -> list[Picture]:
    """Return the pictures to take."""
    found = [Picture(page.with_name(f"{page.stem}-{scheme}.png"), scheme, 1280) for scheme in SCHEMES]
    found.append(Picture(page.with_name(f"{page.stem}-narrow.png"), "light", 390))
    if with_docs:
        DOCS.mkdir(parents=True, exist_ok=True)
        cuts = {
            "conversation": (MISSPELLED, "/retry", 2, False),
            "conversation-queue": ("/retry", "/deploy", 2, False),
            # The README's: the last command, and what of its report fits on a screen.
            "pull-request": (SECOND_COMMAND, "/status", 6, True),
        }
        found += [
            Picture(DOCS / f"{name}-{scheme}.png", scheme, 820, _CUT % json.dumps(cut))
            for name, cut in cuts.items()
            for scheme in SCHEMES
        ]
    return found


def capture(browser: str, page: Path, picture: Picture) -> None:
    """Take one picture of a whole page."""
    text = page.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / page.name
        if picture.script:
            script = _SCRIPT % (picture.script, 3000)
            text = _POLICY.sub("", text).replace("</head>", f"{script}</head>", 1)
        copy.write_text(text, encoding="utf-8")
        height = measured_height(browser, copy, picture)
        run_browser(browser, copy, picture, height, f"--screenshot={picture.path.resolve()}")


def measured_height(browser: str, page: Path, picture: Picture) -> int:
    """Return the height of the page with its diagrams drawn, measured by a script in a copy of the page."""
    text = _POLICY.sub("", page.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / page.name
        copy.write_text(text.replace("</head>", f"{_MEASURE}</head>", 1), encoding="utf-8")
        height = _MEASURED.search(run_browser(browser, copy, picture, 100, "--dump-dom"))
    if not height:
        raise RuntimeError(f"Chromium did not report the height of {page}")
    return int(height[1])


def run_browser(browser: str, page: Path, picture: Picture, height: int, *options: str) -> str:
    """Open the page in a new browser; return the browser's output."""
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars",
            f"--user-data-dir={profile}", f"--virtual-time-budget={BUDGET}", f"--window-size={picture.width},{height}",
            f"--blink-settings=preferredColorScheme={SCHEMES[picture.scheme]}", *options, page.resolve().as_uri(),
        ]  # fmt: skip
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout


if __name__ == "__main__":
    sys.exit(main())
