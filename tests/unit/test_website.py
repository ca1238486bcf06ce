"""How a file of the repository becomes a page of the site."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from website import pages

ROOT = Path(__file__).parents[2]
GITHUB = "https://github.com/machine-learning-apps/mlops-actions"


@pytest.mark.parametrize(
    ("path", "link", "expected"),
    [
        ("docs/gke.md", "kubernetes.md#3-the-step", "kubernetes.md#3-the-step"),
        ("docs/gke.md", "#1-let-google-trust-the-repository", "#1-let-google-trust-the-repository"),
        ("docs/gke.md", "../actions/chatops/README.md#inputs", "actions/chatops.md#inputs"),
        ("docs/gke.md", "../SECURITY.md", "security.md"),
        ("docs/gke.md", "schemas/chatops.schema.json", "schemas/chatops.schema.json"),
        ("docs/gke.md", "../Makefile", f"{GITHUB}/blob/main/Makefile"),
        ("docs/gke.md", "../examples/digits", f"{GITHUB}/tree/main/examples/digits"),
        ("docs/gke.md", "https://example.com/a.md", "https://example.com/a.md"),
        ("docs/gke.md", "mailto:someone@example.com", "mailto:someone@example.com"),
        ("actions/chatops/README.md", "../../docs/gke.md", "../gke.md"),
        ("actions/chatops/README.md", "../argo-submit/README.md", "argo-submit.md"),
        ("actions/chatops/README.md", "../../docs/pictures/conversation-dark.png", "../pictures/conversation-dark.png"),
        ("CHANGELOG.md", "docs/moving.md", "moving.md"),
        ("docs/getting-started/README.md", "../../CHANGELOG.md", "../changelog.md"),
    ],
)
def test_a_link_leads_to_the_page_else_to_the_file_on_github(path: str, link: str, expected: str) -> None:
    assert pages.to_site(f"See [it]({link}).", path, ROOT) == f"See [it]({expected})."
    assert pages.to_site(f'[it]({link} "Title")', path, ROOT) == f'[it]({expected} "Title")'
    assert pages.to_site(f"[it]: {link}", path, ROOT) == f"[it]: {expected}"


@pytest.mark.parametrize("code", ["`[it](../Makefile)`", "```text\n[it](../Makefile)\n```", "``a ` [it](../Makefile)``"])
def test_code_stays_as_it_is(code: str) -> None:
    assert pages.to_site(code, "docs/gke.md", ROOT) == code


def test_a_pipe_in_the_code_of_a_table_loses_its_backslash_there_alone() -> None:
    text = r"| `a\|b` | c \| d |" + "\n\n" + r"`a\|b`"
    assert pages.to_site(text, "docs/gke.md", ROOT) == r"| `a|b` | c \| d |" + "\n\n" + r"`a\|b`"


def test_the_sites_switch_chooses_between_the_files_of_a_picture() -> None:
    text = (
        '<picture>\n  <source media="(prefers-color-scheme: dark)" srcset="pictures/conversation-dark.png">\n'
        '  <img alt="A talk" src="pictures/conversation-light.png" width="600">\n</picture>'
    )
    assert pages.to_site(text, "docs/reports.md", ROOT) == (
        "![A talk](pictures/conversation-light.png#only-light){ loading=lazy width=600 }\n"
        "![A talk](pictures/conversation-dark.png#only-dark){ loading=lazy width=600 }"
    )


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("1. Let Google trust the repository", "1-let-google-trust-the-repository"),
        ("Metrics, gates, seeds", "metrics-gates-seeds"),
        ("`result` and `wandb_report.json`", "result-and-wandb_reportjson"),
        ("Fünf – sechs", "fünf--sechs"),
    ],
)
def test_a_heading_has_githubs_anchor(heading: str, anchor: str) -> None:
    assert pages.github_slug(heading) == anchor


def test_a_folder_in_the_navigation_stands_for_its_pages_in_their_order() -> None:
    nav = [{"Home": "README.md"}, {"Guides": ["guides/", {"Runners": "runners.md"}]}]
    found = pages.expanded(nav, ["runners.md", "guides/seeds.md", "guides/forks.md"])
    assert found == [{"Home": "README.md"}, {"Guides": ["guides/seeds.md", "guides/forks.md", {"Runners": "runners.md"}]}]


def test_the_order_of_pages_is_that_of_the_first_links_to_them() -> None:
    index = "[Seeds](guides/seeds.md) [More](guides/gates.md#more) [Again](guides/seeds.md) [Out](https://example.com/a.md)"
    written = ["guides/a.md", "guides/gates.md", "README.md", "guides/seeds.md"]
    assert pages.in_order_of(index, written) == ["guides/seeds.md", "guides/gates.md", "README.md", "guides/a.md"]


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_command_of_several_lines_says_so_in_each(path: Path) -> None:
    """A command is copied up to the line that does not end with a backslash: what follows is taken for its output."""
    blocks = re.findall(r"^```console\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    commands = [command for text in blocks for command in re.findall(r"^\$ ((?:.*\\\n)*.*)$", text, re.MULTILINE)]
    for command in commands:
        assert shlex.split(command, comments=True), command


def test_the_menu_lists_every_page_once() -> None:
    text = (ROOT / "tools/website/mkdocs.yml").read_text(encoding="utf-8")
    listed = re.findall(r"^ +- (?:[^:\n]+: )?([\w./-]+(?:\.md|/))$", text.partition("\nnav:\n")[2], re.MULTILINE)
    docs = ROOT / "docs"
    found = pages.expanded(listed, [path.relative_to(docs).as_posix() for path in docs.rglob("*.md")])
    written = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")}
    assert sorted(found) == sorted(written | set(pages.OUTSIDE.values()))


@pytest.mark.parametrize(
    ("html", "loaded"),
    [
        ('<script src="https://cdn.example/a.js"></script>', ["https://cdn.example/a.js"]),
        ('<link rel="stylesheet" href="//fonts.example/b.css">', ["//fonts.example/b.css"]),
        ("<img alt=x src=http://tracker.example/c.png>", ["http://tracker.example/c.png"]),
        ('<link rel="canonical" href="https://site.example/">', []),
        ('<a href="https://example.com">a link</a>', []),
        ('<script src="assets/a.js"></script><img src="../b.png">', []),
    ],
)
def test_what_a_page_would_load_from_elsewhere_is_found(html: str, loaded: list[str]) -> None:
    assert pages.loaded_from_elsewhere(html) == loaded


def test_every_file_outside_of_docs_has_its_page_and_the_way_back() -> None:
    for path in pages.OUTSIDE:
        page = pages.page_of(path)
        assert page is not None
        assert (ROOT / path).is_file()
        assert pages.file_of(page) == path
    assert {path.relative_to(ROOT).as_posix() for path in ROOT.glob("actions/*/README.md")} <= set(pages.OUTSIDE)
