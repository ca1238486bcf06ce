"""Warnings that the API server sends with an answer."""

from __future__ import annotations

import pytest

from mlops_actions.boundary.cluster.refusals import with_nearest
from mlops_actions.boundary.cluster.transport import warnings_of


@pytest.mark.parametrize(
    ("headers", "texts"),
    [
        ([], []),
        (['299 - "a"'], ["a"]),
        (['299 - "a", 299 server:443 "b, c"', '299 - "d"'], ["a", "b, c", "d"]),
        (['299 - "a \\"b\\" \\\\ c"'], ['a "b" \\ c']),
        (['199 - "not from the API server"', "nothing of the kind", '299 - "without an end'], []),
        (['299 - "' + "x" * 5000 + '"'], ["x" * 1000]),
    ],
)
def test_the_texts_of_warnings_are_read(headers: list[str], texts: list[str]) -> None:
    assert list(warnings_of(headers)) == texts


@pytest.mark.parametrize(
    ("field", "note"),
    [
        ("spec.entrypont", " (did you mean 'entrypoint'?)"),
        ("spec.templates[0].container.imge", " (did you mean 'image'?)"),
        ("spec.templates[2].steps[0][1].temlate", " (did you mean 'template'?)"),
        ("metadata.lables", " (did you mean 'labels'?)"),
        ("spec.templates[0].plugin", " (Argo 4.0 has it; the cluster's Argo may be older)"),
        ("spec.nothing.near", ""),
        ("...", ""),
    ],
)
def test_the_nearest_field_stands_behind_an_unknown_one(field: str, note: str) -> None:
    assert with_nearest(f'x: unknown field "{field}", y') == f'x: unknown field "{field}"{note}, y'
