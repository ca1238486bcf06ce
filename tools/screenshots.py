"""Pictures of the demo's pull request, light and dark: run the demo, open its page in Chromium, photograph all of it.

    screenshots.py [--keep-page] [FOLDER]        (FOLDER is the demo's, demo-output by default)

The pictures lie beside the page and in no commit: whoever wants them makes them.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

SCHEMES = {"light": 1, "dark": 0}
WIDTH = 1280
# Diagrams are drawn by the page itself; the browser's clock runs ahead until it has nothing left to do.
BUDGET = 20_000
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
_MEASURE = (
    "<script>addEventListener('load', () => setTimeout(() => {"
    "document.documentElement.dataset.height = document.documentElement.scrollHeight}, 5000))</script>"
)
_MEASURED = re.compile(r'<html[^>]* data-height="(\d+)"')


def main(words: Sequence[str] | None = None) -> int:
    """Run the demo and take the pictures; returns the exit code."""
    parser = argparse.ArgumentParser(prog="screenshots.py", description="Take pictures of the demo's pull request.")
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path("demo-output"), help="the demo's (default: %(default)s)"
    )
    parser.add_argument("--keep-page", action="store_true", help="take the page as it is there; run no demo")
    options = parser.parse_args(words)
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        print("error: there is no Chromium\nremedy: install it (Debian: apt-get install chromium)", file=sys.stderr)
        return 2
    page = options.folder / "pr.html"
    if not options.keep_page:
        from mlops_sandbox.demo import run

        if code := run(options.folder):
            return code
    if not page.is_file():
        print(f"error: there is no {page}\nremedy: run it without --keep-page", file=sys.stderr)
        return 2
    for scheme in SCHEMES:
        print(f"written: {photograph(browser, page, scheme)}")
    return 0


def photograph(browser: str, page: Path, scheme: str) -> Path:
    """Take one picture of the whole page; returns its path."""
    picture = page.with_name(f"{page.stem}-{scheme}.png")
    height = measured(browser, page, scheme)
    look(browser, page, scheme, height, f"--screenshot={picture.resolve()}")
    return picture


def measured(browser: str, page: Path, scheme: str) -> int:
    """How high the page is once its diagrams are drawn; asked of a copy that may run one script more."""
    text = _POLICY.sub("", page.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / page.name
        copy.write_text(text.replace("</head>", f"{_MEASURE}</head>", 1), encoding="utf-8")
        found = _MEASURED.search(look(browser, copy, scheme, 800, "--dump-dom"))
    if not found:
        raise RuntimeError(f"Chromium did not tell how high {page} is")
    return int(found[1])


def look(browser: str, page: Path, scheme: str, height: int, *options: str) -> str:
    """Open the page in a browser of its own; what the browser printed."""
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars",
            f"--user-data-dir={profile}", f"--virtual-time-budget={BUDGET}", f"--window-size={WIDTH},{height}",
            f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", *options, page.resolve().as_uri(),
        ]  # fmt: skip
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout


if __name__ == "__main__":
    sys.exit(main())
