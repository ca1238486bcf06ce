"""Templates: which marks are replaced, and how."""

from __future__ import annotations

import pytest

from mlops_actions.core.template import fill, read


def test_a_mark_within_a_line_is_replaced_by_its_value() -> None:
    assert fill("name: @@name@@ # @@note@@\n", {"name": "a", "note": "b"}, {}) == "name: a # b\n"


def test_the_lines_of_a_block_take_the_indentation_of_the_mark() -> None:
    assert fill("with:\n  @@inputs@@\n", {}, {"inputs": ["a: 1", "b:", "  - 2", ""]}) == "with:\n  a: 1\n  b:\n    - 2\n\n"


def test_an_empty_block_removes_the_line_of_its_mark() -> None:
    assert fill("a: 1\n@@more@@\nb: 2\n", {}, {"more": []}) == "a: 1\nb: 2\n"


def test_a_mark_without_a_replacement_is_an_error() -> None:
    with pytest.raises(KeyError, match="unknown"):
        fill("a: @@unknown@@\n", {}, {})


def test_a_value_that_looks_like_a_mark_is_not_replaced_again() -> None:
    assert fill("a: @@a@@\n", {"a": "@@b@@"}, {}) == "a: @@b@@\n"


def test_templates_are_part_of_the_package() -> None:
    assert read("mlops_actions.pipeline", "action.yml.template").startswith("@@generated@@\n")
