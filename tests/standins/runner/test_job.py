"""A job of the sandbox's runner, with real processes: what flows between steps, and what each one sees."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from mlops_sandbox.runner.environment import Run
from mlops_sandbox.runner.job import JobResult, Settings, run_workflow
from mlops_sandbox.runner.workflow import parse

Runs = Callable[..., dict[str, JobResult]]


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with one commit on `main` and another on `change`."""
    path = tmp_path / "origin"
    path.mkdir()
    git(path, "init", "--quiet", "--initial-branch", "main")
    for branch, text in (("main", "one"), ("change", "two")):
        git(path, "checkout", "--quiet", "-B", branch)
        (path / "file").write_text(text)
        git(path, "add", "file")
        git(path, "-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "--quiet", "-m", text)
    return path


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=path, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def runs(origin: Path, tmp_path: Path, lines: list[str]) -> Runs:
    """Run the jobs of a workflow file, given without its head."""

    def runs(jobs: str, event_name: str = "issue_comment") -> dict[str, JobResult]:
        sha = git(origin, "rev-parse", "main")
        run = Run(
            repository="octo/digits", server_url="http://server", api_url="http://api", graphql_url="http://graphql",
            event_name=event_name, payload={"comment": {"body": "it's $(touch hacked)"}}, sha=sha,
            ref="refs/heads/main", actor="octocat",
        )  # fmt: skip
        settings = Settings(origin, {"COLOUR": "blue"}, {"KEY": "s3cret"}, lines.append, skip={"out": "left out"})
        return run_workflow(settings, run, parse("on: issue_comment\njobs:\n" + jobs, "w.yml"), tmp_path / "run", token)

    return runs


def token(permissions: Mapping[str, str] | None) -> str:
    return f"token-{sorted((permissions or {}).items())}"


def steps(*texts: str, head: str = "") -> str:
    return f"  a:\n    runs-on: x\n{head}    steps:\n" + "".join(f"      - {text}\n" for text in texts)


def test_outputs_environment_and_path_reach_later_steps(runs: Runs, lines: list[str]) -> None:
    result = runs(
        steps(
            '{id: one, run: \'printf "x<<E\\n1\\n2\\nE\\n" >> "$GITHUB_OUTPUT"; echo A=b >> "$GITHUB_ENV"\'}',
            "{run: 'echo \"$A $C ${{ vars.colour }}\"', env: {C: '${{ steps.one.outputs.x }}'}}",
            head="    outputs: {x: '${{ steps.one.outputs.x }}'}\n",
        )
    )["a"]
    assert result.conclusion == "success"
    assert result.step("one").outputs == {"x": "1\n2"}
    assert result.outputs == {"x": "1\n2"}
    assert lines[-2:] == ["b 1", "2 blue"]


def test_a_failure_fails_the_job_and_skips_later_steps_without_a_status_function(runs: Runs, lines: list[str]) -> None:
    result = runs(
        steps(
            "{id: one, run: exit 3}",
            "{id: two, run: echo two}",
            "{id: three, if: failure(), run: 'echo ${{ steps.one.outcome }} ${{ job.status }}'}",
            "{id: four, if: always(), run: echo four}",
        )
    )["a"]
    assert result.conclusion == "failure"
    assert [step.outcome for step in result.steps] == ["failure", "skipped", "success", "success"]
    assert result.step("one").exit_code == 3
    assert [line for line in lines if not line.startswith("──")] == ["failure failure", "four"]


def test_a_step_may_fail_with_continue_on_error(runs: Runs) -> None:
    result = runs(steps("{id: one, run: 'false', continue-on-error: true}", "{run: 'true'}"))["a"]
    assert (result.conclusion, result.step("one").outcome, result.step("one").conclusion) == (
        "success", "failure", "success",
    )  # fmt: skip


def test_a_skipped_step_has_a_reason_and_no_outputs(runs: Runs, lines: list[str]) -> None:
    result = runs(steps("{id: out, run: exit 1}", "{run: 'echo [${{ steps.out.outputs.x }}]'}"))["a"]
    assert (result.conclusion, result.step("out").skip_reason, result.step("out").outputs) == ("success", "left out", {})
    assert lines[-1] == "[]"


def test_secrets_and_the_token_never_reach_the_log(runs: Runs, lines: list[str]) -> None:
    runs(
        steps(
            "{run: 'echo ${{ secrets.KEY }} ${{ secrets.none }} ${{ github.token }}'}",
            "{run: 'echo ::add-mask::hid; echo hidden'}",
        )
    )
    assert lines == ["── echo ***  ***", "*** ***", "── echo ::add-mask::hid; echo hidden", "***den"]


@pytest.mark.parametrize(
    ("mask", "kept"),
    [
        ("other", {"x": '{"a":1}', "y": "plain"}),
        ("plain", {"x": '{"a":1}'}),
        ("{%0A}", {"y": "plain"}),
    ],
)
def test_a_job_output_that_holds_a_masked_text_is_dropped_with_a_warning_and_the_steps_output_stays(
    runs: Runs, lines: list[str], mask: str, kept: dict[str, str]
) -> None:
    values = {"x": '{"a":1}', "y": "plain", "z": ""}
    result = runs(
        steps(
            f"{{run: 'echo ::add-mask::{mask}'}}",
            *(f"""{{id: {name}, run: 'echo ''v={value}'' >> "$GITHUB_OUTPUT"'}}""" for name, value in values.items()),
            head="    outputs: {" + ", ".join(f"{name}: '${{{{ steps.{name}.outputs.v }}}}'" for name in values) + "}\n",
        )
    )["a"]
    assert (result.conclusion, result.outputs) == ("success", kept)
    assert {name: result.step(name).outputs["v"] for name in values} == values
    dropped = [f"Warning: Skip output '{name}' since it may contain secret." for name in ("x", "y") if name not in kept]
    assert [line for line in lines if line.startswith("Warning")] == dropped


def test_steps_have_the_runners_variables_and_none_of_this_machine(
    runs: Runs, lines: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LEAK", "leaked")
    runs(steps("{id: one, run: env | sort}"))
    seen = dict(line.split("=", 1) for line in lines if "=" in line)
    assert "LEAK" not in seen
    assert seen["HOME"] == str(tmp_path / "run" / "a" / "home")
    assert seen["NO_PROXY"].startswith("127.0.0.1,localhost")
    expected = {
        "GITHUB_ACTION": "one",
        "GITHUB_ACTOR": "octocat",
        "GITHUB_API_URL": "http://api",
        "GITHUB_EVENT_NAME": "issue_comment",
        "GITHUB_JOB": "a",
        "GITHUB_REF_NAME": "main",
        "GITHUB_REPOSITORY": "octo/digits",
        "GITHUB_REPOSITORY_OWNER": "octo",
        "GITHUB_WORKSPACE": str(tmp_path / "run" / "a" / "workspace"),
        "RUNNER_TEMP": str(tmp_path / "run" / "a" / "temp"),
    }
    assert {name: seen[name] for name in expected} == expected


def test_hostile_text_in_the_environment_is_not_executed(runs: Runs, lines: list[str], tmp_path: Path) -> None:
    runs(steps("{run: 'echo \"$BODY\"', env: {BODY: '${{ github.event.comment.body }}'}}"))
    assert lines[-1] == "it's $(touch hacked)"
    assert not list(tmp_path.rglob("hacked"))


def test_checkout_uses_the_requested_commit(runs: Runs, origin: Path, tmp_path: Path) -> None:
    change = git(origin, "rev-parse", "change")
    result = runs(steps(f"{{id: one, uses: actions/checkout@v4, with: {{ref: {change}, persist-credentials: false}}}}"))["a"]
    workspace = tmp_path / "run" / "a" / "workspace"
    assert result.step("one").outputs["commit"] == change
    assert (workspace / "file").read_text() == "two"
    assert git(workspace, "rev-parse", "HEAD") == change


@pytest.mark.parametrize("ref", ["", "main"])
def test_checkout_uses_the_events_commit_or_a_branch(runs: Runs, ref: str, tmp_path: Path) -> None:
    runs(steps(f"{{uses: actions/checkout@v4, with: {{ref: '{ref}'}}}}"))
    assert (tmp_path / "run" / "a" / "workspace" / "file").read_text() == "one"


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ("{uses: actions/checkout@v4, with: {ref: absent}}", "git fetch failed"),
        ("{uses: actions/checkout@v4, with: {path: ../..}}", "leaves the workspace"),
        ("{uses: actions/checkout@v4, with: {submodules: true}}", "does not support the input `submodules`"),
        ("{uses: actions/cache@v4}", "cannot run actions/cache@v4"),
        ("{run: '${{ nothing.here }}'}", "uses the unknown context `nothing`"),
        ("{run: 'echo x >> $GITHUB_OUTPUT'}", "invalid format 'x'"),
    ],
)
def test_an_unsupported_step_fails_with_the_reason(runs: Runs, step: str, problem: str) -> None:
    result = runs(steps(step))["a"]
    assert result.conclusion == "failure"
    assert problem in result.annotations[-1].message


