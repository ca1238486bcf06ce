"""The pull request's page in a real browser: diagrams are drawn, in both colour schemes, and no comment runs a script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from mlops_sandbox.github import PullRequest, render_page
from mlops_sandbox.host import Host
from tests.e2e.conftest import Browser
from tests.support.payloads import make_sample
from tests.support.payloads.hostile import HOSTILE

# What an attack that succeeds does: no blanks and no quotes, so that it fits everywhere.
MARK = "document.documentElement.className=1"
RAN = '<html lang="en" class="1"'
FLOW = '```mermaid\nflowchart LR\n  commit["1a2b3c4"] --> image --> runs\n```'
CURVE = (
    '```mermaid\nxychart-beta\n  title "val_acc"\n  x-axis "epoch" [1, 2, 3]\n  y-axis "val_acc" 0.8 --> 1.0\n'
    "  line [0.85, 0.9, 0.95]\n```"
)
BROKEN = "```mermaid\nflowchart LR\n  a[ --> ((\n```"


def _write(pull: PullRequest, folder: Path, *, policy: bool = True) -> str:
    html = render_page(pull)
    if not policy:
        html, count = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
        assert count == 1
    path = folder / "page.html"
    path.write_text(html, encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def report() -> PullRequest:
    """A pull request with three diagrams, one of them in a fold, and a block that is none."""
    sample = make_sample()
    bot = sample.github.actions_app.bot
    sample.pull.comment(f"{FLOW}\n\n{CURVE}\n\n<details><summary>More</summary>\n\n{FLOW}\n\n</details>\n\n{BROKEN}", by=bot)
    sample.repository.check_run(sample.pull.head_sha, "training", conclusion="success", title="Passed", summary="Fine.")
    return sample.pull


@pytest.mark.parametrize(("scheme", "ink"), [("light", "#1f2328"), ("dark", "#f0f6fc")])
def test_diagrams_are_drawn_in_the_readers_colours(
    browser: Browser, report: PullRequest, tmp_path: Path, scheme: str, ink: str
) -> None:
    setting = f"--blink-settings=preferredColorScheme={1 if scheme == 'light' else 0}"
    document = browser(_write(report, tmp_path), setting, "--dump-dom")
    figures = re.findall(r'<figure class="diagram">(.*?)</figure>', document, re.DOTALL)
    assert len(figures) == 3
    assert all(figure.startswith("<svg") and ink in figure for figure in figures)
    assert 'data-drawn="3"' in document
    # A diagram that mermaid cannot read stays as its source.
    assert re.search(r'<pre class="undrawn" title="[^"]+"><code class="language-mermaid">flowchart', document)
    assert "1a2b3c4" in figures[0]
    assert "val_acc" in figures[1]


@pytest.mark.parametrize("scheme", [1, 0])
def test_the_page_can_be_photographed(browser: Browser, report: PullRequest, tmp_path: Path, scheme: int) -> None:
    picture = tmp_path / "page.png"
    address = _write(report, tmp_path)
    browser(address, f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={picture}")
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert (int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")) == (1280, 2400)
    # An empty page of this size compresses to a few kilobytes.
    assert len(content) > 50_000


def _attacked() -> PullRequest:
    sample = make_sample()
    sample.pull.title = f"<img src=x onerror={MARK}>"
    sample.pull.comment(FLOW, by="writer")
    for text in HOSTILE:
        sample.pull.comment(text.replace("attack()", MARK), by="outsider")
    sample.repository.check_run(
        sample.pull.head_sha, "x", conclusion="success", summary="\n\n".join(HOSTILE).replace("attack()", MARK)
    )
    return sample.pull


@pytest.mark.parametrize("policy", [True, False], ids=["with its policy", "without its policy"])
def test_no_comment_runs_a_script(browser: Browser, tmp_path: Path, policy: bool) -> None:
    document = browser(_write(_attacked(), tmp_path, policy=policy), "--dump-dom")
    assert 'data-drawn="' in document, "the page's own script did not run, so this shows nothing"
    assert RAN not in document
    assert "<h1>Approved" not in document.partition('id="conversation"')[0]


def test_such_a_script_would_have_been_seen(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "open.html"
    path.write_text(f'<!doctype html><html lang="en"><body><img src=x onerror={MARK}></body></html>')
    assert RAN in browser(path.as_uri(), "--dump-dom")


class Recorder:
    """Answers everything, and remembers for which names it was asked."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.names.add(Request(scope).headers["host"].partition(":")[0])
            response: Response = PlainTextResponse("")
            await response(scope, receive, send)


def test_the_page_asks_nobody_for_anything(browser: Browser, tmp_path: Path) -> None:
    pull = _attacked()
    pull.comment("![plot](http://tracker.example/plot.png) <img src=http://tracker.example/x>", by="outsider")
    recorder = Recorder()
    with Host(recorder) as host:
        everywhere = f"--host-resolver-rules=MAP * 127.0.0.1:{host.port}"
        browser(_write(pull, tmp_path, policy=False), everywhere, "--dump-dom")
        assert {name for name in recorder.names if name.endswith(".example")} == set()
        control = tmp_path / "control.html"
        control.write_text("<!doctype html><img src=http://tracker.example/x>")
        browser(control.as_uri(), everywhere, "--dump-dom")
        assert "tracker.example" in recorder.names
