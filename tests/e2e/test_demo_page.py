"""The demo's page in a real browser, as a file: it fits every width, draws its diagrams, and asks nobody for anything."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pytest

from tests.support import demo

POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
# Shows a page in a frame, since a window of a headless browser is never as narrow as a phone; opens every fold, waits for
# the diagrams in them, and notes what it finds.
FRAME = """<!doctype html><html lang="en"><title>measured</title><body style="margin: 0">
<iframe style="width: {width}px; height: 2000px; border: 0" srcdoc="{page}"></iframe>
<script>addEventListener("load", () => {{
  const page = document.querySelector("iframe").contentDocument;
  page.querySelectorAll("details").forEach((one) => (one.open = true));
  setTimeout(() => {{
    const root = page.documentElement, found = document.documentElement.dataset;
    found.overflow = String(root.scrollWidth - root.clientWidth);
    found.width = String(root.clientWidth);
    found.diagrams = String(page.querySelectorAll("figure.diagram svg").length);
    found.undrawn = String(page.querySelectorAll(".undrawn").length);
  }}, 15000);
}});</script></body></html>"""
# A page with each of the faults, which shows that they would be seen.
FAULTY = (
    "<!doctype html><title>x</title><p style='width:900px'>wide<img src=http://tracker.example/x><script>missing()</script>"
)
# A request in Chromium's log, one event a line, and whose it is; what the browser asks for itself has no origin.
REQUEST = re.compile(r'"initiator":"([^"]*)".*?"url":"(https?:[^"]*)"')
BROWSERS_OWN = "not an origin"
# mermaid draws a curve that ends before the axis with coordinates that are no numbers: browsers show it up to there.
SHORT_CURVE = "Error: <path> attribute d: Expected number"


@dataclass(frozen=True)
class Look:
    """What a browser has made of a page."""

    document: str
    console: list[str]
    requests: list[str]

    def data(self, name: str) -> str:
        found = re.search(rf'<html[^>]* data-{name}="([^"]*)"', self.document)
        assert found, f"the page's script has not noted {name}"
        return found[1]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a demo without containers."""
    output = tmp_path_factory.mktemp("demo") / "output"
    done = demo.play(output)
    assert done.returncode == 0, done.stdout
    return output / "index.html"


def look(chromium: str, page: Path, folder: Path, *, width: int, scheme: int = 1) -> Look:
    """Open a page as a file in a new browser."""
    net_log = folder / "net.json"
    command = [
        chromium, "--headless", "--hide-scrollbars", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
        "--disable-component-update", "--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}",
        f"--log-net-log={net_log}", "--virtual-time-budget=60000", f"--window-size={width},2400",
        f"--blink-settings=preferredColorScheme={scheme}", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    console = [line for line in re.findall(r"CONSOLE[^\n]*", ended.stderr) if SHORT_CURVE not in line]
    requests = set(REQUEST.findall(net_log.read_text(encoding="utf-8")))
    return Look(ended.stdout, console, [address for initiator, address in requests if initiator != BROWSERS_OWN])


def framed(page: Path, folder: Path, width: int) -> Path:
    """The page in a frame of that width, without its policy, which does not allow to be measured."""
    text = POLICY.sub("", page.read_text(encoding="utf-8"))
    frame = folder / "frame.html"
    frame.write_text(FRAME.format(width=width, page=escape(text)), encoding="utf-8")
    return frame


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_nothing_is_wider_than_the_window_with_every_fold_open(
    chromium: str, page: Path, tmp_path: Path, width: int
) -> None:
    seen = look(chromium, framed(page, tmp_path, width), tmp_path, width=1400)
    assert (seen.data("width"), seen.data("overflow")) == (str(width), "0")
    assert seen.data("undrawn") == "0"
    assert int(seen.data("diagrams")) == page.read_text(encoding="utf-8").count('class="language-mermaid"')


@pytest.mark.parametrize("scheme", [1, 0], ids=["light", "dark"])
def test_the_page_has_no_errors_and_asks_nobody(chromium: str, page: Path, tmp_path: Path, scheme: int) -> None:
    seen = look(chromium, page, tmp_path, width=390, scheme=scheme)
    assert seen.console == []
    assert seen.requests == []
    assert int(seen.data("drawn")) > 0, "its own scripts run under its policy"


def test_such_faults_would_have_been_seen(chromium: str, tmp_path: Path) -> None:
    faulty = tmp_path / "faulty.html"
    faulty.write_text(FAULTY, encoding="utf-8")
    seen = look(chromium, framed(faulty, tmp_path, 390), tmp_path, width=1400)
    assert int(seen.data("overflow")) > 0
    assert any("missing is not defined" in line for line in seen.console)
    assert seen.requests == ["http://tracker.example/x"]
