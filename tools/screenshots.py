"""Take pictures of the demo's pull request, light and dark: run the demo, open its page in Chromium, capture all of it.

    screenshots.py [--keep-page] [FOLDER]        (FOLDER is the demo's, demo-output by default)

The pictures are written beside the page and are not committed.
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
# Milliseconds of virtual time: the page draws its diagrams itself, and Chromium skips ahead while it waits.
BUDGET = 20_000
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
_MEASURE = (
    "<script>addEventListener('load', () => setTimeout(() => {"
    "document.documentElement.dataset.height = document.documentElement.scrollHeight}, 5000))</script>"
)
_MEASURED = re.compile(r'<html[^>]* data-height="(\d+)"')


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and take the pictures; return the exit code."""
    parser = argparse.ArgumentParser(prog="screenshots.py", description="Take pictures of the demo's pull request.")
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path("demo-output"), help="folder of the demo (default: %(default)s)"
    )
    parser.add_argument("--keep-page", action="store_true", help="use the existing page; do not run the demo")
    options = parser.parse_args(arguments)
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        print("error: Chromium is not installed\nremedy: install it (Debian: apt-get install chromium)", file=sys.stderr)
        return 2
    page = options.folder / "pr.html"
    if not options.keep_page:
        from mlops_sandbox.demo import run

        if code := run(options.folder):
            return code
    if not page.is_file():
        print(f"error: there is no {page}\nremedy: run the command without --keep-page", file=sys.stderr)
        return 2
    for scheme in SCHEMES:
        print(f"written: {capture(browser, page, scheme)}")
    return 0


def capture(browser: str, page: Path, scheme: str) -> Path:
    """Take one picture of the whole page; return its path."""
    picture = page.with_name(f"{page.stem}-{scheme}.png")
    height = measured_height(browser, page, scheme)
    run_browser(browser, page, scheme, height, f"--screenshot={picture.resolve()}")
    return picture


def measured_height(browser: str, page: Path, scheme: str) -> int:
    """Return the height of the page with its diagrams drawn, measured by a script in a copy of the page."""
    text = _POLICY.sub("", page.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / page.name
        copy.write_text(text.replace("</head>", f"{_MEASURE}</head>", 1), encoding="utf-8")
        height = _MEASURED.search(run_browser(browser, copy, scheme, 800, "--dump-dom"))
    if not height:
        raise RuntimeError(f"Chromium did not report the height of {page}")
    return int(height[1])


def run_browser(browser: str, page: Path, scheme: str, height: int, *options: str) -> str:
    """Open the page in a new browser; return the browser's output."""
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars",
            f"--user-data-dir={profile}", f"--virtual-time-budget={BUDGET}", f"--window-size={WIDTH},{height}",
            f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}", *options, page.resolve().as_uri(),
        ]  # fmt: skip
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout


if __name__ == "__main__":
    sys.exit(main())
