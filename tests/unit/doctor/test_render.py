"""How checks are shown."""

from __future__ import annotations

import json

from mlops_actions.doctor import render
from mlops_actions.doctor.checks import Checker, without_secrets

GITHUB, CLUSTER = Checker("github"), Checker("cluster")
CHECKS = (
    GITHUB.ok("repository", "GET /repos/o/r", "visible"),
    GITHUB.fails("label training", "GET /labels", "does not \x1b[31mexist", remedy="gh label create 'training'"),
    CLUSTER.unknown("secret wandb", "may I?", "not allowed"),
    CLUSTER.skipped("dry run", "nothing to submit"),
)


def test_the_table_groups_the_checks_and_puts_remedies_below() -> None:
    assert render.terminal(CHECKS, colours=False, width=80) == (
        "\nGitHub\n"
        "  ✓ repository      visible\n"
        "  ✗ label training  does not  [31mexist\n"
        "                    asked: GET /labels\n"
        "                    → gh label create 'training'\n"
        "\nCluster\n"
        "  ? secret wandb    cannot be told: not allowed\n"
        "  – dry run         skipped: nothing to submit\n"
        "\n4 checks: 1 ok, 1 fails, 1 cannot be told, 1 skipped\n"
    )


def test_colours_are_an_option() -> None:
    assert "\x1b[31m✗" in render.terminal(CHECKS, colours=True)
    assert "\x1b" not in render.terminal(CHECKS, colours=False)


def test_a_remedy_stays_on_one_line() -> None:
    long = GITHUB.fails("x", "asked", "answer " * 40, remedy="command " * 40)
    assert "command " * 40 in render.terminal([long], colours=False, width=60)


def test_the_summary_is_a_table_of_escaped_text() -> None:
    text = render.summary_markdown(CHECKS, "mlops.yml")
    assert "| GitHub | label training | ✗ fails |" in text
    assert "`gh label create 'training'`" in text
    assert "\x1b" not in text


def test_the_document_holds_every_field() -> None:
    document = json.loads(render.document(CHECKS, "mlops.yml"))
    assert document["checks"][2] == {
        "group": "cluster",
        "name": "secret wandb",
        "status": "cannot be told",
        "asked": "may I?",
        "answer": "not allowed",
        "remedy": "",
    }


def test_secrets_are_replaced_in_every_text() -> None:
    check = GITHUB.fails("x", "asked s3cret", "told s3cret", remedy="use s3cret")
    hidden = without_secrets(check, ["s3cret", ""])
    assert (hidden.asked, hidden.answer, hidden.remedy) == ("asked ***", "told ***", "use ***")
