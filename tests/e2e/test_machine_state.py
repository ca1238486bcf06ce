"""Which images the tests remove from the machine's Docker daemon, and which changes they report."""

from __future__ import annotations

from tests.e2e.machine_state import Image, MachineState, left_by_tests

EMPTY: frozenset[str] = frozenset()
USERS = Image("127.0.0.1:5000/team/model", "latest", "<none>", "sha256:1")
USERS_UNNAMED = Image("<none>", "<none>", "<none>", "sha256:2")


def state(*images: Image, bridges: frozenset[str] = EMPTY, containers: frozenset[str] = EMPTY) -> MachineState:
    return MachineState(
        bridges=bridges,
        networks=EMPTY,
        containers=containers,
        volumes=EMPTY,
        images=frozenset({USERS, USERS_UNNAMED, *images}),
    )


def test_images_that_were_there_before_are_kept() -> None:
    base = Image("debian", "trixie-slim", "<none>", "sha256:3")
    assert left_by_tests(state(base), state(base)) == []


def test_images_of_the_tests_are_removed_one_name_each() -> None:
    made = (
        Image("mlops-actions-e2e/suite", "latest", "<none>", "sha256:4"),
        Image("127.0.0.1:41234/octo-org/digits", "<none>", "sha256:5", "sha256:6"),
        Image("debian", "trixie-slim", "<none>", "sha256:3"),
        Image("<none>", "<none>", "<none>", "sha256:7"),
    )
    references = {image.reference for image in left_by_tests(state(), state(*made))}
    assert references == {
        "mlops-actions-e2e/suite:latest",
        "127.0.0.1:41234/octo-org/digits@sha256:5",
        "debian:trixie-slim",
        "sha256:7",
    }


def test_an_image_of_a_killed_run_is_removed_though_it_was_there_before() -> None:
    old = Image("mlops-actions-e2e/suite", "latest", "<none>", "sha256:8")
    unnamed = Image("<none>", "<none>", "<none>", "sha256:8")
    assert left_by_tests(state(old), state(unnamed)) == [unnamed]


def test_what_is_gone_or_left_is_reported() -> None:
    before, after = state(bridges=frozenset({"docker0"})), state(containers=frozenset({"stray 1"}))
    assert before.differences(after) == ["bridges: removed docker0", "containers: left stray 1"]
    assert before.differences(before) == []
