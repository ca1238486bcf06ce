"""What we write, read back the way the runner reads it."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlops_actions.boundary import runner as boundary
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.core.markdown import SUMMARY_LIMIT
from mlops_sandbox.runner.files import LogCommand, read_file_command, read_log
from mlops_sandbox.runner.log import JobLog

HOSTILE = st.one_of(
    st.text(max_size=200),
    st.builds(
        "{}{}{}".format,
        st.text(" \t\r\n\x0b\x0c\x1c\x85\xa0\u2028\ufeff\u200b", max_size=4),
        st.sampled_from(
            [
                "::error::x",
                "::add-mask::a",
                "##[error]x",
                "x ##[add-mask]y",
                "::stop-commands::t",
                ": ::error::x",
                ":::error::",
            ]
        ),
        st.text(max_size=20),
    ),
)


@given(st.lists(HOSTILE, max_size=4))
@example(["", "\n", "\r\n", "a\r", "ghadelimiter_00", "name<<EOF\nEOF\n", "x=1"])
def test_any_text_round_trips_through_a_file_command(values: list[str]) -> None:
    text = "".join(boundary.file_command(f"n{index}", value) for index, value in enumerate(values))
    assert read_file_command(text) == {f"n{index}": value for index, value in enumerate(values)}


def test_a_value_cannot_name_the_next_output() -> None:
    first = boundary.file_command("a", "x")
    delimiter = first.splitlines()[-1]
    replay = boundary.file_command("a", f"{delimiter}\nb={delimiter}")
    assert read_file_command(replay) == {"a": f"{delimiter}\nb={delimiter}"}


@given(HOSTILE)
def test_no_text_that_is_logged_becomes_a_command(text: str) -> None:
    out = io.StringIO()
    GitHubRunner({}, out).info(text)
    assert [entry for entry in read_log(out.getvalue()) if isinstance(entry, LogCommand)] == []


@given(HOSTILE)
def test_harmless_text_is_printed_as_it_is(text: str) -> None:
    out = io.StringIO()
    GitHubRunner({}, out).info(text)
    if "::" not in text and "##[" not in text:
        assert out.getvalue().splitlines() == (text.replace("\r\n", "\n").replace("\r", "\n") + "\n").splitlines()


@given(message=HOSTILE, title=HOSTILE, file=HOSTILE)
def test_an_annotation_keeps_its_text_and_is_one_command(message: str, title: str, file: str) -> None:
    out = io.StringIO()
    GitHubRunner({}, out).error(message, title=title, file=file, line=3)
    commands = [entry for entry in read_log(out.getvalue()) if isinstance(entry, LogCommand)]
    expected = {name: value for name, value in (("title", title), ("file", file), ("line", "3")) if value}
    assert commands == [LogCommand("error", expected, message)]


@given(HOSTILE)
def test_a_group_title_and_debug_text_are_one_command_each(text: str) -> None:
    out = io.StringIO()
    runner = GitHubRunner({"RUNNER_DEBUG": "1"}, out)
    runner.debug(text)
    with runner.group(text):
        pass
    commands = [entry for entry in read_log(out.getvalue()) if entry]
    assert commands == [LogCommand("debug", {}, text), LogCommand("group", {}, text), LogCommand("endgroup", {}, "")]


def test_every_line_of_a_secret_is_masked_once() -> None:
    out = io.StringIO()
    runner = GitHubRunner({}, out)
    runner.mask("first line\nsecond%line\n\nab\n")
    runner.mask("second%line")
    masked = [entry.message for entry in read_log(out.getvalue()) if isinstance(entry, LogCommand)]
    assert masked == ["first line", "second%line"]


def test_a_masked_json_document_of_several_lines_is_hidden_and_other_json_is_not() -> None:
    out = io.StringIO()
    key = json.dumps({"type": "service_account", "private_key": "k3y\nm0re"}, indent=2)
    GitHubRunner({}, out).mask(key)
    log = JobLog()
    for line in out.getvalue().splitlines():
        log.read(line)
    assert log.masked('{"params":{"lr":1}}') == '{"params":{"lr":1}}'
    assert [log.masked(line) for line in key.splitlines()] == ["{", "  ***", "  ***", "}"]


@pytest.mark.parametrize(
    ("secret", "named"),
    [
        pytest.param('{\n  "key": "v4lue"\n}', ["x", "y"], id="JSON on several lines"),
        pytest.param('{"key": "v4lue"}', [], id="JSON on one line"),
        pytest.param("true", ["x"], id="a word that outputs use"),
        pytest.param("a", [], id="one short line, which the action does not mask"),
        pytest.param("t0ken", [], id="the secret alone, for later steps of the job"),
    ],
)
def test_outputs_that_hold_a_line_of_a_secret_are_known(secret: str, named: list[str], tmp_path: Path) -> None:
    runner = GitHubRunner({"GITHUB_OUTPUT": str(tmp_path / "output")}, io.StringIO())
    runner.mask(secret)
    for name, value in {"x": '{"built":true}', "y": "a}", "z": "t0ken"}.items():
        runner.output(name, value)
    assert runner.outputs_with_secrets == named


def test_outputs_and_state_are_appended(tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.write_text("earlier=1\n")
    runner = GitHubRunner({"GITHUB_OUTPUT": str(output), "GITHUB_STATE": str(tmp_path / "state")}, io.StringIO())
    runner.output("params", '{"lr": 3e-4}\n')
    runner.save_state("begun", "é")
    assert read_file_command(output.read_text()) == {"earlier": "1", "params": '{"lr": 3e-4}\n'}
    assert read_file_command((tmp_path / "state").read_text()) == {"begun": "é"}
    assert GitHubRunner({"STATE_begun": "é"}).state("begun") == "é"


def test_the_summary_stays_within_the_runners_limit(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    runner = GitHubRunner({"GITHUB_STEP_SUMMARY": str(path)}, io.StringIO())
    for _ in range(3):
        runner.summary("é" * 300_000)
    written = path.read_bytes()
    assert len(written) <= SUMMARY_LIMIT
    assert "cut here" in written.decode()


def test_private_directories_are_private_and_go(tmp_path: Path) -> None:
    runner = GitHubRunner({"RUNNER_TEMP": str(tmp_path)}, io.StringIO())
    made = runner.private_directory()
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    (made / "secret").write_text("x")
    runner.close()
    assert list(tmp_path.iterdir()) == []
