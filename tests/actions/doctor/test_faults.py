"""Doctor names exactly the thing that is broken, with a remedy; the remedy, followed, mends it."""

from __future__ import annotations

import re

import pytest

from tests.actions.doctor import remedies
from tests.actions.doctor.faults import BREAKAGES
from tests.actions.doctor.faults.breakage import AS_TOLD, Breakage
from tests.actions.doctor.world import World


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: f"{breakage.fails[0]}: {breakage.name}")
def test_doctor_names_exactly_what_is_broken_and_the_remedy_mends_it(world: World, breakage: Breakage) -> None:
    named_and_mended(world, breakage)


def named_and_mended(world: World, breakage: Breakage) -> None:
    """Break the world, hold doctor to naming exactly that, and mend it as the remedy says."""
    arguments = [word.replace("HEAD", world.repository.branches["main"]) for word in breakage.arguments]
    breakage.break_it(world)
    broken = world.ask(*arguments)
    assert broken.named("fails") == {breakage.fails}, broken.text
    assert broken.code == 1
    check = broken.check(*breakage.fails, status="fails")
    assert breakage.remedy in check["remedy"]
    assert not re.search(
        remedies.TO_A_JOB if "GITHUB_ACTIONS" not in world.environ else remedies.TO_A_PERSON, check["remedy"]
    )
    assert check["asked"]
    assert check["answer"]
    if breakage.mend:
        if breakage.mend == AS_TOLD:
            remedies.follow(world, check["remedy"])
        else:
            breakage.mend(world)
        mended = world.ask(*arguments)
        assert mended.named("fails") == set(), mended.text
        assert mended.code == 0


def test_the_remedies_of_github_that_are_commands_or_edits_are_run_as_they_are_told() -> None:
    """The others leave a choice to the person, or lead to a page of GitHub that has no API."""
    assert sum(breakage.mend == AS_TOLD for breakage in BREAKAGES) >= 20


def test_there_are_enough_ways_to_break_the_world() -> None:
    assert len(BREAKAGES) >= 60
    assert len({(breakage.fails[0], breakage.name) for breakage in BREAKAGES}) == len(BREAKAGES)
