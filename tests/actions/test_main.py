"""The composition root: exit codes, the form of an error, outputs of a failure, the command line."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops_actions import __main__ as root
from mlops_actions.boundary.installation import install_command
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.core.errors import BadInput, Cancelled, Refused, TimedOut, Unavailable, WorkFailed
from mlops_actions.core.outcome import Outcome
from mlops_sandbox.runner.files import LogCommand, read_file_command, read_log
from tests.support.step import LocalRunner, Step


class StubbedAction:
    """A step whose action is a function; its log and outputs can be read afterwards."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runner = LocalRunner(directory)
        self._patch = monkeypatch
        self.environ: dict[str, str] = {}
        self.log: list[LogCommand | str] = []

    def run(self, action: Callable[[GitHubRunner], Outcome]) -> int:
        self._patch.setitem(root.ACTIONS, "chatops", lambda environ, runner, post: action(runner))
        out = io.StringIO()
        code = root.act("chatops", self.runner.prepare(Step("chatops", environ=self.environ)), out=out)
        self.log = [line for line in read_log(out.getvalue()) if line]
        return code

    @property
    def outputs(self) -> dict[str, str]:
        return read_file_command(self.runner.files["GITHUB_OUTPUT"].read_text())


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StubbedAction:
    return StubbedAction(tmp_path, monkeypatch)


def raising(error: BaseException) -> Callable[[GitHubRunner], Outcome]:
    def action(_: GitHubRunner) -> Outcome:
        raise error

    return action


@pytest.mark.parametrize(("error", "code"), [(WorkFailed, 1), (BadInput, 2), (Refused, 3), (Unavailable, 4), (TimedOut, 5)])
def test_an_error_is_one_annotation_of_cause_and_remedy(step: StubbedAction, error: type, code: int) -> None:
    assert step.run(raising(error("it broke: 100%", "mend it"))) == code
    assert step.log == [LogCommand("error", {"title": "chatops"}, "it broke: 100%\nmend it")]


@pytest.mark.parametrize("number", [2, 15])
def test_a_cancellation_has_the_shells_exit_code(step: StubbedAction, number: int) -> None:
    assert step.run(raising(Cancelled(number))) == 128 + number


def test_a_failure_keeps_its_outputs(step: StubbedAction) -> None:
    failed = WorkFailed("the workflow failed", "look at its log")
    assert step.run(lambda _: Outcome({"phase": "Failed"}, {"phase": "Failed"}, failed)) == 1
    assert step.outputs["phase"] == "Failed"
    assert json.loads(step.outputs["result"]) == {"schema": 1, "phase": "Failed"}


@pytest.mark.parametrize(
    ("secret", "warned"),
    [
        pytest.param('{\n  "private_key": "k3y"\n}', ["params, result"], id="a JSON key on several lines"),
        pytest.param('{"private_key": "k3y"}', [], id="a JSON key on one line"),
    ],
)
def test_a_warning_names_the_outputs_that_github_would_drop(step: StubbedAction, secret: str, warned: list[str]) -> None:
    def action(runner: GitHubRunner) -> Outcome:
        runner.mask(secret)
        return Outcome({"triggered": "true", "params": "{}"}, {"triggered": True})

    assert step.run(action) == 0
    warnings = [entry.message for entry in step.log if isinstance(entry, LogCommand) and entry.name == "warning"]
    assert [warning.partition(" made of ")[2].partition(":")[0] for warning in warnings] == warned
    assert all("`jq -c . key.json`" in warning and "k3y" not in warning for warning in warnings)


def test_a_defect_shows_no_traceback_unless_asked_to(step: StubbedAction) -> None:
    assert step.run(raising(KeyError("x"))) == 1
    assert [entry.name for entry in step.log if isinstance(entry, LogCommand)] == ["error"]
    assert "Traceback" not in str(step.log)
    step.environ["RUNNER_DEBUG"] = "1"
    step.run(raising(KeyError("x")))
    assert "Traceback" in str(step.log)


def test_a_missing_package_is_named_with_its_extra(step: StubbedAction) -> None:
    step.run(raising(ModuleNotFoundError("No module named 'github'", name="github")))
    assert install_command("chatops") in str(step.log)


def test_private_directories_are_removed_after_a_failure_too(step: StubbedAction) -> None:
    def action(runner: GitHubRunner) -> Outcome:
        (runner.private_directory() / "key").write_text("secret")
        raise Cancelled(2)

    step.run(action)
    assert list(step.runner.temp.iterdir()) == []


def test_secrets_are_masked_with_their_base64_forms_before_anything_is_logged(tmp_path: Path) -> None:
    out = io.StringIO()
    environ = {
        "INPUT_GITHUB-TOKEN": "ghs_secret",
        "INPUT_APP-PRIVATE-KEY": "-----BEGIN\nabcdef\n-----END",
        "RUNNER_TEMP": str(tmp_path),
    }
    assert root.act("chatops", environ, out=out) == 2
    log = [entry for entry in read_log(out.getvalue()) if isinstance(entry, LogCommand)]
    names = [entry.name for entry in log]
    assert names == ["add-mask"] * (len(names) - 1) + ["error"]
    masked = {entry.message for entry in log[:-1]}
    assert {"ghs_secret", "Z2hzX3NlY3JldA==", "abcdef"} <= masked
    assert "ghs_secret" not in log[-1].message


def test_every_problem_of_the_inputs_is_in_the_one_error(tmp_path: Path) -> None:
    out = io.StringIO()
    environ = {"INPUT_REPLY": "loudly", "INPUT_HELP": "yes", "RUNNER_TEMP": str(tmp_path)}
    assert root.act("chatops", environ, out=out) == 2
    (message,) = [entry.message for entry in read_log(out.getvalue()) if isinstance(entry, LogCommand)]
    assert "2 problems" in message
    assert "'reply' must be one of deny, always, never, not 'loudly'" in message
    assert "'help' must be true or false" in message


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["chatops", "--help"],
        ["wandb-runs", "--help"],
        ["demo", "--help"],
        ["docs", "--help"],
        ["sandbox", "--help"],
    ],
)
def test_every_command_has_help(words: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "mlops_actions", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage: mlops-actions" in done.stdout
    assert len(done.stdout.splitlines()) > 5


@pytest.mark.parametrize("command", ["demo", "sandbox"])
@pytest.mark.parametrize("package", ["mlops_sandbox", "starlette"])
def test_a_command_that_needs_the_sandbox_reports_in_one_line_that_it_is_not_installed(command: str, package: str) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        f"from mlops_actions.__main__ import main; sys.exit(main([{command!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert f"'{package}'" in line
    assert line.endswith(install_command("sandbox", "chatops", "docker", "argo", "wandb"))


def test_an_unknown_command_lists_the_known_commands() -> None:
    done = subprocess.run([sys.executable, "-m", "mlops_actions", "deploy"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "docker-publish" in done.stderr
