"""The shapes of a report as pages: logged to the sandbox, reported by the real action, shown as a pull request."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from mlops_actions.core import render

PAGE = "docs/reports.md"
ROOT = Path(__file__).resolve().parents[1]


def write_pages(folder: Path) -> dict[str, Path]:
    """Write one page for each shape of a report into the folder; return the pages by the shapes' names."""
    # The shapes belong to the tests, which are no installed package.
    sys.path.insert(0, str(ROOT))
    from tests.actions.wandb_runs.shapes import SHAPES
    from tests.actions.wandb_runs.step import WandbStep
    from tests.support.forking import Forker
    from tests.support.wandb import MODULES, WandbHost

    from mlops_sandbox.github import GitHubServer, render_page
    from mlops_sandbox.host import Host
    from mlops_sandbox.wandb import WandbServer

    pages = {}
    server, github = WandbServer(), GitHubServer()
    with Host(server.app) as host, github.serve(), Forker(*MODULES) as forker, tempfile.TemporaryDirectory() as temporary:
        for shape in SHAPES:
            workspace = Path(temporary) / shape.name
            workspace.mkdir()
            step = WandbStep.begin(WandbHost(server, host.url, workspace), github, forker, workspace)
            code = shape.report(step)
            if code != shape.code:
                raise RuntimeError(f"the shape {shape.name} ended with {code}, not {shape.code}:\n{step.log}")
            pages[shape.name] = folder / f"report-{shape.name}.html"
            pages[shape.name].write_text(render_page(step.pull), encoding="utf-8")
    return pages


def write_gallery() -> None:
    """Write the shapes into the page of the documentation."""
    page = ROOT / PAGE
    page.write_text(render.replace_block(page.read_text(encoding="utf-8"), "shapes", gallery()), encoding="utf-8")


def gallery() -> str:
    """Return the shapes as Markdown for the documentation: title, sentence, picture in light and dark."""
    sys.path.insert(0, str(ROOT))
    from tests.actions.wandb_runs.shapes import SHAPES

    return "\n".join(
        f"### {shape.title}\n\n> {shape.sentence}\n\n<picture>\n"
        f'  <source media="(prefers-color-scheme: dark)" srcset="pictures/report-{shape.name}-dark.png">\n'
        f'  <img alt="The report: {shape.sentence}" src="pictures/report-{shape.name}-light.png" width="620">\n</picture>\n'
        for shape in SHAPES
    )
