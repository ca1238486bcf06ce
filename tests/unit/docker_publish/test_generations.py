"""How `max-age` bounds the age of images."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.docker_publish.build import options
from mlops_actions.docker_publish.reuse.generations import accepted_generations, option

NOW = datetime(2026, 11, 23, 4, 5, 6, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOW.timestamp() + seconds, UTC)


@given(max_age=st.floats(1, 1e8), age=st.floats(0, 2e8))
def test_an_image_is_reused_for_half_of_the_bound_at_least_and_never_beyond_it(max_age: float, age: float) -> None:
    built_in = accepted_generations(max_age, NOW)[0]
    is_accepted = built_in in accepted_generations(max_age, after(age))
    if age <= max_age / 2 - 1e-3:
        assert is_accepted
    if age >= max_age + 1e-3:
        assert not is_accepted


@pytest.mark.parametrize(("max_age", "expected"), [(None, ("",)), (0.0, ()), (-1.0, ())])
def test_without_a_bound_all_images_are_of_one_generation_and_with_none_left_of_no_one(
    max_age: float | None, expected: tuple[str, ...]
) -> None:
    assert accepted_generations(max_age, NOW) == expected


def test_different_bounds_share_no_generation() -> None:
    assert set(accepted_generations(3600, NOW)).isdisjoint(accepted_generations(7200, NOW))


@pytest.mark.parametrize("max_age", [1, 90, 3600.5, 604800, 1e-3])
def test_a_generation_is_an_option_that_docker_takes(max_age: float) -> None:
    (argument,) = option(accepted_generations(max_age, NOW)[0])
    assert options.parse(argument)[0] == (argument,)
    host, _, address = argument.removeprefix("--add-host=").partition(":")
    assert address == "127.0.0.1"
    assert host.endswith(".invalid")
    assert all(0 < len(part) < 64 for part in host.split("."))
    assert option("") == ()
