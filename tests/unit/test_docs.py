"""The pages agree with the code: examples use existing inputs, links have targets, lists are complete."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_actions.chatops.reasons import REASONS
from mlops_actions.core import errors, event
from tests.support.pages import block, rows

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / f"{name}.md" for name in ("README", "SECURITY", "CONTRIBUTING")),
    *sorted((ROOT / "actions").glob("*/README.md")),
]
SUITE = "machine-learning-apps/mlops-actions"
FENCE = re.compile(r"^([ \t]*)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def examples(page: Path) -> list[Any]:
    """The YAML documents of a page; one block may hold several."""
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    texts = [textwrap.dedent(text) for _, language, text in found if language in ("yaml", "yml")]
    return [document for text in texts for document in yaml.safe_load_all(text)]


def steps(node: Any) -> Iterator[dict[str, Any]]:
    """Every step below a node that uses this suite."""
    if isinstance(node, dict):
        if str(node.get("uses", "")).startswith(SUITE):
            yield node
        for value in node.values():
            yield from steps(value)
    elif isinstance(node, list):
        for value in node:
            yield from steps(value)


def contract(used: str) -> set[str]:
    """The inputs of the action or workflow that a `uses:` names."""
    path = used.partition("@")[0].removeprefix(SUITE).strip("/")
    if path.endswith(".yml"):
        text = re.sub(r"^on:", "'on':", (ROOT / path).read_text(encoding="utf-8"), flags=re.MULTILINE)
        return set(yaml.safe_load(text)["on"]["workflow_call"]["inputs"])
    return set(yaml.safe_load((ROOT / path / "action.yml").read_text(encoding="utf-8"))["inputs"])


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_examples_use_existing_inputs_of_existing_actions(page: Path) -> None:
    for step in (step for example in examples(page) for step in steps(example)):
        assert step["uses"].endswith("@v1")
        assert set(step.get("with", {})) <= contract(step["uses"]), step["uses"]


def test_the_pages_have_examples_of_every_action() -> None:
    found = [step for page in PAGES for example in examples(page) for step in steps(example)]
    assert {step["uses"].partition("@")[0].rpartition("/")[2] for step in found} >= {
        "chatops", "docker-publish", "argo-submit", "wandb-runs",
    }  # fmt: skip


def slugs(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


MAX_WORDS = 35
# Words and turns of phrase that a reader whose first language is not English must look up.
UNUSUAL = re.compile(r"\b(?:whereupon|wherein|whereby|thereof|thereby|hereof|whosoever|for want of|not taken|Of an? \w+,)\b")


def sentences(page: Path) -> Iterator[str]:
    """The sentences of a page's paragraphs and lists, without code and tables."""
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```$|<!--.*?-->", "", text, flags=re.MULTILINE | re.DOTALL)
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*[-*] |\d+\. |#)", text):
        if not paragraph.lstrip().startswith(("|", "<")):
            yield from re.split(r"(?<=[.:;!?])\s+", re.sub(r"`[^`]*`", "code", " ".join(paragraph.split())))


@pytest.mark.parametrize("page", [*PAGES, ROOT / "examples/digits/README.md"], ids=named)
def test_sentences_are_short_and_their_words_are_common(page: Path) -> None:
    assert [sentence for sentence in sentences(page) if len(sentence.split()) > MAX_WORDS] == []
    assert UNUSUAL.findall(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_to_existing_files_and_headings(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in slugs(target), link


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_pictures_exist_for_both_colour_schemes(page: Path) -> None:
    shown = re.findall(r'\b(?:src|srcset)="([^"]+)"', page.read_text(encoding="utf-8"))
    pictures = [(page.parent / address).resolve() for address in shown if "://" not in address]
    assert [picture for picture in pictures if not picture.is_file()] == []
    assert {picture.name.replace("-dark.", "-light.") for picture in pictures} == {
        picture.name for picture in pictures if "-light." in picture.name
    }


def test_every_picture_is_small_and_shown_somewhere() -> None:
    pictures = sorted((ROOT / "docs/pictures").iterdir())
    texts = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [picture.name for picture in pictures if not 10_000 < picture.stat().st_size <= 150_000] == []
    assert [picture.name for picture in pictures if f"pictures/{picture.name}" not in texts] == []


def test_the_changelog_names_existing_inputs_and_links_existing_pages() -> None:
    """The page of an action knows each word in code that the section about it has, if it looks like an input."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for link in (link for link in LINK.findall(changelog) if "://" not in link):
        path, _, anchor = link.partition("#")
        assert (ROOT / path).exists(), link
        assert not anchor or anchor in slugs(ROOT / path), link
    for action in ("chatops", "docker-publish", "argo-submit", "wandb-runs"):
        contract = yaml.safe_load((ROOT / "actions" / action / "action.yml").read_text(encoding="utf-8"))
        page = (ROOT / "actions" / action / "README.md").read_text(encoding="utf-8")
        section = changelog.partition(f"\n#### {action}\n")[2].partition("\n####")[0]
        named = set(re.findall(r"`([a-z]+(?:-[a-z]+)*)(?:: [^`]*)?`", section))
        unknown = named - set(contract["inputs"]) - set(contract["outputs"])
        assert len(named) > 5
        assert {word for word in unknown if f"`{word}" not in page} == set()


def test_every_make_target_on_the_pages_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    texts = [page.read_text(encoding="utf-8") for page in (*PAGES, ROOT / ".github/pull_request_template.md")]
    calls = [call for text in texts for call in re.findall(r"`make ([a-z0-9 -]+)", text)]
    assert {target for call in calls for target in call.split()} <= targets


def test_the_index_links_to_every_page() -> None:
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    docs = ROOT / "docs"
    pages = {page.relative_to(docs).as_posix() for page in docs.rglob("*.md")} - {"README.md"}
    assert {page for page in pages if f"]({page})" not in index} == set()


def test_every_reason_has_advice() -> None:
    advice = rows(block("docs/troubleshooting.md", "reason advice"))
    assert [code.strip("`") for code, _ in advice] == list(REASONS)
    assert all(text for _, text in advice)


def test_every_exit_code_is_explained() -> None:
    text = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    (table,) = [part for part in text.split("\n\n") if part.startswith("| exit code |")]
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ActionError)]
    codes = {kind.exit_code for kind in classes if kind is not errors.ActionError}
    explained = {int(code) for row in rows(table) for code in row[0].split(",")}
    assert explained == {0, *codes, *(errors.Cancelled(number).exit_code for number in (2, 15))}


def literals(folder: Path) -> set[str]:
    """The texts in the code, each with `…` for what is filled in."""
    nodes = (node for path in folder.rglob("*.py") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    texts = set()
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            texts.add("".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.add(node.value)
    return texts


def test_every_error_of_an_image_on_the_page_is_one_of_the_code() -> None:
    said = {text for name in ("core", "docker_publish", "boundary") for text in literals(ROOT / "src/mlops_actions" / name)}
    explained = [text.strip("`") for text, _, _ in rows(block("docs/troubleshooting.md", "image failures"))]
    assert len(explained) > 10
    assert [text for text in explained if not any(text in one for one in said)] == []


def test_every_event_with_a_pull_request_is_documented() -> None:
    rule = inspect.getdoc(event.pull_request_of) or ""
    documented = [re.findall(r"`(\w+)`", row[0]) for row in rows(block("docs/troubleshooting.md", "events"))]
    assert documented == [re.findall(r"`(\w+)`", row[0]) for row in rows(rule)]


def test_every_page_shows_the_same_cluster_role() -> None:
    pages = ("actions/argo-submit/README.md", "docs/kubernetes.md")
    first, second = (block(page, "role") for page in pages)
    assert first == second
    assert yaml.safe_load(first.replace("```yaml", "").replace("```", ""))["kind"] == "Role"


def test_every_permission_in_the_code_is_documented() -> None:
    code = (ROOT / "src/mlops_actions/core/github_rights.py").read_text(encoding="utf-8")
    asked = set(re.findall(r"\"([a-z-]+: (?:read|write))\"", code))
    assert len(asked) > 5
    listed = set(re.findall(r"`([a-z-]+: (?:read|write))`", (ROOT / "docs/permissions.md").read_text(encoding="utf-8")))
    # The permission to write includes the permission to read.
    assert [line for line in asked if not {line, line.replace("read", "write")} & listed] == []
