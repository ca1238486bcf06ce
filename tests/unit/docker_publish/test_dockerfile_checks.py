"""BuildKit's warnings about a Dockerfile, and the line of an error in its text, as buildx prints them."""

from __future__ import annotations

import pytest

from mlops_actions.docker_publish.build.dockerfile_checks import DockerfileChecks, DockerfileWarning

HEADING = " \x1b[33m2 warnings found (use --debug to expand):"
CASING = "FromAsCasing: 'as' and 'FROM' keywords' casing do not match"


def read(*lines: str) -> DockerfileChecks:
    checks = DockerfileChecks()
    for line in lines:
        checks.line(line)
    return checks


@pytest.mark.parametrize(
    ("lines", "warnings"),
    [
        (
            ("", HEADING, f"\x1b[0m - {CASING} (line 3)", " - JSONArgsRecommended: JSON arguments (line 12)"),
            [("FromAsCasing", CASING[14:], 3), ("JSONArgsRecommended", "JSON arguments", 12)],
        ),
        ((" 1 warning found (use docker --debug to expand):", f" - {CASING}"), [("FromAsCasing", CASING[14:], 0)]),
        (
            (" 1 warning found (use --debug to expand):", " - Empty continuation line found in: RUN a"),
            [("", "Empty continuation line found in: RUN a", 0)],
        ),
        ((HEADING, "", " - Rule: (line 3) text (line 4)"), [("Rule", "(line 3) text", 4)]),
        ((HEADING, " - One: x (line 1)", "ERROR: failed to solve", " - Two: y (line 2)"), [("One", "x", 1)]),
        ((f" - {CASING} (line 3)",), []),
        (("warnings found:", " - One: x (line 1)"), []),
    ],
)
def test_warnings_are_read(lines: tuple[str, ...], warnings: list[tuple[str, str, int]]) -> None:
    assert read(*lines).warnings == [DockerfileWarning(*warning) for warning in warnings]


FRAME = "--------------------"


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (("Dockerfile:3", FRAME, "   3 | >>> FOO bar", FRAME, "ERROR: failed to solve: unknown instruction"), 3),
        (("------", " > [2/2] RUN x:", "0.1 out", "------", "docker/Dockerfile.gpu:12", FRAME), 12),
        (("ERROR: failed to solve: dockerfile parse error on line 7: unknown instruction: FOO",), 7),
        (("ERROR: failed to solve: dockerfile parse error line 7: unknown instruction: FOO",), 7),
        (("a:1", FRAME, "b:2", FRAME), 2),  # what is printed last is what BuildKit stopped at
        (("a:1", "text", FRAME), 0),
        (("dockerfile parse error on line 7: not an error of BuildKit's",), 0),
        (("ERROR: failed to solve: x:1: not found",), 0),
    ],
)
def test_the_line_of_an_error_is_read(lines: tuple[str, ...], line: int) -> None:
    assert read(*lines).failing_line == line
