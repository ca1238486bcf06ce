"""Declarations rendered for the runner and for readers."""

from __future__ import annotations

from typing import ClassVar

import pytest
import yaml

from mlops_actions.core import parsers, render
from mlops_actions.core.declare import Action, DeclaredInputs, Legacy, Output, Retired, input_field, inputs


@inputs
class Inputs(DeclaredInputs):
    RETIRED: ClassVar[tuple[Retired, ...]] = (Retired("payload", "It cannot be replaced."),)

    image: str = input_field(
        parsers.text, "What it's called: a|b.", required=True, legacy=(Legacy("name", note="It may carry a tag."),)
    )
    project: str = input_field(parsers.text, "Whose.", required=True)
    push: bool = input_field(parsers.boolean, "Whether to push.", default="true")
    token: str | None = input_field(
        parsers.text, "For GitHub.", secret=True, runner_default="${{ github.token }}", env=("GITHUB_TOKEN",)
    )


ACTION = Action(
    name="publish",
    title="Publish",
    description="Publishes: an image's digest.",
    icon="package",
    color="blue",
    inputs=Inputs,
    outputs=(Output("IMAGE", "The name.", legacy=True), Output("digest", "The digest.")),
)


def test_action_yml_is_what_the_runner_reads() -> None:
    rendered = yaml.safe_load(render.action_yml(ACTION))
    assert rendered["name"] == "Publish"
    assert rendered["description"] == "Publishes: an image's digest."
    assert rendered["inputs"]["token"]["default"] == "${{ github.token }}"
    assert rendered["inputs"]["project"]["required"] is True
    assert rendered["outputs"]["digest"]["description"] == "The digest."
    assert rendered["runs"]["image"] == f"../../Dockerfile.{ACTION.name}"
    assert rendered["runs"]["post-if"] == "always()"


def test_an_input_with_an_older_name_is_not_required_by_the_runner() -> None:
    rendered = yaml.safe_load(render.action_yml(ACTION))["inputs"]
    assert rendered["image"]["required"] is False
    assert "'image'" in rendered["name"]["deprecationMessage"]


def test_a_retired_input_is_declared_with_its_deprecation_message() -> None:
    rendered = yaml.safe_load(render.action_yml(ACTION))["inputs"]["payload"]
    assert rendered["deprecationMessage"] == "'payload' is ignored. It cannot be replaced."
    assert rendered["required"] is False
    assert render.inputs_table(ACTION).splitlines()[-1] == "| `payload` |  | Older name, ignored. It cannot be replaced. |"


def test_a_literal_default_is_described_and_not_handed_over() -> None:
    rendered = yaml.safe_load(render.action_yml(ACTION))["inputs"]["push"]
    assert "default" not in rendered
    assert "Default: `true`." in rendered["description"]


def test_tables_keep_their_cells_and_put_older_outputs_last() -> None:
    rows = render.inputs_table(ACTION).splitlines()
    assert rows[2] == "| **`image`** |  | What it's called: a\\|b. Older name: `name`. |"
    assert render.outputs_table(ACTION).splitlines()[2:] == [
        "| `digest` | The digest. |",
        "| `IMAGE` | Older name. The name. |",
    ]


def test_a_block_is_replaced_between_its_marks_alone() -> None:
    document = "a\n<!-- x -->\nold\n<!-- /x -->\nb <!-- /x -->"
    assert render.replace_block(document, "x", "new") == "a\n<!-- x -->\nnew\n<!-- /x -->\nb <!-- /x -->"
    with pytest.raises(ValueError, match="no block between <!-- y -->"):
        render.replace_block(document, "y", "new")
