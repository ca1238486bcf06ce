"""Out of how many groups the two compared ones were chosen by their values, and what that costs in certainty. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """From how many groups each of the two compared ones was chosen by its values; 1 where nothing was chosen by values.

    `alike` says that both are the best of their side by one metric, so that both are chosen for luck in the same direction.
    """

    candidates: int = 1
    baselines: int = 1
    alike: bool = True

    @property
    def factor(self) -> float:
        """By how much the choice multiplies the error of a two-sided test, at most.

        Every pair of groups could have been compared, and each has its error. Where both are the best by one metric, less is
        enough. Too high a difference is an error of one of the candidates: a lucky bar makes it only smaller. Too low a one
        is an error of one of the baselines. Each end of the test has half of the error.
        """
        if self.alike:
            return (self.candidates + self.baselines) / 2
        return self.candidates * self.baselines

    @property
    def text(self) -> str:
        """Out of what the groups were chosen: `10 candidate groups and 3 baseline groups`; empty without a choice."""
        sides = ((self.candidates, "candidate"), (self.baselines, "baseline"))
        return " and ".join(f"{number} {side} groups" for number, side in sides if number > 1)


NO_CHOICE = Choice()
