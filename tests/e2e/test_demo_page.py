"""The demo's page in a real browser, opened as a file: it fits every width, draws its diagrams, and asks nobody for anything."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
# Opens every fold, waits for the diagrams in them, and notes which elements are wider than the window.
MEASURE = """<script>addEventListener("load", () => {
  document.querySelectorAll("details").forEach((one) => (one.open = true));
  setTimeout(() => {
    const root = document.documentElement;
    root.dataset.overflow = String(root.scrollWidth - root.clientWidth);
    root.dataset.width = String(root.clientWidth);
  }, 15000);
});</script>"""
# A page with each of the faults, which shows that they would be seen.
FAULTY = (
    "<!doctype html><title>x</title><p style='width:900px'>wide<img src=http://tracker.example/x><script>missing()</script>"
)


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
    done = subprocess.run(
        [sys.executable, "-m", "mlops_actions", "demo", "--output", str(output)],
        env={**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return output / "index.html"


def look(chromium: str, page: Path, folder: Path, *, width: int, scheme: int = 1) -> Look:
    """Open a page as a file in a new browser."""
    net_log = folder / "net.json"
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
        "--disable-component-update", "--no-first-run", "--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}",
        f"--log-net-log={net_log}", "--virtual-time-budget=60000", f"--window-size={width},2400",
        f"--blink-settings=preferredColorScheme={scheme}", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    console = re.findall(r"CONSOLE[^\n]*", ended.stderr)
    return Look(ended.stdout, console, re.findall(r'"url":"(https?:[^"]*)"', net_log.read_text(encoding="utf-8")))


def measured(page: Path, folder: Path) -> Path:
    """A copy of the page that measures itself, which its own policy would not allow."""
    text, count = POLICY.subn("", page.read_text(encoding="utf-8"))
    assert count <= 1
    copy = folder / "measured.html"
    copy.write_text(text.replace("</title>", f"</title>{MEASURE}", 1), encoding="utf-8")
    return copy


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_nothing_is_wider_than_the_window_with_every_fold_open(
    chromium: str, page: Path, tmp_path: Path, width: int
) -> None:
    seen = look(chromium, measured(page, tmp_path), tmp_path, width=width)
    assert seen.data("width") == str(width)
    assert seen.data("overflow") == "0"
    undrawn = re.findall(r'<pre class="undrawn"[^>]*>', seen.document)
    assert undrawn == []
    assert seen.document.count('<figure class="diagram">') == page.read_text(encoding="utf-8").count('"language-mermaid"')


@pytest.mark.parametrize("scheme", [1, 0], ids=["light", "dark"])
def test_the_page_has_no_errors_and_asks_nobody(chromium: str, page: Path, tmp_path: Path, scheme: int) -> None:
    seen = look(chromium, page, tmp_path, width=390, scheme=scheme)
    assert seen.console == []
    assert seen.requests == []
    assert int(seen.data("drawn")) > 0, "its own scripts run under its policy"


def test_such_faults_would_have_been_seen(chromium: str, tmp_path: Path) -> None:
    faulty = tmp_path / "faulty.html"
    faulty.write_text(FAULTY, encoding="utf-8")
    seen = look(chromium, measured(faulty, tmp_path), tmp_path, width=390)
    assert int(seen.data("overflow")) > 0
    assert any("missing is not defined" in line for line in seen.console)
    assert "http://tracker.example/x" in json.dumps(seen.requests)
