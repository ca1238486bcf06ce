"""docs/architecture.md: every path and name on it exists, and following a recipe changes the files that the recipe lists."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_actions import cli, docs
from mlops_actions.core import parsers, registries
from mlops_actions.core.declare import input_field, inputs
from mlops_actions.core.image_name import parse_reference
from mlops_actions.pipeline import steps
from mlops_actions.wandb_runs.inputs import Inputs

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
PACKAGES = tuple(name.replace("-", "_") for name in cli.MODULES)
# A path on the page starts at the root of the repository, or in one of these folders.
FOLDERS = (ROOT, ROOT / "src/mlops_actions", ROOT / "src")
PATH = re.compile(r"(?:[\w.<>-]+/)+[\w.<>-]*|[\w-]+\.(?:py|md|yml|toml|base)")
NAME = re.compile(r"[A-Za-z_]\w+")
RECIPES = (
    "Add an input",
    "Add a permission mode",
    "Add a webhook event",
    "Add a registry",
    "Add a tracker",
    "Add a column to the report",
    "Add a check to doctor",
)
# What a maintainer asks, the file that the page must name for it, and a word that the file must hold.
QUESTIONS = {
    "a new reaction": ("chatops/feedback.py", "reaction"),
    "a new pull-request event": ("core/event.py", "pull_request_of"),
    "a rule about Retry-After": ("boundary/retry.py", "requested_wait"),
    "a new column of the report": ("wandb_runs/report/run_table.py", "Column"),
}


def section(heading: str) -> str:
    """The text below a heading, up to the next heading of any level."""
    return re.split(r"^#+ ", PAGE.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def quoted(text: str) -> list[str]:
    """The texts in backticks, outside of code blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


def rows(text: str) -> list[list[str]]:
    """The cells of every row of the tables in a text, without their heads."""
    bodies = re.findall(r"^\| ---.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [[cell.strip() for cell in line.split("|")[1:-1]] for body in bodies for line in body.splitlines()]


def files(path: str) -> list[Path]:
    """The files that a path stands for: `<action>` is each action, and a bare name of a module is one in each room."""
    names = [path]
    if "<action>" in path:
        names = [
            path.replace("<action>", name)
            for name in (cli.MODULES if path.startswith(("actions/", "Dockerfile.")) else PACKAGES)
        ]
    elif "/" not in path and path in ("inputs.py", "ports.py", "run.py"):
        names = [f"{package}/{path}" for package in PACKAGES]
    return [next((folder / name for folder in FOLDERS if (folder / name).exists()), ROOT / name) for name in names]


def is_new(path: str) -> bool:
    """Whether a path stands for files that whoever follows a recipe creates: `boundary/<tracker>/`."""
    return "<" in path.replace("<action>", "")


def tree() -> Iterator[str]:
    """The paths in the drawing of the tree, each whole."""
    parents: list[str] = []
    for line in PAGE.partition("```text\n")[2].partition("```")[0].splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        parents[depth:] = [line.split()[0]]
        yield "".join(parents)


@pytest.mark.parametrize(
    "path", [*tree(), *sorted({text for text in quoted(PAGE) if PATH.fullmatch(text) and not is_new(text)})]
)
def test_every_path_on_the_page_exists(path: str) -> None:
    assert [str(file) for file in files(path) if not file.exists()] == []


@pytest.mark.parametrize(("name", "path"), re.findall(r"`(\w+)`\s+(?:in|of)\s+`([^`]+\.py)`", PAGE))
def test_every_name_on_the_page_is_in_its_file(name: str, path: str) -> None:
    assert re.search(rf"\b{name}\b", files(path)[0].read_text(encoding="utf-8"))


def test_the_drawing_shows_every_room_and_every_folder_of_the_boundary() -> None:
    drawn = set(tree())
    package = ROOT / "src/mlops_actions"
    folders = [*package.iterdir(), *(package / "boundary").iterdir()]
    expected = {f"{folder.relative_to(ROOT)}/" for folder in folders if folder.is_dir() and folder.name != "__pycache__"}
    assert expected <= drawn


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_page_names_the_file_that_answers_a_frequent_question(question: str) -> None:
    path, word = QUESTIONS[question]
    assert path in [file for row in rows(section("Where is what")) for file in quoted(row[1])]
    assert word in files(path)[0].read_text(encoding="utf-8")


@pytest.mark.parametrize("heading", RECIPES)
def test_a_recipe_names_files_and_names_that_exist_and_how_to_check(heading: str) -> None:
    recipe = section(heading)
    assert "Check" in recipe
    assert len(rows(recipe)) > 1
    for listed, change in rows(recipe):
        if is_new(listed):
            assert "(new)" in listed
            continue
        paths = [path for text in quoted(listed) for path in files(text) if path.is_file()]
        text = "".join(path.read_text(encoding="utf-8") for path in paths)
        assert [name for name in quoted(change) if NAME.fullmatch(name) and not re.search(rf"\b{name}\b", text)] == []


def test_the_page_has_no_other_recipe() -> None:
    assert tuple(re.findall(r"^### (Add .+)$", PAGE, re.MULTILINE)) == RECIPES


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of everything that `make docs` reads and writes."""
    dockerfiles = [path.name for path in ROOT.glob("Dockerfile.*")]
    for path in ("README.md", "action.yml", *dockerfiles, "actions", "examples", "docs", ".github/workflows"):
        source, target = ROOT / path, tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.exists():
            shutil.copy(source, target)
    return tmp_path


@inputs
class WithExample(Inputs):
    """The inputs of wandb-runs, and the one that the recipe adds."""

    example: str | None = input_field(parsers.text, "An example.")


def generated_by(recipe: str) -> list[set[str]]:
    """The files that each table of a recipe says are generated."""
    return [set(quoted(listed)) for listed, change in rows(section(recipe)) if change == "generated by `make docs`"]


def test_adding_an_input_changes_the_files_of_the_recipe(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    actions = {name: cli.action(name) for name in cli.MODULES}
    assert docs.generate(checkout, list(actions.values()), cli.build_parser(), write=False) == []
    extended = replace(actions["wandb-runs"], inputs=WithExample)

    def regenerated() -> set[str]:
        changed = docs.generate(checkout, list({**actions, "wandb-runs": extended}.values()), cli.build_parser(), write=True)
        return {path.relative_to(checkout).as_posix() for path in changed}

    for_the_action, for_the_pipeline = generated_by("Add an input")
    assert regenerated() == for_the_action
    assert "example:\n    description: 'An example.'" in (checkout / "actions/wandb-runs/action.yml").read_text()

    last = steps.STEPS[-1]
    passing = replace(last, action=extended, passes_on=(*last.passes_on, "example"))
    monkeypatch.setattr(steps, "STEPS", (*steps.STEPS[:-1], passing))
    assert regenerated() == for_the_pipeline
    assert "example: ${{ inputs.example }}" in (checkout / "action.yml").read_text()
    assert "example: ${{ inputs.example }}" in (checkout / ".github/workflows/pipeline.yml").read_text()


def test_a_registry_needs_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    remedy = "ask the platform team"
    entry = registries.KnownRegistry("images.example", aliases=("old.example",), remedy_of_denial=remedy)
    table = dict.fromkeys((entry.host, *entry.aliases), entry)
    monkeypatch.setattr(registries, "_BY_HOST", {**registries._BY_HOST, **table})
    assert str(parse_reference("old.example/team/model:1").name) == "images.example/team/model"
    assert registries.remedy_of_denial("images.example", anonymous=False) == remedy
