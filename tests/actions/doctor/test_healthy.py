"""Doctor in a world where everything is in place."""

from __future__ import annotations

import io
import json

import pytest

from mlops_actions.cli import build_parser
from mlops_actions.doctor import command
from mlops_sandbox.github.published import publish_actions
from tests.actions.doctor.world import PASSWORD, World
from tests.support.shortest_files import filled_in


def test_nothing_fails_in_a_healthy_world(world: World) -> None:
    diagnosed = world.ask()
    assert diagnosed.named("fails") == set(), diagnosed.text
    assert diagnosed.code == 0


def test_what_several_steps_need_of_a_cluster_is_said_once_and_each_steps_cluster_is_known(world: World) -> None:
    """The steps of the published file: submit, continue, and stop or resume, where a comment may name the namespace."""
    checks = [tuple(check.values()) for check in world.ask("--only", "cluster").checks]
    assert len(checks) == len(set(checks)) > 1
    assert "only a job can evaluate it" not in str(checks)


def test_a_project_that_nobody_has_logged_to_yet_is_no_fault(world: World) -> None:
    world.settings.variables["WANDB_PROJECT"] = "sandbox/new"
    diagnosed = world.ask()
    assert diagnosed.code == 0, diagnosed.text
    assert ("wandb", "project") in diagnosed.named("cannot be told")
    assert "the first run that logs to it creates it" in diagnosed.text


def test_nothing_fails_with_writes_either(world: World) -> None:
    diagnosed = world.ask("--try-writes", "--commit", world.repository.branches["main"])
    assert diagnosed.named("fails") == set(), diagnosed.text
    assert ("registry", "push") in diagnosed.named("ok")


def test_nothing_is_changed_without_the_option(world: World) -> None:
    world.ask()
    assert world.github.writes == []
    assert {entry.method for entry in world.registry.log} <= {"GET", "HEAD"}
    assert {verb for verb, _ in world.cluster.requests} <= {"get", "list", "create"}  # the dry run is a create
    assert not any(b"mutation" in request.body for request in world.wandb.requests)


def test_no_secret_is_shown(world: World) -> None:
    diagnosed = world.ask("--try-writes")
    out = io.StringIO()
    command.main(build_parser().parse_args(["doctor"]), world.environ, out)
    for secret in (PASSWORD, world.environ["GH_TOKEN"], world.wandb.api_key, world.cluster.submitter_token):
        assert secret not in diagnosed.text + out.getvalue()


@pytest.mark.parametrize(
    ("arguments", "cause", "remedy"),
    [
        (["--commit", "main"], "--commit is not a full commit", "its 40 hexadecimal digits"),
        (["--workflow", "nothing.yml"], "'nothing.yml' cannot be read", "mlops-actions init writes one"),
        (["--workflow", "workflow.yaml"], "is not a workflow", "by --workflow"),
        (["--app-key", "nothing.pem"], "'nothing.pem' cannot be read", "by --app-key"),
    ],
)
def test_a_wrong_option_ends_with_2_and_one_line_of_remedy(
    world: World, capsys: pytest.CaptureFixture[str], arguments: list[str], cause: str, remedy: str
) -> None:
    assert command.main(build_parser().parse_args(["doctor", *arguments]), world.environ, io.StringIO()) == 2
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith("error: ")
    assert cause in errors[0]
    assert errors[1].startswith("remedy: ")
    assert remedy in errors[1]
    assert world.github.exchanges == []


def test_one_group_asks_only_its_system(world: World) -> None:
    diagnosed = world.ask("--only", "wandb")
    assert {check["group"] for check in diagnosed.checks} == {"wandb"}
    assert not world.registry.log
    assert not world.cluster.requests


def test_a_job_writes_the_table_into_the_summary(world: World) -> None:
    summary = world.checkout / "summary.md"
    world.environ |= {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_ACTIONS": "true"}
    world.ask("--only", "registry")
    text = summary.read_text(encoding="utf-8")
    assert "| Registry | login | ✓ ok |" in text


def test_progress_goes_to_the_standard_error(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.ask()
    lines = set(capsys.readouterr().err.splitlines())
    assert "asked W&B: 14 checks, none fails" in lines
    assert len(lines) == 5


def test_the_jobs_token_creates_and_concludes_a_check_run(world: World) -> None:
    token = world.github.workflow_token(world.repository, {"contents": "read", "checks": "write"})
    world.environ |= {"GH_TOKEN": token.value, "DOCTOR_VARS": json.dumps(world.settings.variables)}
    diagnosed = world.ask("--try-writes", "--commit", world.repository.branches["main"])
    assert diagnosed.named("fails") == set(), diagnosed.text
    assert ("github", "check run") in diagnosed.named("ok")
    unknown = {("github", "secret KUBECONFIG"), ("github", "Actions settings"), ("github", "fork policy")}
    assert unknown <= diagnosed.named("cannot be told")
    assert ("github", "variable WANDB_PROJECT") in diagnosed.named("ok")


@pytest.mark.parametrize("name", ["two-jobs", "one-step"])
def test_nothing_fails_for_the_shortest_files_once_they_are_filled_in(world: World, name: str) -> None:
    path = f".github/workflows/{name}.yml"
    text = filled_in(name)
    publish_actions(world.github, [text])
    world.write(path, text)
    diagnosed = world.ask("--workflow", path)
    assert diagnosed.named("fails") == set(), diagnosed.text
    assert ("cluster", "dry run") in diagnosed.named("ok"), diagnosed.text
