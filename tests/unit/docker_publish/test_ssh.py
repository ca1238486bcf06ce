"""The agents and keys that the input `ssh` names, in a step's container and on the runner itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_actions.boundary.sockets import find_socket
from mlops_actions.core.errors import BadInput
from mlops_actions.docker_publish.build.ssh import resolve

HOST = "/home/runner/work"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The variables of a container step; the runner mounted `temp` and `workspace`."""
    for name in ("temp", "workspace"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "agent.sock").touch()
    return {
        "RUNNER_WORKSPACE": f"{HOST}/digits",
        "GITHUB_REPOSITORY": "octo/digits",
        "RUNNER_TEMP": str(tmp_path / "temp"),
        "GITHUB_WORKSPACE": str(tmp_path / "workspace"),
    }


@pytest.mark.parametrize(
    ("entry", "agent", "expected"),
    [
        ("default", "ROOT/temp/agent.sock", "default=ROOT/temp/agent.sock"),  # as the runner translates a variable
        ("default", f"{HOST}/_temp/agent.sock", "default=ROOT/temp/agent.sock"),
        (f"default={HOST}/_temp/agent.sock", "", "default=ROOT/temp/agent.sock"),
        (f"deploy={HOST}/digits/digits/agent.sock", "", "deploy=ROOT/workspace/agent.sock"),
        ("deploy=ROOT/temp/agent.sock", "", "deploy=ROOT/temp/agent.sock"),
        ("github", "ROOT/temp/agent.sock", "github=ROOT/temp/agent.sock"),
    ],
)
def test_an_agent_is_found_where_the_step_sees_it(
    tmp_path: Path, environ: dict[str, str], entry: str, agent: str, expected: str
) -> None:
    environ["SSH_AUTH_SOCK"] = agent.replace("ROOT", str(tmp_path))
    found = resolve([entry.replace("ROOT", str(tmp_path))], environ, lambda path: find_socket(path, environ))
    assert found == (expected.replace("ROOT", str(tmp_path)),)


@pytest.mark.parametrize(
    ("entry", "agent", "cause"),
    [
        ("default", "", "no agent runs"),
        ("default", "/tmp/ssh-XXXX/agent.1", "does not see"),
        ("default", f"{HOST}/_temp/other.sock", "does not see"),
        ("default", f"{HOST}/_temperature/agent.sock", "does not see"),
        (f"deploy={HOST}/digits/other/agent.sock", "", "does not see"),
        ("deploy=/tmp/key", "/nowhere", "'/tmp/key'"),
    ],
)
def test_an_agent_that_the_container_does_not_see_is_told_with_its_remedy(
    environ: dict[str, str], entry: str, agent: str, cause: str
) -> None:
    environ["SSH_AUTH_SOCK"] = agent
    with pytest.raises(BadInput, match="input 'ssh'") as caught:
        resolve([entry], environ, lambda path: find_socket(path, environ))
    assert cause in caught.value.cause
    assert "runner.temp" in caught.value.remedy


def test_on_the_runner_itself_nothing_is_translated(tmp_path: Path) -> None:
    (tmp_path / "agent.sock").touch()
    assert find_socket(str(tmp_path / "agent.sock"), {}) == str(tmp_path / "agent.sock")
    assert find_socket(str(tmp_path / "other.sock"), {}) is None
