"""Warnings about the files of the context, in the log, the summary and the result of a whole publication."""

from __future__ import annotations

from tests.actions.docker_publish.publisher import Publisher
from tests.unit.docker_publish.test_context_files import HEADER, POINTER, written

TITLE = "::warning title=docker-publish%3A the build context::"


def test_each_warning_is_given_once_also_for_a_reused_image(publisher: Publisher) -> None:
    written(publisher.workspace, {"Dockerfile": "FROM scratch\nCOPY . /app\n", "m|<b>.bin": POINTER, ".git/config": HEADER})
    for built in ("true", "false"):
        publisher.log.truncate(0)
        outcome = publisher.publish()
        assert outcome.outputs["built"] == built
        assert publisher.log.getvalue().count(TITLE) == 2
        login, pointer = outcome.result["warnings"]
        assert ".git/config holds the token of the checkout" in login
        assert "m|<b>.bin" in pointer
    assert publisher.summary.count("**Warning:**") == 2
    assert "<b>" not in publisher.summary
    assert "eC1hY2Nlc3M" not in publisher.log.getvalue() + publisher.summary + str(outcome.result)


def test_a_build_that_is_not_pushed_is_warned_about_too(publisher: Publisher) -> None:
    written(publisher.workspace, {"train.py": POINTER})
    assert "train.py" in publisher.publish({"push": "false"}).result["warnings"][0]


def test_a_context_without_findings_is_silent(publisher: Publisher) -> None:
    written(publisher.workspace, {".git/config": HEADER, "data.bin": "x"})
    outcome = publisher.publish()
    assert outcome.result["warnings"] == []
    assert "::warning" not in publisher.log.getvalue()
