"""What a few seeds tell about a difference: which test, how wide an interval, and when nothing can be told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.core.statistics import estimate
from mlops_actions.wandb_runs.statistics import holm
from mlops_actions.wandb_runs.statistics.more_seeds import seeds_a_side

NARROW, WIDE = [0.91, 0.92, 0.93], [0.80, 0.85, 0.90]


def test_alike_counts_have_the_degrees_of_freedom_of_welch() -> None:
    # Variances 0.0001 and 0.0025 over 3 seeds each: (0.0026/3)² / ((0.0001/3)²/2 + (0.0025/3)²/2).
    (test,) = estimate.of_groups(NARROW, WIDE).tests
    assert test.standard_error == pytest.approx((0.0026 / 3) ** 0.5)
    assert test.freedom == pytest.approx(2 * 0.0026**2 / (0.0001**2 + 0.0025**2))


@pytest.mark.parametrize(
    ("candidates", "baselines", "freedom"),
    [(2, 3, 1), (2, 10, 1), (3, 10, 2), (10, 3, 2), (5, 10, 4), (3, 4, 2), (4, 6, 3), (7, 9, 6)],
)
def test_unequal_counts_have_those_of_the_smaller_side(candidates: int, baselines: int, freedom: int) -> None:
    sides = [[0.1 * seed * seed for seed in range(count)] for count in (candidates, baselines)]
    (test,) = estimate.of_groups(*sides).tests
    assert test.freedom == freedom


@pytest.mark.parametrize(("candidates", "baselines"), [(4, 5), (5, 6), (8, 10), (16, 20), (10, 10)])
def test_counts_that_differ_by_a_quarter_at_most_are_alike(candidates: int, baselines: int) -> None:
    sides = [[0.1 * seed for seed in range(count)] for count in (candidates, baselines)]
    (test,) = estimate.of_groups(*sides).tests
    assert test.freedom > min(candidates, baselines) - 1


NOTHING = [
    ("one candidate", [0.9], WIDE, "one candidate seed"),
    ("one baseline", WIDE, [0.9], "one baseline seed"),
    ("equal candidates", [0.9, 0.9, 0.9], WIDE, "all 3 candidate seeds have the same value"),
    ("equal baselines", WIDE, [0.9, 0.9], "all 2 baseline seeds have the same value"),
    ("both sides equal", [0.9, 0.9], [0.8, 0.8], "all 2 candidate seeds"),
    ("equal but for rounding", [0.1 + 0.2, 0.3], WIDE, "all 2 candidate seeds"),
    ("only zeros", [0.0, 0.0], WIDE, "all 2 candidate seeds"),
    ("beyond a float", [1e308, -1e308], WIDE, "beyond what can be computed"),
]


@pytest.mark.parametrize(
    ("values", "references", "reason"), [case[1:] for case in NOTHING], ids=[case[0] for case in NOTHING]
)
def test_where_the_spread_is_not_known_nothing_is_told(values: list[float], references: list[float], reason: str) -> None:
    found = estimate.of_groups(values, references)
    assert reason in found.reason
    assert (found.tests, found.probability(), found.half_width(0.05)) == ((), None, None)


SIZES = [1e-320, 1e-200, 1e-160, 1e-90, 1e-30, 1.0, 1e30, 1e150, 1e307]


@pytest.mark.parametrize("paired", [False, True], ids=["unpaired", "paired"])
@pytest.mark.parametrize("size", SIZES)
def test_the_unit_of_the_values_changes_nothing_or_makes_them_too_small_or_large_to_tell(size: float, paired: bool) -> None:
    values, references = [4.0, 6.0, 5.5], [1.0, 2.0, 1.2]
    found = estimate.of_groups([size * value for value in values], [size * value for value in references], paired=paired)
    usual = estimate.of_groups(values, references, paired=paired)
    if found.reason:
        assert not 1e-150 < size < 1e150
        assert (found.reason, found.probability()) == ("the values are beyond what can be computed", None)
    else:
        assert found.probability() == pytest.approx(usual.probability())


def test_a_shared_seed_effect_makes_pairs_narrower_and_costs_little_where_there_is_none() -> None:
    effect = [0.00, 0.10, 0.20, 0.30, 0.40]
    ours = [0.5 + shared + own for shared, own in zip(effect, (0.011, 0.012, 0.008, 0.010, 0.009), strict=True)]
    theirs = [0.5 + shared for shared in effect]
    alone, paired = estimate.of_groups(ours, theirs), estimate.of_groups(ours, theirs, paired=True)
    assert alone.difference == paired.difference == pytest.approx(0.01)
    apart, together = alone.half_width(0.05), paired.half_width(0.05)
    assert apart is not None
    assert together is not None
    assert together < 0.01 < 0.2 < apart
    turned = estimate.of_groups(ours, theirs[::-1], paired=True).half_width(0.05)
    assert turned is not None
    assert apart < turned < 1.1 * apart


def test_pairs_with_one_and_the_same_difference_leave_the_unpaired_test() -> None:
    found = estimate.of_groups([0.2, 0.3, 0.5], [0.1, 0.2, 0.4], paired=True)
    assert [test.share for test in found.tests] == [0.85]
    assert not found.paired


def test_against_a_number_the_interval_is_that_of_a_fifth_of_the_error() -> None:
    # mean 0.92, deviation 0.01, t(2 degrees, two-sided 1 %) = 9.925
    half_width = estimate.of_number(NARROW, 0.9).half_width(0.05)
    assert half_width == pytest.approx(9.925 * 0.01 / 3**0.5, rel=1e-4)


@given(
    st.lists(st.floats(-100, 100), min_size=2, max_size=8),
    st.lists(st.floats(-100, 100), min_size=2, max_size=8),
    st.sampled_from([0.2, 0.05, 0.005]),
    st.booleans(),
)
def test_the_interval_excludes_zero_exactly_where_the_p_value_is_below_the_error(
    values: list[float], references: list[float], error: float, paired: bool
) -> None:
    count = min(len(values), len(references))
    found = (
        estimate.of_groups(values[:count], references[:count], paired=True)
        if paired
        else estimate.of_groups(values, references)
    )
    half_width, probability = found.half_width(error), found.probability()
    if half_width is None or probability is None:
        assert found.reason
    elif abs(probability - error) > 1e-9:
        assert (abs(found.difference) > half_width) == (probability < error)


HOLM = [
    ("one alone is not corrected", [0.04], 1, [0.04]),
    ("the smallest counts for all, the next for one less", [0.01, 0.04, 0.03], 1, [0.03, 0.06, 0.06]),
    ("a larger one is never more certain than a smaller one", [0.02, 0.021], 1, [0.04, 0.04]),
    ("what is not known still counts as a metric", [0.01, None, None], 1, [0.03, None, None]),
    ("nothing exceeds 1", [0.9, 0.8], 1, [1.0, 1.0]),
    ("the best of four groups had four chances", [0.01], 4, [0.04]),
    ("no metric", [], 1, []),
]


@pytest.mark.parametrize(("values", "choices", "expected"), [case[1:] for case in HOLM], ids=[case[0] for case in HOLM])
def test_probabilities_are_corrected_for_all_metrics(
    values: list[float | None], choices: int, expected: list[float | None]
) -> None:
    assert holm.adjust(values, choices) == pytest.approx(expected)


# Two-sided error 5 %, power 80 %: the textbook's n ≈ 2 (1.96 + 0.84)² (σ / d)², a little more where t is wider.
NEEDED = [(1.0, 17), (0.5, 64), (2.0, 5), (0.1, None), (0.0, None), (8.0, 2)]


@pytest.mark.parametrize(("difference", "seeds"), NEEDED)
def test_the_seeds_that_would_tell_follow_from_the_spread(difference: float, seeds: int | None) -> None:
    found = seeds_a_side(difference, (1.0, 1.0), 0.05)
    assert found == seeds or (found is not None and seeds is not None and abs(found - seeds) <= 1)
    assert seeds_a_side(-difference, (1.0, 1.0), 0.05) == found
