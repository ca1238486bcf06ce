"""The docker command line as it is really started: its arguments, its environment, and its end.

A small program stands where `docker` would; the daemon itself is the business of the end-to-end tests.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.boundary.docker import DockerCommand
from mlops_actions.core.errors import BadInput
from tests.support.greeting import greeting

PROGRAM = """\
    #!{python} -I
    import json, os, sys, pathlib
    record = {{"argv": sys.argv[1:], "env": dict(os.environ)}}
    pathlib.Path({folder!r}, "record.json").write_text(json.dumps(record))
    {body}
"""


class Tool:
    """A `docker` on a PATH of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.private = folder / "private"
        self.private.mkdir(mode=0o700)

    def install(self, body: str) -> None:
        text = textwrap.dedent(PROGRAM).format(python=sys.executable, folder=str(self.folder), body=body)
        path = self.folder / "bin" / "docker"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def command(self, **environ: str) -> DockerCommand:
        return DockerCommand(lambda: self.private, {"HOME": str(self.folder), "PATH": f"{self.folder}/bin", **environ})

    @property
    def record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.folder / "record.json").read_text())
        return record


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    return Tool(tmp_path)


def test_a_missing_daemon_is_reported_with_its_address(tool: Tool, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no Docker daemon answers at unix://.*/none") as error:
        tool.command(DOCKER_HOST=f"unix://{tmp_path}/none").daemon()
    assert "builder" in error.value.remedy


def test_a_missing_command_line_is_reported(tool: Tool) -> None:
    with pytest.raises(BadInput, match="docker command line is not installed"):
        tool.command().build([], {}, lambda _: None)
    with pytest.raises(BadInput, match="docker command line is not installed"):
        tool.command().pull("image")


def test_a_missing_buildx_is_reported(tool: Tool) -> None:
    tool.install("sys.exit(\"docker: 'buildx' is not a docker command.\")")
    with pytest.raises(BadInput, match="no buildx here: docker: 'buildx' is not a docker command"):
        tool.command().build([], {}, lambda _: None)


def test_a_failed_build_is_not_mistaken_for_a_missing_buildx(tool: Tool) -> None:
    tool.install("print('ERROR: failed to read dockerfile'); sys.exit('version' not in sys.argv)")
    assert tool.command().build([], {}, lambda _: None) == 1


def test_credentials_are_in_a_private_file_only(tool: Tool) -> None:
    tool.install("print('#1 [internal] load')")
    command = tool.command()
    command.sign_in("ghcr.io", "octo", "p4ssw0rd")
    config = tool.private / "config.json"
    assert not config.exists()  # until something is run that needs them
    command.build([], {}, lambda _: None)
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert json.loads(config.read_text())["auths"] == {"ghcr.io": {"auth": base64.b64encode(b"octo:p4ssw0rd").decode()}}
    assert "p4ssw0rd" not in json.dumps(tool.record)
    assert tool.record["env"]["DOCKER_CONFIG"] == str(tool.private)
    assert not (tool.folder / ".docker").exists()


def test_docker_hub_s_credentials_have_their_own_key(tool: Tool) -> None:
    tool.install("")
    command = tool.command()
    command.sign_in("docker.io", "octo", "p")
    command.pull("octo/x")
    assert list(json.loads((tool.private / "config.json").read_text())["auths"]) == ["https://index.docker.io/v1/"]


def test_a_build_gets_its_values_but_no_inputs_of_the_action(tool: Tool) -> None:
    written = r"b'#1 one\n#2 tw\xf6\n'"
    tool.install(f"os.write(1, {written}); print('#3 three', file=sys.stderr); sys.exit(3)")
    seen: list[str] = []
    command = tool.command(INPUT_PASSWORD="p4ssw0rd", STATE_x="y", OTHER="kept")
    assert command.build(["--tag=a", "--", "/context"], {"VALUE": "secret"}, seen.append) == 3
    assert tool.record["argv"] == ["buildx", "build", "--tag=a", "--", "/context"]
    environ = tool.record["env"]
    assert (environ["VALUE"], environ["OTHER"]) == ("secret", "kept")
    assert not any(name.startswith(("INPUT_", "STATE_")) for name in environ)
    assert seen == ["#1 one", "#2 tw\ufffd", "#3 three"]


def test_plug_ins_of_the_user_stay_usable(tool: Tool) -> None:
    (tool.folder / ".docker" / "cli-plugins").mkdir(parents=True)
    tool.install("")
    tool.command().pull("octo/x")
    config = json.loads((tool.private / "config.json").read_text())
    assert config["cliPluginsExtraDirs"] == [str(tool.folder / ".docker" / "cli-plugins")]


@pytest.mark.parametrize("linked", [False, True])
def test_a_plug_in_of_the_workspace_is_not_run(tool: Tool, tmp_path: Path, linked: bool) -> None:
    """A pull request can put a program there, and the step has the registry's password."""
    workspace = tmp_path / "checkout"
    (workspace / "config" / "cli-plugins").mkdir(parents=True)
    folder = workspace / "config"
    if linked:
        (tmp_path / "outside").symlink_to(folder)
        folder = tmp_path / "outside"
    tool.install("")
    tool.command(GITHUB_WORKSPACE=str(workspace), DOCKER_CONFIG=str(folder)).pull("octo/x")
    assert "cliPluginsExtraDirs" not in json.loads((tool.private / "config.json").read_text())


@pytest.mark.parametrize("builder", ["tcp://a b", "http://x", "unix://x,y=z", "--flag", "a/../b", "tcp://x --push"])
def test_a_builder_s_address_is_checked(tool: Tool, builder: str) -> None:
    tool.install("")
    with pytest.raises(BadInput, match="input 'builder'"):
        tool.command().use_builder(builder)
    assert not (tool.folder / "record.json").exists()


@pytest.mark.parametrize(
    ("running", "name"),
    [
        ("buildx_buildkit_builder-12340", "builder-1234"),
        ("buildx_buildkit_one0\\nbuildx_buildkit_two0", ""),
        ("my_buildx_buildkit_x0", ""),
        ("", ""),
    ],
)
def test_the_builder_of_an_earlier_step_is_found_where_there_is_one(tool: Tool, running: str, name: str) -> None:
    tool.install(f"print('{running}')")
    assert tool.command().find_started_builder() == name


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ('sys.exit("ERROR: connection refused")', "ERROR: connection refused"),
        # buildx succeeds nevertheless
        ('print("Name: x\\nStatus:   inactive")', "inactive"),
        ('print("Name: x\\nEndpoint: y\\nError: failed to list workers")', "failed to list workers"),
    ],
)
def test_a_builder_that_does_not_answer_is_reported(tool: Tool, body: str, cause: str) -> None:
    tool.install(body)
    with greeting() as address, pytest.raises(BadInput, match=rf"BuildKit at {address} does not answer: {cause}"):
        tool.command().use_builder(address)


