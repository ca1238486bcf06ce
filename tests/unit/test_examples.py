"""Every published example, in a page or as a file: the actions accept its values, and a caller grants what is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_actions.cli import MODULES, action
from mlops_actions.core.declare import Input, declared_inputs, input_variable, read
from mlops_actions.core.types import Json
from mlops_actions.docs import SHOWN_FILE
from mlops_actions.pipeline import reusable
from mlops_actions.pipeline.steps import STEPS, Step
from tests.unit.test_docs import PAGES, ROOT, SUITE, examples, named, steps

FILES = sorted((ROOT / "examples").rglob(".github/workflows/*.yml"))
SHORTEST = ROOT / "examples/two-jobs/.github/workflows/two-jobs.yml"
PIPELINE = f"{SUITE}/.github/workflows/pipeline.yml"
# What an expression may stand for: the first one that an input accepts.
STAND_INS = (
    "1",
    "a/b",
    "true",
    "success",
    "{}",
    "a" * 40,
    f"a/b@sha256:{'a' * 64}",
    "https://example.com",
    '{"feedback": null}',
)
EXPRESSION = re.compile(r"\$\{\{.*?\}\}")
# What has to be there for a step of the pipeline to run at all.
NEEDED = {"publish": ("image",), "workflow": ("workflow", "from"), "report": ("project",)}


def document(path: Path) -> Json:
    # YAML 1.1 reads the key `on` as true.
    return {"on" if key is True else key: value for key, value in yaml.safe_load(path.read_text()).items()}


def environment(inputs: type, given: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a step; in place of an expression stands a text that its input accepts."""
    made = {"GITHUB_TOKEN": "token"}
    for entry in declared_inputs(inputs):
        for name in {entry.name, *(alias.name for alias in entry.legacy)} & set(given):
            value = given[name]
            written = str(value).lower() if isinstance(value, bool) else str(value)
            texts = (EXPRESSION.sub(stand_in, written) for stand_in in STAND_INS)
            made[input_variable(name)] = next((text for text in texts if accepts(entry, text)), written)
    return made


def accepts(entry: Input, text: str) -> bool:
    try:
        entry.parse(text)
    except ValueError:
        return False
    return True


def of_the_pipeline(step: Step, given: Mapping[str, Any]) -> dict[str, Any]:
    of_the_command = {} if step.identifier == "chatops" else {"sha": "a" * 40}
    return of_the_command | {
        name: given[step.public_input(name)] for name in step.passes_on if step.public_input(name) in given
    }


def checked(used: str, given: Mapping[str, Any]) -> Iterator[tuple[type, Mapping[str, Any]]]:
    """The inputs of each action that a `uses:` runs, with what they are given."""
    name = used.partition("@")[0].removeprefix(f"{SUITE}/actions/")
    if name in MODULES:
        yield action(name).inputs, given
    elif used.partition("@")[0] in (SUITE, PIPELINE):
        for step in STEPS:
            if any(given.get(one) for one in NEEDED.get(step.identifier, ("commands",))):
                yield step.action.inputs, of_the_pipeline(step, given)


CALLS = [
    *((f"{named(page)} {number}", step) for page in PAGES for number, step in enumerate(steps(examples(page)))),
    *((f"{named(file)} {number}", step) for file in FILES for number, step in enumerate(steps(document(file)))),
]


@pytest.mark.parametrize("step", [step for _, step in CALLS], ids=[name for name, _ in CALLS])
def test_the_actions_accept_what_an_example_gives(step: Json) -> None:
    for inputs, given in checked(step["uses"], step.get("with", {})):
        values = environment(inputs, given)
        if any("|| ''" in str(value) for value in given.values()):
            # Which of them are given together is decided by an expression: each is judged by itself.
            entries = {input_variable(entry.name): entry for entry in declared_inputs(inputs)}
            assert [name for name, value in values.items() if name in entries and not accepts(entries[name], value)] == []
        else:
            read(inputs, values)


def test_every_file_is_shown_on_a_page_or_belongs_to_the_digits_example() -> None:
    shown = {path for page in PAGES for _, path in SHOWN_FILE.findall(page.read_text(encoding="utf-8"))}
    assert {named(file) for file in FILES} - shown <= set()


@pytest.mark.parametrize("file", [file for file in FILES if PIPELINE in file.read_text()], ids=named)
def test_a_caller_grants_the_permissions_of_the_jobs_and_no_more(file: Path) -> None:
    called = yaml.safe_load(reusable.workflow())
    interface = called[True]["workflow_call"]
    (job,) = document(file)["jobs"].values()
    assert set(job["secrets"]) <= set(interface["secrets"])
    needed = {(name, right) for each in called["jobs"].values() for name, right in each["permissions"].items()}
    assert set(job["permissions"].items()) == needed


def test_the_first_file_is_short_and_its_first_job_runs_one_action() -> None:
    assert len(SHORTEST.read_text().splitlines()) <= 25
    assert max(map(len, SHORTEST.read_text().splitlines())) <= 100
    jobs = document(SHORTEST)["jobs"]
    assert list(jobs) == ["listen", "train"]
    (step,) = jobs["listen"]["steps"]
    assert step["uses"] == f"{SUITE}/actions/chatops@v1"


def test_the_readme_is_short_and_shows_that_file_and_a_picture_for_each_colour_scheme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.encode()) <= 12_000
    assert [path for _, path in SHOWN_FILE.findall(readme)] == [named(SHORTEST)]
    assert re.findall(r"docs/pictures/pull-request-(\w+)\.png", readme) == ["dark", "light"]
    assert "| input |" not in readme
