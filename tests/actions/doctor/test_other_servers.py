"""On a GitHub Enterprise Server, each command of `gh` in a remedy names the server."""

from __future__ import annotations

from tests.actions.doctor.faults.github import GITHUB
from tests.actions.doctor.world import World

# Faults that can be made in one world, and whose remedies are commands of `gh`.
FAULTS = (
    "a disabled workflow",
    "selected actions without the suite",
    "no secret KUBECONFIG",
    "no variable for the project",
    "no label trained",
    "no such team",
    "a tag that was moved",
    "an outdated suite",
    "commits are required",
    "an environment for other branches",
    "an action that follows a branch",
    "forks get secrets",
)


def test_each_command_of_gh_names_the_server(world: World) -> None:
    breakages = {breakage.name: breakage for breakage in GITHUB}
    world.environ["GITHUB_SERVER_URL"] = "https://git.example"
    for name in FAULTS:
        breakages[name].break_it(world)
    diagnosed = world.ask("--only", "github")
    assert {breakages[name].fails for name in FAULTS} <= diagnosed.named("fails"), diagnosed.text
    commands = [line for check in diagnosed.checks for line in check["remedy"].splitlines() if line.startswith("gh ")]
    assert len(commands) >= len(FAULTS)
    assert [line for line in commands if " -R git.example/" not in line and " --hostname git.example " not in line] == []