def test_no_builder_is_registered_where_none_listens(tool: Tool) -> None:
    tool.install("")
    with pytest.raises(BadInput, match="BuildKit at unix:///nowhere does not answer: No such file"):
        tool.command().use_builder("unix:///nowhere")
    assert not (tool.folder / "record.json").exists()


@pytest.mark.parametrize("status", ["", "\\nStatus:           running"])
def test_a_builder_s_platform_is_read(tool: Tool, status: str) -> None:
    tool.install(f'print("Name: x{status}\\nPlatforms: linux/arm64*, linux/amd64")')
    with greeting() as address:
        assert tool.command().use_builder(address).platform == "linux/arm64"


CANCELLED = """
    import os
    import sys
    from pathlib import Path
    from mlops_actions.boundary.docker import DockerCommand
    from mlops_actions.boundary.cancellation import acknowledge, cancel_on_signals
    from mlops_actions.core.errors import Cancelled
    cancel_on_signals()
    try:
        command = DockerCommand(lambda: Path(sys.argv[1]), dict(os.environ), grace_period=0.3)
        command.build([], {}, lambda line: print(line, flush=True))
    except Cancelled as cancelled:
        acknowledge()
        sys.exit(cancelled.exit_code)
"""


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_cancelled_build_ends(tool: Tool, stubborn: bool) -> None:
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " if stubborn else ""
    tool.install(f"{ignore}print(os.getpid(), flush=True); import time; time.sleep(600)")
    environ = {**os.environ, "PATH": f"{tool.folder}/bin", "HOME": str(tool.folder), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", textwrap.dedent(CANCELLED), str(tool.private)]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