def test_a_job_runs_after_the_jobs_it_needs_and_has_their_outputs(runs: Runs, lines: list[str]) -> None:
    results = runs(
        steps("{id: one, run: 'echo x=1 >> $GITHUB_OUTPUT'}", head="    outputs: {x: '${{ steps.one.outputs.x }}'}\n")
        + "  b: {needs: a, runs-on: x, steps: [{run: 'echo ${{ needs.a.result }} ${{ needs.a.outputs.x }}; exit 1'}]}\n"
        + "  c: {needs: b, runs-on: x, steps: [{run: echo never}]}\n"
        + "  d: {needs: b, if: failure(), runs-on: x, steps: [{run: echo last}]}\n"
    )
    assert {name: result.conclusion for name, result in results.items()} == {
        "a": "success", "b": "failure", "c": "skipped", "d": "success",
    }  # fmt: skip
    assert "success 1" in lines
    assert "never" not in lines


def test_a_jobs_token_has_the_permissions_of_the_job(runs: Runs, lines: list[str]) -> None:
    runs(
        steps("{run: 'echo \"${#TOKEN}\"', env: {TOKEN: '${{ github.token }}'}}", head="    permissions: {checks: write}\n")
    )
    assert lines[-1] == str(len(token({"checks": "write"})))


def test_an_interrupt_ends_the_step_and_cancels_the_job(runs: Runs, lines: list[str], tmp_path: Path) -> None:
    marker = tmp_path / "started"
    os.mkfifo(marker)

    def interrupt() -> None:
        marker.read_text()  # returns when the step has opened the pipe
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    result = runs(
        steps(
            f"{{id: one, run: \"trap 'echo told; exit' INT; echo a=1> $GITHUB_OUTPUT; echo > {marker}; sleep 60 & wait\"}}",
            "{id: two, run: echo two}",
            "{id: three, if: cancelled(), run: echo three}",
        )
    )["a"]
    thread.join()
    assert result.conclusion == "cancelled"
    assert [step.outcome for step in result.steps] == ["cancelled", "skipped", "success"]
    assert result.step("one").outputs == {"a": "1"}
    assert "told" in lines
    assert lines[-1] == "three"


def test_an_action_of_the_suite_gets_its_inputs_and_defaults_and_its_post_step(runs: Runs, lines: list[str]) -> None:
    uses = "machine-learning-apps/mlops-actions/actions/chatops@v1"
    result = runs(
        steps(
            f"{{id: wrong, uses: {uses}, continue-on-error: true, with: {{prefix: '${{{{ github.ref }}}} x'}}}}",
            f"{{id: listen, uses: {uses}, with: {{commands: train, bogus: 1}}}}",
            "{id: last, run: 'echo ${{ steps.listen.outputs.reason }}'}",
        ),
        event_name="fork",
    )["a"]
    assert result.conclusion == "success", lines
    assert result.step("wrong").exit_code == 2
    assert "it is 'refs/heads/main x'" in result.annotations[0].message
    assert result.step("listen").outputs["triggered"] == "false"
    assert json.loads(result.step("listen").outputs["result"])["reason"] == "unsupported-event"
    assert result.step("listen").post_exit_code == 0
    assert ("warning", "Unexpected input 'bogus' of chatops", "") in result.annotations
    assert "unsupported-event" in lines
    assert [line for line in lines if line.startswith("── Post")] == [f"── Post {uses}"] * 2


def test_a_job_without_a_matrix_has_null_for_it(runs: Runs, lines: list[str]) -> None:
    assert runs(steps("{run: 'echo [${{ toJSON(matrix) }}] [${{ matrix.model }}]'}"))["a"].conclusion == "success"
    assert lines[-1] == "[null] []"


def test_the_runner_can_evaluate_every_default_of_the_suites_actions(runs: Runs, lines: list[str]) -> None:
    folder = Path(__file__).parents[3] / "actions"
    names = sorted(path.parent.name for path in folder.glob("*/action.yml"))
    declared = {name: yaml.safe_load((folder / name / "action.yml").read_text()).get("inputs", {}) for name in names}
    expressions = {str(entry.get("default", "")) for inputs in declared.values() for entry in inputs.values()}
    evaluated = sorted(text for text in expressions if "${{" in text)
    assert "${{ toJSON(matrix) }}" in evaluated
    assert runs(steps(*(f"{{run: 'echo \"{text}\"'}}" for text in evaluated)))["a"].conclusion == "success", lines
